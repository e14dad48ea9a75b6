"""Dashboards and alert rules: their schema, and that they query only what exists.

Kibana, Elasticsearch and Grafana do not run here; below are the parts of their schemas that we
use. promtool checks and runs the rules for Prometheus where it is installed.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.utils import floatToGoString
from yaml import CSafeLoader

from lct.web import metrics, requests

from .test_deploy import VERSIONS, check, variant

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "kube/observability"
DOCUMENT = (ROOT / "docs/operations.md").read_text()
DASHBOARDS = sorted((FOLDER / "dashboards").glob("*.json"))
RULES = sorted((FOLDER / "rules").glob("*.json"))
ECS = json.loads((FOLDER / "ecs-fields.json").read_text())["fields"]
# tests/test_logs.py compares this table with the log of an evening.
TYPES = "date|keyword|long|text|wildcard"
LOGGED = set(re.findall(rf"(?m)^\| `([@\w.]+)` \| (?:{TYPES}) \|", DOCUMENT))
SOURCE = "".join(path.read_text() for path in (ROOT / "lct").rglob("*.py"))


def ids(path: Path) -> str:
    return path.stem


# --- ES|QL ----------------------------------------------------------------------------------------

COMMANDS = {"FROM", "WHERE", "EVAL", "STATS", "INLINE", "SORT", "LIMIT", "KEEP"}
WORDS = COMMANDS | {"BY", "AND", "OR", "NOT", "IN", "IS", "NULL", "null", "ASC", "DESC", "minutes"}
FUNCTIONS = {
    "AVG", "BUCKET", "CASE", "CONCAT", "COUNT", "COUNT_DISTINCT", "GREATEST", "MAX", "MIN", "NOW",
    "PERCENTILE", "SUBSTRING", "TO_STRING",
}  # fmt: skip
TOKEN = re.compile(r'"[^"]*"|`[^`]+`|\?_t\w+|[@A-Za-z_][\w.]*|\d+(?:\.\d+)?|[<>=!]=|\S')


class Query:
    """The names in an ES|QL query of ours: fields, its own columns, texts and output columns."""

    def __init__(self, text: str) -> None:
        first, *self.steps = text.split(" | ")
        assert first == "FROM logs-lct-*", first
        self.own: set[str] = set()
        self.fields: set[str] = set()
        self.texts: set[str] = set()
        self.out: set[str] | None = None
        for step in self.steps:
            assert step.split()[0] in COMMANDS, step
            for left, right in ("()", "[]"):
                assert step.count(left) == step.count(right), step
            self._read(TOKEN.findall(step), step)

    def _read(self, tokens: list[str], step: str) -> None:
        new = set()
        for token, after in zip(tokens, [*tokens[1:], ""], strict=True):
            name = token.strip("`")
            if token.startswith('"'):
                self.texts.add(token.strip('"'))
            elif after == "(" and token[0].isalpha() and token not in WORDS:
                assert token in FUNCTIONS, f"unknown function {token}()"
            elif after == "=" and re.match(r"[`A-Za-z_]", token):
                new.add(name)
            elif token[0] == "`":
                assert name in self.own, f"{name} is not defined yet"
            elif re.match(r"[@A-Za-z_]", token) and token not in WORDS and name not in self.own:
                self.fields.add(token)
        self.own |= new
        if tokens[0] == "STATS":
            _, _, groups = step.partition(" BY ")
            self.out = new | set(re.findall(r"BUCKET\([^)]*\)|[^, ]+", groups))
        elif tokens[0] == "KEEP":
            self.out = {part.strip().strip("`") for part in step.removeprefix("KEEP").split(",")}
        elif self.out is not None:
            self.out |= new


def queries(value: Any) -> Iterator[str]:
    """Every ES|QL query in a dashboard or rule."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ("query", "esql"):
                yield inner
            else:
                yield from queries(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from queries(inner)


@pytest.mark.parametrize("path", [*DASHBOARDS, *RULES], ids=ids)
def test_a_query_names_only_what_we_log(path: Path) -> None:
    texts = list(queries(json.loads(path.read_text())))
    assert texts
    for text in texts:
        query = Query(text)
        assert query.fields - LOGGED == set(), text
        for said in query.texts - {"xx"}:
            known = f'"{said}"' in SOURCE or said in ("error", "critical", "live.now")
            assert known, f"{said} is never logged: {text}"


def test_every_action_that_is_logged_is_documented() -> None:
    row = re.search(r"(?m)^\| `event\.action` .*$", DOCUMENT)
    assert row
    logged = set(re.findall(r'"event\.action": "([\w.]+)"', SOURCE))
    assert set(re.findall(r"`(\w+\.\w+)`", row[0])) - {"event.action"} == logged


LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def keys_of_extra(module: ast.Module) -> Iterator[tuple[int, set[str]]]:
    """Each log call with ``extra=``: its line, and the literal keys that the module gives it."""
    made: dict[str, list[ast.expr]] = {}  # a variable, attribute or function -> its values
    for node in ast.walk(module):
        match node:
            case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)], value=value):
                made.setdefault(name, []).append(value)
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=key)]):
                made.setdefault(name, []).append(ast.Dict([key], [key]))
            case ast.FunctionDef(name=name):
                given = [each.value for each in ast.walk(node) if isinstance(each, ast.Return)]
                made.setdefault(name, []).extend(each for each in given if each)
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Attribute(attr=attr), keywords=keywords) if attr in LEVELS:
                for extra in (each.value for each in keywords if each.arg == "extra"):
                    yield node.lineno, keys(extra, made)


