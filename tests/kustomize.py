"""Renders a folder as `kubectl kustomize` does, for the part of kustomize that kube/ uses.

Unknown keys fail. Where kubectl is installed, a test compares the results. Names of generated
ConfigMaps have no hash here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml import CSafeLoader

Object = dict[str, Any]

KEYS = {"apiVersion", "kind", "namespace", "resources", "components", "images",
        "configMapGenerator", "patches"}  # fmt: skip
CLUSTER_WIDE = {"Namespace"}
# The field that identifies the items of a list when a patch has the same list.
MERGE_BY = {
    "containers": "name", "initContainers": "name", "volumes": "name", "env": "name",
    "volumeMounts": "mountPath",
}  # fmt: skip


@dataclass
class Rendered:
    """Objects, and the files that they came from."""

    objects: list[Object] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)

    def find(self, kind: str, name: str) -> Object:
        found = [o for o in self.objects if (o["kind"], o["metadata"]["name"]) == (kind, name)]
        assert len(found) == 1, f"{len(found)} of {kind} {name}"
        return found[0]


def render(folder: Path, components: tuple[Path, ...] = ()) -> Rendered:
    """The objects of a folder, with ``components`` besides those it names."""
    made = Rendered()
    _add(made, folder.resolve(), [path.resolve() for path in components])
    return made


def _add(made: Rendered, folder: Path, components: list[Path]) -> None:
    path = folder / "kustomization.yaml"
    said = yaml.load(path.read_text(), CSafeLoader)
    unknown = set(said) - KEYS
    assert not unknown, f"{path}: this test does not know {unknown}"
    made.files.add(path)
    for name in said.get("resources", ()):
        where = (folder / name).resolve()
        if where.is_dir():
            _add(made, where, [])
        else:
            made.files.add(where)
            made.objects += [o for o in yaml.load_all(where.read_text(), CSafeLoader) if o]
    for generator in said.get("configMapGenerator", ()):
        _generate(made, folder, generator)
    for patch in said.get("patches", ()):
        assert set(patch) == {"path"}, patch
        made.files.add(folder / patch["path"])
        for change in yaml.load_all((folder / patch["path"]).read_text(), CSafeLoader):
            target = made.find(change["kind"], change["metadata"]["name"])
            assert target["apiVersion"] == change["apiVersion"], change
            merged = merge(target, change)
            target.clear()
            target.update(merged)
    for component in [*((folder / name).resolve() for name in said.get("components", ())),
                      *components]:  # fmt: skip
        _add(made, component, [])
    for made_object in made.objects:
        if "namespace" in said and made_object["kind"] not in CLUSTER_WIDE:
            made_object["metadata"]["namespace"] = said["namespace"]
        for image in said.get("images", ()):
            _rename(made_object, image)


def _generate(made: Rendered, folder: Path, generator: Object) -> None:
    name = generator["name"]
    assert set(generator) <= {"name", "behavior", "envs", "literals", "files"}, generator
    data: dict[str, str] = {}
    for each in generator.get("envs", ()):
        made.files.add(folder / each)
        lines = (folder / each).read_text().splitlines()
        data |= dict(_pair(line) for line in lines if line and not line.startswith("#"))
    data |= dict(_pair(line) for line in generator.get("literals", ()))
    for each in generator.get("files", ()):
        made.files.add(folder / each)
        data[Path(each).name] = (folder / each).read_text()
    if generator.get("behavior") == "merge":
        made.find("ConfigMap", name)["data"] |= data
    else:
        made.objects.append(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
        )


def _pair(line: str) -> tuple[str, str]:
    name, equals, value = line.partition("=")
    assert equals, line
    return name, value


def merge(old: Any, new: Any, key: str = "") -> Any:
    """``old`` with a strategic merge patch; ``None`` removes."""
    if isinstance(new, dict) and (old is None or isinstance(old, dict)):
        merged = dict(old or {})
        for name, value in new.items():
            done = None if value is None else merge(merged.get(name), value, name)
            if done is None or (done == {} and value != {}):
                merged.pop(name, None)
            else:
                merged[name] = done
        return merged
    if isinstance(old, list) and isinstance(new, list) and key in MERGE_BY:
        by = MERGE_BY[key]
        kept = {item[by]: item for item in old}
        added = [item for item in new if item[by] not in kept]
        for item in new:
            if item[by] in kept:
                kept[item[by]] = merge(kept[item[by]], item)
        return [*added, *kept.values()]
    return new


def _rename(value: Any, image: Object) -> None:
    if isinstance(value, dict):
        if isinstance(value.get("image"), str):
            name, _, tag = value["image"].rpartition(":")
            if name == image["name"]:
                value["image"] = f"{image['newName']}:{image.get('newTag', tag)}"
        for inner in value.values():
            _rename(inner, image)
    elif isinstance(value, list):
        for inner in value:
            _rename(inner, image)
