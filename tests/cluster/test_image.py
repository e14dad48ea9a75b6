"""The image in containers that run as in docker-compose.yml; `make image-check` builds it."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator

import pytest

from ..support import get, wait_until
from .conftest import ENGINE, Cluster, Pod
from .crowd import Watcher

SCREENS = 40
WRITABLE = ["find", "/", "-xdev", "-writable", "-not", "-type", "l"]
# podman mounts memory at the last three even if all else is read-only.
ANYBODYS = {"/dev/shm", "/tmp", "/run", "/run/lock", "/var/tmp"}


@pytest.fixture
def pod(cluster: Cluster) -> Iterator[Pod]:
    """A container of the new image, in addition to those behind the proxy."""
    spare = cluster.spare[0]
    spare.start()
    yield spare
    spare.stop()


def engine(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ENGINE, *command], capture_output=True, text=True, timeout=60, check=False
    )


def inside(pod: Pod, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a running container."""
    return engine("exec", pod.name, *command)


def test_an_evening_is_played_in_three_containers(cluster: Cluster) -> None:
    house = cluster.house
    for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', get(f"{house.url}/")):
        assert get(f"{house.url}{path}".replace("&amp;", "&"))
    evening = house.evening(limit=4)
    phones = evening.drawn()
    hands = dict(evening.facts("teams-drawn")[0]["hands"])
    for number, phone in enumerate(phones):
        team = hands[evening.player(f"N{number}")]
        (own,) = phone.get(evening.at("me")).page.all("li", cls="is-mine")
        assert f"Team {team}" in own.text


def test_the_user_can_write_to_memory_only(pod: Pod) -> None:
    assert inside(pod, "id", "-u").stdout == "10001\n"
    # The second container's root is not read-only, but all its files belong to other users.
    for found in (inside(pod, *WRITABLE), engine("run", "--rm", pod.image, *WRITABLE)):
        paths = set(found.stdout.split())
        assert "/tmp" in paths
        assert paths - {str(pod.settings.var)} <= ANYBODYS
    assert inside(pod, "sh", "-c", "command -v pip").returncode


def test_the_health_check_tells_whether_the_container_serves(pod: Pod) -> None:
    wanted = "{{json .Config.Healthcheck.Test}}"
    health = json.loads(engine("image", "inspect", "--format", wanted, pod.image).stdout)
    assert health[0] == "CMD"
    assert inside(pod, *health[1:]).returncode == 0
    assert inside(pod, "env", "LCT_PORT=1", *health[1:]).returncode == 1


def test_a_stopping_container_sends_its_screens_to_others_and_exits_cleanly(
    cluster: Cluster, pod: Pod
) -> None:
    at = cluster.evening.live("board")
    screens = [Watcher(pod.settings.port, at) for _ in range(SCREENS)]
    cluster.crowd.add(*screens)
    try:
        wait_until(lambda: all(screen.live for screen in screens))
        began = time.monotonic()
        pod.terminate()
        assert time.monotonic() - began < pod.settings.drain_seconds + 2
        assert pod.process.returncode == 0
        wait_until(lambda: all(screen.codes for screen in screens))
        assert {code for screen in screens for code in screen.codes} == {1012}
    finally:
        cluster.crowd.leave(*screens)
    assert "Traceback" not in pod.log.read_text()
