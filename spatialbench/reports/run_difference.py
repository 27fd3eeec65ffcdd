"""What differs between two runs, in words: how they were made, what they hold, what was seen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import UserError
from ..runs.conditions import Conditions
from ..runs.identity import flat
from ..runs.machine import Machine
from ..runs.opening import Run
from ..runs.sent_prompts import sent_texts
from ..scoring.summary import Summary
from .report import Report
from .results import read_summary
from .shared_images import Shared
from .tables import UNDEFINED, Table

_WORDS = {
    "version": "form of the identity",
    "benchmark_version": "version of the benchmark",
    "subset": "prompt set",
    "prompt_set": "prompts of the set (hash)",
    "seeds": "seeds",
    "generator.method": "method",
    "generator.version": "version of the method",
    "generator.steps": "denoising steps",
    "generator.guidance_scale": "guidance scale",
    "generator.dtype": "number format",
    "generator.prompt_transform": "prompt rewriting",
    "generator.backbone": "backbone",
    "generator.backbone.name": "backbone",
    "generator.backbone.revision": "commit of the backbone",
    "generator.backbone.weights": "weights of the backbone (hash)",
}
"""What a field of the identity is called; others by their own name."""
_HASH = re.compile(r"(?:sha256:)?[0-9a-f]{16,}")
_SHOWN = 12
_LOOKED = ("rule", "detector", "threshold")
_ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Differing:
    """One thing in which two runs differ.

    Attributes:
        kind: ``identity``, ``selection``, ``images``, ``measurement``, ``verdicts`` or ``machine``.
        what: what it is called.
        a: the first run's, as text.
        b: the second run's.
    """

    kind: str
    what: str
    a: str
    b: str


def difference_report(a: Run, b: Run) -> Report:
    """What differs between two runs, and a sentence where nothing does.

    Raises:
        UserError: a corrupt record file.
    """
    shared = Shared.of(a, b)
    found = [
        *_identity(a, b),
        *_selection(a, b),
        *_shared(shared),
        *_measured(a, b),
        *_machines(a, b),
    ]
    same = not any(one.kind == "identity" for one in found)
    title = f"A = {_called(a)}, B = {_called(b)}"
    notes = [*shared.notes(), _told(same, found)]
    rows = [[one.what, one.a, one.b] for one in found]
    if not rows:
        rows = [["nothing", _SAME, _SAME]]
    document = {
        "a": _document(a),
        "b": _document(b),
        "same_identity": same,
        "differences": [asdict(one) for one in found],
        "shared": asdict(shared),
    }
    records = [[one.kind, one.what, one.a, one.b] for one in found]
    table = Table(["differs in", "A", "B"], rows, title, notes)
    return Report([table], document, (["kind", "what", "a", "b"], records))


_SAME = "the same"


def _told(same: bool, found: list[Differing]) -> str:
    if not found:
        return "nothing differs: identity, prompts, images, verdicts and machines are the same."
    if same:
        return (
            "the identity is the same: the same method, settings, prompts and seeds, so that the "
            "same images are expected."
        )
    return "the identity differs: what stands first decides other images."


def _called(run: Run) -> str:
    name = run.manifest.name
    return f"{run.manifest.id}{'' if name is None else f' ({name})'} in {run.path}"


def _document(run: Run) -> dict[str, Any]:
    return {"run": str(run.path), "id": run.manifest.id, "name": run.manifest.name}


def _identity(a: Run, b: Run) -> Iterator[Differing]:
    before, after = flat(a.manifest.identity), flat(b.manifest.identity)
    for field in sorted(before.keys() | after.keys(), key=_rank):
        one, other = before.get(field), after.get(field)
        if one != other:
            yield Differing("identity", _field(field), _value(one, other), _value(other, one))


def _rank(field: str) -> tuple[bool, bool, str]:
    """The benchmark's fields, then those of the method, its parameters last."""
    return field.startswith("generator"), ".parameters" in field, field


def _field(field: str) -> str:
    if field in _WORDS:
        return _WORDS[field]
    name = field.removeprefix("generator.")
    if name.startswith("parameters."):
        return f"parameter {name.removeprefix('parameters.')}"
    return name.replace("_", " ").replace(".", " ")


