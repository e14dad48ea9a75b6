"""The commands, by subject; `lct/cli.py` lists them."""