def keys(value: ast.expr, made: dict[str, list[ast.expr]]) -> set[str]:
    """The literal keys with a dot in an expression, and in what its names stand for."""
    found: set[str] = set()
    for node in ast.walk(value):
        match node:
            case ast.Dict(keys=given):
                texts = [each.value for each in given if isinstance(each, ast.Constant)]
                found |= {text for text in texts if isinstance(text, str) and "." in text}
            case ast.Name(id=name) | ast.Attribute(attr=name):
                rest = {each: values for each, values in made.items() if each != name}
                for inner in made.get(name, ()):
                    found |= keys(inner, rest)
    return found


def test_every_field_that_a_module_logs_is_in_the_index_template() -> None:
    template = json.loads((FOLDER / "index-template.json").read_text())
    mapped = set(template["template"]["mappings"]["properties"])
    calls = 0
    for path in (ROOT / "lct").rglob("*.py"):
        for line, found in keys_of_extra(ast.parse(path.read_text())):
            assert found, f"no key found: {path.name}:{line}"
            assert found <= mapped, f"{path.name}:{line}: {found - mapped}"
            calls += 1
    assert calls > 30


def test_the_endpoint_named_in_queries_exists() -> None:
    from lct.web import live  # its blueprint and function name the endpoint

    assert f"{live.bp.name}.{live.now.__name__}" == "live.now"


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('FROM logs-lct-* | WHERE http.request.id == "x"', {"http.request.id"}),
        ("FROM logs-lct-* | STATS `a b` = AVG(x.y) BY z | WHERE `a b` > 2", {"x.y", "z"}),
        ("FROM logs-lct-* | EVAL c = CASE(d > 1, e, null) | SORT c DESC", {"d", "e"}),
    ],
)
def test_the_fields_of_a_query_are_found(text: str, fields: set[str]) -> None:
    assert Query(text).fields == fields


def test_the_index_template_maps_every_field_as_ecs_does() -> None:
    template = json.loads((FOLDER / "index-template.json").read_text())
    mapped = template["template"]["mappings"]["properties"]
    assert set(mapped) == LOGGED
    for name, mapping in mapped.items():
        assert mapping == {"type": ECS.get(name, "keyword" if name.startswith("labels.") else "")}
    assert template["index_patterns"] == ["logs-lct-*"]


# --- dashboards -----------------------------------------------------------------------------------

