"""A whole table of a paper from one command: an evaluation per prompt set, begun together.

Each is a run of its own, the one that its set alone would be, so that what was made before is used
and every verb takes it. Everything is asked for before the first image of the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import UserError, typed
from ..executors.ray_cluster import one_cluster
from ..plugins import Benchmark, Judge, Published
from ..plugins.discovery import name_and_rest
from ..plugins.evidence import BOXES, DEPTH
from ..plugins.requirements import Requirement
from ..plugins.subsets import default_detector, default_rule
from ..reports.report import Report
from ..reports.rows import Row
from ..reports.whole_table import Column, joined, whole_table
from ..runs.timing import read_pace
from . import choosing
from .evaluation import Evaluation

if TYPE_CHECKING:
    from ..reports.competition import Prescribed
    from ..runs.opening import Run
    from ..scoring.summary import Summary

Done = tuple["Run", "Summary | None"]


@dataclass(frozen=True)
class WholeTable:
    """What is asked, before anything is made.

    Attributes:
        benchmark: whose table it is.
        name: of the table, as it stands behind the colon.
        parts: the evaluation of each prompt set, in the order of the columns.
    """

    benchmark: Benchmark
    name: str
    parts: dict[str, Evaluation]

    @classmethod
    def of(cls, asked: Evaluation) -> WholeTable | None:
        """The table that an evaluation asks for; None where it asks for one prompt set.

        Args:
            asked: ``limit`` is of every prompt set; ``out`` gets a folder for each. A detector that
                some set prescribes looks for those sets alone, any other one for all of them;
                judges are asked, and depth is estimated, where a rule needs it.

        Raises:
            UserError: an unknown name, or a rule: each set has its own.
        """
        found = choosing.table_named(asked.bench)
        if found is None:
            if len(_listed(asked.detector)) > 1:
                raise UserError("several detectors are for a table of prompt sets: give one.")
            return None
        benchmark, name = found
        if asked.rule is not None or asked.threshold is not None:
            raise UserError(
                f"{benchmark.name}:{name} has a rule of its own for every prompt set: leave out "
                "--rule and --threshold, and score single runs by others afterwards."
            )
        if asked.until is not None:
            raise UserError(
                f"--until is for one prompt set, and {benchmark.name}:{name} has several: name one."
            )
        before = name_and_rest("benchmark", str(asked.bench))[0]
        subsets = dict.fromkeys(benchmark.tables[name].values())
        judges = _judges(asked, benchmark, subsets)
        parts: dict[str, Evaluation] = {}
        for subset in subsets:
            typed = benchmark.typed(subset)
            parts[subset] = replace(
                asked,
                bench=f"{before}:{typed}",
                out=None if asked.out is None else asked.out / typed,
                detector=_detector_of(asked.detector, benchmark, subset, subsets),
                judge=judges[subset] or None,
                depth=asked.depth if _sees(DEPTH, benchmark, subset) else None,
                known_names_only=asked.known_names_only and _sees(BOXES, benchmark, subset),
                synonyms=asked.synonyms and _sees(BOXES, benchmark, subset),
                configured=next((part.method for part in parts.values()), None),
            )
        return cls(benchmark, name, parts)

    @property
    def title(self) -> str:
        """Of benchmark and table, such as ``visor:all``."""
        return f"{self.benchmark.name}:{self.name}"

    def needs(self) -> list[Requirement]:
        """Everything that the parts need of this machine, each thing once."""
        from ..stages.preflight import disk, due, needs

        found, images, size = [], 0, 0.0
        for part in self.parts.values():
            try:
                wanted = part.wanted()
                found += needs(replace(wanted, image_bytes=None))
                missing = len(due(wanted))
            except UserError as error:
                found.append(Requirement(f"what {part.bench} asks for", str(error)))
                continue
            images, size = images + missing, size + missing * (wanted.image_bytes or 0)
        if size:
            found.append(disk(next(iter(self.parts.values())).folder, images, size))
        return list({need.missing or need.what: need for need in found}.values())

    @one_cluster()
    def run(self) -> list[Done]:
        """Do what is left to do of every part; no summary of a shard.

        Raises:
            UserError: what is missing for any part, before anything is made.
        """
        from ..stages.preflight import fetch, require

        def fetched() -> None:
            for part in self.parts.values():
                fetch(part.wanted())

        require(self.needs(), fetch=fetched)
        done = []
        for subset in list(self.parts):
            # What a part has loaded goes with it.
            part = self.parts.pop(subset)
            part.progress.notice(f"{self.title}: {self.benchmark.typed(subset)}")
            done.append(part.run())
        return done

    def report(self, done: Sequence[Done]) -> Report:
        """One row with every column."""
        rows = [
            Row(str(run.path), summary, read_pace(run.path), run.manifest.name)
            for run, summary in done
            if summary is not None
        ]
        return table_report(self.benchmark, self.name, rows)[0]


def table_report(
    benchmark: Benchmark,
    name: str,
    rows: Sequence[Row],
    published: Sequence[Published] = (),
    prescribed: Prescribed | None = None,
) -> tuple[Report, list[Row]]:
    """The runs of a benchmark as rows of one of its tables, and those without a place in it.

    Raises:
        UserError: no run of any column, and no published row.
    """
    metrics = {metric.key: metric for metric in benchmark.metrics}
    columns = [Column(metrics[key], subset) for key, subset in benchmark.tables[name].items()]
    whole, left = joined(rows, columns, lambda row: row.result.subset or benchmark.default_subset)
    title = f"{benchmark.name}:{name}"
    if not whole and not published:
        sets = ", ".join(map(benchmark.typed, benchmark.tables[name].values()))
        raise UserError(
            f"none of these runs is of a prompt set of {title}, which has {sets}: make one with "
            f"'{typed('run', '--bench', title, '--method', 'NAME')}'."
        )
    return whole_table(title, columns, whole, published, prescribed), left


def _detector_of(given: Any, benchmark: Benchmark, subset: str, subsets: Iterable[str]) -> Any:
    """The detector that was named for a part; None for the prescribed one, or for none at all."""
    if not _sees(BOXES, benchmark, subset):
        return None
    prescribed = {default_detector(benchmark, one) for one in subsets}
    own = default_detector(benchmark, subset)
    named = {name_and_rest("detector", one)[0]: one for one in _listed(given) if _is_text(one)}
    others = [one for one in _listed(given) if not _is_text(one)]
    others += [one for name, one in named.items() if name not in prescribed]
    return named.get(own, next(iter(others), None))


def _sees(kind: str, benchmark: Benchmark, subset: str) -> bool:
    return kind in default_rule(benchmark, subset).needs


def _judges(
    asked: Evaluation, benchmark: Benchmark, subsets: Iterable[str]
) -> dict[str, list[Judge]]:
    """By part, those of the named judges that its rule has a use for.

    Raises:
        UserError: an unknown name.
    """
    named = _listed(asked.judge)
    device = asked.settings.device if named else ""
    judges = [choosing.configured_model("judge", one, device, asked.offline) for one in named]
    needs = {subset: default_rule(benchmark, subset).needs for subset in subsets}
    return {one: [judge for judge in judges if judge.gives in needs[one]] for one in needs}


def _listed(given: Any) -> list[Any]:
    """What an option names: nothing, one, or several."""
    return [] if given is None else list(given) if isinstance(given, list | tuple) else [given]


def _is_text(given: Any) -> bool:
    return isinstance(given, str)
