"""What the manifests promise for the day on which something fails, or somebody else's part changes.

As in test_deploy.py, neither a cluster nor Azure is needed, and neither was seen running.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from yaml import CSafeLoader

from .kustomize import Object, Rendered, merge
from .test_deploy import (
    AZURE,
    COMPOSE,
    GUIDE,
    KUBE,
    LOGS,
    ROOT,
    VARIANTS,
    VERSIONS,
    by_name,
    check,
    containers,
    kubectl,
    needs_kubectl,
    of_kind,
    pods,
    selects,
    variant,
)


@pytest.fixture(params=VARIANTS)
def made(request: pytest.FixtureRequest) -> Rendered:
    return variant(request.param)


WITH_GATEWAY = [name for name in VARIANTS if of_kind(variant(name), "Gateway")]


# --- the gateway ----------------------------------------------------------------------------------

# What AKS lets a gateway's ConfigMap change, as far as it is used here: the "resource customization
# allowlist" of its documentation. Its webhook refuses anything else.
ALLOWED = {
    "service": {"metadata.annotations", "spec.externalTrafficPolicy"},
    "horizontalPodAutoscaler": {"spec.minReplicas", "spec.maxReplicas"},
    "deployment": {
        "spec.template.spec.topologySpreadConstraints",
        "spec.template.spec.tolerations",
    },
}
PROBE = "service.beta.kubernetes.io/port_{port}_health-probe_{of}"
LABELS = {"gateway.networking.k8s.io/gateway-name": "lct"}
# What AKS generates for the gateway, in short.
GENERATED: dict[str, Object] = {
    "service": {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": "lct-approuting-istio",
            "annotations": {
                "kept": "yes",
                **{PROBE.format(port=port, of=of): "x"
                   for port in (80, 443) for of in ("port", "protocol", "request-path")},
            },
        },
        "spec": {
            "type": "LoadBalancer", "selector": LABELS,
            "ports": [{"name": "http", "port": 80}, {"name": "https", "port": 443}],
        },
    },
    "deployment": {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "lct-approuting-istio"},
        "spec": {
            "selector": {"matchLabels": LABELS},
            "template": {
                "metadata": {"labels": LABELS},
                "spec": {"containers": [{"name": "istio-proxy", "image": "proxy:1"}]},
            },
        },
    },
    "horizontalPodAutoscaler": {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "lct-approuting-istio"},
        "spec": {
            "minReplicas": 2, "maxReplicas": 5,
            "scaleTargetRef": {
                "apiVersion": "apps/v1", "kind": "Deployment", "name": "lct-approuting-istio",
            },
        },
    },
}  # fmt: skip


def changes(made: Rendered) -> dict[str, Object]:
    """What the gateway's ConfigMap changes, per kind of generated object."""
    reference = made.find("Gateway", "lct")["spec"]["infrastructure"]["parametersRef"]
    data = made.find(reference["kind"], reference["name"])["data"]
    return {kind: yaml.load(text, CSafeLoader) for kind, text in data.items()}


@pytest.fixture(params=WITH_GATEWAY)
def generated(request: pytest.FixtureRequest) -> dict[str, Object]:
    """The gateway's objects as they are with our changes."""
    wanted = changes(variant(request.param))
    return {kind: merge(each, wanted.get(kind, {})) for kind, each in GENERATED.items()}


@pytest.mark.parametrize("name", WITH_GATEWAY)
def test_the_gateway_is_changed_only_where_aks_allows_it(name: str) -> None:
    def leaves(value: Any, path: str, allowed: set[str]) -> Iterator[str]:
        if path in allowed or not isinstance(value, dict):
            yield path
            return
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}".lstrip("."), allowed)

    for kind, change in changes(variant(name)).items():
        assert set(leaves(change, "", ALLOWED[kind])) <= ALLOWED[kind]


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_would_accept_what_becomes_of_the_gateway(
    generated: dict[str, Object], version: str
) -> None:
    for each in generated.values():
        check(each, version)


def test_guests_keep_their_own_addresses(made: Rendered) -> None:
    public = made.find("Service", "lct")
    if of_kind(made, "Gateway"):
        assert public["spec"]["type"] == "ClusterIP"
        public = merge(GENERATED["service"], changes(made)["service"])
        # They check any node, and Local has to find those with a proxy.
        assert set(public["metadata"]["annotations"]) == {"kept"}
    assert public["spec"]["type"] == "LoadBalancer"
    assert public["spec"]["externalTrafficPolicy"] == "Local"


