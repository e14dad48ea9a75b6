"""The WSGI entry point of a checkout and the image: ``gunicorn -c python:lct.serving wsgi:app``."""

from lct.wsgi import app

__all__ = ["app"]
