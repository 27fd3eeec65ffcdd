"""The reference's verdicts, image by image, as a gate file holds them."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from ...errors import UserError
from ...plugins import Metric, ScoreTable
from ...plugins.metric import ratios, values
from ...prompts import Prompt, prompt_set_hash
from ..scored import ScoredRun

RIGHT = "correct"
_BITS, _NUMBERS = "bits", "float64"
Column = npt.NDArray[Any]


class Verdicts(BaseModel):
    """What the metrics of a gate are made of, one value per image, in run order.

    Attributes:
        metric: the one that is asked first; the others share what is left of the false alarms.
        prompts_sha256: of the ids and texts of the prompts, in run order.
        columns: by name the kind of values (``bits`` or ``float64``), a colon, and they themselves:
            packed (eight to a byte, or little-endian), deflated, in base 64.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str
    prompts_sha256: str
    columns: dict[str, str] = Field(min_length=1)

    @classmethod
    def of(cls, scored: ScoredRun, keys: Sequence[str]) -> Verdicts | None:
        """The verdicts of a complete run, as far as metrics need them.

        None where nobody recorded seeds, or where a metric is made of more than yes, no and
        numbers: such a run has no images that another one's are the counterparts of.
        """
        table = scored.table
        columns = {name: table.columns[name] for name in read_by(scored, keys)}
        numbers = all(column.dtype.kind in "biuf" for column in columns.values())
        if not (numbers and scored.run.expected.seeds.known):
            return None
        hashed = prompt_set_hash(table.prompts)
        packed = {name: _packed(column) for name, column in columns.items()}
        return cls(metric=asked_first(scored, keys), prompts_sha256=hashed, columns=packed)

    def table(
        self, prompts: Sequence[Prompt], images: int, needed: Sequence[str] = ()
    ) -> ScoreTable:
        """The table of these prompts with so many images each, which the caller has compared.

        Args:
            needed: columns that the caller's metrics read.

        Raises:
            UserError: a damaged column, or one that is needed and not there.
        """
        for name in needed:
            if name not in self.columns:
                raise _damaged(name)
        count = len(prompts) * images
        columns = {name: _unpacked(name, text, count) for name, text in self.columns.items()}
        rows = np.repeat(np.arange(len(prompts)), images)
        return ScoreTable(prompts, rows, np.tile(np.arange(images), len(prompts)), columns)


def asked_first(scored: ScoredRun, keys: Sequence[str]) -> str:
    """Of these metrics the share of right images, or the first one where none is that."""
    table = scored.table
    of_run, right, images = ratios(scored.metrics, table), table.sums(RIGHT), table.sums()
    for key in keys:
        parts = of_run[key].parts if key in of_run else ()
        share = [(p.numerator == right).all() and (p.denominator == images).all() for p in parts]
        if share == [True]:
            return key
    return next(iter(keys))


class _Watched(Mapping[str, Column]):
    """Columns that remember which of them were read."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._columns = columns
        self.read: dict[str, None] = {}

    def __getitem__(self, name: str) -> Column:
        found = self._columns[name]
        self.read[name] = None
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


def read_by(scored: ScoredRun, keys: Collection[str]) -> list[str]:
    """The columns that these metrics read, after that of right and wrong."""
    table = scored.table
    watched = _Watched(table.columns)
    again = ScoreTable(table.prompts, table.prompt_row, table.index, watched)
    metrics: list[Metric] = [metric for metric in scored.metrics if metric.key in keys]
    values(metrics, again)
    ratios(metrics, again)
    return list(dict.fromkeys([RIGHT, *watched.read]))


def _packed(column: Column) -> str:
    bits = column.dtype.kind == "b"
    raw = np.packbits(column).tobytes() if bits else column.astype("<f8").tobytes()
    text = base64.b64encode(zlib.compress(raw, 9)).decode("ascii")
    return f"{_BITS if bits else _NUMBERS}:{text}"


def _unpacked(name: str, text: str, count: int) -> Column:
    kind, _, packed = text.partition(":")
    size = {_BITS: (count + 7) // 8, _NUMBERS: 8 * count}.get(kind, -1)
    try:
        deflated = zlib.decompressobj()
        raw = deflated.decompress(base64.b64decode(packed, validate=True), max(1, size + 1))
    except (binascii.Error, zlib.error, ValueError) as error:
        raise _damaged(name) from error
    if len(raw) != size or not deflated.eof:
        raise _damaged(name)
    if kind == _BITS:
        return np.unpackbits(np.frombuffer(raw, np.uint8), count=count).astype(bool)
    return np.frombuffer(raw, "<f8").astype(np.float64)


def _damaged(name: str) -> UserError:
    return UserError(
        f"the gate file's verdicts are damaged (column {name!r}): restore the file, or write it "
        "again with 'spatialbench gate RUN --write FILE --force'."
    )
