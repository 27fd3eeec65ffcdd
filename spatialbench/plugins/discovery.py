"""Finding plug-ins by name among the entry points of every installed package."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Literal, overload

from ..errors import UserError, unknown_name

if TYPE_CHECKING:
    from . import BenchmarkPlugin, DetectorPlugin, GeneratorPlugin

Kind = Literal["generator", "detector", "benchmark"]

_WORD: dict[Kind, str] = {"generator": "method", "detector": "detector", "benchmark": "benchmark"}
"""What a user calls it; the command line says ``--method`` for a generator."""

_REQUIRED: dict[Kind, tuple[str, ...]] = {
    "generator": ("name", "summary", "parameters", "configure"),
    "detector": ("name", "summary", "configure"),
    "benchmark": ("name", "version", "summary", "subsets", "default_subset", "prompts", "rules"),
}


def names(kind: Kind) -> list[str]:
    """Names of the installed plug-ins of a kind, sorted; nothing is imported."""
    return sorted({entry.name for entry in entry_points(group=_group(kind))})


@overload
def load(kind: Literal["generator"], name: str) -> GeneratorPlugin: ...
@overload
def load(kind: Literal["detector"], name: str) -> DetectorPlugin: ...
@overload
def load(kind: Literal["benchmark"], name: str) -> BenchmarkPlugin: ...
def load(kind: Kind, name: str) -> Any:
    """The plug-in object of that name.

    Raises:
        UserError: no such name (near matches listed), two packages that claim the name, or a
            plug-in that cannot be imported or lacks a required attribute (its package named).
    """
    word = _WORD[kind]
    group = _group(kind)
    found = sorted(entry_points(group=group, name=name), key=_package)
    if not found:
        raise unknown_name(word, name, names(kind))
    if len({entry.value for entry in found}) > 1:
        packages = " and ".join(_package(entry) for entry in found)
        raise UserError(
            f"the {word} {name!r} is claimed by two packages, {packages}: uninstall one of them."
        )
    entry = found[0]
    try:
        plugin = entry.load()
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"the {word} {name!r} of the package {_package(entry)} cannot be loaded from "
            f"{entry.value} ({type(error).__name__}: {error}); update or uninstall that package."
        ) from error
    missing = [attribute for attribute in _REQUIRED[kind] if not hasattr(plugin, attribute)]
    if missing:
        raise UserError(
            f"the {word} {name!r} of the package {_package(entry)} lacks {', '.join(missing)}; "
            f"expected what spatialbench.plugins.{kind.capitalize()}Plugin lists."
        )
    return plugin


def _group(kind: Kind) -> str:
    return f"spatialbench.{kind}s"


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "(unknown)"
