"""The app of this process, for gunicorn (``lct.wsgi:app``) and flask (``--app lct.wsgi``)."""

import os

from .bootstrap import create_app
from .cli import commands
from .config import Settings
from .running import running_environ

# Flask commands in a second terminal find the servers of a running `lct up`.
app = create_app(Settings.from_env(running_environ(os.environ)))
for command in commands:
    app.cli.add_command(command)
