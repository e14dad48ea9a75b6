"""Image, compose file, manifests and pipeline: valid for their tools, and in line with the app.

Neither a cluster nor a container engine is needed. The linters are hadolint, check-jsonschema,
compose-lint, yamllint and kubernetes-validate; the other tests check what these cannot know.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from yaml import CSafeLoader

from lct.cli import commands
from lct.config import Settings
from lct.web import health

from .http_client import app_here
from .kustomize import Object, Rendered, render

ROOT = Path(__file__).parent.parent
KUBE = ROOT / "kube"
GUIDE = (ROOT / "docs/deploy.md").read_text()
COMPOSE = yaml.load((ROOT / "docker-compose.yml").read_text(), CSafeLoader)
PIPELINE_FILE = ROOT / "azure-pipelines.yml"
VERSIONS = ("1.34", "1.36")

COMPONENTS = (KUBE / "components/gateway", KUBE / "components/retention")
VARIANTS: dict[str, tuple[Path, tuple[Path, ...]]] = {
    "local": (KUBE / "overlays/local", ()),
    "local with components": (KUBE / "overlays/local", COMPONENTS),
    "azure": (KUBE / "overlays/azure", ()),
    "azure with components": (KUBE / "overlays/azure", COMPONENTS),
}
LOGS = render(KUBE / "logs")
VARIABLES = {f.metadata["variable"]: f for f in fields(Settings)}


@cache
def variant(name: str) -> Rendered:
    return render(*VARIANTS[name])


@pytest.fixture(params=VARIANTS)
def made(request: pytest.FixtureRequest) -> Rendered:
    return variant(request.param)


def tool(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a tool of the development environment, in the checkout."""
    command = [str(Path(sys.executable).parent / name), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def passes(name: str, *arguments: str | Path) -> None:
    done = tool(name, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def kubectl(*arguments: str | Path, **environ: str) -> list[Object]:
    """The objects that a command prints, without the hashes in names of ConfigMaps."""
    done = subprocess.run(
        [*map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, **environ},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    unhashed = re.sub(r"\b(lct-config|mongo-init|filebeat)-[0-9a-z]{10}\b", r"\1", done.stdout)
    return [o for o in yaml.load_all(unhashed, CSafeLoader) if o]


needs_kubectl = pytest.mark.skipif(not shutil.which("kubectl"), reason="there is no kubectl here")


def pods(made: Rendered) -> Iterator[tuple[Object, Object]]:
    """Every workload with its pod template."""
    for each in made.objects:
        match each["kind"]:
            case "Deployment" | "StatefulSet" | "Job":
                yield each, each["spec"]["template"]
            case "CronJob":
                yield each, each["spec"]["jobTemplate"]["spec"]["template"]


def containers(made: Rendered) -> Iterator[tuple[str, Object, Object]]:
    """(name for messages, pod's spec, container) for every container."""
    for workload, template in pods(made):
        spec = template["spec"]
        for each in [*spec.get("initContainers", ()), *spec["containers"]]:
            yield f"{workload['metadata']['name']}/{each['name']}", spec, each


def of_kind(made: Rendered, *kinds: str) -> list[Object]:
    return [each for each in made.objects if each["kind"] in kinds]


def selects(selector: Object, labels: dict[str, str]) -> bool:
    expressions = selector.get("matchExpressions", ())
    assert all(each["operator"] == "In" for each in expressions)
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(each["key"]) in each["values"] for each in expressions
    )


def walk(value: Any) -> Iterator[Any]:
    yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, (dict, list)):
            yield from walk(inner)


# --- linters and schemas --------------------------------------------------------------------------


def test_the_dockerfile_passes_hadolint() -> None:
    passes("hadolint", "Dockerfile")


def test_the_compose_file_fits_its_schema() -> None:
    passes("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")


def test_the_pipeline_fits_its_schema() -> None:
    passes(
        "check-jsonschema", "--builtin-schema", "vendor.azure-pipelines",
        "--data-transform", "azure-pipelines", "--regex-variant", "nonunicode", PIPELINE_FILE,
    )  # fmt: skip


def test_the_yaml_is_tidy() -> None:
    rules = {
        "document-start": "disable",
        "truthy": {"check-keys": False},  # pipelines have a key `on`
        "line-length": {"max": 160},
        "comments": {"min-spaces-from-content": 1},
    }
    passes(
        "yamllint", "--strict", "-d", json.dumps({"extends": "default", "rules": rules}),
        "docker-compose.yml", "azure-pipelines.yml", "kube",
    )  # fmt: skip


def test_compose_lint_finds_nothing_serious_but_the_intended_exception() -> None:
    done = tool("compose-lint", "check", "--no-env", "--format", "json", "docker-compose.yml")
    found = json.loads(done.stdout)
    serious = {
        (each["service"], each["rule_id"])
        for each in walk(found)
        if isinstance(each, dict)
        and each.get("severity") in ("high", "critical")
        # Below /root or /home, the checkout's own files count as sensitive.
        and str(ROOT) not in each["message"]
    }
    # The shipper's only job is to read Docker's log files.
    assert serious == {("shipper", "CL-0013")}


# A closed schema for the parts of each custom resource that we use.
NAME = {"type": "string", "pattern": "^[a-z0-9-]+$"}


def only(**properties: Any) -> Object:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in ("secretObjects",)],
        "additionalProperties": False,
    }