# The part of the Dashboards API (Kibana 9.5) that we use: name -> the names allowed in it.
LAYERS = {"bar_stacked", "line"}
PANEL = {"type", "id", "grid", "config"}
CONFIG = {
    "metric": {"type", "data_source", "metrics"},
    "xy": {"type", "title", "axis", "legend", "layers"},
    "data_table": {"type", "title", "data_source", "rows", "metrics"},
}
FORMAT = {"type", "decimals", "suffix"}


def columns(config: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each data source of a panel, with the columns shown from it."""
    if config["type"] == "xy":
        for layer in config["layers"]:
            by = [layer["breakdown_by"]] if "breakdown_by" in layer else []
            yield layer["data_source"], [layer["x"], *layer["y"], *by]
    else:
        yield config["data_source"], [*config.get("rows", []), *config["metrics"]]


@pytest.mark.parametrize("path", DASHBOARDS, ids=ids)
def test_a_dashboard_matches_the_schema_of_the_api(path: Path) -> None:
    board = json.loads(path.read_text())
    assert set(board) == {"title", "description", "time_range", "panels"}
    assert set(board["time_range"]) == {"from", "to"}
    assert path.stem in DOCUMENT
    panel_ids = [panel["id"] for panel in board["panels"]]
    assert len(set(panel_ids)) == len(panel_ids)
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        config, grid = panel["config"], panel["grid"]
        assert set(panel) == PANEL
        assert panel["type"] == "vis"
        assert set(config) == CONFIG[config["type"]]
        assert set(grid) == {"x", "y", "w", "h"}
        assert grid["x"] + grid["w"] <= 48
        place = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not place & taken, f"{panel['id']} covers another panel"
        taken |= place
        check_columns(config)


# The predecessor's requirements, as patterns of the queries that meet them.
OVER_TIME = r".* BY BUCKET\(@timestamp, 75, \?_tstart, \?_tend\)"
REQUIRED = {
    "requests over time": rf"lct\.access.* STATS `Requests` = COUNT\(\*\){OVER_TIME}",
    "requests by id": r"STATS .* BY http\.request\.id",
    "load by pod": rf"STATS `Requests`{OVER_TIME}, host\.hostname",
    "average time": rf"AVG\(event\.duration\){OVER_TIME}",
    "p95 time": rf"PERCENTILE\(event\.duration, 95\){OVER_TIME}",
    "errors by kind": rf"STATS .*{OVER_TIME}, labels\.error_kind",
    "pods over time": rf"COUNT_DISTINCT\(host\.hostname\){OVER_TIME}",
    "places with refused input": r'labels\.error_kind == "validation".* BY labels\.route',
    "attempts at data of others": r'labels\.error_kind == "security".* BY labels\.route',
}


@pytest.mark.parametrize("requirement", REQUIRED)
def test_a_dashboard_meets_each_requirement(requirement: str) -> None:
    shown = [text for path in DASHBOARDS for text in queries(json.loads(path.read_text()))]
    assert [text for text in shown if re.search(REQUIRED[requirement], text)]


def test_the_rule_on_slow_requests_compares_with_the_days_average() -> None:
    rule = json.loads((FOLDER / "rules/slow-requests.json").read_text())["rule"]["params"]
    text = rule["esqlQuery"]["esql"]
    assert (rule["timeWindowSize"], rule["timeWindowUnit"]) == (1, "d")  # the day's average
    for part in ("base = AVG(event.duration)", "event.duration > 2 * base", "share > 5"):
        assert part in text


def check_columns(config: dict[str, Any]) -> None:
    for source, shown in columns(config):
        assert set(source) == {"type", "query"}
        assert source["type"] == "esql"
        query = Query(source["query"])
        assert query.out is not None
        for column in shown:
            assert column["column"] in query.out, f"{column} is no output of {source['query']}"
            assert set(column) <= {"column", "label", "format", "type"}
            assert set(column.get("format", FORMAT)) == FORMAT
    if config["type"] == "metric":
        assert [m["type"] for m in config["metrics"]] == ["primary"]
    if config["type"] == "xy":
        check_chart(config)


def check_chart(config: dict[str, Any]) -> None:
    (layer,) = config["layers"]
    assert layer["type"] in LAYERS
    assert set(layer) - {"breakdown_by"} == {"type", "data_source", "x", "y"}
    assert layer["x"]["column"] == "BUCKET(@timestamp, 75, ?_tstart, ?_tend)"
    # Kibana fills both in from the time picker; without the second the buckets have no ends.
    assert "@timestamp > ?_tstart AND @timestamp <= ?_tend" in layer["data_source"]["query"]
    assert config["axis"]["x"]["scale"] == "temporal"
    several = "breakdown_by" in layer or len(layer["y"]) > 1
    assert config["legend"]["visibility"] == ("visible" if several else "hidden")


# --- Kibana rules ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", RULES, ids=ids)
def test_a_rule_matches_the_schema_of_the_api(path: Path) -> None:
    said = json.loads(path.read_text())
    rule = said["rule"]
    assert set(said) == {"id", "rule"}
    assert UUID(said["id"]).version == 4
    assert path.stem in DOCUMENT
    assert set(rule) == {
        "name", "rule_type_id", "consumer", "enabled", "tags", "schedule", "actions", "params",
    }  # fmt: skip
    assert (rule["rule_type_id"], rule["consumer"]) == (".es-query", "stackAlerts")
    assert re.fullmatch(r"\d+[smhd]", rule["schedule"]["interval"])
    params = rule["params"]
    assert set(params) == {
        "searchType", "esqlQuery", "timeField", "timeWindowSize", "timeWindowUnit", "size",
        "threshold", "thresholdComparator", "aggType", "groupBy", "excludeHitsFromPreviousRun",
    }  # fmt: skip
    # Kibana accepts nothing else with ES|QL: each row of the result is an alert.
    assert (params["threshold"], params["thresholdComparator"]) == ([0], ">")
    assert (params["searchType"], params["timeField"]) == ("esqlQuery", "@timestamp")
    assert params["timeWindowUnit"] in "smhd"
    assert params["esqlQuery"]["esql"].split(" | ")[-1].startswith("WHERE ")


def test_no_two_rules_have_the_same_id() -> None:
    assert len({json.loads(path.read_text())["id"] for path in RULES}) == len(RULES) == 4


# --- the import -----------------------------------------------------------------------------------


class FakeKibana(ThreadingHTTPServer):
    """Stores what is sent; answers as Kibana does where the import depends on it."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.asked: list[tuple[str, str]] = []
        self.headers: list[Any] = []
        self.fault: tuple[int, dict[str, str]] | None = None
        super().__init__(("127.0.0.1", 0), Answers)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answers(BaseHTTPRequestHandler):
    server: FakeKibana

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fake, path = self.server, self.path
        fake.asked.append((self.command, path))
        fake.headers.append(self.headers)
        streams, templates = "/_data_stream/", "/_index_template/"
        if fake.fault:
            status, headers = fake.fault
            return self.say(status, {"message": "no, no"}, headers)
        if self.command == "GET":
            return self.say(200 if path in fake.kept else 404, fake.kept.get(path, {}))
        if path.startswith(streams):
            patterns = [
                pattern
                for there, kept in fake.kept.items()
                if there.startswith(templates) and "data_stream" in kept
                for pattern in kept["index_patterns"]
            ]
            if path in fake.kept or not any(
                fnmatch(path.removeprefix(streams), pattern) for pattern in patterns
            ):
                return self.say(400, {"message": "there already, or no template matches"})
        sent = json.loads(body or b"{}")
        if "/rule/" in path and self.command == "PUT":
            if {"rule_type_id", "consumer", "enabled"} & set(sent):
                return self.say(400, {"message": "definition for this key is missing"})
            sent = fake.kept[path] | sent
        elif "/rule/" in path and path in fake.kept:
            return self.say(409, {"message": "there already"})
        fake.kept[path] = sent
        return self.say(200, sent)

    do_GET = do_PUT = do_POST = answer

    def say(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def kibana() -> Iterator[FakeKibana]:
    fake = FakeKibana()
    threading.Thread(target=fake.serve_forever, daemon=True).start()
    yield fake
    fake.shutdown()
    fake.server_close()


def run_import(**environ: str) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(
        [sys.executable, FOLDER / "import_kibana.py"],
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )
    for secret in ("hush-key", "hush-word", "aHVzaC"):
        assert secret not in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    return ran


def test_the_import_puts_everything_and_may_be_run_again(kibana: FakeKibana) -> None:
    given = {"KIBANA_URL": kibana.url, "KIBANA_API_KEY": "hush-key"}
    both = {**given, "ELASTICSEARCH_URL": kibana.url}
    first = run_import(**both)
    assert first.returncode == 0, first.stderr
    assert len(first.stdout.splitlines()) == len(kibana.kept) == len(DASHBOARDS) + len(RULES) + 2
    assert {h["Authorization"] for h in kibana.headers} == {"ApiKey hush-key"}
    assert {h["kbn-xsrf"] for h in kibana.headers} == {"true"}
    rule = next(path for path in kibana.kept if "/rule/" in path)
    told = {"group": "query matched", "id": "mail", "params": {"message": "oh"}}
    kibana.kept[rule]["actions"] = [{**told, "connector_type_id": ".email"}]
    kibana.kept[rule]["enabled"] = False
    before = json.loads(json.dumps(kibana.kept))
    again = run_import(**both)
    assert again.returncode == 0, again.stderr
    assert kibana.kept.pop(rule) == before.pop(rule) | {"actions": [told]}
    assert kibana.kept == before


def test_what_rules_query_exists_before_the_first_rule(kibana: FakeKibana) -> None:
    """An ES|QL rule fails while its pattern matches nothing, and a rule runs once it is created."""
    given = {"KIBANA_URL": kibana.url, "KIBANA_API_KEY": "hush-key"}
    assert run_import(**given, ELASTICSEARCH_URL=kibana.url).returncode == 0
    put = [path for method, path in kibana.asked if method in ("PUT", "POST")]
    rule = next(number for number, path in enumerate(put) if "/rule/" in path)
    made = [path for path in put[:rule] if path.startswith("/_data_stream/logs-lct-")]
    assert len(made) == 1


def test_the_import_goes_to_the_named_space(kibana: FakeKibana) -> None:
    given = {"KIBANA_USER": "hush-word", "KIBANA_PASSWORD": "hush-key", "KIBANA_SPACE": "cup night"}
    assert run_import(KIBANA_URL=kibana.url, **given).returncode == 0
    assert {path.startswith("/s/cup%20night/api/") for path in kibana.kept} == {True}
    assert kibana.headers[0]["Authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ((401, {}), "PUT /api/dashboards/lct-one-request: 401 no, no"),
        ((302, {"Location": "http://127.0.0.1:1/"}), "PUT /api/dashboards/lct-one-request: 302"),
    ],
)
def test_the_import_reports_an_error_and_follows_no_redirect(
    kibana: FakeKibana, fault: Any, said: str
) -> None:
    kibana.fault = fault
    ran = run_import(KIBANA_URL=kibana.url, KIBANA_API_KEY="hush-key")
    assert ran.returncode == 1
    assert said in ran.stderr
    assert len(kibana.asked) == 1


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "Set KIBANA_API_KEY, or KIBANA_USER and KIBANA_PASSWORD."),
        ({"KIBANA_API_KEY": "hush-key"}, "Set KIBANA_URL."),
        ({"KIBANA_API_KEY": "k", "KIBANA_URL": "https://u:hush-word@x"}, "without a name and"),
        ({"KIBANA_API_KEY": "k", "KIBANA_URL": "file:///etc/passwd"}, "must be http(s)://"),
        ({"KIBANA_API_KEY": "k", "KIBANA_URL": "http://127.0.0.1:1"}, "URLError"),
    ],
)
def test_the_import_needs_an_address_and_credentials(environ: dict[str, str], said: str) -> None:
    ran = run_import(**environ)
    assert ran.returncode == 1
    assert said in ran.stderr


