"""Commands for developers and operators: ``lct up`` and ``flask ensure-indexes | seed | ...``."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from .application.finished_draws import finished_draws
from .domain import draw
from .domain.drawing import DrawTeams
from .domain.evening import CreateTournament
from .domain.people import Join
from .domain.picking import PickTeam
from .domain.rights import SYSTEM
from .domain.teams import STAR_STEPS, classic_teams, rated_teams
from .domain.values import new_code, shown_code
from .simulate import simulate
from .stream_commands import Plain, known_tournament
from .stream_commands import commands as stream_commands

STAGES = ("lobby", "picking", "picked", "drawn")
PEOPLE = (
    "Ola Nowak", "Max Berger", "Zoë Martin", "Bartek Zieliński", "Amira Haddad", "ليلى حسن",
    "Priya Rao", "Tomás Vega", "Jürgen Groß", "Łukasz Żak", "Sam O'Neill", "小明 王",
    "Inês Costa", "Yusuf Demir", "Bob 🐺", "Nora Vík", "Leo Brandt", "Chloé D'Arc",
    "Kuba Wójcik", "محمد علي", "Ana-María López", "Đorđe Petrović", "Σοφία Παππά", "Игорь Орлов",
    "Mia 👨‍👩‍👧 Lind", "Håkon Sæther", "Agnieszka Szczęsna", "Niamh Kelly", "दीपा राव", "Ivy Chen",
    "Oluwaseun Adé", "Björk Jónsdóttir",
)  # fmt: skip


@click.command("ensure-indexes", cls=Plain)
@with_appcontext
def ensure_indexes() -> None:
    """Create every index that is missing. Run it once before the first start."""
    from .infrastructure.documents import ensure_indexes as create
    from .infrastructure.event_store import reachable

    with reachable():
        click.echo(f"indexes ready: {', '.join(create())}")


def people(count: int) -> Iterator[tuple[str, str]]:
    """``count`` different names, first and last."""
    for i in range(count):
        first, _, last = PEOPLE[i % len(PEOPLE)].partition(" ")
        yield first, last if i < len(PEOPLE) else f"{last} {i // len(PEOPLE) + 1}"


@click.command("seed", cls=Plain)
@click.option("--players", default=8, show_default=True, type=click.IntRange(2, 1024))
@click.option("--stage", default="picking", show_default=True, type=click.Choice(STAGES))
@click.option("--name", default="", help="The tournament's name; a numbered one if left out.")
@click.option("--option", default=draw.PLAIN, type=click.Choice([draw.PLAIN, draw.NOT_OWN]))
@with_appcontext
def seed(players: int, stage: str, name: str, option: str) -> None:
    """Create a tournament with people in it and print its addresses."""
    from .web import identity

    parts = current_app.extensions["lct"]
    rated = rated_teams(parts.catalogue, ("club", "nation"), STAR_STEPS[-1], STAR_STEPS[0])
    teams = rated if players > 10 else classic_teams(parts.catalogue)
    teams = teams if len(teams) >= players else _enough(players)
    code, device = new_code(secrets.choice), identity.new_device_id()
    recovery = identity.new_recovery_code()
    run = parts.execute
    run(
        CreateTournament(
            code=code, by=SYSTEM, name=name or f"Night match {code[:4]}", limit=players,
            teams=teams, option=option, secret=secrets.token_hex(32),
            keys=identity.creator_keys(code, device, recovery),
        )
    )  # fmt: skip
    joining = players if stage in ("picked", "drawn") else max(1, players * 3 // 4)
    ids = [secrets.token_hex(6) for _ in range(joining)]
    for player_id, (first, last) in zip(ids, people(joining), strict=True):
        run(Join(code=code, by=SYSTEM, player_id=player_id, first=first, last=last))
    picking = {"lobby": 0, "picking": joining // 2}.get(stage, joining)
    for number, player_id in enumerate(ids[:picking]):
        value = secrets.token_hex(16)
        run(PickTeam(code=code, by=SYSTEM, player_id=player_id, team=number, value=value))
    if stage == "drawn":
        run(DrawTeams(code=code, by=SYSTEM, attempt=1))
    key = identity.organiser_key(code, 1)
    click.echo(f"code       {shown_code(code)}")
    click.echo(f"board      {parts.public_url}/t/{code}")
    click.echo(f"join       {parts.public_url}/t/{code}/join")
    click.echo(f"organise   {parts.public_url}/t/{code}/host/{key}")
    click.echo(f"recovery   {recovery}")


def _enough(players: int) -> tuple[Any, ...]:
    from .domain.teams import Team

    return tuple(Team(f"Team {i + 1}") for i in range(players))


@click.command("verify-draw")
@click.argument("code")
@with_appcontext
def verify_draw(code: str) -> None:
    """Recheck every finished draw of a tournament; exit code 1 if one does not hold."""
    draws = finished_draws(known_tournament(code), current_app.extensions["lct"].now())
    if not draws:
        raise click.ClickException("There is no finished draw to check yet.")
    for facts in draws:
        click.echo(f"attempt {facts.attempt}: {'holds' if facts.holds else 'DOES NOT HOLD'}")
        click.echo(f"  seal    {facts.seal}")
        click.echo(f"  secret  {facts.secret}")
        for name, team in zip(facts.names, facts.given, strict=True):
            click.echo(f"  {name}: {team}")
    sys.exit(0 if all(facts.holds for facts in draws) else 1)


commands = (ensure_indexes, seed, simulate, verify_draw, *stream_commands)


@click.group()
def main() -> None:
    """lct: a console-football tournament evening."""


@main.command()
def up() -> None:
    """Start everything on this machine: local servers and the app."""
    from .up import run

    sys.exit(run(dict(os.environ)))