def some(kind: Object) -> Object:
    return {"type": "array", "items": kind, "minItems": 1}


def either(*kinds: Object) -> Object:
    return {"oneOf": list(kinds)}


def optional(kind: Object, *names: str) -> Object:
    return {**kind, "required": [name for name in kind["required"] if name not in names]}


LISTENER = optional(
    only(
        name=NAME,
        protocol={"enum": ["HTTP", "HTTPS"]},
        port={"type": "integer"},
        tls=only(
            mode={"const": "Terminate"},
            certificateRefs=some(only(kind={"const": "Secret"}, name=NAME)),
        ),
        allowedRoutes=only(namespaces=only(**{"from": {"enum": ["Same", "All"]}})),
    ),
    "tls",
)
REDIRECT = only(
    type={"const": "RequestRedirect"},
    requestRedirect=only(scheme={"const": "https"}, statusCode={"enum": [301, 302]}),
)
MATCH = only(path=only(type={"const": "PathPrefix"}, value={"type": "string", "pattern": "^/"}))
CUSTOM = {
    "SecretProviderClass": (
        "secrets-store.csi.x-k8s.io/v1",
        only(
            provider={"const": "azure"},
            parameters=only(
                usePodIdentity={"const": "false"},
                keyvaultName={"type": "string"},
                tenantId={"type": "string"},
                clientID={"type": "string"},
                objects={"type": "string"},
            ),
            secretObjects=some(
                only(
                    secretName=NAME,
                    type={"const": "Opaque"},
                    data=some(only(objectName=NAME, key={"type": "string"})),
                )
            ),
        ),
    ),
    "Gateway": (
        "gateway.networking.k8s.io/v1",
        only(
            gatewayClassName=NAME,
            infrastructure=only(
                parametersRef=only(group={"const": ""}, kind={"const": "ConfigMap"}, name=NAME),
                # At most eight, says the standard.
                annotations={
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                    "maxProperties": 8,
                },
            ),
            listeners=some(LISTENER),
        ),
    ),
    "CiliumNetworkPolicy": (
        "cilium.io/v2",
        only(
            endpointSelector={"const": {}},
            egress=some(
                only(
                    toEntities=some({"enum": ["host"]}),
                    toPorts=some(
                        only(
                            ports=some(
                                only(
                                    port={"type": "string", "pattern": "^[0-9]+$"},
                                    protocol={"enum": ["TCP", "UDP"]},
                                )
                            )
                        )
                    ),
                )
            ),
        ),
    ),
    "HTTPRoute": (
        "gateway.networking.k8s.io/v1",
        only(
            parentRefs=some(only(name=NAME, sectionName=NAME)),
            rules=some(
                either(
                    only(
                        matches=some(MATCH),
                        backendRefs=some(only(name=NAME, port={"type": "integer"})),
                    ),
                    only(filters=some(REDIRECT)),
                )
            ),
        ),
    ),
}


def check(each: Object, version: str) -> None:
    """Fail unless this version of Kubernetes would accept the object."""
    import jsonschema  # takes a second, which every process would need
    import kubernetes_validate

    if each["kind"] in CUSTOM:
        api, schema = CUSTOM[each["kind"]]
        assert each["apiVersion"] == api
        jsonschema.Draft202012Validator(schema).validate(each["spec"])
    else:
        # An unknown kind or version is an error here, where the command line only warns.
        kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_would_accept_every_object(made: Rendered, version: str) -> None:
    for each in made.objects:
        check(each, version)