# --- Prometheus and Grafana -----------------------------------------------------------------------

PROMQL_WORDS = {
    "absent", "and", "by", "histogram_quantile", "increase", "max", "max_over_time", "min", "or",
    "rate", "sum", "topk", "unless",
}  # fmt: skip
PROMETHEUS = yaml.load((FOLDER / "prometheus-rules.yml").read_text(), CSafeLoader)["groups"]
PROMETHEUS_RULES: list[dict[str, Any]] = [rule for group in PROMETHEUS for rule in group["rules"]]
# A recorded name is level:metric:operation.
RECORDED = {
    rule["record"]: {"job", rule["record"].partition(":")[0]}
    for rule in PROMETHEUS_RULES
    if "record" in rule
}
SAMPLES: dict[str, set[str]] = {"up": {"job", "pod"}}  # name -> its labels
for each in vars(metrics).values():
    if isinstance(each, MetricWrapperBase):
        labels = {"job", "pod", *each._labelnames}
        (family,) = each.describe()
        if family.type == "histogram":
            SAMPLES[f"{family.name}_bucket"] = labels | {"le"}
            SAMPLES[f"{family.name}_sum"] = SAMPLES[f"{family.name}_count"] = labels
        else:
            SAMPLES[family.name + ("_total" if family.type == "counter" else "")] = labels


