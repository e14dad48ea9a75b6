"""``python -m lct``: the same commands as ``lct``."""

import sys

from lct.cli import main

sys.exit(main(prog_name="lct"))