@pytest.mark.parametrize(
    "broken",
    [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"portz": []}},
        {"apiVersion": "autoscaling/v2beta2", "kind": "HorizontalPodAutoscaler",
         "metadata": {"name": "x"}},
        {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {},
         "spec": {"gatewayClassName": "x", "listners": []}},
    ],
)  # fmt: skip
def test_the_check_rejects_a_broken_object(broken: Object) -> None:
    import jsonschema
    import kubernetes_validate

    with pytest.raises((
        kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError,
        jsonschema.ValidationError,
    )):  # fmt: skip
        check(broken, VERSIONS[0])


# --- kustomize ------------------------------------------------------------------------------------


def test_every_manifest_is_used() -> None:
    used = set().union(LOGS.files, *(variant(name).files for name in VARIANTS))
    folders = ("base", "overlays", "components", "logs")
    there = {path for folder in folders for path in (KUBE / folder).rglob("*") if path.is_file()}
    assert there == used
    mounted = {
        path for path in KUBE.glob("compose/*") if f"./{path.relative_to(ROOT)}:" in str(COMPOSE)
    }
    assert mounted == set(KUBE.glob("compose/*"))


def by_name(objects: list[Object]) -> dict[tuple[str, str], Object]:
    return {(o["kind"], o["metadata"]["name"]): o for o in objects}


@needs_kubectl
@pytest.mark.parametrize("folder", ["overlays/local", "overlays/azure", "logs"])
def test_kubectl_renders_the_same_objects(folder: str) -> None:
    real = kubectl("kubectl", "kustomize", f"kube/{folder}")
    assert by_name(real) == by_name(render(KUBE / folder).objects)


AZURE = {
    "IMAGE": "registry.example/lct", "TAG": "77", "PUBLIC_URL": "https://cup.example",
    "KEY_VAULT": "kv-lct", "TENANT_ID": "a-tenant", "CLIENT_ID": "a-client", "DNS_LABEL": "cup",
}  # fmt: skip


@needs_kubectl
def test_the_script_for_azure_fills_in_every_value() -> None:
    made = kubectl("sh", "kube/azure.sh", **AZURE, COMPONENTS="gateway retention")
    for each in made:
        check(each, VERSIONS[0])
    assert set(by_name(made)) == set(by_name(variant("azure with components").objects))
    text = yaml.dump_all(made)
    assert "set-by-azure-sh" not in text
    for value in AZURE.values():
        assert value in text
    assert not re.search(r"image: lct:", text)
    assert not list(KUBE.glob("overlays/made-*"))


def test_the_script_for_azure_names_a_missing_variable() -> None:
    kept = {name: value for name, value in os.environ.items() if name not in AZURE}
    done = subprocess.run(
        ["sh", "kube/azure.sh"], cwd=ROOT, capture_output=True, text=True, check=False, env=kept
    )
    assert done.returncode != 0
    assert "IMAGE" in done.stderr
    assert done.stdout == ""


# --- references between objects -------------------------------------------------------------------


def test_selectors_find_their_pods(made: Rendered) -> None:
    labels = {w["metadata"]["name"]: t["metadata"]["labels"] for w, t in pods(made)}

    def found(selector: Object) -> list[str]:
        return [name for name, given in labels.items() if selects(selector, given)]

    for each in of_kind(made, "Deployment", "StatefulSet"):
        assert found(each["spec"]["selector"]) == [each["metadata"]["name"]]
    for each in of_kind(made, "Service"):
        assert found({"matchLabels": each["spec"]["selector"]}) == [each["metadata"]["name"]]
    for each in of_kind(made, "PodDisruptionBudget"):
        assert found(each["spec"]["selector"]) == [each["metadata"]["name"]]
    for each in of_kind(made, "NetworkPolicy"):
        peers = [p for p in walk(each["spec"]) if isinstance(p, dict) and "podSelector" in p]
        for peer in peers:
            selector = peer["podSelector"]
            if "gateway.networking.k8s.io/gateway-name" not in selector.get("matchLabels", {}):
                assert found(selector), each["metadata"]["name"]
    for _, template in pods(made):
        for spread in template["spec"].get("topologySpreadConstraints", ()):
            assert selects(spread["labelSelector"], template["metadata"]["labels"])


