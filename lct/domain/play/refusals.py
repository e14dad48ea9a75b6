"""What the rules of the matches refuse; part of the tree in lct/domain/errors.py."""

from __future__ import annotations

from ..errors import NotAllowed, NotFound, Refused
from ..text import counted, text


class FormatDoesNotFit(Refused):
    """The players are others in number than those that the format was chosen for."""

    def __init__(self, players: int) -> None:
        self.players = players
        super().__init__(
            counted(
                "%(n)s player cannot play as it was chosen. Choose how to play again.",
                "%(n)s players cannot play as it was chosen. Choose how to play again.",
                players,
            )
        )


class NotRevealed(Refused):
    sentence = text("The cards are still turning. The matches begin after the last one.")


class NothingToPlay(Refused):
    sentence = text("The host has not chosen how to play yet.")


class OthersPlay(Refused):
    sentence = text("That order is not of those who play now. Load the page again.")


class MatchNotReady(Refused):
    sentence = text("That match cannot be played yet: its sides are not known.")


class FirstLegOpen(Refused):
    sentence = text("The second leg is played after the first one.")


class MatchDecided(Refused):
    sentence = text("That match is decided. Ask the host if it is wrong.")


class MatchPlayed(Refused):
    sentence = text("That match has been played: a score is in.")


class SideHasLeft(Refused):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            text("%(name)s has left the matches. The host can bring them back in.", name=name)
        )


class NothingLeftToPlay(Refused):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(text("%(name)s has no match left to play.", name=name))


class SideIsPlaying(Refused):
    sentence = text("One of the two is on another console now.")


class RoundIsOpen(Refused):
    sentence = text("A round is paired once every match before it is decided.")


class RoundHasBegun(Refused):
    sentence = text("Only the last round can be paired again, and only while it has no result.")


class ResultsFall(Refused):
    """Other matches than those shown would lose their results; ``matches`` are their keys."""

    def __init__(self, matches: tuple[str, ...]) -> None:
        self.matches = matches
        super().__init__(
            counted(
                "This takes back %(n)s later result. Look again, then confirm.",
                "This takes back %(n)s later results. Look again, then confirm.",
                len(matches),
            )
        )


class UnknownMatch(NotFound):
    sentence = text("There is no such match.")


class UnknownRound(NotFound):
    sentence = text("There is no such round to pair.")


class UnknownConsole(NotFound):
    sentence = text("There is no console with that name.")


class NotYourMatch(NotAllowed):
    sentence = text("Only the two who play a match can report its score.")
