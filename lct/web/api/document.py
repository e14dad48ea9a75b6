"""The OpenAPI document, made from the operations, and the page that shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
from typing import Any

from apispec import APISpec
from flask import Blueprint, jsonify, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from ...domain.rights import Right
from ..problems import MEDIA_TYPE
from . import operations
from .operation import Operation
from .repeats import ANONYMOUS_KEY, KEY, NO_ANONYMOUS_KEY, NO_KEY
from .webhooks import WebhookMessage

bp = Blueprint("swagger", __name__, url_prefix="/swagger")

SCHEMAS = "#/components/schemas/{model}"
STRING = {"type": "string"}
ABOUT = """Everything that the pages can do, for programs.

Callers authenticate with a bearer token: creating returns the organiser's, joining the player's.
Cookies are ignored. Refusals are problem documents (RFC 9457)."""
HEADERS = {
    "ETag": "The version of the tournament, for If-Match. There is no 304.",
    "Location": "The path of the created resource.",
    "Lct-Organiser-Key": "The organiser's bearer token.",
    "Retry-After": "Seconds to wait before trying again.",
    "WWW-Authenticate": "Bearer.",
    "X-Request-Id": "This request's id in the log.",
}
PARAMETERS = {
    "code": "The tournament's code, in any case, with or without its dash.",
    "player": "The player's id.",
    "device": "The device's id.",
    "match": "The match's key, such as K4.1.",
    "round": "The number of the Swiss round.",
    "seq": "The event's place in the history.",
    "webhook": "The webhook's id.",
}


class FieldError(BaseModel):
    field: str
    detail: str


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[FieldError] = []


@cache
def document() -> dict[str, Any]:
    """The document without ``servers``; it is the same for every request."""
    spec = APISpec(
        title="lct",
        version="1",
        openapi_version="3.1.0",
        info={"description": ABOUT, "license": {"name": "MIT", "identifier": "MIT"}},
        webhooks={"message": {"post": _message()}},
        tags=[{"name": "v1"}, {"name": "older", "description": "The paths of lct's predecessor."}],
    )
    for name, schema in _schemas(operations()).items():
        spec.components.schema(name, schema)
    for name, said in HEADERS.items():
        spec.components.header(name, {"description": said, "schema": STRING})
    spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    for operation in operations():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", operation.path)
        spec.path(path, operations={operation.method.lower(): _described(operation)})
    return spec.to_dict()


def _schemas(found: Iterable[Operation]) -> dict[str, Any]:
    inputs = {each.body for each in found if each.body}
    outputs = {model for each in found for model in _models(each.answer)}
    outputs |= {Problem, WebhookMessage}
    wanted = [(m, "validation") for m in inputs] + [(m, "serialization") for m in outputs]
    wanted.sort(key=lambda each: each[0].__name__)
    found_schemas = models_json_schema(wanted, ref_template=SCHEMAS)[1]  # type: ignore[arg-type]
    schemas: dict[str, Any] = found_schemas["$defs"]
    return schemas


def _models(answer: Any) -> set[type[BaseModel]]:
    inner = getattr(answer, "__args__", (answer,))
    return {each for each in inner if isinstance(each, type) and issubclass(each, BaseModel)}


def _described(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": ["v1" if operation.path.startswith("/api/v1") else "older"],
        "parameters": _parameters(operation),
        "responses": _responses(operation),
    }
    if operation.right is not Right.ANYONE:
        described["security"] = [{"token": []}]
        described["description"] = f"For {operation.right.value}."
    if operation.body:
        schema = {"$ref": SCHEMAS.format(model=operation.body.__name__)}
        described["requestBody"] = {
            "required": not operation.by_query,
            "content": {"application/json": {"schema": schema}},
        }
    return described


def _message() -> dict[str, Any]:
    """What a webhook receives."""
    said = {
        "webhook-id": "The message's id; a retry has the same.",
        "webhook-timestamp": "When it was sent, in seconds since the epoch.",
        "webhook-signature": (
            "`v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64; spaces separate several."
        ),
    }
    schema = {"$ref": SCHEMAS.format(model=WebhookMessage.__name__)}
    return {
        "summary": "An event in a tournament.",
        "description": "Sent to addresses that an organiser added, where webhooks are enabled.",
        "tags": ["v1"],
        "parameters": [_parameter("header", n, STRING, d, required=True) for n, d in said.items()],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "2XX": {"description": "Accepted."},
            "410": {"description": "Removes the webhook."},
            "default": {"description": "Retried for a day. Redirects are not followed."},
        },
    }


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found = []
    for kind, name in re.findall(r"<(?:(\w+):)?(\w+)>", operation.path):
        schema = {"type": "integer", "minimum": 0} if kind == "int" else STRING
        found.append(_parameter("path", name, schema, PARAMETERS[name], required=True))
    in_query = operation.query or (operation.body if operation.by_query else None)
    if in_query:
        shape = in_query.model_json_schema()
        for name, schema in shape["properties"].items():
            required = name in shape.get("required", ()) and not operation.by_query
            said = schema.pop("description", "")
            found.append(_parameter("query", name, schema, said, required=required))
    if operation.conditional:
        said = "The ETag that the caller saw; 412 if it has changed."
        found.append(_parameter("header", "If-Match", STRING, said))
    if operation.repeatable:
        said = "Calls with the same key run once and get the same response. Keep the key secret. "
        anonymous = operation.right is Right.ANYONE
        said += str(NO_ANONYMOUS_KEY if anonymous else NO_KEY)
        schema = STRING | {"pattern": f"^{(ANONYMOUS_KEY if anonymous else KEY).pattern}$"}
        found.append(_parameter("header", "Idempotency-Key", schema, said))
    return found


def _parameter(
    place: str, name: str, schema: dict[str, Any], said: str, required: bool = False
) -> dict[str, Any]:
    return {
        "in": place, "name": name, "schema": schema, "description": said, "required": required,
    }  # fmt: skip


def _responses(operation: Operation) -> dict[str, Any]:
    status = operation.status
    good: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    good["headers"] = _headers("X-Request-Id", *operation.headers)
    if operation.answer is not None:
        good["content"] = {operation.media: {"schema": _schema(operation.answer)}}
    responses = {str(status): good}
    for refusal in operation.statuses:
        extra = {401: ("WWW-Authenticate",), 412: ("ETag",), 429: ("Retry-After",)}
        extra[503] = extra[429]
        responses[str(refusal)] = {
            "description": HTTPStatus(refusal).phrase,
            "headers": _headers("X-Request-Id", *extra.get(refusal, ())),
            "content": {MEDIA_TYPE: {"schema": {"$ref": SCHEMAS.format(model="Problem")}}},
        }
    return responses


def _schema(answer: Any) -> dict[str, Any]:
    if answer in _models(answer):
        return {"$ref": SCHEMAS.format(model=answer.__name__)}
    schema = TypeAdapter(answer).json_schema(ref_template=SCHEMAS, mode="serialization")
    schema.pop("$defs", None)
    return schema


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


@bp.get("/openapi.json")
def openapi() -> ResponseReturnValue:
    return jsonify({**document(), "servers": [{"url": request.script_root or "/"}]})


@bp.get("/index.html")
def index() -> ResponseReturnValue:
    """Swagger UI."""
    return make_response(render_template("swagger/page.html", url=url_for("swagger.openapi")))
