"""Teams: the catalogue, the ways to choose a list from it, and pasted lists."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from .errors import Invalid
from .text import counted, in_order, text
from .values import NAME_CLUSTERS, clean, clusters, fold, is_far_too_long, is_plain, length, shows

# A phone shows them all. So many, under long names, are the most that a worker renders in 50 ms
# (bench/dearest.py); the game has about 700.
MAX_TEAMS = 1200
# Code points in all names of a list with emoji or marks: each takes about 1 µs to check.
MAX_ELABORATE = 10_000
STAR_STEPS = (5.0, 4.5, 4.0, 3.5, 3.0, 2.5, 2.0)

_ELABORATE = text(
    "Names with emoji or combining marks may have %(most)s characters in total; these have more.",
    most=MAX_ELABORATE,
)


class Team(NamedTuple):
    """A team as a tournament holds it; ``stars`` 0 means not rated (a pasted team)."""

    name: str
    league: str = ""
    stars: float = 0.0
    kind: str = ""


class CatalogueTeam(NamedTuple):
    team: Team
    classic: bool


def parse_catalogue(text: str) -> tuple[CatalogueTeam, ...]:
    """The team file: CSV with the columns name, kind, league, country, stars, classic."""
    return tuple(
        CatalogueTeam(
            Team(row["name"], row["league"] or row["country"], float(row["stars"]), row["kind"]),
            row["classic"] == "yes",
        )
        for row in csv.DictReader(io.StringIO(text))
    )


def classic_teams(catalogue: Iterable[CatalogueTeam]) -> tuple[Team, ...]:
    """The classic ten."""
    return tuple(entry.team for entry in catalogue if entry.classic)


def rated_teams(
    catalogue: Iterable[CatalogueTeam], kinds: Iterable[str], least: float, cap: float
) -> tuple[Team, ...]:
    """Teams of the given kinds (club, nation) from ``least`` stars up to the star cap ``cap``."""
    wanted = set(kinds)
    return tuple(
        team for team, _ in catalogue if team.kind in wanted and least <= team.stars <= cap
    )


def pasted_teams(lines: Iterable[str], field: str = "pasted") -> tuple[Team, ...]:
    """One team per line, cleaned, without empty lines. Invalid names duplicates, lines that are
    too long, and lines that contain a line break."""
    names = []
    elaborate = 0
    for line in lines:
        if is_far_too_long(line, NAME_CLUSTERS):
            raise _too_long(line, field)
        if not is_plain(line):
            elaborate += len(line)
            if elaborate > MAX_ELABORATE:
                raise Invalid(**{field: _ELABORATE})
        if len(line.strip().splitlines()) > 1:
            raise Invalid(**{field: text("“%(line)s” has a line break in it.", line=clean(line))})
        if shows(name := clean(line)):
            names.append(name)
    if not names:
        raise Invalid(**{field: text("Paste at least two teams, one per line.")})
    if len(names) > MAX_TEAMS:
        wrong = counted(
            "%(n)s team is too many; the limit is %(most)s.",
            "%(n)s teams are too many; the limit is %(most)s.",
            len(names),
            most=MAX_TEAMS,
        )
        raise Invalid(**{field: wrong})
    seen: dict[str, str] = {}
    twice: list[str] = []
    for name in names:
        if length(name) > NAME_CLUSTERS:
            raise _too_long(name, field)
        folded = fold(name)
        if folded in seen:
            twice.append(name)
        seen[folded] = name
    if twice:
        shown = in_order([*dict.fromkeys(twice[:5]), *(("…",) if len(twice) > 5 else ())])
        raise Invalid(**{field: text("In the list more than once: %(teams)s.", teams=shown)})
    return tuple(Team(name) for name in names)


def are_teams(teams: tuple[Team, ...]) -> bool:
    """Whether a rule could have produced this list."""
    stars = (0.0, *STAR_STEPS)
    return len(teams) <= MAX_TEAMS and all(
        team.stars in stars and is_team_name(team.name) for team in teams
    )


def is_team_name(name: str) -> bool:
    """Whether ``name`` is as ``pasted_teams`` and the catalogue would hold it."""
    return (
        not is_far_too_long(name, NAME_CLUSTERS)
        and clean(name) == name
        and shows(name)
        and sum(1 for _ in clusters(name)) <= NAME_CLUSTERS
    )


def _too_long(name: str, field: str) -> Invalid:
    shown = "".join(islice(clusters(clean(name[:1000])), 20))
    wrong = text("“%(name)s…” is longer than %(most)s characters.", name=shown, most=NAME_CLUSTERS)
    return Invalid(**{field: wrong})
