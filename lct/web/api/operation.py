"""An operation: one route, with the right it needs and the shapes of its requests and responses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from flask import Blueprint, Response, make_response, request
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from werkzeug.exceptions import BadRequest

from ...domain.errors import Invalid
from ...domain.rights import Actor, Right
from ...domain.text import counted, verbatim
from ...domain.tournament import Tournament
from ..app import app
from ..limits import address
from ..lookup import tournament_at
from .rights import check

Shape = type[BaseModel]
# A refusal names at most this many wrong fields, and this many characters of each.
MOST_TOLD, LONGEST_PLACE = 10, 100


@dataclass(frozen=True)
class Call:
    """One authorised request. ``t`` is the tournament with all events acknowledged before it."""

    t: Tournament
    caller: Actor
    body: Any
    query: Any
    path: dict[str, str]
    headers: dict[str, str] = field(default_factory=dict)  # of the response


View = Callable[[Call], Any]


@dataclass(frozen=True, kw_only=True)
class Operation:
    method: str
    path: str  # as Flask writes it, with the table's prefix
    name: str
    summary: str
    right: Right
    view: View
    body: Shape | None = None
    query: Shape | None = None
    answer: Any = None  # a model or a type that pydantic knows; None: no content
    status: int = 200
    media: str = "application/json"
    code_field: str = ""  # the field with the code, if it is not in the path
    by_query: bool = False  # the body may come in the query string instead
    headers: tuple[str, ...] = ()  # of the response, besides those that all have
    refusals: tuple[int, ...] = ()  # besides those that follow from the other fields
    conditional: bool = False  # takes If-Match
    repeatable: bool = False  # takes Idempotency-Key

    @property
    def of_tournament(self) -> bool:
        return "<code>" in self.path or bool(self.code_field)

    @property
    def statuses(self) -> tuple[int, ...]:
        """Every status that its refusals may have; docs and tests are made from this."""
        found = {429, 503, *self.refusals}
        if self.of_tournament:
            found.add(404)
        if self.right is not Right.ANYONE:
            found |= {401, 403}
        if self.body:
            found |= {400, 408, 413, 415, 422}
        if self.query or self.repeatable:
            found.add(422)
        if self.conditional:
            found.add(412)
        return tuple(sorted(found))

    def answer_to(self, **path: str) -> Response:
        """Authorise the request, run it, and return its answer as JSON."""
        app().limiter.count("call", address())
        # Check the right before the body, unless the tournament's code is in the body or query.
        given = self._given() if self.code_field else None
        t = Tournament("")
        if self.of_tournament:
            t = tournament_at(path["code"] if given is None else self._code_in(*given))
        caller = check(self.right, t, path.get("player", ""))
        body, query = self._given() if given is None else given
        call = Call(t, caller, body, query, path)
        answer = self.view(call)
        if not isinstance(answer, Response):
            answer = self._in_json(answer)
        answer.headers.update(call.headers)
        return answer

    def _code_in(self, body: Any, query: Any) -> str:
        return str(getattr(body or query, self.code_field))

    def _given(self) -> tuple[Any, Any]:
        body = None
        if self.body:
            sent = request.args.to_dict() if self.by_query and not request.data else _json()
            body = checked(self.body, sent, strict=True)
        return body, checked(self.query, request.args.to_dict()) if self.query else None

    def _in_json(self, answer: Any) -> Response:
        if self.answer is None:
            return make_response("", 204)
        response = make_response(to_json(answer), self.status)
        response.mimetype = self.media
        return response


def _json() -> Any:
    try:
        return request.get_json()
    except RecursionError:
        raise BadRequest from None


def checked(shape: Shape, given: Any, strict: bool = False) -> Any:
    """``given`` in that shape, or Invalid with a message for each wrong field: pydantic's, in
    English, since it is for the program's developer."""
    try:
        return shape.model_validate(given, strict=strict)
    except ValidationError as error:
        found = islice(error.errors(include_url=False, include_input=False), MOST_TOLD)
        wrong = {_place(each["loc"]): verbatim(each["msg"]) for each in found}
        if (more := error.error_count() - MOST_TOLD) > 0:
            wrong["body"] = counted(
                "%(n)s more thing is wrong.", "%(n)s more things are wrong.", more
            )
        raise Invalid(**wrong) from None


def _place(loc: tuple[int | str, ...]) -> str:
    place = ".".join(map(str, loc)) or "body"
    return place if len(place) <= LONGEST_PLACE else f"{place[:LONGEST_PLACE]}…"


class Table:
    """Operations under one prefix, and the blueprint that serves them."""

    def __init__(self, name: str, prefix: str) -> None:
        self.bp = Blueprint(name, __name__, url_prefix=prefix)
        self.prefix = prefix
        self.operations: list[Operation] = []

    def add(self, method: str, path: str, view: View, *, summary: str, **about: Any) -> None:
        """Serve ``view``; ``about`` are fields of Operation."""
        name = about.pop("name", view.__name__)
        operation = Operation(
            method=method, path=self.prefix + path, name=name, summary=summary, view=view, **about
        )
        self.operations.append(operation)
        self.bp.add_url_rule(path, name, operation.answer_to, methods=[method])

    def operation(self, method: str, path: str, **about: Any) -> Callable[[View], View]:
        """add() as a decorator; the summary is the view's docstring."""

        def decorate(view: View) -> View:
            self.add(method, path, view, summary=" ".join((view.__doc__ or "").split()), **about)
            return view

        return decorate
