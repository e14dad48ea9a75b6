"""From form fields to values: wrong ones become Invalid beside the field."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from typing import TypeVar

from flask import request
from werkzeug.datastructures import MultiDict

from ..domain.errors import Invalid
from ..domain.teams import STAR_STEPS, CatalogueTeam, Team, classic_teams, pasted_teams, rated_teams
from ..domain.tournament import MAX_PLAYERS, MIN_PLAYERS
from ..domain.values import TITLE_CLUSTERS, visible_text, whole_number

T = TypeVar("T")

CLASSIC, RATED, PASTED = "classic", "rated", "pasted"
KINDS = ("club", "nation")
_VALUE = re.compile(r"[0-9a-f]{8,64}")


def field(name: str) -> str:
    """A form field's text, empty when it is missing."""
    return request.form.get(name, "")


def version() -> int | None:
    """The version the person saw, or None where the form carries none."""
    text = field("version")
    return whole_number(text, "version", 0, 10**8) if text else None


def team_number() -> int:
    return whole_number(field("team"), "team", 0, 10**6)


def random_value() -> str:
    """The browser's share of the draw; without JavaScript the server makes it."""
    text = field("value")
    return text if _VALUE.fullmatch(text) else secrets.token_hex(16)


def limit(form: Mapping[str, str]) -> int:
    return whole_number(form.get("limit", ""), "limit", MIN_PLAYERS, MAX_PLAYERS)


def team_list(form: MultiDict[str, str], catalogue: tuple[CatalogueTeam, ...]) -> tuple[Team, ...]:
    """The teams that the form describes: the classic ten, by stars and kind, or pasted."""
    source = form.get("source", CLASSIC)
    if source == CLASSIC:
        return classic_teams(catalogue)
    if source == PASTED:
        return pasted_teams(form.get("pasted", ""))
    if source != RATED:
        raise Invalid(source="Choose where the teams come from.")
    kinds = [kind for kind in form.getlist("kinds") if kind in KINDS]
    if not kinds:
        raise Invalid(kinds="Choose clubs, nations or both.")
    least, cap = _stars(form, "least", STAR_STEPS[-1]), _stars(form, "cap", STAR_STEPS[0])
    if least > cap:
        raise Invalid(cap="The cap is below the fewest stars.")
    return rated_teams(catalogue, kinds, least, cap)


def _stars(form: MultiDict[str, str], name: str, default: float) -> float:
    try:
        number = float(form.get(name) or default)
    except ValueError:
        number = -1.0
    if number not in STAR_STEPS:
        raise Invalid(**{name: "Choose a number of stars."})
    return number


def title(form: Mapping[str, str]) -> str:
    return visible_text(form.get("name", ""), "name", TITLE_CLUSTERS, "a name for the evening")


def checked(wrong: dict[str, str], check: Callable[[], T], default: T) -> T:
    """What ``check`` returns; what it finds invalid is added to ``wrong``, so that a form hears
    of all its wrong fields at once."""
    try:
        return check()
    except Invalid as invalid:
        wrong |= invalid.fields
        return default