def test_referenced_ports_and_targets_exist(made: Rendered) -> None:
    scaled = of_kind(made, "HorizontalPodAutoscaler")[0]["spec"]["scaleTargetRef"]
    target = made.find(scaled["kind"], scaled["name"])
    assert target["apiVersion"] == scaled["apiVersion"]
    assert "replicas" not in target["spec"]  # it would undo the autoscaler's work
    ports = {
        name.partition("/")[0]: {p["name"]: p["containerPort"] for p in each["ports"]}
        for name, _, each in containers(made)
        if "ports" in each
    }
    for each in of_kind(made, "Service"):
        for port in each["spec"]["ports"]:
            assert port["targetPort"] in ports[each["metadata"]["name"]]
    for each in of_kind(made, "StatefulSet"):
        assert made.find("Service", each["spec"]["serviceName"])["spec"]["clusterIP"] == "None"
    for each in of_kind(made, "HTTPRoute"):
        listeners = {one["name"] for one in made.find("Gateway", "lct")["spec"]["listeners"]}
        for parent in each["spec"]["parentRefs"]:
            assert (parent["name"], parent["sectionName"] in listeners) == ("lct", True)
        for backend in walk(each["spec"]):
            if isinstance(backend, dict) and "backendRefs" in backend:
                for ref in backend["backendRefs"]:
                    service = made.find("Service", ref["name"])
                    assert ref["port"] in {p["port"] for p in service["spec"]["ports"]}


SECRETS = {"lct-secrets", "mongo-secrets", "lct-tls"}


def test_everything_that_pods_refer_to_exists(made: Rendered) -> None:
    for name, spec, each in containers(made):
        volumes = {volume["name"]: volume for volume in spec.get("volumes", ())}
        for mount in each.get("volumeMounts", ()):
            claimed = mount["name"] == "data" and name == "mongo/mongo"
            assert mount["name"] in volumes or claimed, name
        for volume in volumes.values():
            if "configMap" in volume:
                made.find("ConfigMap", volume["configMap"]["name"])
            if "csi" in volume:
                wanted = volume["csi"]["volumeAttributes"]["secretProviderClass"]
                made.find("SecretProviderClass", wanted)
            if "secret" in volume:
                assert volume["secret"]["secretName"] in SECRETS
        for source in each.get("envFrom", ()):
            made.find("ConfigMap", source["configMapRef"]["name"])
        if "serviceAccountName" in spec:
            made.find("ServiceAccount", spec["serviceAccountName"])


def test_every_secret_is_explained_and_comes_from_the_vault(made: Rendered) -> None:
    wanted = {
        (each["secretKeyRef"]["name"], each["secretKeyRef"]["key"])
        for each in walk(made.objects)
        if isinstance(each, dict) and "secretKeyRef" in each
    }
    for name, key in wanted:
        assert name in SECRETS
        assert key in GUIDE
    assert not of_kind(made, "Secret")  # none is in a file
    for each in of_kind(made, "SecretProviderClass"):
        objects = yaml.load(each["spec"]["parameters"]["objects"], CSafeLoader)["array"]
        read = {yaml.load(one, CSafeLoader)["objectName"] for one in objects}
        (synced,) = each["spec"]["secretObjects"]
        assert {one["objectName"] for one in synced["data"]} == read
        assert {(synced["secretName"], one["key"]) for one in synced["data"]} == wanted
        for name in read:
            assert f"--name {name} " in GUIDE


