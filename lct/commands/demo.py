"""``lct demo``: a tournament with people in it, to look at."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator

import click

from ..domain import draw
from ..domain.drawing import DrawTeams, SkipReveal
from ..domain.evening import CreateTournament
from ..domain.gathering import OpenShares
from ..domain.people import Join
from ..domain.picking import PickTeam
from ..domain.play.calling import NameConsoles
from ..domain.play.choosing import ChooseFormat
from ..domain.play.formats import KINDS, KNOCKOUT, Format, needs_winner
from ..domain.play.match import Match
from ..domain.play.reporting import ReportScore
from ..domain.play.results import ALONE, Score
from ..domain.play.schedule import MOST_CONSOLES
from ..domain.play.settling import SetResult
from ..domain.rights import SYSTEM, player
from ..domain.shares import Opened, pledge
from ..domain.teams import STAR_STEPS, Team, classic_teams, rated_teams
from ..domain.tournament import Tournament
from ..domain.values import new_code, shown_code
from .command_line import Plain, app, with_app

STAGES = ("lobby", "picking", "picked", "drawn", "playing", "champion")
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
@click.option("--format", "kind", default=KNOCKOUT, show_default=True, type=click.Choice(KINDS))
@click.option("--cup-legs", default=1, show_default=True, type=click.IntRange(1, 2))
@click.option("--consoles", default=2, show_default=True, type=click.IntRange(1, MOST_CONSOLES))
@click.option("--option", default=draw.PLAIN, type=click.Choice([draw.PLAIN, draw.NOT_OWN]))
@with_app
def demo(
    players: int, stage: str, name: str, kind: str, cup_legs: int, consoles: int, option: str
) -> None:
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
    full = stage not in ("lobby", "picking")
    joining = players if full else max(1, players * 3 // 4)
    ids = [secrets.token_hex(6) for _ in range(joining)]
    for player_id, (first, last) in zip(ids, people(joining), strict=True):
        run(Join(code=code, by=SYSTEM, player_id=player_id, first=first, last=last))
    picking = {"lobby": 0, "picking": joining // 2}.get(stage, joining)
    opened = tuple(Opened(player_id, secrets.token_hex(32)) for player_id in ids[:picking])
    for number, (player_id, share) in enumerate(opened):
        value, pledged = secrets.token_hex(16), pledge(code, player_id, share)
        run(
            PickTeam(
                code=code, by=player(player_id), player_id=player_id, team=number,
                value=value, pledge=pledged,
            )
        )  # fmt: skip
    if stage in ("drawn", "playing", "champion"):
        run(DrawTeams(code=code, by=SYSTEM, attempt=1))
        run(OpenShares(code=code, by=SYSTEM, attempt=1, shares=opened))
    if stage in ("playing", "champion"):
        names = tuple(map(str, range(1, consoles + 1)))
        run(SkipReveal(code=code, by=SYSTEM))
        run(NameConsoles(code=code, by=SYSTEM, names=names))
        run(ChooseFormat(code=code, by=SYSTEM, format=Format(kind, cup_legs=cup_legs)))
        _play(code, half=stage == "playing")
    key = identity.organiser_key(code, 1)
    click.echo(f"code       {shown_code(code)}")
    click.echo(f"board      {app().public_url}/t/{code}")
    click.echo(f"join       {app().public_url}/t/{code}/join")
    click.echo(f"organise   {app().public_url}/t/{code}/host/{key}")
    click.echo(f"recovery   {recovery}")


def _play(code: str, half: bool) -> None:
    """Play the matches that are called, one after the other, all of them or about half; then one
    has one score in, and another one two that differ."""
    chance = random.Random(code)
    t = app().store.read(code).tournament
    left = len(t.play.competition.matches) // (2 if half else 1)
    while left and (called := _called(t)):
        score = _score(chance, called[0])
        t = app().execute(SetResult(code=code, by=SYSTEM, match=called[0].key, score=score))
        left -= 1
    for match, sides in zip(_called(t), (1, 2), strict=False):
        least = (match.first or ALONE).away + 1
        for goals, player_id in enumerate(filter(None, match.sides[:sides]), least):
            said = ReportScore(
                code=code, by=SYSTEM, player_id=player_id, match=match.key, score=Score(goals, 0)
            )
            app().execute(said)


def _called(t: Tournament) -> list[Match]:
    """The matches on consoles, the longest running first."""
    calls = sorted(filter(None, t.play.queue.consoles.values()), key=lambda call: call.since)
    return [t.play.competition.matches[call.key] for call in calls]


def _score(chance: random.Random, match: Match) -> Score:
    home, away = chance.choices(range(5), (4, 5, 4, 2, 1), k=2)
    score = Score(home, away)
    if needs_winner(match.fixture) and score.lead(match.first or ALONE) == 0:
        return score._replace(extra=(0, 0), penalties=(4, 3))
    return score


def _enough(players: int) -> tuple[Team, ...]:
    return tuple(Team(f"Team {i + 1}") for i in range(players))
