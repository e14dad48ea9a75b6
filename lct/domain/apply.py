"""What each event changes in a tournament. Never refuses: what is stored has happened."""

from __future__ import annotations

from datetime import datetime

from . import events as e
from .records import Draw, Player
from .tournament import Tournament


def apply(t: Tournament, event: e.Event, seq: int, at: datetime) -> None:
    """Take one event into ``t``; ``seq`` is its place in the stream, ``at`` its time."""
    match event:
        case e.TeamPicked():
            player = t.players[event.player_id]
            _free(t, player)
            player.team, player.value, player.picked_at = event.team, event.value, seq
            t.holders[event.team] = player.id
        case e.PlayerJoined():
            t.players[event.player_id] = Player(event.player_id, event.first, event.last)
            t.removed.discard(event.player_id)
        case e.TeamLetGo():
            _free(t, t.players[event.player_id])
        case e.PlayerRenamed():
            player = t.players[event.player_id]
            player.first, player.last = event.first, event.last
        case e.TournamentCreated():
            t.name, t.limit, t.teams, t.option = event.name, event.limit, event.teams, event.option
            t.commitment, t.secret = event.commitment, event.secret
            t.devices[event.device_id] = "the device that created it"
            t.organiser_hash, t.recovery_hash = event.organiser_hash, event.recovery_hash
        case e.TournamentRenamed():
            t.name = event.name
        case e.LimitChanged():
            t.limit = event.limit
        case e.JoiningLocked():
            t.locked = True
        case e.JoiningUnlocked():
            t.locked = False
        case e.PlayerRemoved():
            _take_out(t, event.player_id)
            t.removed.add(event.player_id)
        case e.PlayerBlocked():
            t.blocked[event.player_id] = _take_out(t, event.player_id).name
        case e.PlayerUnblocked():
            t.blocked.pop(event.player_id, None)
        case e.PicksRestarted():
            for player in t.players.values():
                _free(t, player)
                player.drawn = None
            t.attempt, t.commitment, t.secret = event.attempt, event.commitment, event.secret
            t.drawn = False
        case e.TeamsDrawn():
            _record_draw(t, event, at)
        case e.RevealSkipped():
            t.draws[-1].skipped = True
        case e.TournamentClosed():
            t.closed = True
        case e.TournamentReopened():
            t.closed, t.name = False, event.name
        case e.DeviceAdmitted():
            t.devices[event.device_id] = event.label
        case e.DeviceRevoked():
            t.devices.pop(event.device_id, None)
            t.organiser_hash = event.organiser_hash
            t.organiser_links += 1
        case e.RecoveryCodeRenewed():
            t.recovery_hash = event.recovery_hash
        case e.PlayerForgotten():
            _rename_everywhere(t, event.player_id, event.first, event.last)
            t.forgotten.add(event.player_id)
        case _:
            raise TypeError(f"no rule applies {event.type}")
    t.version += event.versioned


def _free(t: Tournament, player: Player) -> None:
    if player.team is not None:
        del t.holders[player.team]
        player.team, player.value, player.picked_at = None, "", 0


def _take_out(t: Tournament, player_id: str) -> Player:
    player = t.players.pop(player_id)
    _free(t, player)
    return player


def _rename_everywhere(t: Tournament, player_id: str, first: str, last: str) -> None:
    if player := t.players.get(player_id):
        player.first, player.last = first, last
    name = f"{first} {last}"
    if player_id in t.blocked:
        t.blocked[player_id] = name
    for record in t.draws:
        record.hands = [(p, name if p == player_id else n, team) for p, n, team in record.hands]


def _record_draw(t: Tournament, event: e.TeamsDrawn, at: datetime) -> None:
    picks = t.draw_picks()
    for player_id, team in event.hands:
        t.players[player_id].drawn = team
    hands = [(player_id, t.players[player_id].name, team) for player_id, team in event.hands]
    t.draws.append(Draw(event.attempt, t.commitment, event.secret, event.option, picks, hands, at))
    t.drawn = True
