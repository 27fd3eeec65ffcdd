"""The shape of the house, as docs/architecture.md says it: who may import whom, and how large."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.import_graph import PACKAGES, ROOT, Module, arrows, circles, modules

LOWER = "errors files relations prompts detections statistics plugins weights prompt_transforms lab"
HIGHEST = "api site serve cli"
HIGHER = "runs scoring executors stages reports exchange recipes lab/training lora_training"
ORDER = (*LOWER.split(), "backbones", "guidance", "methods", *HIGHER.split(), *HIGHEST.split())
"""Rooms of the harness, lowest first; each imports only rooms before it.

``lab`` is what ships; ``lab/training``, which makes and measures it, is a room of its own.
"""
PLUG_INS = re.compile(r"\b(plugin|benchmark|rule|detector|method|generator|judge|transform)s?\b")
NAMED_ATTRIBUTES = {
    "spatialbench.plugins.members": "compares a plug-in's members with those of its base class",
}
"""Modules that may get a plug-in's attribute by a name, and why; nowhere is a hook looked for."""


def _room(module: str) -> str | None:
    """The first-level name; None for the package's root and for what plugs into it."""
    _, _, below = module.partition(".")
    if not below or below == "__main__" or below.startswith(("benchmarks", "detectors", "judges")):
        return None
    return "lab/training" if below.startswith("lab.training") else below.partition(".")[0]


def _room_graph() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name, imported in arrows().items():
        room = _room(name)
        if room is not None:
            others = {other for other in map(_room, imported) if other not in (None, room)}
            found.setdefault(room, set()).update(other for other in others if other)
    return {room: frozenset(others) for room, others in found.items()}


def test_a_circle_would_be_found() -> None:
    graph = {"a": frozenset("b"), "b": frozenset("c"), "c": frozenset("b"), "d": frozenset("a")}
    assert circles(graph) == [["b", "c"]]
    assert "spatialbench.lab.world" in arrows()["spatialbench.stages.canaries"]


def test_every_room_has_its_place_in_the_order() -> None:
    assert set(_room_graph()) <= set(ORDER)


def test_no_room_imports_a_higher_one() -> None:
    upward = [
        f"{name} imports {other}"
        for name, imported in arrows().items()
        for other in sorted(imported)
        if (here := _room(name)) and (there := _room(other))
        if ORDER.index(here) < ORDER.index(there)
    ]
    assert upward == []


def test_no_circles_between_rooms_or_modules() -> None:
    assert circles(_room_graph()) == []
    assert circles(arrows()) == []


def test_the_harness_imports_no_benchmark_no_detector_and_no_judge() -> None:
    plugged_in = ("spatialbench.benchmarks", "spatialbench.detectors", "spatialbench.judges")
    assert [
        f"{module.path}:{line}"
        for module in modules().values()
        if not module.name.startswith(plugged_in)
        for imported, line in module.imports
        if imported.startswith(plugged_in)
    ] == []


def test_the_house_is_small() -> None:
    first_level = {room for room in map(_room, modules()) if room and "/" not in room}
    assert len(first_level) <= 26
    sources = {module.path: module.path.read_text("utf-8") for module in modules().values()}
    assert [path for path, source in sources.items() if source.count("\n") > 300] == []


def test_every_module_says_what_it_is_for() -> None:
    said = {module.path: ast.get_docstring(module.tree) for module in modules().values()}
    assert [path for path, docstring in said.items() if not docstring] == []


def _looked_up(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call) or ast.unparse(node.func) not in ("getattr", "hasattr"):
            continue
        if PLUG_INS.search(ast.unparse(node.args[0]).replace("_", " ")):
            yield f"{module.path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"


def test_no_hook_of_a_plug_in_is_looked_for_by_name() -> None:
    others = (module for module in modules().values() if module.name not in NAMED_ATTRIBUTES)
    assert [call for module in others for call in _looked_up(module)] == []


def test_types_are_ignored_in_few_places() -> None:
    ignored = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in (*PACKAGES, "tests", "examples")
        for path in (ROOT / folder).rglob("*.py")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if re.search(r"# type: ignore\b", line)
    ]
    assert len(ignored) < 10, ignored
