"""Finding plug-ins: by name among the entry points, or by the file or module they stand in."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, overload

from ..errors import UserError, blamed, unknown_name
from .backbone import Backbone
from .benchmark import Benchmark
from .detector import DetectorPlugin
from .judge import JudgePlugin
from .kinds import KINDS, Kind, group
from .members import checked
from .method import MethodPlugin
from .plugin import Plugin
from .prompt_transform import PromptTransform
from .rule_plugin import RulePlugin

VARIABLE = "SPATIALBENCH_PLUGINS"
"""Names plug-ins that stand in files, for commands on a run that was made with them."""

_given: dict[Kind, dict[str, Plugin]] = {kind: {} for kind in KINDS}
"""Plug-ins that were given by file or module in this process, by their names."""
_sound: dict[tuple[Kind, str], Plugin] = {}
"""Installed plug-ins that were checked in this process: a table asks for the same ones per row."""


def names(kind: Kind) -> list[str]:
    """Names of the plug-ins of a kind, sorted; no installed one is imported."""
    _read_variable()
    return sorted({entry.name for entry in _installed(group(kind))} | set(_given[kind]))


def _installed(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group. Reading those of every package takes a while, and a table asks
    for some of each row: they are read again only once the folders of packages have changed."""
    return _read_installed(group, tuple((place, _changed(place)) for place in sys.path))


@lru_cache(maxsize=64)
def _read_installed(group: str, places: tuple[tuple[str, int], ...]) -> tuple[EntryPoint, ...]:
    return tuple(_read_all(places).select(group=group))


@lru_cache(maxsize=1)
def _read_all(places: tuple[tuple[str, int], ...]) -> Any:
    """The entry points of every group, which stand in the same files."""
    return entry_points()


def _changed(place: str) -> int:
    try:
        return os.stat(place or ".").st_mtime_ns
    except OSError:
        return 0


@overload
def load(kind: Literal["method"], name: str) -> MethodPlugin: ...
@overload
def load(kind: Literal["detector"], name: str) -> DetectorPlugin: ...
@overload
def load(kind: Literal["judge"], name: str) -> JudgePlugin: ...
@overload
def load(kind: Literal["benchmark"], name: str) -> Benchmark: ...
@overload
def load(kind: Literal["backbone"], name: str) -> Backbone: ...
@overload
def load(kind: Literal["rule"], name: str) -> RulePlugin: ...
@overload
def load(kind: Literal["prompt transform"], name: str) -> PromptTransform: ...
@overload
def load(kind: Literal["detector", "judge"], name: str) -> DetectorPlugin | JudgePlugin: ...
@overload
def load(kind: Kind, name: str) -> Plugin: ...
def load(kind: Kind, name: str) -> Any:
    """The plug-in object of that name. No name read from a file can have code imported here.

    Args:
        name: of an entry point, or of a plug-in that was given by file in this process.

    Raises:
        UserError: no such name (near matches listed), two packages that claim the name, or a
            plug-in that cannot be imported, or lacks or misspells a member (its package named).
    """
    _read_variable()
    if name in _given[kind]:
        return _given[kind][name]
    found = [entry for entry in _installed(group(kind)) if entry.name == name]
    if not found:
        raise _of_01(kind, name) or unknown_name(kind, name, names(kind))
    if len(found) > 1:
        found.sort(key=_package)
    if len({entry.value for entry in found}) > 1:
        packages = " and ".join(_package(entry) for entry in found)
        raise UserError(
            f"the {kind} {name!r} is claimed by two packages, {packages}: uninstall one of them."
        )
    entry = found[0]
    try:
        plugin = entry.load()
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{_whose(kind, entry)} cannot be loaded from {entry.value} "
            f"({type(error).__name__}: {error}); update or uninstall that package."
        ) from error
    if (kind, name) not in _sound or _sound[kind, name] is not plugin:
        whose = _whose(kind, entry)
        checked(plugin, KINDS[kind].base, whose)
        if plugin.name != name:
            raise UserError(
                f"{whose} calls itself {plugin.name!r}: expected the name of its entry point; "
                "correct one of the two."
            )
        _sound[kind, name] = plugin
    return plugin


def _whose(kind: Kind, entry: EntryPoint) -> str:
    return f"the {kind} {entry.name!r} of the package {_package(entry)}"


def _of_01(kind: Kind, name: str) -> UserError | None:
    """The error for a method of a package that was written for 0.1; None for no such package."""
    installed = _installed("spatialbench.generators") if kind == "method" else ()
    for entry in (entry for entry in installed if entry.name == name):
        return UserError(
            f"the package {_package(entry)} has the method {name!r} in the entry-point group of "
            "0.1, spatialbench.generators: its classes have to inherit from spatialbench.Method "
            "and MethodPlugin, and its group is now spatialbench.methods."
        )
    return None