def _value(text: str | None, other: str | None) -> str:
    """A value as it is read: text without quotes, and of a hash what tells it from the other."""
    if text is None:
        return _ABSENT
    found = json.loads(text)
    shown = found if isinstance(found, str) else text
    if other is None or not _HASH.search(shown):
        return _HASH.sub(lambda hit: hit[0][:_SHOWN], shown)
    short = _HASH.sub(lambda hit: hit[0][:_SHOWN], shown)
    return shown if short == _HASH.sub(lambda hit: hit[0][:_SHOWN], other.strip('"')) else short


def _selection(a: Run, b: Run) -> Iterator[Differing]:
    one, other = a.expected, b.expected
    for what, mine, theirs in (
        ("prompts asked for", f"{len(one.prompts):,}", f"{len(other.prompts):,}"),
        ("only", ", ".join(one.selection.only), ", ".join(other.selection.only)),
        ("known names", one.selection.signed_names, other.selection.signed_names),
        ("images per prompt", str(one.images_per_prompt), str(other.images_per_prompt)),
        ("until", a.manifest.until, b.manifest.until),
    ):
        if mine != theirs:
            yield Differing("selection", what, mine or "all of them", theirs or "all of them")
    first, second = ({p.id: p.text for p in run.expected.prompts} for run in (a, b))
    lacking = len(first.keys() - second.keys()), len(second.keys() - first.keys())
    if any(lacking):
        counts = [f"{count:,}" for count in lacking]
        yield Differing("selection", "prompts that only one of them has", *counts)
    first |= sent_texts(a)
    second |= sent_texts(b)
    if texts := sum(first[key] != second[key] for key in first.keys() & second.keys()):
        told = ("as they were sent to A", "as they were sent to B")
        yield Differing("selection", f"texts of {texts:,} prompts of both", *told)


def _shared(shared: Shared) -> Iterator[Differing]:
    """Numbers of images, and of those that are right."""
    right = f"right of {shared.judged:,} images judged in both"
    only_a, only_b = shared.right_a - shared.right_both, shared.right_b - shared.right_both
    for kind, what, one, other, told in (
        ("images", "finished images", shared.made_a, shared.made_b, shared.made_a != shared.made_b),
        ("verdicts", right, shared.right_a, shared.right_b, shared.right_a != shared.right_b),
        ("verdicts", "right in one of them only", only_a, only_b, bool(only_a or only_b)),
    ):
        if told:
            yield Differing(kind, what, f"{one:,}", f"{other:,}")


def _summary(run: Run) -> Summary | None:
    try:
        return read_summary(run.path)
    except UserError:
        return None


def _measured(a: Run, b: Run) -> Iterator[Differing]:
    one, other = _summary(a), _summary(b)
    if one is None or other is None:
        if one is not other:
            told = ("no" if one is None else "yes", "no" if other is None else "yes")
            yield Differing("measurement", "scored", *told)
        return
    from ..runs.signature import Signature

    first, second = (Conditions.of(Signature.parse(s.signature)) for s in (one, other))
    for found in first.differences(second):
        if found.name in _LOOKED:
            yield Differing("measurement", found.name, found.own, found.other)
    for key in dict.fromkeys([*one.metrics, *other.metrics]):
        mine, theirs = (_number(s.metrics.get(key)) for s in (one, other))
        if mine != theirs:
            yield Differing("verdicts", key, mine, theirs)


def _number(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.2f}"


def _machines(a: Run, b: Run) -> Iterator[Differing]:
    """What the last machines of both differ in; it decides roundings at most."""
    if not (a.manifest.machines and b.manifest.machines):
        return
    one, other = (_flat_machine(run.manifest.machines[-1]) for run in (a, b))
    for key in dict.fromkeys([*one, *other]):
        mine, theirs = one.get(key, _ABSENT), other.get(key, _ABSENT)
        if mine != theirs:
            yield Differing("machine", key, mine, theirs)


def _flat_machine(machine: Machine) -> dict[str, str]:
    told = machine.model_dump(exclude={"created"}, exclude_none=True)
    found: dict[str, str] = {}
    for key, value in told.items():
        if isinstance(value, Mapping):
            what = {"packages": "version of ", "switches": "switch "}.get(key, f"{key} ")
            found |= {f"{what}{name}": str(one) for name, one in value.items()}
        else:
            found[key.replace("_", " ")] = str(value)
    return found
