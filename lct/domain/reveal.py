"""The reveal: when each card of a draw turns, computed from the draw's time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

# Seconds of a step, steps before the last cards, these, and the most in one step.
STEP, STEPS, SINGLES, LARGEST_WAVE = 4.0, 27, 16, 24
# From the host's tap to the first card, if all shares are in by then; at least, from the result.
DRUM_ROLL, SHORTEST_LEAD = timedelta(seconds=3), timedelta(seconds=0.3)


class Act(NamedTuple):
    """A part of the reveal in which ``at_once`` of its cards turn at each step."""

    cards: int
    at_once: int
    step: timedelta

    @property
    def lasts(self) -> timedelta:
        return self.step * -(-self.cards // self.at_once)

    def wave(self, place: int) -> tuple[int, int]:
        """The first card that turns together with the one at this place, and how many do."""
        first = place - place % self.at_once
        return first, min(self.at_once, self.cards - first)


class Timeline(NamedTuple):
    """When each card turns, computed from the event's time so that all workers agree."""

    start: datetime
    cards: int
    lead: timedelta
    acts: tuple[Act, ...]

    @property
    def end(self) -> datetime:
        """When the last card turns."""
        lasts = sum((act.lasts for act in self.acts), self.lead)
        return self.start + lasts - self.acts[-1].step / 2

    def wave(self, place: int) -> tuple[int, int]:
        """The first card that turns together with the one at this place, and how many do."""
        before, act = self.act(place)
        first, count = act.wave(place - before)
        return before + first, count

    def act(self, place: int) -> tuple[int, Act]:
        """The act of the card at this place, after how many cards it begins."""
        before = 0
        for act in self.acts:
            if place < before + act.cards:
                return before, act
            before += act.cards
        raise IndexError(place)

    def at(self, now: datetime) -> tuple[int, int]:
        """(cards turned, how many of the next ones lie face down in the spotlight) at ``now``."""
        before, left = 0, now - self.start - self.lead
        if left < timedelta(0):
            return 0, 0
        for act in self.acts:
            if left < act.lasts:
                full, within = divmod(left, act.step)
                first, count = act.wave(full * act.at_once)
                if within < act.step / 2:
                    return before + first, count
                return before + first + count, 0
            before, left = before + act.cards, left - act.lasts
        return before, 0

    def next_change(self, now: datetime) -> timedelta | None:
        """How long until the picture changes again, or None after the last card."""
        left = now - self.start - self.lead
        if left < timedelta(0):
            return -left
        if self.at(now)[0] >= self.cards:
            return None
        for act in self.acts:
            if left < act.lasts:
                within, half = left % act.step, act.step / 2
                return half - within if within < half else act.step - within
            left -= act.lasts
        return None


def timeline(start: datetime, cards: int, lead: timedelta = DRUM_ROLL) -> Timeline:
    """The last 16 cards turn one by one, every 4 s. Those before them take 27 steps of 4 s at most,
    in waves if they are more; with over 24 cards to a wave, there are more and shorter steps."""
    waved = max(0, cards - SINGLES)
    at_once = min(LARGEST_WAVE, max(1, -(-waved // STEPS)))
    step = timedelta(seconds=min(STEP, STEPS * STEP / max(1, -(-waved // at_once))))
    acts = Act(waved, at_once, step), Act(cards - waved, 1, timedelta(seconds=STEP))
    return Timeline(start, cards, lead, tuple(act for act in acts if act.cards))
