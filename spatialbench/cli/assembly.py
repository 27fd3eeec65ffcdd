"""From the options of a command line to what is evaluated, and the command itself."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

import click

from ..api.evaluation import Evaluation
from ..api.until import seeds_for
from ..api.what import object_of, parameters_of
from ..errors import typed
from ..plugins.kernels import Kernels
from ..plugins.parameters import assignments
from ..runs.selection import Selection

_LATER = (
    "--until",
    "--detector",
    "--judge",
    "--depth",
    "--rule",
    "--threshold",
    "--format",
    "--price-per-hour",
)
"""Options of ``run`` that ``generate`` does not have, each with a value."""
_FLAGS = ("--calibrate", "--dry-run", "--known-names-only", "--overlap", "--synonyms")
_KERNELS = ("compile", "channels_last", "cudnn_benchmark")


def evaluation(values: dict[str, Any], **others: Any) -> Evaluation:
    """What the options of ``run`` and ``generate`` ask for.

    Args:
        values: every parameter of ``run_options``.
        others: further fields of ``Evaluation``.
    """
    found = object_of(values["method"])
    changed = {
        "what": found,
        "parameters": assignments(values["assignments"], parameters_of(found)),
        "only": Selection.parse_only(values["only"]),
        "seeds": seeds_for(values["seed_scheme"], values.get("until"), values["images_per_prompt"]),
        "out": Path(values["out"]) if values["out"] else None,
        "command": command_line(),
        "kernels": kernels_of(values),
    }
    taken = {key: value for key, value in values.items() if key in Evaluation.__dataclass_fields__}
    return Evaluation(**{**taken, **changed, **others})


def kernels_of(values: dict[str, Any]) -> Kernels:
    """What makes images faster, taken out of a command's parameters."""
    return Kernels(*(values.pop(name) for name in _KERNELS))


def command_line() -> str:
    """What was typed, for ``status`` to show when something is missing.

    Without ``--shard``: that command does whatever is left of any shard. Without
    ``--retry-refused`` and ``--yes``, which are for once.
    """
    arguments = list(click.get_current_context().obj or [])
    while "--shard" in arguments:
        place = arguments.index("--shard")
        del arguments[place : place + 2]
    arguments = [
        word
        for word in arguments
        if not word.startswith("--shard=") and word not in ("--retry-refused", "--yes")
    ]
    return " ".join(["spatialbench", *map(_quoted, arguments)])


def generate_command() -> str:
    """The ``run`` command that was typed, as a ``generate`` command."""
    words = shlex.split(command_line())
    kept: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in _LATER:
            skip = True
        elif word not in _FLAGS and not word.startswith(tuple(f"{name}=" for name in _LATER)):
            kept.append(word)
    verb = click.get_current_context().info_name or "run"
    if verb in kept:
        kept[kept.index(verb)] = "generate"
    return typed(*kept[1:])


def _quoted(word: str) -> str:
    """A word for a shell; bytes of a file name that are no UTF-8 are escaped as bash reads them."""
    try:
        word.encode()
    except UnicodeEncodeError:
        shown = "".join(
            chr(b) if 32 <= b < 127 and b not in b"\\'" else f"\\x{b:02x}"
            for b in os.fsencode(word)
        )
        return f"$'{shown}'"
    return shlex.quote(word)
