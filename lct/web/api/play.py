"""The matches: how they are played, their scores and results, and the tables."""

from __future__ import annotations

from typing import Any

from ...domain.play.calling import MoveMatch, NameConsoles, TakeBackCall
from ...domain.play.choosing import ChooseFormat
from ...domain.play.leaving import LeaveMatches, ReturnToMatches
from ...domain.play.pairing import PairRound
from ...domain.play.reporting import ReportScore, WithdrawReport
from ...domain.play.seeding import SeedEntrants
from ...domain.play.settling import SetResult
from ...domain.rights import Right
from ..lookup import with_matches
from . import play_bodies as bodies
from . import play_facts as facts
from . import receipts
from .bodies import Page
from .commands import WRITES, P, T
from .operation import Call, Table
from .paging import page
from .repeats import run

api = Table("api_play", "/api/v1")
HOST = {"right": Right.ORGANISER, "answer": receipts.Done, **WRITES}
OWN = {"right": Right.PLAYER, "answer": receipts.Done, **WRITES}
M = f"{T}/matches"


@api.operation("GET", M, right=Right.ANYONE, query=Page, answer=facts.Matches, refusals=(409,))
def matches(call: Call) -> Any:
    """The matches in the order of the plan, with who plays, what counts and where they are called.
    Scores that only one side has reported are not shown."""
    play = with_matches(call.t).play
    items, following = page(list(play.competition.matches.values()), call.query)
    return facts.Matches(
        format=facts.format_facts(play.format),
        consoles=list(play.queue.consoles),
        champion=play.competition.champion,
        left=dict(play.left),  # type: ignore[arg-type]
        items=[facts.match_facts(call.t, match) for match in items],
        next=following,
    )


@api.operation(
    "GET", f"{T}/standings", right=Right.ANYONE, answer=list[facts.TableFacts], refusals=(409,)
)
def standings(call: Call) -> Any:
    """The table of the league, or of each group; none in a cup. If the best of the next place go on
    too, their ranking across the groups is the last one."""
    return facts.tables_facts(with_matches(call.t).play)


@api.operation(
    "GET", f"{T}/reports", right=Right.ORGANISER, answer=list[facts.MatchFacts], refusals=(409,)
)
def reports(call: Call) -> Any:
    """The matches with reported scores that are not decided, with what each player said."""
    play = with_matches(call.t).play
    said = (play.competition.matches[key] for key in play.reports)
    return [facts.match_facts(call.t, m, with_reports=True) for m in said if not m.decided]


@api.operation("POST", f"{T}/format", body=bodies.FormatBody, **HOST)
def choose_format(call: Call) -> Any:
    """Choose how to play, before or after the draw. Results so far are lost: the call must list
    them in `falls`."""
    return run(call, ChooseFormat, format=call.body.format(), falls=tuple(call.body.falls))


@api.operation(
    "GET", f"{T}/seeding", right=Right.ANYONE, answer=facts.SeedingFacts, refusals=(409,)
)
def seeding(call: Call) -> Any:
    """The players in the order of the seeding, and what it comes from."""
    play = with_matches(call.t).play
    return facts.SeedingFacts(seeding=play.format.seeding, order=list(play.entrants))  # type: ignore[arg-type]


@api.operation("POST", f"{T}/seeding", body=bodies.SeedingBody, **HOST)
def seed(call: Call) -> Any:
    """Put the players in order by hand: the matches begin again in this order. Results so far are
    lost: the call must list them in `falls`."""
    return run(call, SeedEntrants, order=tuple(call.body.order), falls=tuple(call.body.falls))


@api.operation("POST", f"{T}/consoles", body=bodies.ConsolesBody, **HOST)
def name_consoles(call: Call) -> Any:
    """Name the consoles to play on. Free ones take the next matches at once."""
    return run(call, NameConsoles, names=tuple(call.body.names))


@api.operation("POST", f"{T}/rounds/<int:round>/pair", body=bodies.PairBody, **HOST)
def pair_round(call: Call) -> Any:
    """Pair a round of a Swiss system. Each is paired by itself when the one before is decided; this
    does it if that failed, or again after a correction. Then matches between other people than
    before start over: if one is reported or on a console, the call must list them in `falls`."""
    given = call.body
    falls = tuple(given.falls)
    return run(call, PairRound, round=int(call.path["round"]), again=given.again, falls=falls)


@api.operation("POST", f"{M}/<match>/result", body=bodies.ResultBody, **HOST)
def set_result(call: Call) -> Any:
    """Give a match its result, or clear it. If later matches lose theirs, the call must list them
    in `falls`."""
    given = call.body
    return run(
        call,
        SetResult,
        match=call.path["match"],
        score=given.score.score() if given.score else None,
        came=given.came or "",
        falls=tuple(given.falls),
    )


@api.operation("POST", f"{M}/<match>/move", body=bodies.ConsoleBody, **HOST)
def move_match(call: Call) -> Any:
    """Call a match to a console. A match that is there changes places with it, or waits."""
    return run(call, MoveMatch, match=call.path["match"], console=call.body.console)


@api.operation("POST", f"{M}/<match>/take-back", **HOST)
def take_back_call(call: Call) -> Any:
    """Take a match off its console; it waits until another one is over."""
    return run(call, TakeBackCall, match=call.path["match"])


@api.operation("POST", f"{P}/leave", body=bodies.LeaveBody, **HOST)
def leave_matches(call: Call) -> Any:
    """Take a player who leaves out of the matches. Without a policy it is the usual one for the
    matches they have played. If results do not count any more, the call must list them in
    `falls`."""
    return run(
        call,
        LeaveMatches,
        player_id=call.path["player"],
        policy=call.body.policy or "",
        falls=tuple(call.body.falls),
    )


@api.operation("POST", f"{P}/return", body=bodies.ReturnBody, **HOST)
def return_to_matches(call: Call) -> Any:
    """Bring a player who left back in. If later matches lose their results, the call must list them
    in `falls`."""
    return run(call, ReturnToMatches, player_id=call.path["player"], falls=tuple(call.body.falls))


@api.operation("POST", f"{P}/matches/<match>/score", body=bodies.ScoreBody, **OWN)
def report_score(call: Call) -> Any:
    """Report how the player's match ended. It counts once both sides reported the same."""
    player_id, match = call.path["player"], call.path["match"]
    return run(call, ReportScore, player_id=player_id, match=match, score=call.body.score())


@api.operation("POST", f"{P}/matches/<match>/withdraw", **OWN)
def withdraw_report(call: Call) -> Any:
    """Take back the player's own report, while the other side has not confirmed it."""
    player_id, match = call.path["player"], call.path["match"]
    return run(call, WithdrawReport, player_id=player_id, match=match)
