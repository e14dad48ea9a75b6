"""The WSGI entry point: ``gunicorn -c python:lct.serving wsgi:app``."""

from lct.bootstrap import create_app
from lct.config import Settings

app = create_app(Settings.from_env())
