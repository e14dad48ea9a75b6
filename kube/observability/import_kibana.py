#!/usr/bin/env python3
"""Put the dashboards and alert rules of this folder into Kibana 9.5 or newer, or update them.

    KIBANA_URL=https://...  KIBANA_API_KEY=...  python3 kube/observability/import_kibana.py

KIBANA_USER and KIBANA_PASSWORD can replace KIBANA_API_KEY. KIBANA_SPACE names a space other than
the default. With ELASTICSEARCH_URL set, the index template is installed there with the same
credentials, and an empty data stream is created: do that once, before the first log line arrives.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

FOLDER = Path(__file__).parent
DATA_STREAM = "logs-lct-default"
# Fields that an update must omit: they are fixed when the rule is created, or switched by hand.
FIXED = ("rule_type_id", "consumer", "enabled")


class Refused(Exception):
    """A server refused or did not answer; the text is one line without credentials."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The credentials are for one address only."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Server:
    """Kibana or Elasticsearch at one address."""

    def __init__(self, url: str, authorization: str) -> None:
        if urlsplit(url).scheme not in ("http", "https") or "@" in urlsplit(url).netloc:
            raise Refused("An address must be http(s)://..., without a name and password in it.")
        self.url, self._authorization = url.rstrip("/"), authorization
        self._opener = urllib.request.build_opener(_NoRedirect)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of the answer, None for a 404."""
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
            self.url + path,
            None if body is None else json.dumps(body).encode(),
            {
                "Authorization": self._authorization,
                "Content-Type": "application/json",
                "kbn-xsrf": "true",
            },
            method=method,
        )
        try:
            with self._opener.open(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404 and method == "GET":
                return None
            raise Refused(f"{method} {path}: {error.code} {_reason(error)}") from None
        except (OSError, ValueError) as error:
            raise Refused(f"{method} {path}: {type(error).__name__}") from None


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        said = json.loads(error.read())
        return str(said.get("message") or said.get("error") or "")[:500]
    except (ValueError, OSError, AttributeError):
        return ""


def put_template(elasticsearch: Server) -> str:
    """Declare the types of our fields, so that queries may use fields that no line has had yet."""
    template = json.loads((FOLDER / "index-template.json").read_text(encoding="utf-8"))
    elasticsearch.ask("PUT", "/_index_template/logs-lct", template)
    return "index template logs-lct"


def put_data_stream(elasticsearch: Server) -> str:
    """Create the data stream, unless it exists: ES|QL fails while no index matches its pattern."""
    if elasticsearch.ask("GET", f"/_data_stream/{DATA_STREAM}") is None:
        elasticsearch.ask("PUT", f"/_data_stream/{DATA_STREAM}")
    return f"data stream {DATA_STREAM}"


def put_dashboard(kibana: Server, space: str, file: Path) -> str:
    """Create or replace the dashboard; its id is the file's name."""
    body = json.loads(file.read_text(encoding="utf-8"))
    kibana.ask("PUT", f"{space}/api/dashboards/{file.stem}", body)
    return f"dashboard {file.stem}"


def put_rule(kibana: Server, space: str, file: Path) -> str:
    """Create or update the rule. Its actions are set in Kibana, and kept."""
    said = json.loads(file.read_text(encoding="utf-8"))
    path, rule = f"{space}/api/alerting/rule/{said['id']}", said["rule"]
    there = kibana.ask("GET", path)
    if there is None:
        kibana.ask("POST", path, rule)
    else:
        actions = [
            {name: value for name, value in action.items() if name != "connector_type_id"}
            for action in there.get("actions", [])
        ]
        kept = {name: value for name, value in rule.items() if name not in FIXED}
        kibana.ask("PUT", path, {**kept, "actions": actions})
    return f"rule {file.stem}"


def authorization(environ: Mapping[str, str]) -> str:
    """The Authorization header from the environment's credentials."""
    if key := environ.get("KIBANA_API_KEY"):
        return f"ApiKey {key}"
    user, password = environ.get("KIBANA_USER"), environ.get("KIBANA_PASSWORD")
    if not (user and password):
        raise Refused("Set KIBANA_API_KEY, or KIBANA_USER and KIBANA_PASSWORD.")
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def main(environ: Mapping[str, str] = os.environ) -> int:
    try:
        shown = authorization(environ)
        if not (url := environ.get("KIBANA_URL")):
            raise Refused("Set KIBANA_URL.")
        kibana = Server(url, shown)
        space = f"/s/{quote(name, safe='')}" if (name := environ.get("KIBANA_SPACE")) else ""
        if where := environ.get("ELASTICSEARCH_URL"):
            elasticsearch = Server(where, shown)
            print("put", put_template(elasticsearch))
            print("put", put_data_stream(elasticsearch))
        for file in sorted((FOLDER / "dashboards").glob("*.json")):
            print("put", put_dashboard(kibana, space, file))
        for file in sorted((FOLDER / "rules").glob("*.json")):
            print("put", put_rule(kibana, space, file))
    except Refused as refusal:
        print(f"import_kibana: {refusal}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
