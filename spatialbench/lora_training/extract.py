"""From a folder of photographs to a training set: the relations in them, named and captioned.

The first half of ESPLoRA's pipeline (a reconstruction), and the control of natural images beside
its generated ones. Of every pair one caption is drawn; the same seed draws the same, whatever else
is in the folder.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..reports.tables import Table
from ..scoring.rules.constraints import Constraint
from ..scoring.rules.object_depth import Depth
from .kept_set import IMAGES, KeptSet, write_kept
from .photograph_pairs import REASONS, Pair, PairFilter, pairs_of
from .photographs import Photograph, Photographs
from .training_prompts import worded

NOTHING = "photographs without a pair"


@dataclass(frozen=True)
class Extraction:
    """What to name in photographs.

    Attributes:
        photographs: where they come from, and what looks at them.
        threshold: a box counts if its float32 score is strictly above float32(threshold).
        wanted: what a pair of boxes must be like.
        constraint: when a relation holds.
        seed: of the captions.
    """

    photographs: Photographs
    threshold: float
    wanted: PairFilter
    constraint: Constraint
    seed: int

    def __post_init__(self) -> None:
        self.constraint.checked()
        if not 0 <= self.threshold <= 1:
            raise UserError(
                f"--threshold {self.threshold:g} is no score: give a number from 0 to 1."
            )


def extract(asked: Extraction) -> tuple[KeptSet, Table]:
    """Look at the photographs, name the relations, write the set; the set, and what was counted.

    Raises:
        UserError: as ``Photographs``; or no photograph has a pair, with the counts.
    """
    source = asked.photographs
    counts: Counter[str] = Counter()
    relations: Counter[str] = Counter()
    records: list[tuple[Path, dict[str, Any]]] = []
    looked = empty = 0
    for one, found in source.looked_at():
        looked += 1
        depth = None if source.depth is None else _read_once(partial(source.depth_of, one))
        pairs = list(
            pairs_of(found, asked.threshold, asked.wanted, counts, asked.constraint, depth)
        )
        empty += not pairs
        for number, pair in enumerate(pairs):
            record = _record(one, number, pair, asked.seed, source.size)
            relations[record["relations"][0][1]] += 1
            records.append((source.path(one.id), record))
    if not records:
        refused = ", ".join(f"{name}: {counts[name]:,}" for name in REASONS if counts[name])
        told = f"of the pairs that were found, {refused}" if refused else "no two objects in one"
        raise UserError(
            f"none of the {looked:,} photographs has a pair of objects whose relation can be named "
            f"({told}): try a lower --threshold, other --objects or --filter, or more photographs."
        )
    table = _table(counts, relations)
    return write_kept(source.folder, records, _description(asked, looked, empty, counts)), table


def _record(
    one: Photograph, number: int, pair: Pair, seed: int, size: tuple[int, int]
) -> dict[str, Any]:
    """The line of a pair: one relation of those that hold, said from one of the two sides."""
    # By the names, so that a pair more or less changes no other's caption.
    names = hashlib.sha256(f"{pair.first}|{pair.second}".encode()).digest()
    rng = np.random.default_rng([seed, int(one.id, 16), int.from_bytes(names[:8])])
    relation = pair.relations[int(rng.integers(len(pair.relations)))]
    a, b = pair.first, pair.second
    if rng.random() < 0.5:
        a, b, relation = b, a, relation.inverse
    return {
        "file_name": f"{IMAGES}/{one.id}-{number}.png",
        "text": worded(rng, a, relation, b),
        "relations": [[a, relation.value, b]],
        "objects": list(pair.names),
        "boxes": pair.boxes.tolist(),
        "width": size[0],
        "height": size[1],
        "sha256": one.sha256,
    }


def _read_once(read: Callable[[], Depth]) -> Callable[[], Depth]:
    known: list[Depth] = []

    def depth() -> Depth:
        if not known:
            known.append(read())
        return known[0]

    return depth


def _table(counts: Mapping[str, int], relations: Mapping[str, int]) -> Table:
    kept = sum(relations.values())
    every = kept + sum(counts.values())
    rows = [[f"kept: {name}", f"{number:,}"] for name, number in sorted(relations.items())]
    rows += [["kept", f"{kept:,}"]]
    rows += [[reason, f"{counts[reason]:,}"] for reason in REASONS if counts[reason]]
    return Table(("pairs", "number"), [*rows, ["all", f"{every:,}"]])


def _description(
    asked: Extraction, looked: int, empty: int, counts: Mapping[str, int]
) -> dict[str, Any]:
    source = asked.photographs
    return {
        "format": 1,
        "note": "relations named in photographs; a reconstruction of the first half of ESPLoRA's "
        "pipeline with SCOP's filters, whose authors released none of it in this form",
        **source.settings,
        "depth": None if source.depth is None else source.depth.signature(),
        "threshold": asked.threshold,
        "filter": asdict(asked.wanted),
        "constraint": asked.constraint._asdict(),
        "seed": asked.seed,
        "photographs": looked,
        "unreadable": len(source.unreadable),
        "repeated": source.repeated,
        NOTHING: empty,
        "refused pairs": {reason: counts[reason] for reason in REASONS},
    }
