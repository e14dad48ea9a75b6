"""The WSGI entry point: ``gunicorn -c python:lct.serving wsgi:app``."""

from lct.bootstrap import create_app
from lct.cli import commands
from lct.config import Settings

app = create_app(Settings.from_env())
for command in commands:
    app.cli.add_command(command)