def test_the_gateway_survives_a_lost_node(generated: dict[str, Object]) -> None:
    assert generated["horizontalPodAutoscaler"]["spec"]["minReplicas"] >= 2
    spec = generated["deployment"]["spec"]["template"]["spec"]
    (spread,) = spec["topologySpreadConstraints"]
    assert spread["topologyKey"] == "kubernetes.io/hostname"
    assert selects(spread["labelSelector"], LABELS)
    assert leaves_within(spec) <= 30


NAME = "service.beta.kubernetes.io/azure-dns-label-name"
IDLE = "service.beta.kubernetes.io/azure-load-balancer-tcp-idle-timeout"


@needs_kubectl
@pytest.mark.parametrize("components", ["", "retention", "gateway", "retention gateway"])
def test_the_public_name_is_on_the_service_that_guests_reach(components: str) -> None:
    given = AZURE | {"COMPONENTS": components}
    if "gateway" not in components:
        given["PUBLIC_URL"] = "http://cup.example"
    objects = by_name(kubectl("sh", "kube/azure.sh", **given))
    lct = objects["Service", "lct"]["metadata"].get("annotations", {})
    if "gateway" in components:
        assert not lct
        gateway = objects["Gateway", "lct"]["spec"]
        assert gateway["infrastructure"]["annotations"] == {NAME: "cup", IDLE: "30"}
        assert gateway["infrastructure"]["parametersRef"]["name"] == "lct-gateway"
        assert len(gateway["listeners"]) == 2
    else:
        assert lct == {NAME: "cup", IDLE: "30"}


# --- a lost node, a drained node ------------------------------------------------------------------


def leaves_within(spec: Object) -> int:
    """After how many seconds the pods of a lost node are replaced."""
    given = {
        each["key"]: each["tolerationSeconds"]
        for each in spec.get("tolerations", ())
        if (each["operator"], each["effect"]) == ("Exists", "NoExecute")
    }
    # Kubernetes' own are 300.
    lost = ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready")
    return max(given.get(key, 300) for key in lost)


def test_the_pods_of_a_lost_node_are_soon_replaced(made: Rendered) -> None:
    for name in ("lct", "redis"):
        spec = made.find("Deployment", name)["spec"]["template"]["spec"]
        assert 20 <= leaves_within(spec) <= 30, name


@needs_kubectl
def test_pods_on_azure_need_no_registry_but_their_own() -> None:
    objects = kubectl("sh", "kube/azure.sh", **AZURE, COMPONENTS="gateway retention")
    images = {each["image"] for _, _, each in containers(Rendered(objects))}
    ours, _, _ = AZURE["IMAGE"].rpartition("/")
    assert {image.rpartition("/")[0] for image in images} == {ours}
    for image in images - {f"{AZURE['IMAGE']}:{AZURE['TAG']}"}:
        assert f"redis={image.removeprefix(f'{ours}/')}\n" in GUIDE
        assert "docker push ${image%/*}/$redis" in GUIDE


def redis_probes(made: Rendered) -> list[Object]:
    (redis,) = made.find("Deployment", "redis")["spec"]["template"]["spec"]["containers"]
    return [redis["readinessProbe"], redis["livenessProbe"]]


@pytest.mark.parametrize(
    ("answer", "healthy"),
    [
        ("echo PONG", True),
        ("echo LOADING Redis is loading the dataset in memory", False),
        ("echo NOAUTH Authentication required.", False),
        (
            "echo Could not connect to Redis: Connection refused >&2; exit 1",
            False,
        ),
    ],
)
def test_redis_is_healthy_if_it_answers_a_ping(tmp_path: Path, answer: str, healthy: bool) -> None:
    client = tmp_path / "redis-cli"
    client.write_text(f'#!/bin/sh\n[ "$*,$REDISCLI_AUTH" = ping,hush ] || exit 9\n{answer}\n')
    client.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "REDIS_PASSWORD": "hush"}
    (_, in_compose) = COMPOSE["services"]["redis"]["healthcheck"]["test"]
    for probe in redis_probes(variant("local")):
        command = probe["exec"]["command"]
        assert command == ["sh", "-c", in_compose.replace("$$", "$")]
        done = subprocess.run(command, env=environ, check=False)
        assert (done.returncode == 0) is healthy
        # A command has one second by default, and starts two processes.
        assert 1 < probe["timeoutSeconds"] <= probe["periodSeconds"]


def test_broken_pods_do_not_block_a_drain_but_members_of_the_database_do(made: Rendered) -> None:
    policy = {
        each["metadata"]["name"]: each["spec"].get("unhealthyPodEvictionPolicy", "IfHealthyBudget")
        for each in of_kind(made, "PodDisruptionBudget")
    }
    assert policy.pop("lct") == "AlwaysAllow"
    assert set(policy.values()) <= {"IfHealthyBudget"}


