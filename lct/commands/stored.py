"""Commands about what is stored: story, check, export, import, privacy, retention."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import click

from ..application.finished_draws import finished_draws
from ..application.history import story
from ..application.messages import Dropped
from ..domain.errors import UnknownTournament, Unreadable
from ..domain.people import ForgetPlayer
from ..domain.rights import OPERATOR
from ..domain.text import isolated
from ..domain.tournament import Tournament
from .command_line import Plain, app, known_code, known_tournament, with_app


@click.command("verify-draw", cls=Plain)
@click.argument("code")
@with_app
def verify_draw(code: str) -> None:
    """Recheck every finished draw. The exit code is 1 if one does not hold."""
    draws = finished_draws(known_tournament(code), app().now())
    if not draws:
        raise click.ClickException("There is no finished draw to check yet.")
    for facts in draws:
        click.echo(f"attempt {facts.attempt}: {'holds' if facts.holds else 'DOES NOT HOLD'}")
        click.echo(f"  seal    {facts.seal}")
        click.echo(f"  secret  {facts.secret}")
        if of := facts.gathered:
            names = dict(zip((pick.player_id for pick in facts.picks), facts.names, strict=True))
            without = [f"{isolated(names[who])} ({why})" for who, why in of.missing]
            click.echo(
                f"  shares  {len(of.shares)} in{', without ' * bool(without)}{', '.join(without)}"
            )
            click.echo(f"  number  {isolated(of.number) or '-'}")
        for name, team in zip(facts.names, facts.given, strict=True):
            click.echo(f"  {isolated(name)}: {isolated(team)}")
    sys.exit(0 if all(facts.holds for facts in draws) else 1)


@click.command("export", cls=Plain)
@click.argument("code")
@click.option("--with-secrets", is_flag=True, help="Include secrets, to move to another server.")
@with_app
def export(code: str, with_secrets: bool) -> None:
    """Print a tournament as JSON lines. Anything still secret is left out."""
    from ..infrastructure import transfer

    t = known_tournament(code)
    public = {facts.attempt for facts in finished_draws(t, app().now())}
    # In UTF-8 whatever the terminal's encoding is: the last line has the digest of these bytes.
    for line in transfer.exported(app().store, t.code, None if with_secrets else public):
        click.echo(f"{line}\n".encode(), nl=False)


@click.command("import", cls=Plain)
@click.argument("file", type=click.File("rb"))
@click.option(
    "--unchecked",
    is_flag=True,
    help="Accept a file that was cut off or changed, or is from an older lct.",
)
@with_app
def import_(file: Any, unchecked: bool) -> None:
    """Store an exported tournament. Events that are already stored are kept. If its draw is still
    to come, it gets a new seal and everybody picks again."""
    from ..infrastructure import transfer

    done = transfer.imported(app().store, transfer.text_lines(file.read()), unchecked)
    app().bus.send(Dropped(done.code))
    click.echo(f"{done.code}: {done.events} events imported")
    if done.new_seal:
        click.echo("Its draw is still to come, so it has a new seal and everybody picks again.")


@click.command("replay", cls=Plain)
@click.argument("code", required=False)
@click.option("--at", type=click.IntRange(min=1), help="Stop after this event.")
@click.option("--all", "every", is_flag=True, help="Check every tournament, in one line each.")
@with_app
def replay(code: str | None, at: int | None, every: bool) -> None:
    """Print a tournament's story. Check that its snapshot agrees with its events. The exit code is
    1 if a tournament does not pass."""
    from ..infrastructure import stored_events

    if every:
        if code or at:
            raise click.UsageError("--all takes neither a code nor --at.")
        passed = [_passes(each, f"{each}: ") for each in stored_events.codes(app().store)]
        sys.exit(0 if all(passed) else 1)
    if code is None:
        raise click.UsageError("Give the code of a tournament, or --all.")
    t = known_tournament(code)
    events = stored_events.stored(app().store, t.code)[:at]
    for line in story(t.code, events):
        click.echo(
            f"{line.seq:5}  {line.at:%Y-%m-%d %H:%M:%S}  {isolated(str(line.who))}: {line.what}"
        )
    if at is None:
        sys.exit(0 if _passes(t.code) else 1)


def _passes(code: str, before: str = "") -> bool:
    """Replay a tournament from its first event, compare it with what its snapshot leads to, and
    print the result behind ``before``."""
    from ..infrastructure import stored_events

    store = app().store
    try:
        alone = stored_events.replayed(store, code)
        store.forget(code)
        same = asdict(store.read(code).tournament) == asdict(alone.tournament)
    except Unreadable:
        click.echo(f"{before}CANNOT BE READ: an event is missing or damaged")
        return False
    if before:
        before += f"{alone.seq} events, the last at {alone.at:%Y-%m-%d %H:%M:%S}; "
    click.echo(before + ("snapshot and events agree" if same else "SNAPSHOT AND EVENTS DIFFER"))
    return same


@click.command("forget", cls=Plain)
@click.argument("code")
@click.argument("player")
@with_app
def forget(code: str, player: str) -> None:
    """Replace a player's name everywhere. PLAYER is the full name, or an id."""
    from ..infrastructure import privacy

    t = known_tournament(code)
    player_id = _player_id(t, player)
    app().execute(ForgetPlayer(code=t.code, by=OPERATOR, player_id=player_id))
    count = privacy.rewrite_forgotten(app().store, t.code, player_id)
    app().bus.send(Dropped(t.code))
    click.echo(f"forgotten; {count} older events rewritten")


def _player_id(t: Tournament, wanted: str) -> str:
    named = [p.id for p in t.players.values() if p.name == wanted]
    if len(named) > 1:
        raise click.ClickException(f"Several players are called {wanted}; give an id.")
    return named[0] if named else wanted


@click.command("delete", cls=Plain)
@click.argument("code")
@with_app
def delete(code: str) -> None:
    """Delete one tournament, with everything about it."""
    if not _delete(known_code(code)):
        raise UnknownTournament


@click.command("delete-old", cls=Plain)
@click.option("--dry-run", is_flag=True, help="Only list the tournaments that would be deleted.")
@with_app
def delete_old(dry_run: bool) -> None:
    """Delete old tournaments. They have had no event for LCT_RETENTION_DAYS. Run it daily."""
    from flask import current_app

    from ..infrastructure import retention

    days = current_app.config["LCT_RETENTION_DAYS"]
    if not days:
        raise click.ClickException("LCT_RETENTION_DAYS is not set: tournaments are kept for ever.")
    for code in retention.outdated(days, app().now()):
        if dry_run:
            click.echo(f"{code}: would be deleted")
            continue
        _delete(code)


def _delete(code: str) -> int:
    from ..infrastructure import retention

    count = retention.delete_stream(app().store, code)
    app().bus.send(Dropped(code))
    if count:
        click.echo(f"{code}: {count} events deleted")
    return count
