"""What the rows of a table are called: as their user says, or by what differs between them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import UserError
from ..prompt_transforms import IDENTITY_KEY, NONE
from ..runs.finding import found_run, run_at
from ..runs.manifest import checked_name
from ..runs.signature import Signature
from ..scoring.summary import Summary

_NOT_SHOWN = frozenset({"marks", "content"})
"""Parameters of a signature that say nothing to a reader, or are said elsewhere in the row."""
_HASH = re.compile(r"\b[0-9a-f]{12,}\b")
_HASH_SHOWN = 7
_LONGEST = 32
"""Characters of a value."""

Named = tuple[str | None, Summary]
"""What a user called a run, or None, and its summary."""


def row_names(rows: Sequence[Named]) -> list[str]:
    """A name for each row: the one that was given, else the method's.

    Rows that would be called alike, on one backbone, also say in what they differ, as in ``sd
    (steps=20, seeds=hashed:1)``; two that differ in nothing that can be shown, their run's id.
    """
    names = [given or result.method for given, result in rows]
    signatures = [Signature.parse(result.signature) for _, result in rows]
    said: list[list[str]] = [[] for _ in rows]
    for alike in _alike(names, rows):
        settings = {row: _settings(signatures[row]) for row in alike}
        keys = dict.fromkeys(key for row in alike for key in settings[row])
        differing = [key for key in keys if len({settings[row].get(key) for row in alike}) > 1]
        for row in alike:
            own = settings[row]
            said[row] = [f"{key}={own[key]}" for key in differing if key in own]
    for alike in _alike([f"{name} {told}" for name, told in zip(names, said, strict=True)], rows):
        if len({signatures[row].run for row in alike}) > 1:
            for row in alike:
                said[row].append(f"run={signatures[row].run}")
    return [
        f"{name} ({', '.join(told)})" if told else name
        for name, told in zip(names, said, strict=True)
    ]


def labelled(runs: Mapping[Path, str | None], labels: Mapping[str, str]) -> dict[Path, str]:
    """By run directory what ``--label RUN=TEXT`` calls it.

    Args:
        runs: the runs of the table by their directory, with their ids.
        labels: the text by a run's directory, id, name, or how one of these begins.

    Raises:
        UserError: a directory or id that is none of these runs, or one run with two texts; a text
            that is no name.
    """
    found: dict[Path, str] = {}
    places = {run: run_at(run).resolve() for run in runs} if labels else {}
    for given, text in labels.items():
        place = _place(given)
        meant = [run for run, name in runs.items() if given == name or place == places[run]]
        if not meant:
            known = ", ".join(map(str, runs)) or "there is none"
            raise UserError(
                f"--label {given}=... is for no run of this table: give a run's directory, id or "
                f"name ({known})."
            )
        for run in meant:
            if found.setdefault(run, text) != text:
                raise UserError(f"--label calls {run} by two names: leave one of them.")
    return {run: checked_name(text, "--label") for run, text in found.items()}


def label_assignments(given: Sequence[str], runs: Iterable[Path]) -> dict[str, str]:
    """``RUN=TEXT`` of each ``--label``; where both may hold the sign, RUN is one of the runs.

    Raises:
        UserError: no sign, or one run twice.
    """
    there = {run_at(run).resolve() for run in runs} if given else set()
    found: dict[str, str] = {}
    for one in given:
        cuts = [place for place, sign in enumerate(one) if sign == "="]
        if not cuts:
            raise UserError(f"--label {one!r} does not name a run and a text: give RUN=TEXT.")
        known = (cut for cut in cuts if _place(one[:cut]) in there)
        cut = next(known, cuts[0])
        if one[:cut] in found:
            raise UserError(f"--label names {one[:cut]} twice: leave one of them.")
        found[one[:cut]] = one[cut + 1 :]
    return found


def _place(given: str) -> Path | None:
    """The folder of the run that a text means, if it means one."""
    with suppress(UserError):
        place = found_run(given)
        return run_at(place).resolve() if place.is_dir() else None
    return None


def _alike(names: Sequence[str], rows: Sequence[Named]) -> Iterator[list[int]]:
    """Places of rows that have one name and one backbone, where there are several."""
    groups: dict[tuple[str, str], list[int]] = {}
    for place, (name, (_, result)) in enumerate(zip(names, rows, strict=True)):
        groups.setdefault((name, result.backbone), []).append(place)
    yield from (places for places in groups.values() if len(places) > 1)


def _settings(signature: Signature) -> dict[str, str]:
    """What can tell one row from another, by what it is called."""
    own = {k: v for k, v in signature.parameters.items() if k not in _NOT_SHOWN}
    if own.get(IDENTITY_KEY) == NONE:
        del own[IDENTITY_KEY]
    only = {"only": "+".join(signature.only)} if signature.only else {}
    if signature.names is not None:
        only["known names"] = signature.names
    whole = {
        "benchmark": signature.benchmark,
        "version": (signature.method or "").partition("/")[2] or "unknown",
        **own,
        **only,
        "prompts": str(signature.prompts),
        "images": str(signature.images_per_prompt),
        "seeds": signature.seeds or "unknown",
        "rule": signature.rule,
        "detector": signature.detector,
        "threshold": f"{signature.threshold:g}",
    }
    return {key: _short(value) for key, value in whole.items()}


def _short(value: str) -> str:
    """A value with a few digits of every hash in it, and not longer than a cell takes."""
    shown = _HASH.sub(lambda found: found[0][:_HASH_SHOWN], value)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