def check_promql(expression: str) -> None:
    """Fail on a name or label that no metric has, and on brackets that do not match."""
    for left, right in ("()", "[]", "{}"):
        assert expression.count(left) == expression.count(right), expression
    bare = re.sub(r'"[^"]*"', '""', expression)
    durations = re.findall(r"\[([^]]*)\]", bare)
    assert all(re.fullmatch(r"\d+[smhd](:\d+[smhd])?", each) for each in durations), durations
    bare = re.sub(r"\[[^]]*\]", "", bare)
    there = SAMPLES | RECORDED
    named = set(re.findall(r"(\w+)\s*\{", bare))
    groups = re.findall(r"\bby \(([^)]*)\)", bare)
    matchers = re.findall(r"(\w+)\s*\{([^}]*)\}", bare)
    for name, inside in matchers:
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", inside))
        assert labels <= there.get(name, set()), f"{name} has no {labels}"
    rest = re.sub(r"\{[^}]*\}|\bby \([^)]*\)", "", bare)
    words = set(re.findall(r"[A-Za-z_][\w:]*", rest)) | named
    used = words - PROMQL_WORDS
    assert used <= set(there), f"there is no {used - set(there)}"
    known = set().union(*(there[name] for name in used))
    assert {label.strip() for group in groups for label in group.split(",")} <= known, expression