def test_a_rollout_spreads_its_new_pods_by_themselves(made: Rendered) -> None:
    spec = made.find("Deployment", "lct")["spec"]["template"]["spec"]
    for spread in spec["topologySpreadConstraints"]:
        assert spread["matchLabelKeys"] == ["pod-template-hash"]


def mebibytes(quantity: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", quantity).groups()  # type: ignore[union-attr]
    return int(number) * {"Mi": 1, "Gi": 1024}[unit]


def test_the_oplog_leaves_room_on_the_disk() -> None:
    spec = variant("local").find("StatefulSet", "mongo")["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    disk = mebibytes(claim["spec"]["resources"]["requests"]["storage"])
    text = spec["template"]["spec"]["containers"][0]["args"][0]
    size = re.search(r"--oplogSize (\d+)\b", text)
    # Without the option it is 5 % of the disk, but 990 MB at least.
    assert (int(size[1]) if size else 990) <= disk / 4


# --- DNS ------------------------------------------------------------------------------------------


def may_send(
    made: Rendered, labels: dict[str, str], address: str, port: int, protocol: str
) -> bool:
    """Do the network policies let a pod send to an address that is no pod's?"""
    for each in of_kind(made, "NetworkPolicy"):
        spec = each["spec"]
        if "Egress" not in spec["policyTypes"] or not selects(spec["podSelector"], labels):
            continue
        for rule in spec.get("egress", ()):
            ports = rule.get("ports", [{"protocol": protocol, "port": port}])
            blocks = [peer["ipBlock"]["cidr"] for peer in rule.get("to", ()) if "ipBlock" in peer]
            if {"protocol": protocol, "port": port} in ports and (
                "to" not in rule or any(ip_address(address) in ip_network(one) for one in blocks)
            ):
                return True
    return False


# Caches on the node: NodeLocal DNSCache, and AKS' LocalDNS.
CACHES = ("169.254.20.10", "169.254.10.10", "169.254.10.11")


def test_every_pod_may_ask_a_dns_cache_on_its_node(made: Rendered) -> None:
    for workload, template in pods(made):
        labels = template["metadata"]["labels"]
        for cache in CACHES:
            for protocol in ("UDP", "TCP"):
                assert may_send(made, labels, cache, 53, protocol), workload["metadata"]["name"]
            assert not may_send(made, labels, cache, 80, "TCP")
        # The cloud's metadata are at such an address too, with the node's identity.
        for port in (53, 80):
            assert not may_send(made, labels, "169.254.169.254", port, "TCP")


@pytest.mark.parametrize("name", [name for name in VARIANTS if name.startswith("azure")])
def test_cilium_lets_every_pod_ask_the_dns_of_its_node(name: str) -> None:
    # The guide's cluster has Cilium, where an address block never means the node.
    assert "--network-dataplane cilium" in GUIDE
    (policy,) = of_kind(variant(name), "CiliumNetworkPolicy")
    assert policy["spec"]["endpointSelector"] == {}
    (rule,) = policy["spec"]["egress"]
    assert rule["toEntities"] == ["host"]
    (ports,) = rule["toPorts"]
    assert {(one["port"], one["protocol"]) for one in ports["ports"]} == {
        ("53", "UDP"), ("53", "TCP"),
    }  # fmt: skip


# --- shipping the log -----------------------------------------------------------------------------


def filebeat() -> tuple[Object, Object]:
    """The pod's spec and its one container."""
    spec = LOGS.find("DaemonSet", "filebeat")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    return spec, container


def configuration() -> Object:
    config: Object = yaml.load(
        LOGS.find("ConfigMap", "filebeat")["data"]["filebeat.yml"], CSafeLoader
    )
    return config


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_would_accept_the_shipper(version: str) -> None:
    for each in LOGS.objects:
        check(each, version)
    # In the namespace of lct its folders would be refused.
    (namespace,) = of_kind(LOGS, "Namespace")
    names = {each["metadata"]["namespace"] for each in LOGS.objects if each is not namespace}
    assert names == {namespace["metadata"]["name"]} != {"lct"}
    enforced = namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert enforced == "privileged"


def test_the_shipper_works_on_lines_as_the_one_of_compose_does() -> None:
    ours = configuration()
    theirs = yaml.load((KUBE / "compose/filebeat.yml").read_text(), CSafeLoader)
    (input_,), (other,) = ours.pop("filebeat.inputs"), theirs.pop("filebeat.inputs")
    input_.pop("paths")
    other.pop("paths")
    *processors, added = input_.pop("processors")
    assert added == {
        "add_fields": {"target": "kubernetes", "fields": {"node.name": "${NODE_NAME}"}}
    }
    assert processors == other.pop("processors")
    assert input_ == other
    output, other_output = ours.pop("output.elasticsearch"), theirs.pop("output.elasticsearch")
    assert set(output) == {"hosts", "api_key", "index"}
    assert output["index"] == other_output["index"]
    assert ours == theirs
    template = json.loads((KUBE / "observability/index-template.json").read_text())
    assert any(fnmatch(output["index"], each) for each in template["index_patterns"])


def test_the_shipper_has_what_its_configuration_needs() -> None:
    spec, container = filebeat()
    asked = set(re.findall(r"\$\{(\w+)", yaml.dump(configuration())))
    assert asked == {each["name"] for each in container["env"]}
    for each in container["env"]:
        if "secretKeyRef" in each["valueFrom"]:
            secret = each["valueFrom"]["secretKeyRef"]
            assert f"secret generic {secret['name']} " in GUIDE
            assert f"--from-literal={secret['key']}=" in GUIDE
    assert "kubectl apply -k kube/logs" in GUIDE
    mounts = {each["name"]: each for each in container["volumeMounts"]}
    assert set(mounts) == {each["name"] for each in spec["volumes"]}
    folder, _, file = container["args"][-1].rpartition("/")
    assert (folder, file) == (mounts["config"]["mountPath"], "filebeat.yml")
    assert container["image"] == COMPOSE["services"]["shipper"]["image"]


def test_the_shipper_finds_the_lines_of_lct_and_no_others() -> None:
    _, container = filebeat()
    (input_,) = configuration()["filebeat.inputs"]
    (pattern,) = input_["paths"]
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == "pods"]
    assert pattern.startswith(mount["mountPath"] + "/")

    made = variant("local with components")
    found = set()
    for workload, template in pods(made):
        for each in template["spec"]["containers"]:
            pod = f"{workload['metadata']['namespace']}_{workload['metadata']['name']}-x1y2z_uid"
            path = f"/var/log/pods/{pod}/{each['name']}/0.log"
            # A star of Filebeat does not cross folders.
            parts, wanted = path.split("/"), pattern.split("/")
            if len(parts) == len(wanted) and all(map(fnmatch, parts, wanted)):
                found.add(f"{workload['metadata']['name']}/{each['name']}")
    assert found == {"lct/lct", "lct-delete-old/delete-old"}


def test_the_shipper_may_read_logs_and_nothing_else_of_the_node() -> None:
    spec, container = filebeat()
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False
    assert not set(spec) & {"hostNetwork", "hostPID", "hostIPC"}
    of_the_node = {
        each["name"]: each["hostPath"]["path"] for each in spec["volumes"] if "hostPath" in each
    }
    written = {
        path for name, path in of_the_node.items()
        if not any(m["name"] == name and m.get("readOnly") for m in container["volumeMounts"])
    }  # fmt: skip
    assert (set(of_the_node.values()), written) == (
        {"/var/log/pods", "/var/lib/lct-filebeat"}, {"/var/lib/lct-filebeat"},
    )  # fmt: skip


# --- how much a pod can carry ---------------------------------------------------------------------


def test_the_sockets_of_the_arithmetic_fit_a_pod() -> None:
    """docs/scale.md: its sockets in memory that docs/performance.md measured, in our limit."""
    scale = (ROOT / "docs/scale.md").read_text()
    measured = (ROOT / "docs/performance.md").read_text()

    def figure(pattern: str, text: str) -> float:
        found = re.search(pattern, text)
        assert found, pattern
        return float(found[1].replace(",", ""))

    pods_, each = (
        figure(rf"{pattern}", scale)
        for pattern in (r"([\d,]+) pods of two workers", r"two workers with ([\d,]+) sockets each")
    )
    assert pods_ * 2 * each >= 1_050_000
    (lct,) = variant("azure").find("Deployment", "lct")["spec"]["template"]["spec"]["containers"]
    limit = mebibytes(lct["resources"]["limits"]["memory"]) * 2**20
    worker = figure(r"`worker_rss_mb` \| [\d.]+, ([\d.]+)", measured) * 1e6
    socket = figure(r"\| one connection \| \d+ to (\d+) kB", scale) * 1e3
    worst = max(map(float, re.findall(r"[\d.]+", re.search(
        r"`kb_per_connection`[^|]*\| ([^|]+)", measured)[1])))  # type: ignore[index]  # fmt: skip
    assert socket >= worst * 1e3
    # A fifth stays free for a draw, a snapshot and the tournaments themselves.
    assert 2 * (worker + each * socket) <= 0.8 * limit
