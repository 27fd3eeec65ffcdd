"""Finding plug-ins: by name among the entry points, by file or module, and what they must have."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, overload

from ..errors import UserError, unknown_name
from .backbone import Backbone
from .benchmark import Benchmark
from .detector import DetectorPlugin
from .method import MethodPlugin
from .plugin import Plugin

Kind = Literal["method", "detector", "benchmark", "backbone"]

_BASES: dict[Kind, type[Plugin]] = {
    "method": MethodPlugin,
    "detector": DetectorPlugin,
    "benchmark": Benchmark,
    "backbone": Backbone,
}


def names(kind: Kind) -> list[str]:
    """Names of the installed plug-ins of a kind, sorted; nothing is imported."""
    return sorted({entry.name for entry in entry_points(group=_group(kind))})


@overload
def load(kind: Literal["method"], name: str) -> MethodPlugin: ...
@overload
def load(kind: Literal["detector"], name: str) -> DetectorPlugin: ...
@overload
def load(kind: Literal["benchmark"], name: str) -> Benchmark: ...
@overload
def load(kind: Literal["backbone"], name: str) -> Backbone: ...
def load(kind: Kind, name: str) -> Any:
    """The plug-in object of that name.

    Args:
        name: of an entry point; or ``path/to/file.py:NAME``, or ``package.module:NAME``.

    Raises:
        UserError: no such name (near matches listed), two packages that claim the name, or a
            plug-in that cannot be imported, or lacks or misspells a member (its package named).
    """
    if ":" in name:
        return checked(named_object(name), _BASES[kind], f"the {kind} {name}")
    group = _group(kind)
    found = sorted(entry_points(group=group, name=name), key=_package)
    if not found:
        raise unknown_name(kind, name, names(kind))
    if len({entry.value for entry in found}) > 1:
        packages = " and ".join(_package(entry) for entry in found)
        raise UserError(
            f"the {kind} {name!r} is claimed by two packages, {packages}: uninstall one of them."
        )
    entry = found[0]
    whose = f"the {kind} {name!r} of the package {_package(entry)}"
    try:
        plugin = entry.load()
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{whose} cannot be loaded from {entry.value} ({type(error).__name__}: {error}); "
            "update or uninstall that package."
        ) from error
    return checked(plugin, _BASES[kind], whose)


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
        module = _of_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
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


def _of_file(path: Path) -> ModuleType:
    """The module of a file, under a name that no installed module has; its neighbours import."""
    if not path.is_file():
        raise UserError(f"there is no file {path}: give path/to/file.py:NAME.")
    path = path.resolve()
    name = f"{path.stem}_{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def checked(plugin: Any, base: type[Any], whose: str) -> Any:
    """An object that has every member of its kind, of the right type, and misspells none.

    Raises:
        UserError: it is of another kind; what is missing, unknown or of another type is named.
    """
    if not isinstance(plugin, base):
        raise UserError(
            f"{whose} is a {type(plugin).__name__}: expected an object of a class that inherits "
            f"from spatialbench.plugins.{base.__name__}."
        )
    declared = _declared(base)
    missing = [word for word in declared if _static(plugin, word) is _ABSENT]
    if missing:
        raise UserError(
            f"{whose} lacks {', '.join(sorted(missing))}: spatialbench.plugins.{base.__name__} "
            "says what each is."
        )
    # What a class between the two adds is known: its own subclasses override it.
    between = [one for one in type(plugin).__mro__[1:] if one not in base.__mro__]
    known = {word for one in (base, *between) for word in dir(one)} | declared
    for word in _own_members(plugin):
        if word not in known:
            near = difflib.get_close_matches(word, known, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UserError(
                f"{whose} has the member {word}, which spatialbench.plugins.{base.__name__} does "
                f"not know: {hint}Members of its own begin with an underscore."
            )
        if callable(_static(base, word)) and not callable(_bound(plugin, word)):
            raise UserError(f"{whose} has no function as {word}: expected a method of the class.")
    return plugin


_ABSENT = object()


def _static(place: Any, word: str) -> Any:
    return inspect.getattr_static(place, word, _ABSENT)


def _bound(plugin: Any, word: str) -> Any:
    found = _static(plugin, word)
    return found.__func__ if isinstance(found, staticmethod | classmethod) else found


def _declared(base: type[Any]) -> set[str]:
    """Members that the class and its bases announce, with or without a default."""
    return {word for one in base.__mro__ for word in vars(one).get("__annotations__", ())}


def _own_members(plugin: Any) -> list[str]:
    """Public members of the plug-in's class, fields of a dataclass left out."""
    place = vars(type(plugin))
    fields = place.get("__dataclass_fields__", ())
    return sorted(word for word in place if not word.startswith("_") and word not in fields)


def _group(kind: Kind) -> str:
    return f"spatialbench.{kind}s"


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "(unknown)"