@pytest.mark.parametrize(
    "wrong",
    [
        "sum(lct_sokets)",
        'sum(lct_errors_total{sort="service"})',
        "sum by (color) (lct_sockets)",
        "sum(rate(lct_request_seconds_count[5 minutes]))",
        "sum(rate(lct_request_seconds_count[5m])",
        "summe(lct_sockets)",
        "sum(route:lct_request_seconds:avg2d)",
        "sum by (status) (route:lct_request_seconds:avg1d)",
    ],
)
def test_a_wrong_expression_is_found(wrong: str) -> None:
    with pytest.raises(AssertionError):
        check_promql(wrong)


def alerts() -> dict[str, dict[str, str]]:
    """The alerts of prometheus-rules.yml: name -> expr, severity, summary."""
    return {
        rule["alert"]: {"expr": rule["expr"], **rule["labels"], **rule["annotations"]}
        for rule in PROMETHEUS_RULES
        if "alert" in rule
    }


def test_the_alerts_for_prometheus_use_our_metrics_and_are_documented() -> None:
    found = alerts()
    assert len(found) >= 6
    for name, alert in found.items():
        assert alert["severity"] in ("page", "ticket")
        assert alert["summary"].endswith(".")
        assert f"`{name}`" in DOCUMENT
    assert set(re.findall(r"`(Lct\w+)`", DOCUMENT)) == set(found)


