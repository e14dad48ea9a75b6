"""Shared by lct's commands. The app is imported when a command runs, not for its help."""

from __future__ import annotations

import functools
import io
import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..config import SettingMissing, Settings, SettingsError
from ..domain.errors import LctError
from ..domain.values import normal_code
from ..places import data_folder
from ..running import running_environ

if TYPE_CHECKING:
    from ..domain.tournament import Tournament
    from ..web.app import App


class Plain(click.Command):
    """A command that ends with a sentence and exit code 1 when something is refused. What the
    terminal's encoding lacks is printed as question marks."""

    def invoke(self, ctx: click.Context) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        try:
            return super().invoke(ctx)
        except LctError as refusal:
            raise click.ClickException(str(refusal)) from None
        except SettingMissing as missing:
            folder = os.environ.get("LCT_VAR") or data_folder()
            raise click.ClickException(
                f"No `lct up` is running on {folder}, and {missing.variable} is not set:"
                " start one, or set LCT_VAR to the folder of the one that runs."
            ) from None
        except SettingsError as error:
            raise click.ClickException(str(error)) from None


def settings() -> Settings:
    """The environment's settings, completed by those of a running `lct up`."""
    return Settings.from_env(running_environ(os.environ))


def with_app(function: Callable[..., None]) -> Callable[..., None]:
    """Run the function in Flask's app context, or in one of a new app. Logs go to standard error:
    what a command prints may be a file, such as an export."""

    @click.pass_context
    def run(ctx: click.Context, /, **given: Any) -> None:
        from flask import has_app_context

        if not has_app_context():
            from ..bootstrap import create_app

            ctx.with_resource(create_app(settings()).app_context())
        for handler in logging.getLogger().handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
                handler.setStream(sys.stderr)
        ctx.invoke(function, **given)

    return functools.update_wrapper(run, function)


def app() -> App:
    """The app that the command runs in."""
    from ..web.app import app as current

    return current()


def known_code(code: str) -> str:
    """The code as lct writes it; refused when it cannot be one."""
    wanted = normal_code(code)
    if wanted is None:
        raise click.ClickException(f"{code!r} is not a code: it has 8 letters and digits.")
    return wanted


def known_tournament(code: str) -> Tournament:
    """The tournament with that code; refused when there is none."""
    return app().store.read(known_code(code)).tournament
