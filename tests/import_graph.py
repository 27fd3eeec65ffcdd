"""Who imports whom, read from the source; imports for types alone do not count."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "spatialbench": "spatialbench",
    "benchmarks": "spatialbench.benchmarks",
    "detectors": "spatialbench.detectors",
    "judges": "spatialbench.judges",
}
"""Folders of the source, and the names their modules have when installed."""


@dataclass(frozen=True)
class Module:
    """A module of the source.

    Attributes:
        imports: full names that it imports, each with its line; ``package.name`` for
            ``from package import name``.
    """

    name: str
    path: Path
    tree: ast.Module
    imports: list[tuple[str, int]] = field(default_factory=list)


@cache
def modules() -> Mapping[str, Module]:
    """Every module of the product by its installed name."""
    found = {}
    for folder, package in PACKAGES.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            at_init = parts[-1] == "__init__"
            name = ".".join((package, *(parts[:-1] if at_init else parts)))
            tree = ast.parse(path.read_text("utf-8"))
            module = Module(name, path, tree)
            module.imports.extend(_imports(tree, name if at_init else name.rpartition(".")[0]))
            found[name] = module
    return found


def _imports(node: ast.AST, package: str) -> Iterator[tuple[str, int]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from ((alias.name, child.lineno) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            start = (
                package.split(".")[: package.count(".") + 2 - child.level] if child.level else []
            )
            base = ".".join([*start, *([child.module] if child.module else [])])
            yield from ((f"{base}.{alias.name}", child.lineno) for alias in child.names)
        yield from _imports(child, package)


@cache
def arrows() -> Mapping[str, frozenset[str]]:
    """By module, the modules of the product that it imports."""
    every = modules()
    found = {}
    for name, module in every.items():
        named = (full if full in every else full.rpartition(".")[0] for full, _ in module.imports)
        found[name] = frozenset(other for other in named if other in every and other != name)
    return found


def circles(graph: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """Groups of nodes from each of which every other can be reached."""
    reached: dict[str, set[str]] = {}
    for start in graph:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for other in graph.get(waiting.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        reached[start] = seen
    groups = {
        tuple(sorted(other for other in reached[node] if node in reached.get(other, ())))
        for node in graph
        if node in reached[node]
    }
    return sorted(map(list, groups))