@pytest.mark.parametrize("rule", PROMETHEUS_RULES, ids=lambda rule: next(iter(rule.values())))
def test_a_rule_for_prometheus_also_works_with_scrapes_of_60_seconds(rule: dict[str, Any]) -> None:
    check_promql(rule["expr"])
    # increase() and rate() need two samples.
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    for number, unit in re.findall(r"\[(\d+)([smhd])[]:]", rule["expr"]):
        assert int(number) * units[unit] >= 120
    bounds = {floatToGoString(bound) for bound in metrics.SECONDS}
    assert set(re.findall(r'\ble="([^"]*)"', rule["expr"])) <= bounds


def test_slow_requests_are_those_of_guests() -> None:
    (counted,) = [
        rule for rule in PROMETHEUS_RULES if rule.get("record") == "route:lct_requests:increase5m"
    ]
    without = re.search(r'route!~"([^"]*)"', counted["expr"])
    assert without
    assert set(without[1].split("|")) == requests.QUIET


def test_an_event_stream_of_the_api_is_no_screen_without_a_websocket() -> None:
    kibana = json.loads((FOLDER / "rules/websockets-not-working.json").read_text())
    (text,) = queries(kibana)
    assert 'labels.view != "announce"' in text
    expression = alerts()["LctWebsocketsNotWorking"]["expr"]
    assert expression.count("lct_sockets") == expression.count('view!="announce"') == 3


def test_each_alert_of_the_road_map_is_in_both_systems() -> None:
    rows = re.findall(r"(?m)^\| (\w[^|`]*) \| (`[a-z-]+`[^|]*) \| (`Lct[^|]*) \|$", DOCUMENT)
    assert {asked for asked, *_ in rows} >= {
        "5 % of the requests take longer than average",
        "the database is lost",
        "websockets do not work",
    }
    for _, kibana, prometheus in rows:
        assert set(re.findall(r"`([a-z-]+)`", kibana)) <= {path.stem for path in RULES}
        assert set(re.findall(r"`(Lct\w+)`", prometheus)) <= set(alerts())


