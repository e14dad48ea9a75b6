"""The board on the TV: one message per phase."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from ...domain.fact import Touched
from ...domain.text import Text
from ...domain.values import shown_code
from .bracket import open_round
from .cards import card_rows, page, spot
from .champion import champion
from .gathered import Gathered, gathered
from .lobby import picked, seats, seats_of, waiting_for
from .matches import ShownMatch
from .now import just_in, on_now, up_next
from .phases import FINISHED, GATHER, PLAY
from .pitch import STAGES, filled_up, first_page, matches_part, matches_stages
from .progress import minutes, progress
from .region import Region, Scene, Screen

CARDS = 12  # of matches that are on
ROWS = 256  # in one stage, so that no frame has a thousand


class Head(NamedTuple):
    name: str
    phase: str
    players: int
    picked: int
    limit: int
    turned: int
    cards: int
    round: Text | None  # of the cup, that is played now
    first: str  # the stage that is shown first; empty: there are no others
    decided: int  # matches
    all: int
    minutes: tuple[int, int]  # until the last one ends


class Side(NamedTuple):
    phase: str
    shown: bool  # the join panel, shown only while somebody can still join or return
    code: str
    join_url: str
    full: bool
    locked: bool
    seal_url: str  # with the whole seal, until the first pick; then empty


class Warned(NamedTuple):
    shown: bool


class Band(NamedTuple):
    """The matches that are on, and the next ones."""

    running: int
    brief: bool  # tables need the room


class OnNow(NamedTuple):
    match: ShownMatch
    small: bool


class Next(NamedTuple):
    matches: tuple[ShownMatch, ...]
    more: int  # on now, without a place in the band


class BoardStage(NamedTuple):
    kind: str  # seats, draw or list
    cells: int  # of the draw: those on the page that is shown ...
    first: int = 0  # ... after so many
    in_waves: bool = False


class Foot(NamedTuple):
    phase: str
    code: str
    seal: str
    attempt: int
    empty_seats: int
    picks_missing: int
    waiting_for: tuple[str, ...]
    just_in: ShownMatch | None
    gathered: Gathered | None


def whole(s: Scene) -> tuple[Region, ...]:
    return head(s), side(s), *stages(s), foot(s), warning(s)


def part(s: Scene, touched: Touched) -> Iterable[Region] | None:
    if s.phase == PLAY:
        return head(s), side(s), foot(s), *matches_part(s, touched)
    if s.t.dealt:
        return None
    return head(s), side(s), foot(s), *seats_of(s, touched, "board/_seat.html")


def head(s: Scene) -> Region:
    t = s.t
    now = s.once(open_round) if s.phase == PLAY else None
    first = first_page(s) if s.phase == PLAY else STAGES[0] if _listed(s) > ROWS else ""
    played = progress(s) if s.has_matches else (0, 0)
    left = minutes(s) if s.phase == PLAY else (0, 0)
    data = Head(
        t.name, s.phase_for_guests, len(t.players), picked(t), t.limit, s.turned, s.cards,
        now, first, *played, left,
    )  # fmt: skip
    return Region("head", "board/_head.html", data)


def side(s: Scene) -> Region:
    if s.phase == PLAY:
        return _band(s)
    if s.phase == GATHER:
        return Region("side", "board/_gather.html", gathered(s) or ())
    t = s.t
    open_ = not (t.dealt or t.closed)
    seal_url = _seal_url(s) if open_ and not picked(t) else ""
    code = shown_code(t.code)
    data = Side(s.phase_for_guests, open_, code, s.join_url, t.full, t.locked, seal_url)
    return Region("side", "board/_side.html", data)


def _seal_url(s: Scene) -> str:
    """The page that keeps the seal on the phone that scans it. The seal is behind the "#", so that
    it comes from the board and not from that page. In capitals it takes a smaller QR code."""
    verify = f"{s.join_url.removesuffix('join')}verify"
    return f"{verify}?attempt={s.t.attempt}#seal={s.t.commitment.upper()}"


def _band(s: Scene) -> Region:
    now, brief = on_now(s), not s.once(open_round)
    small = len(now) > 2 or brief
    places = list(s.t.play.queue.consoles)
    cards = [
        Region(f"now-{places.index(console)}", "board/_now.html", OnNow(match, small))
        for console, match in now.items()
    ]
    after = Next(up_next(s)[: 1 if brief and len(now) <= 2 else 2], max(0, len(now) - CARDS))
    children = (*cards, Region("next", "board/_next.html", after))
    return Region("side", "board/_band.html", Band(len(now), brief), children)


def stages(s: Scene) -> tuple[Region, ...]:
    if s.phase == PLAY:
        return matches_stages(s)
    stage = _stage(s)
    if _listed(s) <= ROWS:
        return filled_up(stage)
    rows = stage.children
    return filled_up(
        *(
            Region(name, stage.template, stage.data, rows[first : first + ROWS])
            for name, first in zip(STAGES, range(0, len(rows), ROWS), strict=False)
        )
    )


def _listed(s: Scene) -> int:
    """The rows of the list of seats, or of the cards that have all turned."""
    draw = s.t.current_draw
    if draw is None:
        return s.t.limit
    return s.cards if draw.is_over(s.now) and s.reached != FINISHED else 0


def _stage(s: Scene) -> Region:
    draw = s.t.current_draw
    if draw is None:
        rows = seats(s, "board/_seat.html")
        return Region("stage", "board/_stage.html", BoardStage("seats", s.t.limit), rows)
    if s.reached == FINISHED:
        return Region("stage", "board/_champion.html", champion(s))
    rows = card_rows(s, "board/_row.html")
    if draw.is_over(s.now):
        return Region("stage", "board/_stage.html", BoardStage("list", len(rows)), rows)
    # Rows come with their page: a thousand at once would be a frame of half a megabyte. They stay
    # if the list of all has one stage, which then needs none of them again.
    shown, spotlight = page(s, draw), Region("spot", "board/_spot.html", spot(s, draw))
    first = 0 if s.cards <= ROWS else shown.first
    data = BoardStage("draw", shown.cells, shown.first - first, shown.in_waves)
    rows = rows[first : shown.first + shown.cells]
    return Region("stage", "board/_stage.html", data, (spotlight, *rows))


def foot(s: Scene) -> Region:
    t = s.t
    sealed = t.current_draw or t
    missing = t.limit - len(t.players), len(t.choosing())
    newest = just_in(s) if s.has_matches else None
    data = Foot(
        s.phase_for_guests, t.code, sealed.commitment, sealed.attempt, *missing, waiting_for(t),
        newest, gathered(s),
    )  # fmt: skip
    return Region("foot", "board/_foot.html", data)


def warning(s: Scene) -> Region:
    """Shown if guests cannot open the QR code's address."""
    host = urlsplit(s.join_url).hostname or ""
    here_only = host in ("localhost", "::1") or host.startswith("127.")
    return Region("warning", "board/_warning.html", Warned(here_only))


SCREEN = Screen(whole, part)
