"""Everything lct can refuse, as one tree: classes with data and a sentence a guest understands."""

from __future__ import annotations


class LctError(Exception):
    """A refusal: ``sentence`` is for people, the other attributes are for programs."""

    sentence = "That did not work."

    def __init__(self, sentence: str | None = None) -> None:
        self.sentence = sentence or self.sentence
        super().__init__(self.sentence)


# --- a field is wrong -------------------------------------------------------------------------


class Invalid(LctError):
    """One or more fields are wrong; ``fields`` maps each to its message."""

    sentence = "Please check the marked fields."

    def __init__(self, /, **fields: str) -> None:
        self.fields = fields
        super().__init__(" ".join(fields.values()))


class SameName(Invalid):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(last=f"{name} is already in. Add an initial to tell you apart.")


class TournamentNameTaken(Invalid):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name=f"Another open tournament is called {name}. Choose a different name.")


class LimitTooLow(Invalid):
    def __init__(self, players: int) -> None:
        self.players = players
        super().__init__(limit=f"{players} players have already joined; the limit cannot be lower.")


class TooFewTeams(Invalid):
    def __init__(self, teams: int, limit: int, field: str) -> None:
        self.teams, self.limit, self.missing = teams, limit, limit - teams
        noun = "team" if teams == 1 else "teams"
        super().__init__(**{field: f"{teams} {noun} for {limit} players: {self.missing} missing."})


# --- a rule says no ---------------------------------------------------------------------------


class Refused(LctError):
    """A rule of the tournament says no."""


class TeamTaken(Refused):
    def __init__(self, team: str, holder: str) -> None:
        self.team, self.holder = team, holder
        super().__init__(f"{team} was just taken by {holder}. Pick another one.")


class TournamentFull(Refused):
    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"All {limit} seats are taken.")


class JoiningIsLocked(Refused):
    sentence = "The host has locked the door. Ask them to let you in."


class AlreadyDrawn(Refused):
    sentence = "The teams have already been drawn."


class AnotherAttempt(Refused):
    def __init__(self, attempt: int) -> None:
        self.attempt = attempt
        super().__init__(f"The picks were restarted: this is now attempt {attempt}. Check again.")


class NotDrawn(Refused):
    sentence = "The teams have not been drawn yet."


class TournamentIsClosed(Refused):
    sentence = "This tournament is closed."


class SeatsEmpty(Refused):
    def __init__(self, missing: int) -> None:
        self.missing = missing
        seats = "1 seat is" if missing == 1 else f"{missing} seats are"
        super().__init__(f"{seats} still empty. Wait for them, or close the list.")


class PicksMissing(Refused):
    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        super().__init__(f"Still choosing: {', '.join(names)}.")


class CodeTaken(Refused):
    sentence = "That code is already in use."


class NobodyToSwapWith(Refused):
    sentence = "With only one player, there is nobody to swap picks with."


class TooFewPlayers(Refused):
    sentence = "A tournament needs at least two players."


class TooManyDevices(Refused):
    def __init__(self, most: int) -> None:
        self.most = most
        super().__init__(f"{most} devices already run this tournament. Sign one out first.")


class TooManyWebhooks(Refused):
    def __init__(self, most: int) -> None:
        self.most = most
        super().__init__(f"A tournament has at most {most} webhooks. Remove one first.")


class VersionMismatch(Refused):
    """The tournament has changed since the version that this person saw."""

    def __init__(self, expected: int, actual: int) -> None:
        self.expected, self.actual = expected, actual
        super().__init__("Somebody changed this in the meantime. This is the current state.")


# --- not there, not allowed, not now ----------------------------------------------------------


class NotFound(LctError):
    sentence = "There is nothing here."


class UnknownTournament(NotFound):
    sentence = "No tournament has that code. Check it on the TV and try again."


class UnknownPlayer(NotFound):
    sentence = "That player is not in this tournament."


class UnknownTeam(NotFound):
    sentence = "That team is not in this tournament."


class UnknownWebhook(NotFound):
    sentence = "No webhook of this tournament has that id."


class WebhooksAreOff(NotFound):
    sentence = "Webhooks are switched off on this server."


class NotAllowed(LctError):
    sentence = "You may not do that."


class NotTheOrganiser(NotAllowed):
    sentence = "Only the host can do that."


class NotTheOwner(NotAllowed):
    sentence = (
        "Only the device that created this tournament, or one that used its recovery code, "
        "can do that."
    )


class NotAPlayer(NotAllowed):
    sentence = "Join first, then pick."


class PlayerIsBlocked(NotAllowed):
    sentence = "The host has blocked you from this tournament."


class ForgedRequest(NotAllowed):
    sentence = "This page is out of date. Reload it and try again."


class ForeignOrigin(NotAllowed):
    sentence = "This page was loaded from a different address."


class WrongRecoveryCode(NotAllowed):
    sentence = "That code is wrong. Check each group and try again."


class WrongPassphrase(NotAllowed):
    sentence = "You need this place's passphrase to create a tournament. Ask the person in charge."


class Unauthenticated(LctError):
    """The bearer token is missing, forged, or signed out."""

    sentence = "Send the key that you were given as a bearer token."


class TooMany(LctError):
    """Too many attempts; ``retry_after`` in seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"Too many attempts. Try again in {retry_after} s.")


class Unavailable(LctError):
    """A service cannot be reached; ``retry_after`` in seconds."""

    retry_after = 2
    sentence = "The database is not responding. Nothing is lost: try again in a moment."


class DeadlineExceeded(Unavailable):
    sentence = "That took too long. Nothing is lost: try again in a moment."


class Busy(Unavailable):
    retry_after = 1
    sentence = "Everyone is tapping at once. Nothing is lost: try again in a second."


class Unreadable(Unavailable):
    """A stored event cannot be read, so its tournament cannot be shown."""

    retry_after = 60
    sentence = "This tournament cannot be read. The operator has been told."


class Elsewhere(LctError):
    """This worker is leaving, or is next to leave; another one takes this screen."""

    retry_after = 1
    sentence = "This server is being replaced. Another one is ready: try again in a second."


class ClientGone(LctError):
    """The client closed the connection; work that had not begun is skipped."""

    sentence = "The client closed the connection."
