"""Measurements of lct as it is served: `python -m bench [ONLY]`, or `make bench ONLY=name`.

One module per subject yields figures (see figures.py). What runs is the app behind gunicorn with
its local store and bus, in a temporary folder; bench may import lct and tests.support, and nothing
imports bench. CPU time rather than wall time wherever it can be, since other work shares the
machine. Linux only.
"""
