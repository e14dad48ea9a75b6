"""An operation: one route, with the right it asks for and the shapes of what goes in and out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, make_response, request
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from werkzeug.exceptions import BadRequest

from ...domain.errors import Invalid
from ...domain.rights import Actor, Right
from ...domain.tournament import Tournament
from ..app import app
from ..limits import address
from ..lookup import tournament_at
from .rights import check

Shape = type[BaseModel]


@dataclass(frozen=True)
class Call:
    """One request that was let in. ``t`` is the tournament with everything acknowledged before."""

    t: Tournament
    caller: Actor
    body: Any
    query: Any
    path: dict[str, str]
    headers: dict[str, str] = field(default_factory=dict)  # of the answer


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
    code_field: str = ""  # where a code is named that is not in the path
    by_query: bool = False  # what is sent may come in the query string as well
    headers: tuple[str, ...] = ()  # that the answer has besides those of all
    refusals: tuple[int, ...] = ()  # besides those that follow from its shape
    conditional: bool = False  # takes If-Match
    repeatable: bool = False  # takes Idempotency-Key

    @property
    def of_tournament(self) -> bool:
        return "<code>" in self.path or bool(self.code_field)

    @property
    def statuses(self) -> tuple[int, ...]:
        """Every status that a refusal of it may have; docs and tests are made from this."""
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
        """Let the request in, run it, and put its answer into JSON."""
        app().limiter.count("call", address())
        # Who may not call is told so before what is wrong with the call, unless only the call
        # says which tournament it is about.
        given = self._given() if self.code_field else None
        t = Tournament("")
        if self.of_tournament:
            t = tournament_at(path["code"] if given is None else self._code_in(*given))
            request.view_args = {**path, "code": t.code}  # for the log
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
    """``given`` in that shape, or Invalid with a message for each wrong field."""
    try:
        return shape.model_validate(given, strict=strict)
    except ValidationError as error:
        wrong = {
            ".".join(map(str, each["loc"])) or "body": each["msg"]
            for each in error.errors(include_url=False, include_input=False)
        }
        raise Invalid(**wrong) from None


class Table:
    """Operations under one prefix, and the blueprint that serves them."""

    def __init__(self, name: str, prefix: str) -> None:
        self.bp = Blueprint(name, __name__, url_prefix=prefix)
        self.prefix = prefix
        self.operations: list[Operation] = []

    def add(self, method: str, path: str, view: View, *, summary: str, **about: Any) -> None:
        """Serve ``view``; what ``about`` says is in Operation."""
        name = about.pop("name", view.__name__)
        operation = Operation(
            method=method, path=self.prefix + path, name=name, summary=summary, view=view, **about
        )
        self.operations.append(operation)
        self.bp.add_url_rule(path, name, operation.answer_to, methods=[method])

    def operation(self, method: str, path: str, **about: Any) -> Callable[[View], View]:
        """The same as a decorator; the summary is the view's docstring."""

        def decorate(view: View) -> View:
            self.add(method, path, view, summary=" ".join((view.__doc__ or "").split()), **about)
            return view

        return decorate
