"""The tournament and what is allowed in it: methods that return one event, or None for "nothing
to do", or refuse. What an event changes is in ``apply``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from . import errors, events
from .draw import NOT_OWN, PLAIN, Pick, commitment, hand_out
from .records import Draw, Player
from .teams import Team
from .values import TITLE_CLUSTERS, fold, person_name, visible_text

MIN_PLAYERS, MAX_PLAYERS = 2, 1024


@dataclass(slots=True)
class Tournament:
    code: str
    name: str = ""
    limit: int = 0
    teams: tuple[Team, ...] = ()
    option: str = PLAIN
    players: dict[str, Player] = field(default_factory=dict)
    holders: dict[int, str] = field(default_factory=dict)  # team -> player id
    blocked: dict[str, str] = field(default_factory=dict)  # player id -> name
    removed: set[str] = field(default_factory=set)
    forgotten: set[str] = field(default_factory=set)
    locked: bool = False
    closed: bool = False
    version: int = 0
    attempt: int = 1
    commitment: str = ""
    secret: str = ""
    draws: list[Draw] = field(default_factory=list)
    drawn: bool = False
    devices: dict[str, str] = field(default_factory=dict)  # device id -> label
    organiser_hash: str = ""
    organiser_links: int = 1  # how many co-organiser links there have been
    recovery_hash: str = ""

    # --- what can be asked --------------------------------------------------------------------

    @property
    def exists(self) -> bool:
        return self.version > 0

    @property
    def full(self) -> bool:
        return len(self.players) >= self.limit

    @property
    def current_draw(self) -> Draw | None:
        return self.draws[-1] if self.drawn else None

    def choosing(self) -> list[Player]:
        """The players without a team."""
        return [p for p in self.players.values() if p.team is None]

    @property
    def ready(self) -> bool:
        """Every seat is filled and everyone has picked."""
        return self.full and not self.choosing()

    def player(self, player_id: str) -> Player:
        try:
            return self.players[player_id]
        except KeyError:
            raise errors.UnknownPlayer from None

    # --- what is allowed: creating, joining, picking ------------------------------------------

    def create(
        self,
        name: str,
        limit: int,
        teams: tuple[Team, ...],
        option: str,
        secret: str,
        keys: events.Keys,
    ) -> events.TournamentCreated:
        """Open the evening; ``secret`` is 64 hex digits from a secure source."""
        if self.exists:
            raise errors.CodeTaken
        name = visible_text(name, "name", TITLE_CLUSTERS, "a name for the tournament")
        if not MIN_PLAYERS <= limit <= MAX_PLAYERS:
            raise errors.Invalid(limit=f"Choose a number from {MIN_PLAYERS} to {MAX_PLAYERS}.")
        if option not in (PLAIN, NOT_OWN):
            raise errors.Invalid(option="Choose how the teams are handed out.")
        if limit > len(teams):
            raise errors.TooFewTeams(len(teams), limit, "teams")
        seal = commitment(self.code, secret)
        return events.TournamentCreated(name, limit, teams, option, seal, secret, *keys)

    def join(self, player_id: str, first: str, last: str) -> events.PlayerJoined | None:
        if player_id in self.players:
            return None
        if player_id in self.blocked:
            raise errors.PlayerIsBlocked
        self.check_door()
        first, last = person_name(first, last)
        if fold(f"{first} {last}") in map(fold, self.blocked.values()):
            raise errors.PlayerIsBlocked
        self._check_new_name(first, last)
        return events.PlayerJoined(player_id, first, last)

    def check_door(self) -> None:
        """Refuse when nobody can come in now, with the reason a guest should read."""
        self._check_open()
        if self.drawn:
            raise errors.AlreadyDrawn
        if self.full:
            raise errors.TournamentFull(self.limit)
        if self.locked:
            raise errors.JoiningIsLocked

    def rename_player(self, player_id: str, first: str, last: str) -> events.PlayerRenamed | None:
        self._check_picking()
        player = self.player(player_id)
        first, last = person_name(first, last)
        if (first, last) == (player.first, player.last):
            return None
        self._check_new_name(first, last, besides=player_id)
        return events.PlayerRenamed(player_id, first, last)

    def pick(self, player_id: str, team: int, value: str) -> events.TeamPicked | None:
        self._check_picking()
        player = self.player(player_id)
        if not 0 <= team < len(self.teams):
            raise errors.UnknownTeam
        if player.team == team:
            return None
        holder = self.holders.get(team)
        if holder is not None:
            raise errors.TeamTaken(self.teams[team].name, self.players[holder].name)
        return events.TeamPicked(player_id, team, value)

    def let_go(self, player_id: str) -> events.TeamLetGo | None:
        self._check_picking()
        return events.TeamLetGo(player_id) if self.player(player_id).team is not None else None

    # --- what is allowed: the organiser's part ------------------------------------------------

    def rename(self, name: str) -> events.TournamentRenamed | None:
        self._check_open()
        name = visible_text(name, "name", TITLE_CLUSTERS, "a name for the tournament")
        return events.TournamentRenamed(name) if name != self.name else None

    def change_limit(self, limit: int) -> events.LimitChanged | None:
        self._check_picking()
        if not MIN_PLAYERS <= limit <= MAX_PLAYERS:
            raise errors.Invalid(limit=f"Choose a number from {MIN_PLAYERS} to {MAX_PLAYERS}.")
        if limit < len(self.players):
            raise errors.LimitTooLow(len(self.players))
        if limit > len(self.teams):
            raise errors.TooFewTeams(len(self.teams), limit, "limit")
        return events.LimitChanged(limit) if limit != self.limit else None

    def close_list(self) -> events.LimitChanged | None:
        """Make the players who are here all the players there will be."""
        self._check_picking()
        if len(self.players) < MIN_PLAYERS:
            raise errors.TooFewPlayers
        return self.change_limit(len(self.players))

    def lock(self) -> events.JoiningLocked | None:
        self._check_open()
        return None if self.locked else events.JoiningLocked()

    def unlock(self) -> events.JoiningUnlocked | None:
        self._check_open()
        return events.JoiningUnlocked() if self.locked else None

    def remove(self, player_id: str) -> events.PlayerRemoved | None:
        self._check_picking()
        if player_id in self.removed and player_id not in self.players:
            return None
        return events.PlayerRemoved(self.player(player_id).id)

    def block(self, player_id: str) -> events.PlayerBlocked | None:
        self._check_picking()
        if player_id in self.blocked:
            return None
        return events.PlayerBlocked(self.player(player_id).id)

    def unblock(self, player_id: str) -> events.PlayerUnblocked | None:
        self._check_open()
        return events.PlayerUnblocked(player_id) if player_id in self.blocked else None

    def draw(self, attempt: int) -> events.TeamsDrawn | None:
        """The hand-out of ``attempt``; repeating a draw that was made is nothing to do."""
        self._check_open()
        if attempt != self.attempt:
            raise errors.AnotherAttempt(self.attempt)
        if self.drawn:
            return None
        if not self.full:
            raise errors.SeatsEmpty(self.limit - len(self.players))
        if choosing := self.choosing():
            raise errors.PicksMissing(tuple(p.name for p in choosing))
        if self.option == NOT_OWN and len(self.players) < 2:
            raise errors.NobodyToSwapWith
        picks = self.draw_picks()
        given = hand_out(self.secret, self.attempt, picks, self.option)
        number = {self.teams[t].name: t for t in self.holders}
        team_of = {p.player_id: number[name] for p, name in zip(picks, given, strict=True)}
        hands = tuple((player_id, team_of[player_id]) for player_id in self.players)
        return events.TeamsDrawn(self.attempt, self.secret, self.option, hands)

    def draw_picks(self) -> list[Pick]:
        """The picks in the order in which they were made: the input of the draw."""
        picked = sorted(
            (p for p in self.players.values() if p.team is not None), key=lambda p: p.picked_at
        )
        return [Pick(p.id, self.teams[p.team].name, p.value) for p in picked if p.team is not None]

    def skip_reveal(self, now: datetime) -> events.RevealSkipped | None:
        self._check_open()
        current = self.current_draw
        if current is None:
            raise errors.NotDrawn
        return None if current.is_over(now) else events.RevealSkipped()

    def restart_picks(self, secret: str) -> events.PicksRestarted:
        """Everyone picks again, under a new seal: the old secret may be known by now."""
        self._check_open()
        return events.PicksRestarted(self.attempt + 1, commitment(self.code, secret), secret)

    def close(self) -> events.TournamentClosed | None:
        return None if self.closed else events.TournamentClosed()

    def reopen(self, name: str) -> events.TournamentReopened | None:
        if not self.closed:
            return None
        name = visible_text(name or self.name, "name", TITLE_CLUSTERS, "a name for the tournament")
        return events.TournamentReopened(name)

    def admit_device(self, device_id: str, label: str) -> events.DeviceAdmitted | None:
        return None if device_id in self.devices else events.DeviceAdmitted(device_id, label)

    def revoke_device(self, device_id: str, organiser_hash: str) -> events.DeviceRevoked | None:
        if device_id not in self.devices:
            return None
        return events.DeviceRevoked(device_id, organiser_hash)

    def forget_player(self, player_id: str) -> events.PlayerForgotten | None:
        """Put a neutral name in a player's place; whoever was never in is UnknownPlayer."""
        known = [*self.players, *self.blocked, *self.removed]
        known += [p for record in self.draws for p, _, _ in record.hands]
        if player_id in self.forgotten:
            return None
        if player_id not in known:
            raise errors.UnknownPlayer
        return events.PlayerForgotten(player_id, "Player", f"No. {len(self.forgotten) + 1}")

    # --- checks -------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self.closed:
            raise errors.TournamentIsClosed

    def _check_picking(self) -> None:
        self._check_open()
        if self.drawn:
            raise errors.AlreadyDrawn

    def _check_new_name(self, first: str, last: str, besides: str | None = None) -> None:
        folded = fold(f"{first} {last}")
        for player in self.players.values():
            if player.id != besides and fold(player.name) == folded:
                raise errors.SameName(player.name)
