"""Parsing form fields into values; a wrong one becomes Invalid beside its field."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from flask import request

from ..domain.draw import PLAIN
from ..domain.errors import Invalid
from ..domain.pasted import Reading, read_list
from ..domain.play.formats import Format
from ..domain.play.results import MOST_GOALS, ORGANISER, Result, Score
from ..domain.play.schedule import MOST_CONSOLES
from ..domain.teams import STAR_STEPS, CatalogueTeam, Team, classic_teams, pasted_teams, rated_teams
from ..domain.text import Text, text
from ..domain.tournament import MAX_PLAYERS, MIN_PLAYERS
from ..domain.values import whole_number

T = TypeVar("T")

CLASSIC, RATED, PASTED = "classic", "rated", "pasted"
KINDS = ("club", "nation")
_VALUE, _HASH = re.compile(r"[0-9a-f]{8,64}"), re.compile(r"[0-9a-f]{64}")


def field(name: str) -> str:
    """A form field's text, empty when it is missing."""
    return request.form.get(name, "")


def version() -> int | None:
    """The version the person saw, or None where the form carries none."""
    text = field("version")
    return whole_number(text, "version", 0, 10**8) if text else None


def team() -> dict[str, Any]:
    """The team that was tapped, as PickTeam takes it: its number and, after a slash, which list it
    was in, if the list was mended."""
    number, _, relisted = field("team").partition("/")
    return {
        "team": whole_number(number, "team", 0, 10**6),
        "relisted": whole_number(relisted or "0", "team", 0, 10**6),
    }


def random_value() -> str:
    """The browser's random value for the draw; without JavaScript the server makes it."""
    text = field("value")
    return text if _VALUE.fullmatch(text) else secrets.token_hex(16)


def pledge() -> str:
    """The pledge of the browser's share; empty without JavaScript."""
    text = field("pledge")
    return text if _HASH.fullmatch(text) else ""


def limit(form: Mapping[str, str]) -> int:
    return whole_number(form.get("limit", ""), "limit", MIN_PLAYERS, MAX_PLAYERS)


def score() -> Score:
    """The score in the form. Extra time and penalties count if both of their fields are filled."""
    return Score(_goals("home"), _goals("away"), _pair("extra"), _pair("penalties"))


def _goals(name: str) -> int:
    return whole_number(field(name), name, 0, MOST_GOALS)


def _pair(name: str) -> tuple[int, int] | None:
    fields = f"{name}_home", f"{name}_away"
    if not any(field(each).strip() for each in fields):
        return None
    return _goals(fields[0]), _goals(fields[1])


def play_format() -> Format:
    def chosen(name: str, usual: int) -> int:
        return whole_number(field(name) or str(usual), name, 0, 1000)

    usual = Format()
    return Format(
        kind=field("kind"),
        seeding=field("seeding") or usual.seeding,
        third_place=bool(field("third_place")),
        legs=chosen("legs", usual.legs),
        cup_legs=chosen("cup_legs", usual.cup_legs),
        away_goals=bool(field("away_goals")),
        groups=chosen("groups", usual.groups),
        through=chosen("through", usual.through),
        best=chosen("best", 0) if field("best").strip() else None,
        tie_breakers=field("tie_breakers") or usual.tie_breakers,
        own_order=tuple(filter(None, request.form.getlist("own_order"))),
        win=chosen("win", usual.win),
        draw=chosen("draw", usual.draw),
        rounds=chosen("rounds", usual.rounds),
        cup=chosen("cup", usual.cup),
        walkover=chosen("walkover", usual.walkover),
    )


def order() -> tuple[str, ...]:
    """The players in order, by id."""
    return tuple(field("order").split())


def consoles() -> tuple[str, ...]:
    """One name per line; a number alone makes so many without a name."""
    lines = [line.strip() for line in field("names").splitlines() if line.strip()]
    if len(lines) == 1 and lines[0].isdecimal() and int(lines[0]) <= MOST_CONSOLES:
        return tuple(str(n) for n in range(1, int(lines[0]) + 1))
    return tuple(lines)


