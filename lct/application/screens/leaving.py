"""The organiser's sheet for a player who leaves: each policy, with what it leads to."""

from __future__ import annotations

from typing import NamedTuple

from ...domain.play.checks import check_under_way
from ...domain.play.leaving import SAID, after_leaving, may_still_play, policies, table_of
from ...domain.play.refusals import NothingLeftToPlay
from ...domain.text import Text
from .matches import Shower, ShownMatch
from .own import matches_of
from .region import Region, Scene
from .settling import SHEET
from .table import PHONE, ShownTable, TableHead, cuts, heads, lines, shown_table


class Outlook(NamedTuple):
    """What one policy leads to."""

    policy: str  # domain/play/withdrawals.py
    said: Text
    table: tuple[TableHead, ...]  # none in a cup
    falls: tuple[ShownMatch, ...]  # matches whose results do not count any more


class Leaving(NamedTuple):
    version: int
    player: str
    name: str
    outlooks: tuple[Outlook, ...]  # the usual policy first
    open: tuple[ShownMatch, ...]  # the player's matches that are still to be played


def leaving(s: Scene, player_id: str) -> Region:
    """The sheet of a player; UnknownPlayer, or a refusal if they have nothing left to play."""
    check_under_way(s.t, s.now)
    name, play = s.t.player(player_id).name, s.t.play
    if player_id in play.left or not may_still_play(play.competition, player_id):
        raise NothingLeftToPlay(name)
    shower, of = s.once(Shower), play.competition
    before, outlooks, tables = table_of(of, player_id), list[Outlook](), list[ShownTable]()
    for policy in policies(of, player_id):
        new, fallen = after_leaving(play, {**play.left, player_id: policy})
        if before and not before.finished:
            tables.append(shown_table(s, new, before.group))
        falls = tuple(shower.match(of.matches[key]) for key in fallen)
        outlooks.append(Outlook(policy, SAID[policy], heads(tables[-1:]), falls))
    theirs = matches_of(s, player_id)
    left = tuple(shower.match(match) for match in theirs if not match.decided)
    data = Leaving(s.t.version, player_id, name, tuple(outlooks), left)
    rows = (
        line._replace(id=f"{outlook.policy}-{line.id}")
        for outlook, table in zip(outlooks, tables, strict=False)
        for line in lines((table,), PHONE)
    )
    return Region(SHEET, "organise/_leaving.html", data, tuple(rows), cuts(heads(tables)))