def run_tool(command: str) -> None:
    ran = subprocess.run(command.split(), cwd=FOLDER, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_promtool_agrees_and_the_alerts_fire_when_they_should() -> None:
    run_tool("promtool check rules prometheus-rules.yml")
    run_tool("promtool test rules prometheus-rules-test.yml")


@pytest.mark.skipif(not shutil.which("amtool"), reason="amtool is not installed")
def test_amtool_agrees() -> None:
    run_tool("amtool check-config alertmanager.yml")


def test_somebody_is_told_of_every_severity() -> None:
    said = yaml.load((FOLDER / "alertmanager.yml").read_text(), CSafeLoader)
    receivers = {each["name"]: each for each in said["receivers"]}
    told = {}
    for severity in {alert["severity"] for alert in alerts().values()}:
        found = [
            each for each in said["route"]["routes"] if f'severity="{severity}"' in each["matchers"]
        ]
        route = found[0] if found else said["route"]
        told[severity] = route["receiver"]
        assert [name for name, to in receivers[told[severity]].items() if name != "name" and to]
    assert len(set(told.values())) == len(told) == 2
    scrape = yaml.load((FOLDER / "prometheus-scrape.yml").read_text(), CSafeLoader)
    assert scrape["alerting"]["alertmanagers"]


def test_the_dashboard_for_grafana_uses_our_metrics() -> None:
    board = json.loads((FOLDER / "grafana-dashboard.json").read_text())
    variables = {variable["name"] for variable in board["templating"]["list"]}
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 10
    shown = set()
    for panel in panels:
        assert panel["type"] in ("timeseries", "stat")
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        for target in panel["targets"]:
            check_promql(target["expr"])
            shown |= set(re.findall(r"\blct_\w+", target["expr"]))
            assert set(re.findall(r"\$(\w+)", target["expr"])) <= variables
            legend = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert legend <= set(re.findall(r"\w+", target["expr"]))
        assert panel["datasource"]["uid"] == "${datasource}"
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    assert families == {re.sub(r"_(bucket|sum|count)$", "", name) for name in SAMPLES} - {"up"}


def scrape_job() -> dict[str, Any]:
    (job,) = yaml.load((FOLDER / "prometheus-scrape.yml").read_text(), CSafeLoader)[
        "scrape_configs"
    ]
    assert job["job_name"] == "lct"
    return dict(job)


def test_prometheus_reads_the_token_from_a_file() -> None:
    assert set(scrape_job()["authorization"]) == {"type", "credentials_file"}


@pytest.mark.parametrize(
    ("changed", "scraped"),
    [
        ({}, True),
        ({"pod_phase": "Failed"}, False),  # evicted: it stays in the list
        ({"pod_phase": "Succeeded"}, False),
        ({"pod_phase": "Pending"}, False),
        ({"pod_label_app": "redis"}, False),
        ({"pod_container_port_number": "6379"}, False),
    ],
)
def test_prometheus_scrapes_each_running_pod(changed: dict[str, str], scraped: bool) -> None:
    template = variant("azure").find("Deployment", "lct")["spec"]["template"]
    (port,) = template["spec"]["containers"][0]["ports"]
    pod = {
        "pod_label_app": template["metadata"]["labels"]["app"],
        "pod_container_port_number": str(port["containerPort"]),
        "pod_phase": "Running",
        "pod_name": "lct-1",
    } | changed
    kept = True
    for rule in scrape_job()["relabel_configs"]:
        value = ";".join(
            pod[label.removeprefix("__meta_kubernetes_")] for label in rule["source_labels"]
        )
        assert rule.get("action", "replace") in ("keep", "replace")
        if rule.get("action") == "keep":
            kept = kept and bool(re.fullmatch(rule["regex"], value))
    assert kept is scraped


def test_prometheus_may_list_the_pods_of_our_namespace_and_of_no_other() -> None:
    ours = variant("azure").find("Deployment", "lct")["metadata"]["namespace"]
    (discovery,) = scrape_job()["kubernetes_sd_configs"]
    assert discovery == {"role": "pod", "namespaces": {"names": [ours]}}
    role, binding = yaml.load_all((FOLDER / "prometheus-access.yml").read_text(), CSafeLoader)
    for each in (role, binding):
        assert each["metadata"]["namespace"] == ours
        for version in VERSIONS:
            check(each, version)
    (rule,) = role["rules"]
    assert (rule["apiGroups"], rule["resources"]) == ([""], ["pods"])
    assert {"list", "watch"} <= set(rule["verbs"]) <= {"get", "list", "watch"}
    assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == (
        role["kind"], role["metadata"]["name"],
    )  # fmt: skip


# --- all files ------------------------------------------------------------------------------------


def test_every_metric_that_a_file_names_exists() -> None:
    known = set(SAMPLES) | {re.sub(r"_(?:bucket|sum|count)$", "", name) for name in SAMPLES}
    pages, scripts = ROOT.glob("docs/*.md"), ROOT.glob("kube/*.*")
    for path in [ROOT / "azure-pipelines.yml", *pages, *scripts, *FOLDER.rglob("*.*")]:
        named = re.findall(r"\blct_\w+_(?:total|seconds|bucket|sum|count)\b", path.read_text())
        assert set(named) <= known, path


def test_no_file_names_a_host_or_holds_a_secret() -> None:
    for path in FOLDER.rglob("*.*"):
        text = path.read_text()
        assert not re.search(r"(?i)https?://(?!\.\.\.)[\w.-]+\.\w", text), path
        assert not re.search(
            r"(?i)(password|api_key|token)\s*[:=]\s*[\"']?(?!environ)\w{6,}", text
        ), path
