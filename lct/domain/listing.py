"""The list of teams: it can be mended until the first pick."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from . import errors
from .fact import Command, Event, Exported
from .teams import Team, are_teams, pasted_teams
from .text import Text, counted, text
from .tournament import Tournament
from .values import fold


class PicksBegan(errors.Refused):
    sentence = text("Somebody has picked a team. The list can be changed until the first pick.")


class AnotherList(errors.Refused):
    sentence = text("The host has just changed the list of teams. Pick again.")


def is_mendable(t: Tournament) -> bool:
    """Whether nobody has picked: a pick and a draw on record name a team by its place."""
    return not (t.closed or t.holders or t.draws)


@dataclass(frozen=True, slots=True)
class TeamsListed(Event):
    """The organiser mended the list of teams."""

    type = "teams-listed"
    versioned = True

    teams: Exported[tuple[Team, ...]]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.teams = self.teams
        t.relisted += 1

    def sentence(self, t: Tournament) -> Text:
        return counted(
            "mended the list of teams: %(n)s team",
            "mended the list of teams: %(n)s teams",
            len(self.teams),
        )

    def sound(self) -> bool:
        return are_teams(self.teams) and Event.sound(self)


@dataclass(frozen=True, kw_only=True)
class ListTeams(Command):
    """Change the list to these names. A team that was in it keeps its league and its stars."""

    teams: tuple[str, ...]

    def decide(self, t: Tournament, now: datetime) -> TeamsListed | None:
        t.check_picking()
        if not is_mendable(t):
            raise PicksBegan
        known = {fold(team.name): team for team in t.teams}
        teams = tuple(
            known.get(fold(team.name), team)._replace(name=team.name)
            for team in pasted_teams(self.teams, "teams")
        )
        if len(teams) < t.limit:
            raise errors.TooFewTeams(len(teams), t.limit, "teams")
        return TeamsListed(teams) if teams != t.teams else None