def given(kind: Kind, text: str) -> Any:
    """The plug-in that a user names: as ``load``, or by the file or module it stands in.

    Args:
        kind: what it has to be.
        text: a name; or ``path/to/file.py:NAME``, or ``package.module:NAME``.

    Raises:
        UserError: as ``load``; or no such file, module or name.
    """
    return _from_place(kind, text) if ":" in text else load(kind, text)


def name_and_rest(kind: Kind, text: str) -> tuple[str, str | None]:
    """``NAME`` and what stands behind the colon; NAME may be a place, as in ``file.py:NAME:rest``.

    None for nothing behind it.
    """
    first, _, rest = text.partition(":")
    name, _, beyond = rest.partition(":")
    if first not in names(kind) and name.isidentifier() and _is_place(first):
        return f"{first}:{name}", beyond or None
    return first, rest or None


def _is_place(text: str) -> bool:
    """Whether a text is a Python file, or a module that is there."""
    if text.endswith(".py"):
        return True
    if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", text):
        return False
    try:
        return importlib.util.find_spec(text) is not None
    except (ImportError, ValueError):
        return "." in text


def _from_place(kind: Kind, place: str) -> Plugin:
    """The plug-in that stands there; from now on its own name means it too."""
    found = named_object(place)
    if isinstance(found, type) and issubclass(found, Plugin):
        with blamed(f"the {kind} {place}"):
            found = found()
    plugin: Plugin = checked(found, KINDS[kind].base, f"the {kind} {place}")
    installed = entry_points(group=group(kind), name=plugin.name)
    if installed and not any(entry.value == place for entry in installed):
        raise UserError(
            f"the {kind} {place} calls itself {plugin.name!r}, as the installed one of the package "
            f"{_package(next(iter(installed)))} does: give it another name."
        )
    _given[kind][plugin.name] = plugin
    return plugin


def _read_variable() -> None:
    """Take in the plug-ins that ``VARIABLE`` names, separated by commas or blanks."""
    places = re.split(r"[,\s]+", os.environ.get(VARIABLE, "").strip(", "))
    for place in filter(None, places):
        if place in _read:
            continue
        found = named_object(place)
        kinds = [kind for kind, facts in KINDS.items() if isinstance(found, facts.base)]
        if not kinds:
            raise UserError(
                f"{VARIABLE} names {place}, which is not a plug-in: expected an object of one of "
                "the classes in spatialbench.plugins."
            )
        _read.add(place)
        _from_place(kinds[0], place)


_read: set[str] = set()
"""The places of ``VARIABLE`` that have been read."""


def named_object(given: str) -> Any:
    """The object that ``path/to/file.py:NAME`` or ``package.module:NAME`` names.

    Raises:
        UserError: no name behind the colon, no such file, module or name, or code that fails.
    """
    place, _, name = given.rpartition(":")
    if not place or not name.isidentifier():
        raise UserError(
            f"{given!r} does not name an object: give path/to/file.py:NAME or "
            "package.module:NAME, where NAME is defined there."
        )
    try:
        if place.endswith(".py"):
            module = _of_file(Path(place))
        else:
            _search(Path.cwd())
            module = importlib.import_module(place)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{place} cannot be imported ({type(error).__name__}: {error}): correct it, or give "
            "another path/to/file.py:NAME."
        ) from error
    try:
        return vars(module)[name]
    except KeyError:
        known = [word for word in vars(module) if not word.startswith("_")]
        raise unknown_name(f"name in {place}", name, known) from None


def own_code() -> tuple[Sequence[ModuleType], Sequence[str]]:
    """What a process elsewhere lacks: the modules of files, and the folders of their neighbours."""
    return tuple(_of_files.values()), tuple(_searched)


_of_files: dict[str, ModuleType] = {}
"""The modules that were loaded from files, by the names they were given."""
_searched: list[str] = []
"""Folders that modules are imported from because an object in one of them was named."""


def _of_file(path: Path) -> ModuleType:
    """The module of a file, under a name that no installed module has; its neighbours import."""
    if not path.is_file():
        raise UserError(f"there is no file {path}: give path/to/file.py:NAME.")
    path = path.resolve()
    name = f"{path.stem}_{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"
    if name in _of_files:
        return _of_files[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    _search(path.parent)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    _of_files[name] = module
    return module


def _search(folder: Path) -> None:
    """Let modules of a folder be imported, after all others."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
        _searched.append(str(folder))


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "(unknown)"
