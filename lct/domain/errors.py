"""Everything lct can refuse, as one tree: classes with data and a sentence a guest understands."""

from __future__ import annotations

from .text import Text, counted, in_order, text, together


class LctError(Exception):
    """A refusal: ``sentence`` is for people, the other attributes are for programs."""

    sentence = text("That did not work.")

    def __init__(self, sentence: Text | None = None) -> None:
        self.sentence = sentence or self.sentence
        super().__init__(self.sentence)


# --- a field is wrong -------------------------------------------------------------------------


class Invalid(LctError):
    """One or more fields are wrong; ``fields`` maps each to its message."""

    sentence = text("Please check the marked fields.")

    def __init__(self, /, **fields: Text) -> None:
        self.fields = fields
        super().__init__(together(fields.values()))


class SameName(Invalid):
    def __init__(self, name: str) -> None:
        self.name = name
        said = text("%(name)s is already in. Add an initial to tell you apart.", name=name)
        super().__init__(last=said)


class TournamentNameTaken(Invalid):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            name=text(
                "Another open tournament is called %(name)s. Choose a different name.", name=name
            )
        )


class LimitTooLow(Invalid):
    def __init__(self, players: int) -> None:
        self.players = players
        super().__init__(
            limit=counted(
                "%(n)s player has already joined; the limit cannot be lower.",
                "%(n)s players have already joined; the limit cannot be lower.",
                players,
            )
        )


class TooFewTeams(Invalid):
    def __init__(self, teams: int, limit: int, field: str) -> None:
        self.teams, self.limit, self.missing = teams, limit, limit - teams
        sentence = counted(
            "%(n)s team for %(limit)s players: %(missing)s missing.",
            "%(n)s teams for %(limit)s players: %(missing)s missing.",
            teams,
            limit=limit,
            missing=self.missing,
        )
        super().__init__(**{field: sentence})


# --- a rule says no ---------------------------------------------------------------------------


class Refused(LctError):
    """A rule of the tournament says no."""


class TeamTaken(Refused):
    def __init__(self, team: str, holder: str) -> None:
        self.team, self.holder = team, holder
        super().__init__(
            text(
                "%(team)s was just taken by %(holder)s. Pick another one.", team=team, holder=holder
            )
        )


class TournamentFull(Refused):
    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(counted("The only seat is taken.", "All %(n)s seats are taken.", limit))


class JoiningIsLocked(Refused):
    sentence = text("The host has locked the door. Ask them to let you in.")


class AlreadyDrawn(Refused):
    sentence = text("The teams have already been drawn.")


class DrawHasBegun(Refused):
    sentence = text("The draw has begun, and the picks are fixed.")


class AnotherAttempt(Refused):
    def __init__(self, attempt: int) -> None:
        self.attempt = attempt
        super().__init__(
            text(
                "The picks were restarted: this is now attempt %(attempt)s. Check again.",
                attempt=attempt,
            )
        )


class NotDrawn(Refused):
    sentence = text("The teams have not been drawn yet.")


class TournamentIsClosed(Refused):
    sentence = text("This tournament is closed.")


class SeatsEmpty(Refused):
    def __init__(self, missing: int) -> None:
        self.missing = missing
        super().__init__(
            counted(
                "%(n)s seat is still empty. Wait for them, or close the list.",
                "%(n)s seats are still empty. Wait for them, or close the list.",
                missing,
            )
        )


class PicksMissing(Refused):
    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        super().__init__(text("Still choosing: %(names)s.", names=in_order(names)))


class CodeTaken(Refused):
    sentence = text("That code is already in use.")


class NobodyToSwapWith(Refused):
    sentence = text("With only one player, there is nobody to swap picks with.")


class TooFewPlayers(Refused):
    sentence = text("A tournament needs at least two players.")


class TooManyDevices(Refused):
    def __init__(self, most: int) -> None:
        self.most = most
        super().__init__(
            counted(
                "%(n)s device already runs this tournament. Sign it out first.",
                "%(n)s devices already run this tournament. Sign one out first.",
                most,
            )
        )


class TooManyWebhooks(Refused):
    def __init__(self, most: int) -> None:
        self.most = most
        super().__init__(
            counted(
                "A tournament has at most %(n)s webhook. Remove it first.",
                "A tournament has at most %(n)s webhooks. Remove one first.",
                most,
            )
        )


class VersionMismatch(Refused):
    """The tournament has changed since the version that this person saw."""

    def __init__(self, expected: int, actual: int) -> None:
        self.expected, self.actual = expected, actual
        super().__init__(text("Somebody changed this in the meantime. This is the current state."))


# --- not there, not allowed, not now ----------------------------------------------------------


class NotFound(LctError):
    sentence = text("There is nothing here.")


class UnknownTournament(NotFound):
    sentence = text("No tournament has that code. Check it on the TV and try again.")


class UnknownPlayer(NotFound):
    sentence = text("That player is not in this tournament.")


class UnknownTeam(NotFound):
    sentence = text("That team is not in this tournament.")


class UnknownWebhook(NotFound):
    sentence = text("No webhook of this tournament has that id.")


class WebhooksAreOff(NotFound):
    sentence = text("Webhooks are switched off on this server.")


class NotAllowed(LctError):
    sentence = text("You may not do that.")


class NotTheOrganiser(NotAllowed):
    sentence = text("Only the host can do that.")


class NotTheOwner(NotAllowed):
    sentence = text(
        "Only the device that created this tournament, or one that used its recovery code, "
        "can do that."
    )


class NotAPlayer(NotAllowed):
    sentence = text("Join first, then pick.")


class PlayerIsBlocked(NotAllowed):
    sentence = text("The host has blocked you from this tournament.")


class ForgedRequest(NotAllowed):
    sentence = text("This page is out of date. Reload it and try again.")


class ForeignOrigin(NotAllowed):
    sentence = text("This page was loaded from a different address.")


class WrongRecoveryCode(NotAllowed):
    sentence = text("That code is wrong. Check each group and try again.")


class Unauthenticated(LctError):
    """The bearer token is missing, forged, or signed out."""

    sentence = text("Send the key that you were given as a bearer token.")


class TooMany(LctError):
    """Too many attempts; ``retry_after`` in seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(
            text("Too many attempts. Try again in %(seconds)s s.", seconds=retry_after)
        )


class Unavailable(LctError):
    """A service cannot be reached; ``retry_after`` in seconds."""

    retry_after = 2
    sentence = text("The database is not responding. Nothing is lost: try again in a moment.")


class DeadlineExceeded(Unavailable):
    sentence = text("That took too long. Nothing is lost: try again in a moment.")


class Busy(Unavailable):
    retry_after = 1
    sentence = text("Everyone is tapping at once. Nothing is lost: try again in a second.")


class Unreadable(Unavailable):
    """A stored event cannot be read, so its tournament cannot be shown."""

    retry_after = 60
    sentence = text("This tournament cannot be read. The operator has been told.")


class Elsewhere(LctError):
    """This worker is leaving, or is next to leave; another one takes this screen."""

    retry_after = 1
    sentence = text("This server is being replaced. Another one is ready: try again in a second.")


class ClientGone(LctError):
    """The client closed the connection; work that had not begun is skipped."""

    sentence = text("The client closed the connection.")
