"""The floor under a request: a Flask app that answers `ok`, with none of lct's layers.

gunicorn serves it with lct's settings and gunicorn's own gevent worker.
"""

from __future__ import annotations

from flask import Flask

app = Flask(__name__)


@app.post("/bench/constant")
def constant() -> str:
    return "ok"


@app.get("/")
def front() -> str:
    """Polled until the server is ready."""
    return "ok"