def test_every_container_is_confined(made: Rendered) -> None:
    for name, spec, each in containers(made):
        assert spec["automountServiceAccountToken"] is False, name
        # A service called lct would otherwise set LCT_PORT to tcp://...
        assert spec["enableServiceLinks"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert set(each["resources"]["requests"]) == {"cpu", "memory"}, name
        assert "memory" in each["resources"]["limits"], name
        assert "/tmp" in {mount["mountPath"] for mount in each["volumeMounts"]}, name


def test_traffic_is_denied_unless_it_is_allowed(made: Rendered) -> None:
    nothing = made.find("NetworkPolicy", "nothing")["spec"]
    assert nothing == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_images_have_tags_and_name_no_registry(made: Rendered) -> None:
    images = {each["image"] for _, _, each in containers(made)}
    images |= {each["image"] for each in COMPOSE["services"].values()}
    for image in images:
        name, _, tag = image.removeprefix("localhost:7000/").rpartition(":")
        assert tag not in ("", "latest"), image
        assert "." not in name.partition("/")[0], image  # a registry's host name
    assert not re.search(r"\bFROM\b.*(?:latest|\.\w+/)", (ROOT / "Dockerfile").read_text())


def test_the_guide_lists_every_image_with_its_tag() -> None:
    _, _, rest = GUIDE.partition("What comes from elsewhere")
    listed = set(re.findall(r"`([\w./-]+:[\w.-]+)`", rest.partition("\n#")[0]))
    named = {each["image"] for each in COMPOSE["services"].values()}
    for name in VARIANTS:
        named |= {each["image"] for _, _, each in containers(variant(name))}
    named |= set(re.findall(r"\b(?:mongo|redis):\d[\w.-]*", PIPELINE_FILE.read_text()))
    base = re.search(r"ARG PYTHON=(\S+)", (ROOT / "Dockerfile").read_text())
    assert base
    named |= {f"python:{base[1]}", "registry:2"}
    assert listed == {image for image in named if "lct:" not in image}


def test_mongod_gets_its_key_at_every_start_and_keeps_its_umask(tmp_path: Path) -> None:
    key = tmp_path / "MONGO_KEY"
    key.write_text("a key")
    mongod = tmp_path / "mongod"
    mongod.write_text('#!/bin/sh\nfor key; do :; done; umask; cat "$key"\n')
    mongod.chmod(0o755)
    # As in containers, root may not overwrite a read-only file, such as an existing key.
    obey = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    (in_kube,) = (
        each["args"] for name, _, each in containers(variant("local")) if "mongo/" in name
    )
    for (text,) in (in_kube, COMPOSE["services"]["mongo-0"]["command"]):
        text = text.replace("$$", "$")  # both read $$ as $
        text = text.replace("/run/mongo/MONGO_KEY", str(key)).replace("/tmp/key", f"{tmp_path}/key")
        text = re.sub(r"--wired\S+ \S+", "", text.replace("--keyFile", "")).replace("\\\n", " ")
        given = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "MONGO_KEY": "a key"}
        for _ in range(2):  # a restarted container keeps its /tmp
            said = subprocess.check_output([*obey, "sh", "-c", f"umask 22; {text}"], env=given)
            assert said == b"0022\na key"
        assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o400


# --- in line with the app -------------------------------------------------------------------------


def test_probes_request_paths_that_the_app_serves(made: Rendered, settings: Settings) -> None:
    probes = [
        (name, each, probe)
        for name, _, each in containers(made)
        for kind, probe in each.items()
        if kind.endswith("Probe")
    ]
    asked = {probe["httpGet"]["path"] for _, _, probe in probes if "httpGet" in probe}
    assert asked == {"/liveness", "/readiness"}
    with app_here(settings) as app:
        assert {app.test_client().get(path).status_code for path in asked} == {200}
    for name, each, probe in probes:
        if "exec" in probe:
            continue
        port = (probe.get("httpGet") or probe["tcpSocket"])["port"]
        assert port in {one["name"] for one in each["ports"]}, name
    lct = made.find("Deployment", "lct")["spec"]["template"]["spec"]["containers"][0]
    assert lct["livenessProbe"]["httpGet"]["path"] == "/liveness"
    assert lct["startupProbe"]["httpGet"]["path"] == "/liveness"
    # A hanging bus must not look like a hanging store, nor a busy pod like a hanging one.
    asked = lct["readinessProbe"]
    assert asked["timeoutSeconds"] > health.PATIENCE + 1
    # The app itself decides how long it serves without the store, so that a pod that stops or hangs
    # leaves the balancer at once.
    assert health.GRACE >= 30
    assert asked["periodSeconds"] * asked["failureThreshold"] <= 10
    assert "/liveness" in (ROOT / "Dockerfile").read_text()


def environ(made: Rendered, name: str) -> dict[str, str]:
    """The environment of a container's process, with made-up secrets."""
    config = made.find("ConfigMap", "lct-config")["data"]
    (each,) = [each for found, _, each in containers(made) if found == name]
    made_up = {
        "LCT_MONGO_URI": "mongodb://mongo/",
        "LCT_REDIS_URL": "redis://redis/",
        "LCT_SECRET_KEY": "x" * 32,
        "LCT_SECRET_KEY_FALLBACKS": "y" * 32,
        "LCT_METRICS_TOKEN": "x" * 32,
        "LCT_REVISION": "new",
    }
    return {**config, **{one["name"]: made_up[one["name"]] for one in each["env"]}}


