"""``python -m lct`` is ``lct``, where no script of that name is installed."""

from lct.cli import main

main(prog_name="lct")
