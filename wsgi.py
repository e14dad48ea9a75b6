"""The WSGI entry point: ``gunicorn -c python:lct.serving wsgi:app``."""

import os

from lct.bootstrap import create_app
from lct.cli import commands
from lct.config import Settings
from lct.laptop import running_environ

# Flask commands in a second terminal find the servers of a running `lct up`.
app = create_app(Settings.from_env(running_environ(os.environ)))
for command in commands:
    app.cli.add_command(command)
