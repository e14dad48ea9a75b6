"""Load tests with Locust: `python -m bench.load [NAME ...]`, or `make load ONLY=name`.

`scenarios.py` is the Locust file: four kinds of users, each with its limits. The load stays on
127.0.0.1. Importing locust patches the process for gevent, so tests run it in a subprocess.
"""
