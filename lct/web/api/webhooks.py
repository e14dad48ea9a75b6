"""Adding, listing and removing webhooks. Off unless LCT_WEBHOOKS is true."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field

from ...application.messages import WebhookAdded
from ...domain.errors import Invalid, UnknownWebhook, WebhooksAreOff
from ...domain.rights import Right
from ...domain.values import LONGEST_URL
from ..app import app
from ..identity import derived
from ..limits import tap
from .bodies import shown
from .operation import Call, Table
from .repeats import ANOTHER_CALL, once

if TYPE_CHECKING:  # the web imports no driver
    from ...infrastructure.documents import WebhookDocument
    from ...webhooks import Webhooks

log = logging.getLogger(__name__)

api = Table("api_webhooks", "/api/v1")
T = "/tournaments/<code>/webhooks"
HOST = {"right": Right.ORGANISER}


class NewWebhook(BaseModel):
    model_config = shown(url="https://receiver.example/lct")

    url: str = Field(description="The address to POST to; https only.", max_length=LONGEST_URL)


class Webhook(BaseModel):
    id: str
    url: str
    state: Literal["on", "retrying", "failed"] = Field(
        description="failed: no message got through for a day; remove it and add it again."
    )
    seq: int = Field(description="The place of the last event delivered to it.")
    tries: int = Field(description="Failed tries of the next message so far.")
    next_at: datetime | None = Field(description="When that message is tried again.")
    reason: str = Field(description="Why the last try failed.")


class AddedWebhook(Webhook):
    secret: str = Field(description="The secret that signs messages; shown only here.")


class WebhookMessage(BaseModel):
    """A message to a webhook. Receivers should ignore types and fields that they do not know."""

    type: str = Field(description="The event's type, as in the history, or draw-over.")
    code: str
    seq: int = Field(description="The event's place; for draw-over, the last sent event's.")
    version: int = Field(description="The tournament's version right after that event.")
    at: datetime
    data: dict[str, Any] = Field(description="The event's public fields.")


def _webhooks() -> Webhooks:
    webhooks = app().webhooks
    if webhooks is None:
        raise WebhooksAreOff
    return webhooks


def _facts(hook: WebhookDocument) -> dict[str, Any]:
    waits = hook.tries and not hook.failed
    return {
        "id": hook.hook,
        "url": hook.url,
        "state": "failed" if hook.failed else "retrying" if hook.tries else "on",
        "seq": hook.seq,
        "tries": hook.tries,
        "next_at": datetime.fromtimestamp(hook.next_at / 1000, UTC) if waits else None,
        "reason": hook.reason,
    }


@api.operation(
    "POST", T, **HOST, status=201, body=NewWebhook, answer=AddedWebhook, refusals=(409,),
    repeatable=True,
)  # fmt: skip
def add_webhook(call: Call) -> Any:
    """Send every event from now on to an address, signed. At most 5 webhooks."""
    webhooks, code, url = _webhooks(), call.t.code, call.body.url
    tap(call.caller.id)
    hook_id = derived("webhook-id", once(call).command_id.partition(".")[0]).hex()[:16]
    hook = webhooks.add(app().store.stream(code), hook_id, url, call.caller.id)
    if hook.url != url:
        raise Invalid(**ANOTHER_CALL)
    app().bus.send(WebhookAdded(code))
    log.info("webhook added", extra={"labels.tournament": code, "url.domain": hook.host})
    return AddedWebhook(**_facts(hook), secret=webhooks.secret(hook))


@api.operation("GET", T, **HOST, name="webhooks", answer=list[Webhook])
def list_webhooks(call: Call) -> Any:
    """The webhooks, and the state of their deliveries."""
    return [Webhook(**_facts(hook)) for hook in _webhooks().of(call.t.code)]


@api.operation("DELETE", f"{T}/<webhook>", **HOST, status=204)
def remove_webhook(call: Call) -> Any:
    """Remove a webhook."""
    webhooks = _webhooks()
    tap(call.caller.id)
    if not webhooks.remove(call.t.code, call.path["webhook"]):
        raise UnknownWebhook
    log.info("webhook removed", extra={"labels.tournament": call.t.code})
