"""How far the matches are, and how long they take."""

from __future__ import annotations

from dataclasses import replace

from ...domain.play.derivation import derive
from ...domain.play.formats import KNOCKOUT, LEAGUE, SWISS, Format, swiss_rounds
from ...domain.play.formats import matches as matches_in
from ...domain.play.plan import Basis
from ...domain.play.slots import least_slots, minutes_left, slots
from ...domain.play.state import Play
from .region import Scene

EXACT = 64  # entrants
MANY = 250  # matches left, from which on the time is what consoles and rounds alone allow
SHORTEST, LONGEST = 10, 15  # minutes of a match, until they are measured


def progress(s: Scene) -> tuple[int, int]:
    """(matches decided, all matches that are sure to be played)."""
    play, of = s.t.play, s.t.play.competition
    conditional = (of.matches[key] for key in of.plan.conditional)
    unsure = sum(not (match.known or match.decided) for match in conditional)
    rounds, each = _to_come(play)
    to_come = rounds * (each - len(play.entrants) // 2)  # fewer than planned, if somebody left
    return of.decided, len(of.matches) - of.off - unsure + to_come


def _to_come(play: Play) -> tuple[int, int]:
    """How many Swiss rounds are still to be paired, and the matches of each."""
    rounds = swiss_rounds(play.format, len(play.entrants)) - len(play.rounds)
    return rounds, (len(play.entrants) - len(play.left)) // 2


def minutes(s: Scene) -> tuple[int, int]:
    """From when to when the last match ends, in minutes from now."""
    return s.once(_minutes)


def _minutes(s: Scene) -> tuple[int, int]:
    play = s.t.play
    of, consoles = play.competition, len(play.queue.consoles)
    running = {call.key for call in play.queue.consoles.values() if call}
    rounds, each = _to_come(play)
    later = rounds * -(-each // consoles)
    left = [key for key, m in of.matches.items() if not m.decided and of.is_paired(m.fixture)]
    ahead = of.plan.ahead
    now, then = [ahead[key] for key in running], [ahead[key] for key in left if key not in running]
    chosen = play.format
    tree = (
        chosen.kind == KNOCKOUT and chosen.cup_legs == 1 and not (chosen.third_place or play.left)
    )
    alone = len(running) == consoles or of.ready.keys() <= running  # no other begins beside them
    if len(left) < MANY and not (tree and alone):
        return minutes_left(of.unplayed(), consoles, running, SHORTEST, LONGEST, later)
    least = least_slots(then, consoles)
    most = least + bool(running) if alone else least_slots(now + then, consoles)
    return (least + later) * SHORTEST, (most + later) * LONGEST


def slots_of(chosen: Format, entrants: int, consoles: int) -> int:
    """How many matches one after the other a format takes on so many consoles. For more entrants
    than EXACT, and for a league, it is what the consoles alone allow."""
    if chosen.kind == SWISS:
        rounds = swiss_rounds(chosen, entrants) * -(-(entrants // 2) // consoles)
        cup = replace(chosen, kind=KNOCKOUT)
        return rounds + (slots_of(cup, chosen.cup, consoles) if chosen.cup else 0)
    count = matches_in(chosen, entrants)
    least = -(-count // min(consoles, entrants // 2))
    if chosen.kind == LEAGUE or entrants > EXACT:
        return least
    everyone = tuple(map(str, range(entrants)))
    unplayed = derive(Basis(chosen, everyone, everyone), {}).unplayed()
    return max(slots(unplayed, consoles), least)
