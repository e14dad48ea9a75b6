"""The pipeline's deployment and the guide's way to Azure: what neither a schema nor a linter sees.

No Azure and no cluster are needed. The smoke test runs against a served app.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from yaml import CSafeLoader

from lct.config import environ_of

from .http_client import House, open_house
from .network import Network
from .support import clean_environ
from .test_deploy import (
    AZURE,
    GUIDE,
    KUBE,
    PIPELINE_FILE,
    ROOT,
    VARIANTS,
    containers,
    needs_kubectl,
    of_kind,
    variant,
    walk,
)

PIPELINE = yaml.load(PIPELINE_FILE.read_text(), CSafeLoader)
STAGES = {stage["stage"]: stage for stage in PIPELINE["stages"]}
DEPLOYMENT = STAGES["deploy"]["jobs"][0]
HOOKS = DEPLOYMENT["strategy"]["runOnce"]
STEPS = HOOKS["deploy"]["steps"]
SCRIPT = (KUBE / "azure.sh").read_text()


def script(step: dict[str, Any]) -> str:
    """What a step runs."""
    return str(step.get("bash") or step.get("script") or step.get("inputs", {}).get("inlineScript"))


def where(text: str) -> int:
    """The place of the only step that runs this."""
    (place,) = [number for number, step in enumerate(STEPS) if text in script(step)]
    return place


@cache
def azure_part() -> str:
    _, _, rest = GUIDE.partition("## Azure, from an empty subscription")
    return rest.partition("\n## ")[0]


def commands(start: str) -> list[list[str]]:
    """The words of each command of the guide that starts like this, without its comment."""
    text = azure_part().replace("\\\n", " ")
    found = re.findall(rf"(?m)^ *({re.escape(start)} .*)$", text)
    assert found, f"the guide has no `{start}`"
    return [shlex.split(each, comments=True) for each in found]


@cache
def cluster_options() -> dict[str, str]:
    """The options of `az aks create`; a flag has the value "". Variables are filled in."""
    (words,) = commands("az aks create")
    given = dict(re.findall(r"\b(\w+)=([\w.-]+)", azure_part()))
    options, name = {}, ""
    for word in words[3:]:
        if word.startswith("--"):
            name = word
            options[name] = ""
        else:
            options[name] = given.get(word.removeprefix("$"), word)
    return options


# --- the manifests --------------------------------------------------------------------------------


def test_the_pipeline_passes_on_every_variable_that_the_script_reads() -> None:
    read = set(re.findall(r"\$\{?([A-Z_]+)\b", SCRIPT))
    assert set(AZURE) | {"COMPONENTS"} == read
    given = STEPS[where("kube/azure.sh")]["env"]
    assert read <= set(given)
    for name in read:
        assert re.fullmatch(r"\$\(\w+\)", given[name]), name


def rendered(**environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "kube/azure.sh"], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, **AZURE, **environ},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("address", "components", "said"),
    [
        ("https://cup.example", "", "https needs the gateway"),
        ("https://cup.example", "retention", "https needs the gateway"),
        ("http://cup.example", "gateway retention", "and it needs https"),
        # What arrives when the library has no such variable.
        ("http://cup.example", "$(components)", "kube/components has no $(components)"),
    ],
)
def test_the_script_refuses_an_address_without_its_gateway(
    address: str, components: str, said: str
) -> None:
    done = rendered(PUBLIC_URL=address, COMPONENTS=components)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr


@needs_kubectl
def test_a_deployment_without_components_is_the_same_with_none() -> None:
    plain = rendered(PUBLIC_URL="http://cup.example", COMPONENTS="")
    assert plain.returncode == 0, plain.stderr
    assert "kind: Gateway" not in plain.stdout
    assert rendered(PUBLIC_URL="http://cup.example", COMPONENTS="none").stdout == plain.stdout


@pytest.mark.parametrize("there", [True, False])
def test_redis_is_in_the_registry_that_the_cluster_pulls_it_from(
    tmp_path: Path, there: bool
) -> None:
    steps = STAGES["build"]["jobs"][0]["steps"]
    (step,) = [each for each in steps if "docker push" in script(each)]
    log, fake = tmp_path / "log", tmp_path / "docker"
    inspected = "true" if there else '[ "$1" != manifest ]'
    fake.write_text(f'#!/bin/sh\necho "$@" >> {log}\n{inspected}\n')
    fake.chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "IMAGE": AZURE["IMAGE"]}
    subprocess.run(["bash", "-c", step["bash"]], cwd=ROOT, env=environ, check=True)
    did = [line.split()[0] for line in log.read_text().splitlines()]
    assert did == (["manifest"] if there else ["manifest", "pull", "tag", "push"])
    (redis,) = {
        each["image"] for _, _, each in containers(variant("local")) if "redis" in each["image"]
    }
    assert log.read_text().split()[2] == f"registry.example/{redis}"
    assert 'newName: "${IMAGE%/*}/redis"' in SCRIPT


# --- rolling out and back -------------------------------------------------------------------------


def test_only_what_was_rolled_out_is_undone() -> None:
    # A hook for failures would also run when nothing has been applied yet.
    assert set(HOOKS) == {"deploy"}
    noted, applied, tested = where("variable=before"), where("kubectl apply"), where("smoke.py")
    undone = where("rollout undo")
    assert noted + 1 == applied < tested < undone == len(STEPS) - 1
    # It is the last command: if reading the revision fails, there is none.
    assert script(STEPS[noted]).rstrip().splitlines()[-1].startswith('echo "##vso[task.setvariable')
    assert (
        STEPS[undone]["condition"] == "and(or(failed(), canceled()), ne(variables['before'], ''))"
    )
    assert 'undo deployment/lct --to-revision="$BEFORE"' in script(STEPS[undone])
    assert not any("condition" in step for step in STEPS[:undone])
    assert int(DEPLOYMENT["cancelTimeoutInMinutes"]) * 60 > 300  # the undoing's own timeout


def test_every_command_fails_its_step() -> None:
    for step in STEPS:
        if len(script(step).splitlines()) > 1:
            assert script(step).startswith("set -euo pipefail\n"), step
            checked = subprocess.run(["bash", "-n"], input=script(step), text=True, check=False)
            assert checked.returncode == 0


def test_runs_do_not_overtake_each_other() -> None:
    assert PIPELINE["trigger"]["batch"] == "true"
    assert STAGES["deploy"]["lockBehavior"] == "sequential"
    assert DEPLOYMENT["environment"] == "lct"
    assert "*Exclusive lock*" in azure_part()  # without it the line above has no effect


def test_every_job_ends_and_may_be_run_again() -> None:
    jobs = [job for stage in STAGES.values() for job in stage["jobs"]]
    assert all(int(job["timeoutInMinutes"]) <= 90 for job in jobs)
    artifacts = [each["artifact"] for each in walk(jobs) if "artifact" in each]
    assert artifacts
    for name in artifacts:
        assert "$(System.JobAttempt)" in name


def test_no_variable_names_a_service_connection() -> None:
    inputs = [step["inputs"] for step in walk(PIPELINE) if isinstance(step, dict) and "task" in step
              and "inputs" in step]  # fmt: skip
    named = {
        value
        for each in inputs
        for key, value in each.items()
        if key in ("azureSubscription", "containerRegistry")
    }
    assert named == {"azure", "registry"}
    for name in named:
        assert f"named `{name}`" in azure_part()


# --- rights ---------------------------------------------------------------------------------------


def test_the_pipeline_has_rights_in_its_namespace_only() -> None:
    options = cluster_options()
    # Without the first two no role has an effect inside the cluster; without the last one, whoever
    # may fetch credentials is its administrator.
    assert {"--enable-aad", "--enable-azure-rbac", "--disable-local-accounts"} <= set(options)
    granted = {words[words.index("--role") + 1]: words[-1] for words in commands("grant")}
    assert granted == {
        "Azure Kubernetes Service Cluster User Role": "$cluster",
        # Writer does not cover custom resources, which the manifests have.
        "Azure Kubernetes Service RBAC Admin": "$cluster/namespaces/lct",
        "Key Vault Secrets User": "$vault",
    }
    assert of_kind(variant("azure"), "SecretProviderClass")
    installed = next(
        n for n, step in enumerate(STEPS) if step.get("task") == "KubeloginInstaller@0"
    )
    converted = where("kubelogin convert-kubeconfig -l azurecli")
    first = min(n for n, step in enumerate(STEPS) if "kubectl " in script(step))
    assert installed < converted == first
    for step in STEPS[first:]:
        assert step["task"] == "AzureCLI@2"  # kubelogin asks its login


# --- the guide's cluster --------------------------------------------------------------------------


def test_a_changed_secret_reaches_the_pods() -> None:
    for name in VARIANTS:
        made = variant(name)
        synced = {
            each["secretName"]
            for vault in of_kind(made, "SecretProviderClass")
            for each in vault["spec"]["secretObjects"]
        }
        by_env = {
            one["valueFrom"]["secretKeyRef"]["name"]
            for _, _, each in containers(made)
            for one in each.get("env", ())
            if "secretKeyRef" in one.get("valueFrom", {})
        }
        if synced & by_env:
            assert "--enable-secret-rotation" in cluster_options(), name
    _, _, section = azure_part().partition("### Changing a secret")
    (block,) = re.findall(r"```sh\n(.*?)```", section.partition("\n### ")[0], re.DOTALL)
    # In this order: a pod that starts too early gets the old value.
    assert re.search(r"\nsecret --name .*\nuntil \[.* sleep .*\nkubectl .* rollout restart", block)


def test_the_cluster_has_nodes_that_a_system_pool_may_have() -> None:
    options = cluster_options()
    size = re.fullmatch(r"Standard_([A-Z]+)(\d+)\w*", options["--node-vm-size"])
    assert size
    assert not size[1].startswith("B")
    assert int(size[2]) >= 4
    assert int(options["--node-count"]) >= 2
    assert f"'{size[0]}'" in azure_part()  # the command that prints its price


# https://learn.microsoft.com/azure/documentdb/free-tier, read on 2026-11-30
FREE_TIER = {
    "brazilsouth", "canadacentral", "centralus", "eastus", "westus", "westus2", "francecentral",
    "germanynorth", "northeurope", "norwayeast", "switzerlandnorth", "australiacentral2",
    "australiaeast", "centralindia", "southindia", "eastasia", "japaneast", "japanwest",
}  # fmt: skip


def test_the_free_database_is_offered_in_the_region() -> None:
    location = re.search(r"\blocation=(\w+)", azure_part())
    assert location
    assert '\\"tier\\": \\"Free\\"' in azure_part()
    assert location[1] in FREE_TIER
    assert f"armRegionName eq '{location[1]}'" in azure_part()


def test_the_database_would_accept_the_password() -> None:
    (line,) = re.findall(r"(?m)^password=.*$", azure_part())
    made = subprocess.run(
        ["bash", "-c", f'{line}; printf %s "$password"'], capture_output=True, text=True, check=True
    ).stdout
    assert 8 <= len(made) <= 128
    classes = ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9]")
    assert sum(bool(re.search(each, made)) for each in classes) >= 3
    assert re.fullmatch(r"[\w.~-]+", made)  # a URL needs no escapes, and sed and JSON keep it


def test_updates_have_a_window() -> None:
    options = cluster_options()
    assert options["--auto-upgrade-channel"] == "patch"
    assert options["--node-os-upgrade-channel"] == "NodeImage"
    (loop,) = re.findall(r"for what in (.*); do", azure_part())
    releases, updates = commands("window --name")
    assert releases[2] == "default"
    # Azure CLI 2.91 takes no interval for this one, and older versions no schedule.
    assert releases[3:] == ["--weekday", "Tuesday", "--start-hour", "5"]
    assert loop.split() == ["aksManagedAutoUpgradeSchedule", "aksManagedNodeOSUpgradeSchedule"]
    assert updates[2] == "$what"
    assert updates[updates.index("--start-time") + 1] == "05:00"  # no evening goes on
    assert int(updates[updates.index("--duration") + 1]) >= 4


def test_the_guide_says_what_a_stopped_cluster_costs_and_who_is_told() -> None:
    _, _, stopped = azure_part().partition("### Back to zero cost")
    for part in ("load balancer", "addresses", "disks", "registry"):
        assert part in stopped
    (group,) = commands("az monitor action-group create")
    assert group[group.index("--action") + 1] == "email"
    for alert in commands("az monitor activity-log alert create"):
        assert "--action-group" in alert


def test_the_guide_s_commands_are_shell() -> None:
    for block in re.findall(r"```sh\n(.*?)```", azure_part(), re.DOTALL):
        whole = re.sub(r"<[\w ]+>", "placeholder", block)
        checked = subprocess.run(
            ["bash", "-n"], input=whole, text=True, check=False, stderr=subprocess.PIPE
        )
        assert checked.returncode == 0, checked.stderr


# --- the smoke test -------------------------------------------------------------------------------

TOKEN = "a token for the smoke test"


@pytest.fixture(scope="module")
def house(servers: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house where guests may not create an evening."""
    given = {"create_passphrase": "nobody knows it", "metrics_token": TOKEN}
    with open_house(servers, tmp_path_factory.mktemp("house"), workers=1, **given) as opened:
        yield opened


