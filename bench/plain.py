"""The floor under a request: a Flask app that answers `ok` and has nothing of lct's around it.

gunicorn serves it with lct's settings and its own gevent worker.
"""

from __future__ import annotations

from flask import Flask

app = Flask(__name__)


@app.post("/bench/constant")
def constant() -> str:
    return "ok"


@app.get("/")
def front() -> str:
    """What is asked until the server is ready."""
    return "ok"
