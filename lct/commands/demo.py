"""``lct demo``: a tournament with people in it, to look at."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import click

from ..domain import draw
from ..domain.drawing import DrawTeams
from ..domain.evening import CreateTournament
from ..domain.people import Join
from ..domain.picking import PickTeam
from ..domain.rights import SYSTEM
from ..domain.teams import STAR_STEPS, Team, classic_teams, rated_teams
from ..domain.values import new_code, shown_code
from .command_line import Plain, app, with_app

STAGES = ("lobby", "picking", "picked", "drawn")
PEOPLE = (
    "Ola Nowak", "Max Berger", "Zoë Martin", "Bartek Zieliński", "Amira Haddad", "ليلى حسن",
    "Priya Rao", "Tomás Vega", "Jürgen Groß", "Łukasz Żak", "Sam O'Neill", "小明 王",
    "Inês Costa", "Yusuf Demir", "Bob 🐺", "Nora Vík", "Leo Brandt", "Chloé D'Arc",
    "Kuba Wójcik", "محمد علي", "Ana-María López", "Đorđe Petrović", "Σοφία Παππά", "Игорь Орлов",
    "Mia 👨‍👩‍👧 Lind", "Håkon Sæther", "Agnieszka Szczęsna", "Niamh Kelly", "दीपा राव", "Ivy Chen",
    "Oluwaseun Adé", "Björk Jónsdóttir",
)  # fmt: skip


def people(count: int) -> Iterator[tuple[str, str]]:
    """``count`` different names, first and last."""
    for i in range(count):
        first, _, last = PEOPLE[i % len(PEOPLE)].partition(" ")
        yield first, last if i < len(PEOPLE) else f"{last} {i // len(PEOPLE) + 1}"


@click.command("demo", cls=Plain)
@click.option("--players", default=8, show_default=True, type=click.IntRange(2, 1024))
@click.option("--stage", default="picking", show_default=True, type=click.Choice(STAGES))
@click.option("--name", default="", help="The tournament's name; a numbered one if left out.")
@click.option("--option", default=draw.PLAIN, type=click.Choice([draw.PLAIN, draw.NOT_OWN]))
@with_app
def demo(players: int, stage: str, name: str, option: str) -> None:
    """Create a tournament with people in it. Its addresses are printed."""
    from ..web import identity

    rated = rated_teams(app().catalogue, ("club", "nation"), STAR_STEPS[-1], STAR_STEPS[0])
    teams = rated if players > 10 else classic_teams(app().catalogue)
    teams = teams if len(teams) >= players else _enough(players)
    code, device = new_code(secrets.choice), identity.new_device_id()
    recovery = identity.new_recovery_code()
    run = app().execute
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
    click.echo(f"board      {app().public_url}/t/{code}")
    click.echo(f"join       {app().public_url}/t/{code}/join")
    click.echo(f"organise   {app().public_url}/t/{code}/host/{key}")
    click.echo(f"recovery   {recovery}")


def _enough(players: int) -> tuple[Team, ...]:
    return tuple(Team(f"Team {i + 1}") for i in range(players))
