"""Flask commands about whole streams: export, import, replay, forget, retention."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from .application.finished_draws import finished_draws
from .application.history import replay as replayed
from .application.history import story
from .application.messages import Dropped
from .domain.errors import LctError
from .domain.people import ForgetPlayer
from .domain.rights import OPERATOR
from .domain.tournament import Tournament
from .domain.values import normal_code
from .event_docs import markdown
from .infrastructure import archive


class Plain(click.Command):
    """A command that ends with a sentence when something is refused, and with exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LctError as refusal:
            raise click.ClickException(refusal.sentence) from None


def known_code(code: str) -> str:
    wanted = normal_code(code)
    if wanted is None:
        raise click.ClickException(f"{code!r} is not a code: it has 8 letters and digits.")
    return wanted


def known_tournament(code: str) -> Tournament:
    wanted = known_code(code)
    try:
        return _parts().read(wanted).tournament
    except LctError as refusal:
        raise click.ClickException(refusal.sentence) from None


def _parts() -> Any:
    return current_app.extensions["lct"]


def _store() -> Any:
    return current_app.extensions["lct-store"]


@click.command("export")
@click.argument("code")
@click.option("--with-secrets", is_flag=True, help="Also what may not be seen yet: to move house.")
@with_appcontext
def export(code: str, with_secrets: bool) -> None:
    """Print a tournament's events as JSON lines, without what may not be seen yet."""
    t = known_tournament(code)
    public = {facts.attempt for facts in finished_draws(t, _parts().now())}
    for line in archive.exported(_store(), t.code, None if with_secrets else public):
        click.echo(line)


@click.command("import")
@click.argument("file", type=click.File(encoding="utf-8"))
@with_appcontext
def import_(file: Any) -> None:
    """Store a tournament that was exported, here or elsewhere; what is here already is kept."""
    try:
        code, count = archive.imported(_store(), file)
    except LctError as refusal:
        raise click.ClickException(refusal.sentence) from None
    _parts().bus.send(Dropped(code))
    click.echo(f"{code}: {count} events imported")


@click.command("replay")
@click.argument("code")
@click.option("--at", type=click.IntRange(min=1), help="Stop after this event.")
@with_appcontext
def replay(code: str, at: int | None) -> None:
    """Tell a tournament's story, and check that its snapshot says the same as its events."""
    t = known_tournament(code)
    events = archive.stored(_store(), t.code)[:at]
    for line in story(t.code, events):
        click.echo(f"{line.seq:5}  {line.at:%Y-%m-%d %H:%M:%S}  {line.who}: {line.what}")
    if at is None:
        _store().forget(t.code)
        cached = _store().read(t.code).tournament
        same = asdict(cached) == asdict(replayed(t.code, events))
        click.echo("snapshot and events agree" if same else "SNAPSHOT AND EVENTS DIFFER")
        sys.exit(0 if same else 1)


@click.command("forget")
@click.argument("code")
@click.argument("player")
@with_appcontext
def forget(code: str, player: str) -> None:
    """Replace the name of PLAYER (an id, or the full name) by a neutral one, everywhere."""
    t = known_tournament(code)
    player_id = _player_id(t, player)
    parts = _parts()
    try:
        t = parts.execute(ForgetPlayer(code=t.code, by=OPERATOR, player_id=player_id))
    except LctError as refusal:
        raise click.ClickException(refusal.sentence) from None
    count = archive.rewrite_forgotten(_store(), t.code, player_id)
    parts.bus.send(Dropped(t.code))
    click.echo(f"forgotten; {count} older events rewritten")


def _player_id(t: Tournament, wanted: str) -> str:
    named = [p.id for p in t.players.values() if p.name == wanted]
    if len(named) > 1:
        raise click.ClickException(f"Several players are called {wanted}; give an id.")
    return named[0] if named else wanted


@click.command("delete-old", cls=Plain)
@click.option("--dry-run", is_flag=True, help="Only say which evenings would go.")
@with_appcontext
def delete_old(dry_run: bool) -> None:
    """Delete evenings in which nothing has happened for LCT_RETENTION_DAYS; run it daily."""
    days = current_app.config["LCT_RETENTION_DAYS"]
    if not days:
        raise click.ClickException("LCT_RETENTION_DAYS is not set, so evenings are kept for ever.")
    for code in archive.outdated(_store(), days, _parts().now()):
        if dry_run:
            click.echo(f"{code}: would be deleted")
            continue
        count = archive.delete_stream(_store(), code)
        _parts().bus.send(Dropped(code))
        click.echo(f"{code}: {count} events deleted")


@click.command("describe-events")
def describe_events() -> None:
    """Print docs/events.md: every event with its fields."""
    click.echo(markdown(), nl=False)


commands = (export, import_, replay, forget, delete_old, describe_events)
