"""Measurements of lct as it is served: `python -m bench [ONLY]`, or `make bench ONLY=name`.

Each module measures one subject and yields figures (see figures.py). It runs the app behind
gunicorn with its local store and bus, in a temporary folder. bench may import lct and
tests.support; nothing imports bench. It measures CPU time where possible, since other work shares
the machine. Linux only.
"""