def left_at_default() -> set[str]:
    """The variables that the guide says are left at their default."""
    _, _, rest = GUIDE.partition("### Left at their default")
    return set(re.findall(r"(?m)^\| `(LCT_[A-Z_]+)` \|", rest.partition("\n#")[0]))


def test_the_app_understands_its_settings(made: Rendered) -> None:
    given = environ(made, "lct/lct")
    read = Settings.from_env(given)
    ports = made.find("Deployment", "lct")["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert ports == [{"name": "http", "containerPort": read.port}]
    # The scrape configuration finds pods by this port and this label.
    assert made.find("Deployment", "lct")["spec"]["template"]["metadata"]["labels"]["app"] == "lct"
    assert environ(made, "lct/ensure-indexes") == given
    for name in of_kind(made, "CronJob"):
        assert name["metadata"]["name"] == "lct-delete-old"
        assert Settings.from_env(environ(made, "lct-delete-old/delete-old")).retention_days > 0
    gateway = bool(of_kind(made, "Gateway"))
    assert (read.trusted_proxies, read.secure_cookies) == (int(gateway), gateway)
    service = made.find("Service", "lct")["spec"]
    assert service["type"] == ("ClusterIP" if gateway else "LoadBalancer")
    assert ("externalTrafficPolicy" in service) is not gateway


def test_every_setting_is_set_or_listed_as_left_at_its_default() -> None:
    set_somewhere = set(environ(variant("azure"), "lct/lct"))
    assert set_somewhere | left_at_default() == set(VARIABLES)
    assert not set_somewhere & left_at_default()
    for name in left_at_default():
        field = VARIABLES[name]
        assert (field.default, field.default_factory) != (MISSING, MISSING)


DEPLOYMENT_FILES = [
    ROOT / "Dockerfile", ROOT / "docker-compose.yml", ROOT / ".env.example", PIPELINE_FILE,
    ROOT / "docs/deploy.md",
    *(path for path in KUBE.rglob("*") if path.is_file() and "observability" not in path.parts),
]  # fmt: skip


@pytest.mark.parametrize("path", DEPLOYMENT_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_variable_named_in_a_file_exists(path: Path) -> None:
    named = set(re.findall(r"\bLCT_[A-Z_]*[A-Z]\b", path.read_text()))
    assert named <= set(VARIABLES)


@pytest.mark.parametrize("path", DEPLOYMENT_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_has_a_password_or_names_a_registry(path: Path) -> None:
    text = path.read_text()
    hosts = r"\b(?:mcr\.|quay\.io|ghcr\.io|docker\.io|[\w-]+\.azurecr\.io|registry\.k8s)"
    assert not re.search(hosts, text)
    # A URL's password is a variable or a placeholder.
    for password in re.findall(r"\w+://[^\s:/@]*:([^\s@/]+)@", text):
        assert re.match(r"\$|\\\$|<", password), password
    for name, value in re.findall(
        r"(?m)^\s*-? ?(\w*(?:PASSWORD|SECRET_KEY|TOKEN))[:=] *(\S+)", text
    ):
        assert re.match(r"\$|\"?\$", value), f"{name} is {value}"


def test_every_command_that_is_run_exists() -> None:
    text = "".join(path.read_text() for path in DEPLOYMENT_FILES)
    plain = re.sub(r"[\"',\[\]]", "", text)
    named = set(re.findall(r"flask --app wsgi ([a-z][a-z-]+)", plain))
    assert {"ensure-indexes", "delete-old"} <= named
    assert named <= {command.name for command in commands}


def test_a_pod_has_time_to_drain_its_sockets(made: Rendered) -> None:
    spec = made.find("Deployment", "lct")["spec"]["template"]["spec"]
    drain = Settings.from_env(environ(made, "lct/lct")).drain_seconds
    sleep = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    graceful = math.ceil(drain) + 1  # as in lct/serving.py
    assert spec["terminationGracePeriodSeconds"] > sleep + graceful + 5
    by_compose = int(COMPOSE["services"]["app"]["stop_grace_period"].removesuffix("s"))
    assert by_compose > math.ceil(VARIABLES["LCT_DRAIN_SECONDS"].default) + 1 + 5


def test_a_new_pod_waits_for_the_store_but_not_beyond_its_rollout(made: Rendered) -> None:
    spec = made.find("Deployment", "lct")["spec"]
    (indexes,) = spec["template"]["spec"]["initContainers"]
    *_, name, wait = indexes["command"]
    assert name == "ensure-indexes"
    seconds = int(wait.removeprefix("--wait="))
    # Longer than an election and a database that starts; the reason of a failure is in the log
    # before the rollout has failed.
    assert 60 <= seconds <= spec["progressDeadlineSeconds"] / 2


def test_old_pods_stay_until_new_ones_are_ready(made: Rendered) -> None:
    spec = made.find("Deployment", "lct")["spec"]
    # All new pods first, so that a screen moves once, to a pod that stays.
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": "100%", "maxUnavailable": 0}
    scaling = made.find("HorizontalPodAutoscaler", "lct")["spec"]
    assert scaling["metrics"][0]["resource"]["target"]["averageUtilization"] == 70
    # A budget that allows no eviction blocks the maintenance of nodes for ever.
    budget = made.find("PodDisruptionBudget", "lct")["spec"]
    assert budget["maxUnavailable"] == 1 < scaling["minReplicas"]


# --- compose --------------------------------------------------------------------------------------


def test_compose_starts_the_monitoring_services_only_on_demand() -> None:
    profiles = {name: each.get("profiles", []) for name, each in COMPOSE["services"].items()}
    light = {name for name, given in profiles.items() if not given}
    assert light == {"app", "indexes", "mongo-0", "mongo-1", "mongo-2", "mongo-init", "redis"}
    rest = {name: given for name, given in profiles.items() if given}
    assert set(rest) == {"elasticsearch", "elastic-init", "kibana", "shipper", "prometheus",
                         "grafana"}  # fmt: skip
    assert all(given == ["observability"] for given in rest.values())
    for name in light:
        assert not set(COMPOSE["services"][name].get("depends_on", ())) & set(rest), name


def test_the_example_has_every_variable_of_the_compose_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    example = (ROOT / ".env.example").read_text()
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", text)) | {
        secret["environment"] for secret in COMPOSE["secrets"].values()
    }
    given = dict(re.findall(r"(?m)^(?:# )?(\w+)=(.*)$", example))
    assert set(given) == asked
    secret = {name for name in given if re.search("KEY|PASSWORD|TOKEN", name)}
    assert {name for name, value in given.items() if not value} == secret


def test_the_app_understands_its_environment_in_compose() -> None:
    given = COMPOSE["services"]["app"]["environment"]
    filled = {
        name: re.sub(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}", lambda m: m[2] or "x" * 32, str(value))
        for name, value in given.items()
    }
    read = Settings.from_env(filled)
    assert read.public_url == "http://localhost:8000"
    assert "replicaSet=rs0" in read.mongo_uri


def test_everything_that_compose_mounts_exists() -> None:
    for name, each in COMPOSE["services"].items():
        for volume in each.get("volumes", ()):
            source, *_ = volume.split(":")
            if source.startswith("."):
                assert (ROOT / source).is_file(), f"{name}: {source}"
                assert volume.endswith(":ro")
            elif not source.startswith("/"):
                assert source in COMPOSE["volumes"], name


def test_the_monitoring_services_find_their_targets() -> None:
    services = COMPOSE["services"]
    shipper = yaml.load((KUBE / "compose/filebeat.yml").read_text(), CSafeLoader)[
        "output.elasticsearch"
    ]
    template = json.loads((KUBE / "observability/index-template.json").read_text())
    assert any(fnmatch(shipper["index"], each) for each in template["index_patterns"])
    scrape = yaml.load((KUBE / "compose/prometheus.yml").read_text(), CSafeLoader)
    (job,) = scrape["scrape_configs"]
    asked = [target for each in job["static_configs"] for target in each["targets"]]
    assert asked == [f"app:{VARIABLES['LCT_PORT'].default}"]
    assert set(services["prometheus"]["networks"]) & set(services["app"]["networks"])
    token = Path(job["authorization"]["credentials_file"])
    assert (str(token.parent), [token.name]) == ("/run/secrets", services["prometheus"]["secrets"])
    mounted = [volume.split(":")[1] for volume in services["prometheus"]["volumes"]]
    assert {f"/etc/prometheus/{name}" for name in scrape["rule_files"]} <= set(mounted)
    (source,) = yaml.load((KUBE / "compose/grafana-datasources.yml").read_text(), CSafeLoader)[
        "datasources"
    ]
    for address in (*shipper["hosts"], source["url"]):
        service = services[str(urlsplit(address).hostname)]
        assert "watch" in service["networks"]


def test_one_script_sets_up_both_replica_sets() -> None:
    job = variant("local").find("Job", "mongo-init")["spec"]["template"]["spec"]["containers"][0]
    compose = COMPOSE["services"]["mongo-init"]
    assert compose["entrypoint"] == job["command"]
    assert {one["name"] for one in job["env"]} == set(compose["environment"])
    text = (KUBE / "overlays/local/mongo-init.js").read_text()
    read = set(re.findall(r"process\.env\.(\w+)", text)) - {"LCT_MONGO_DB"}
    assert read <= set(compose["environment"])
    set_ = variant("local").find("StatefulSet", "mongo")["spec"]
    members = next(one["value"] for one in job["env"] if one["name"] == "MONGO_MEMBERS").split(",")
    wanted = [f"mongo-{n}.{set_['serviceName']}:27017" for n in range(set_["replicas"])]
    assert members == wanted


# --- the pipeline ---------------------------------------------------------------------------------


def test_the_pipeline_calls_targets_and_files_that_exist() -> None:
    text = PIPELINE_FILE.read_text()
    targets = set(re.findall(r"script: (?:sudo )?make ([\w-]+)", text))
    makefile = (ROOT / "Makefile").read_text()
    drills = re.search(r"(?m)^drills: ([^#]+) ##", makefile)
    assert drills
    assert targets == {"test", "test-store", "audit", "sbom", *drills[1].split()}
    for target in targets:
        assert re.search(rf"(?m)^{target}:", makefile)
    for path in re.findall(r"Build\.SourcesDirectory\)/([\w./-]+)", text):
        assert (ROOT / path).exists()
    asked = set(re.findall(r"\$\{(\w+):\?", (KUBE / "azure.sh").read_text()))
    assert asked == set(AZURE)
    for name in asked:
        assert re.search(rf"(?m)^ +{name}: \$\(", text), name


def test_the_pipeline_deploys_only_what_it_built() -> None:
    pipeline = yaml.load(PIPELINE_FILE.read_text(), CSafeLoader)
    assert {"name": "tag", "value": "$(Build.BuildId)"} in pipeline["variables"]
    assert [stage["stage"] for stage in pipeline["stages"]] == ["test", "drills", "build", "deploy"]
    build, deploy = pipeline["stages"][2:]
    assert (build["dependsOn"], deploy["dependsOn"]) == ("test", "build")
    assert "succeeded()" in build["condition"]
    *_, step = build["jobs"][0]["steps"]
    assert (step["task"], step["inputs"]["command"]) == ("Docker@2", "buildAndPush")
    assert step["inputs"]["tags"].split() == ["$(tag)", "latest"]
    render = deploy["jobs"][0]["strategy"]["runOnce"]["deploy"]["steps"][2]
    assert render["env"]["TAG"] == "$(tag)"
    vault = deploy["jobs"][0]["strategy"]["runOnce"]["deploy"]["steps"][1]
    assert vault["inputs"]["KeyVaultName"] == "$(keyVault)"


def test_the_pipeline_tests_on_the_databases_that_are_deployed() -> None:
    text = PIPELINE_FILE.read_text()
    images = {each["image"] for _, _, each in containers(variant("local"))}
    asked = set(re.findall(r"\b(?:mongo|redis):\d[\w.-]*", text))
    assert asked == {image for image in images if "lct:" not in image}
    assert {each["image"] for each in COMPOSE["services"].values()} >= asked


def test_every_variable_of_the_group_is_in_the_guide() -> None:
    text = PIPELINE_FILE.read_text()
    said = re.search(r"From the library: (.*?)\.\n", text, re.DOTALL)
    assert said
    group = set(re.findall(r"\b[a-z]+[A-Z]\w+\b|\bcluster\b|\bcomponents\b", said[1]))
    used = set(re.findall(r"\$\(([a-z]\w*)\)", text)) - {"tag", "manifests"}
    assert group == used
    for name in group:
        assert f"{name}=" in GUIDE, name
