"""The commands, by what they are about; `lct/cli.py` lists them."""