def smoke(house: House, url: str, **environ: str) -> subprocess.CompletedProcess[str]:
    given = {**clean_environ(), **environ_of(house.settings), "TOKEN": TOKEN, **environ}
    lct = [sys.executable, "-m", "flask", "--app", "wsgi"]
    return subprocess.run(
        [sys.executable, "kube/smoke.py", url, *lct], cwd=ROOT, env=given,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def events(house: House) -> int:
    return house.mongo[house.settings.database]["events"].count_documents({})


def test_the_smoke_test_looks_at_pages_opens_a_websocket_writes_and_leaves_nothing(
    house: House,
) -> None:
    done = smoke(house, house.url)
    assert done.returncode == 0, done.stderr
    said = re.sub(r"\w{8}: 3 events", "CODE: 3 events", done.stdout)
    assert said.splitlines() == [
        "pages: works", "metrics: works", "websocket: works", "write: works",
        "CODE: 3 events deleted", "deletion: works",
    ]  # fmt: skip
    assert events(house) == 0


@pytest.mark.parametrize(
    ("path", "what"),
    [("liveness", "pages"), ("metrics", "metrics"), ("live", "websocket"), ("players", "write")],
)
def test_the_smoke_test_names_what_does_not_get_through(house: House, path: str, what: str) -> None:
    network = Network(house.port)
    network.rules[path] = "refuse"
    try:
        done = smoke(house, network.url, TRIES="1")
    finally:
        network.close()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"smoke test: {what}: ")
    assert "403" in done.stderr
    assert events(house) == 0


def test_the_smoke_test_fails_on_another_metrics_token(house: House) -> None:
    done = smoke(house, house.url, TRIES="1", TOKEN="another one, of many characters")
    assert (done.returncode, done.stderr) == (
        1,
        "smoke test: metrics: GET /metrics: 403, not 200\n",
    )


def test_the_pipeline_runs_the_smoke_test_in_a_pod() -> None:
    step = STEPS[where("kube/smoke.py")]
    assert step["env"]["TOKEN"] == "$(lct-metrics-token)"
    assert step["env"]["PUBLIC_URL"] == "$(publicUrl)"
    assert re.search(r"smoke\.py \"\$PUBLIC_URL\" kubectl -n lct exec .*flask --app wsgi",
                     script(step).replace("\\\n", " "))  # fmt: skip