def result() -> dict[str, Any]:
    """The result in the form: a score, who came, or (clear) neither."""
    said: dict[str, Any] = {"match": field("match"), "came": field("came")}
    if not said["came"] and not field("clear"):
        said["score"] = score()
    return said


def set_result() -> Result | None:
    """The result in the form as the match would have it."""
    said = result()
    score, came = said.get("score"), said["came"]
    return Result(score, came, ORGANISER) if score or came else None


def rolled() -> str:
    """The number from the room; Invalid if it is empty."""
    number = field("number")
    if not number.strip():
        raise Invalid(number=text("Type what was rolled, or skip it."))
    return number


def falls() -> tuple[str, ...]:
    """The matches that the person was told fall."""
    return tuple(request.form.getlist("falls"))


class Wanted(NamedTuple):
    """A tournament to create, in values that may be wrong."""

    name: str
    limit: int
    source: str = CLASSIC
    kinds: Sequence[str] = ()  # these three: if rated
    least: float = STAR_STEPS[-1]
    cap: float = STAR_STEPS[0]
    pasted: Sequence[str] = ()  # if pasted: the names of the teams
    option: str = PLAIN


def wanted(wrong: dict[str, Text]) -> Wanted:
    """The form's values; fields that cannot be parsed are added to ``wrong``."""
    form = request.form
    return Wanted(
        name=form.get("name", ""),
        limit=checked(wrong, lambda: limit(form), MIN_PLAYERS),
        source=form.get("source", CLASSIC),
        kinds=form.getlist("kinds"),
        least=_stars(form.get("least"), STAR_STEPS[-1]),
        cap=_stars(form.get("cap"), STAR_STEPS[0]),
        pasted=form.get("pasted", "").splitlines(),
        option=form.get("option", PLAIN),
    )


def unseen_reading(wanted: Wanted) -> Reading | None:
    """How the pasted list is understood, if the host has not seen it. Lines that the host was
    shown, or has put back after seeing how they are understood, are names as they stand."""
    if wanted.source != PASTED:
        return None
    reading = pasted_list()
    return None if _digest(reading.lines) in field("read").split() else reading


def pasted_list() -> Reading:
    """The form's list of teams, as it is understood."""
    return read_list(field("pasted"))


def seen_by(reading: Reading) -> str:
    """What the form sends back once the host has seen this reading."""
    return f"{_digest(reading.lines)} {_digest(reading.names)}"


def _digest(names: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def _stars(text: str | None, default: float) -> float:
    try:
        return float(text or default)
    except ValueError:
        return -1.0


def team_list(wanted: Wanted, catalogue: tuple[CatalogueTeam, ...]) -> tuple[Team, ...]:
    """The teams wanted: the classic ten, by stars and kind, or pasted."""
    if wanted.source == CLASSIC:
        return classic_teams(catalogue)
    if wanted.source == PASTED:
        return pasted_teams(wanted.pasted)
    if wanted.source != RATED:
        raise Invalid(source=text("Choose where the teams come from."))
    kinds = [kind for kind in wanted.kinds if kind in KINDS]
    if not kinds:
        raise Invalid(kinds=text("Choose clubs, nations or both."))
    for field in ("least", "cap"):
        if getattr(wanted, field) not in STAR_STEPS:
            raise Invalid(**{field: text("Choose a number of stars.")})
    if wanted.least > wanted.cap:
        raise Invalid(cap=text("The highest number of stars is below the lowest."))
    return rated_teams(catalogue, kinds, wanted.least, wanted.cap)


def checked(wrong: dict[str, Text], check: Callable[[], T], default: T) -> T:
    """What ``check`` returns; fields that it finds invalid are added to ``wrong``, so that a form
    reports them all at once."""
    try:
        return check()
    except Invalid as invalid:
        wrong |= invalid.fields
        return default
