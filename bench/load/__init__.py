"""Load on lct by Locust: `python -m bench.load [NAME ...]`, or `make load ONLY=name`.

`scenarios.py` is the Locust file: four kinds of users, each with its limits beside it. The load
stays on 127.0.0.1. Whatever imports locust is patched by gevent, so tests run it as a process.
"""
