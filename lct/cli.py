"""``lct``: every command, by subject. ``flask --app wsgi`` has them too, except `up`."""

from __future__ import annotations

import os
import sys

import click

from . import __version__
from .commands.command_line import Plain, settings
from .commands.demo import demo
from .commands.simulate import simulate
from .commands.stored import (
    delete,
    delete_old,
    export,
    forget,
    import_,
    replay,
    verify_draw,
)


@click.command(cls=Plain)
def up() -> None:
    """Start everything on this machine, until Ctrl-C."""
    from .laptop.up import run

    sys.exit(run(dict(os.environ)))


@click.command("ensure-indexes", cls=Plain)
@click.option(
    "--wait",
    metavar="SECONDS",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="How long to wait for a store that does not answer yet.",
)
def ensure_indexes(wait: int) -> None:
    """Create missing indexes, and try a write. Run it before the first start, and after an update.

    It fails with the store's own code and reason if no tap could be stored: the user may only read,
    the disk is full, or the store refuses retryable writes."""
    # Without the app, which takes longer to load than the indexes take to create.
    from pymongo.errors import PyMongoError

    from .infrastructure import documents

    documents.connect_store(settings())
    try:
        made = documents.ensure_indexes(
            wait, told=lambda why: click.echo(f"Waiting up to {wait} s. {why}", err=True)
        )
    except PyMongoError as error:
        raise click.ClickException(documents.reason(error)) from None
    click.echo(f"indexes ready: {', '.join(made)}")


SECTIONS = {
    "An evening": (up, replay, verify_draw),
    "Data": (export, import_, forget),
    "Operating": (ensure_indexes, delete, delete_old),
    "Trying it out": (demo, simulate),
}
commands = tuple(each for section in SECTIONS.values() for each in section if each is not up)


class BySubject(click.Group):
    """A group whose help lists its commands by subject."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.commands))
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(f"{each.name:{width}}", each.get_short_help_str(60)) for each in section]
                )


@click.group(cls=BySubject, commands=[up, *commands])
@click.version_option(__version__, message="lct %(version)s")
def main() -> None:
    """A console-football tournament evening: `lct up` starts it.

    Commands in a second terminal find a running `lct up`. Settings are environment variables.
    """
