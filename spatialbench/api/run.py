"""A run on disk: its numbers, its verdicts, its images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError, typed
from ..plugins import Benchmark, Detector, DetectorPlugin, Rule
from ..runs.progress import Silent
from . import choosing
from .asked_models import Judges
from .measured import Measured, measured

if TYPE_CHECKING:
    import pandas as pd

    from ..prompts import Key
    from ..reports.gate.decision import Decision
    from ..reports.report import Form
    from ..reports.scored import ScoredRun
    from ..runs.opening import Run as StoredRun
    from ..runs.status import Status
    from ..scoring.summary import Summary


class Run:
    """A run; made by ``evaluate``, ``score`` and ``load_run``.

    Its numbers and verdicts raise UserError where it is not scored yet.
    """

    def __init__(self, stored: StoredRun, summary: Summary | None = None) -> None:
        self.stored = stored
        self._summary = summary

    def __repr__(self) -> str:
        return f"<Run {self.path}>"

    @property
    def path(self) -> Path:
        """The run directory."""
        return self.stored.path

    @cached_property
    def summary(self) -> Summary:
        """What was measured, and how."""
        from ..reports.results import read_summary

        return self._summary or read_summary(self.path)

    @property
    def name(self) -> str | None:
        """What its user calls the run in tables, or None; the method is in ``summary.method``."""
        return self.stored.manifest.name

    @property
    def benchmark(self) -> Benchmark:
        """The benchmark."""
        return self.stored.expected.benchmark

    @property
    def signature(self) -> str:
        """The line that says how the numbers were made."""
        return self.summary.signature

    @property
    def metrics(self) -> Mapping[str, Measured]:
        """The metrics over all images, by key, in the benchmark's order."""
        return measured(self.summary)

    @property
    def tasks(self) -> Mapping[str, Mapping[str, Measured]]:
        """The same by task of the benchmark."""
        return {name: measured(group) for name, group in self.summary.groups.items()}

    def frame(self) -> pd.DataFrame:
        """One row per judged image, in run order.

        Columns: ``prompt_id``, ``prompt`` (its text), ``index`` (of the image), ``task``,
        ``correct`` (the verdict), ``score``, ``reason``, then the facts of the rule. A run whose
        prompts were rewritten also has ``prompt_sent``, what the image was made from, behind
        ``prompt``, as far as that is known.
        """
        import pandas as pd

        from ..runs.sent_prompts import sent_texts
        from ..scoring.score import read_verdicts

        self._refuse_part()
        frame = pd.DataFrame(list(read_verdicts(self.stored)))
        texts = {prompt.id: prompt.text for prompt in self.stored.expected.prompts}
        frame.insert(1, "prompt", frame["prompt_id"].map(texts))
        if sent := sent_texts(self.stored):
            frame.insert(2, "prompt_sent", frame["prompt_id"].map(texts | sent))
        return frame

    def images(self) -> Mapping[Key, Path]:
        """The file of each finished image, by prompt id and image index, in run order."""
        from .image_paths import ImagePaths

        directory = self.stored.directory
        done = directory.finished_images(lambda notice: None)
        return ImagePaths(directory, [key for key in self.stored.expected.keys() if key in done])  # noqa: SIM118

    def table(self, form: Form = "table") -> str:
        """The table of ``spatialbench run`` in any form of its ``--format``."""
        from ..reports.single import summary_report
        from ..runs.timing import read_pace

        pace = read_pace(self.path)
        return summary_report(self.summary, self.benchmark, pace, self.name).text(form)

    def detect(
        self,
        detector: str | Detector | DetectorPlugin | None = None,
        *,
        device: str | None = None,
        offline: bool = False,
        known_names_only: bool = False,
        synonyms: bool = False,
    ) -> str:
        """Have a detector look at the images too; returns its signature, for :meth:`score`."""
        from .looking import look

        how = _how(device, offline) | {"known_names_only": known_names_only, "synonyms": synonyms}
        return look(self.stored, detector, **how)[1].signature()

    def ask(
        self,
        judge: Judges = None,
        *,
        rule: str | Rule | None = None,
        device: str | None = None,
        offline: bool = False,
    ) -> str:
        """Ask a judge a rule's questions about the images that lack an answer; its signature.

        Of a rule that needs several, None asks all of them: their signatures, joined by ``+``.
        """
        from .looking import ask

        expected = self.stored.expected
        chosen = choosing.rule(expected.benchmark, rule, expected.subset)
        asked = ask(self.stored, judge, chosen, **_how(device, offline))[1]
        return "+".join(one.signature() for one in asked)

    def score(
        self,
        *,
        rule: str | Rule | None = None,
        threshold: float | None = None,
        detector: str | None = None,
        judge: str | Sequence[str] | None = None,
        known_names_only: bool = False,
        replace: bool = False,
    ) -> Run:
        """Judge what was seen by another rule, threshold, detector or judge; needs no model.

        Of fewer images than another detector or judge has seen it is written only with ``replace``.
        """
        from ..scoring.score import score
        from .looking import known_run

        expected = self.stored.expected
        judging = choosing.judging(expected.benchmark, rule, threshold, expected.subset)
        stored = known_run(self.stored, detector) if known_names_only else self.stored
        return Run(stored, score(stored, Silent(), judging, detector, judge, replace=replace))

    def scored(self) -> ScoredRun:
        """Summary and verdicts in memory, which comparing and gating start from."""
        from ..reports.scored import load_scored

        self._refuse_part()
        return load_scored(self.stored)

    def gate(self, file: str | Path, *, sequential: bool = False) -> Decision:
        """Hold the run to a gate file; see ``spatialbench gate``.

        Raises:
            UserError: no such file, or a malformed one.
        """
        from ..reports.gate.decision import decide
        from ..reports.gate.file import read_gate

        return decide(self.scored(), read_gate(Path(file)), sequential=sequential)

    def write_gate(
        self,
        file: str | Path,
        *,
        tolerance: float = 2.0,
        group_tolerance: float | None = None,
        confidence: float = 0.95,
        one_sided: bool = False,
        force: bool = False,
    ) -> Path:
        """Make a gate file of the run; see ``spatialbench gate --write``. Returns its path.

        Raises:
            UserError: a file that is there, without ``force``.
        """
        from .output import write_gate

        write_gate(
            self.scored(),
            Path(file),
            tolerance=tolerance,
            group_tolerance=group_tolerance,
            confidence=confidence,
            one_sided=one_sided,
            force=force,
        )
        return Path(file)

    def export(
        self, layout: str, out: str | Path, *, detector: str | None = None, repo: str | None = None
    ) -> Path:
        """Write the run where another tool looks for it; see ``spatialbench export``."""
        from .output import write_layout

        write_layout(self.stored, layout, Path(out), detector, Silent(), repo)
        return Path(out)

    def push(self, repo: str, *, private: bool = False, replace: bool = False) -> str:
        """Upload the run as a data set of the Hugging Face Hub; returns its address.

        See ``spatialbench push``.

        Raises:
            UserError: no token, no way to the Hub, a repository of other files.
        """
        from .publishing import push

        return push(self.stored, repo, private=private, replace=replace, progress=Silent())

    def log(self, to: str, *, project: str | None = None, images: int = 16) -> str:
        """Log the run to ``wandb``, ``mlflow`` or ``trackio``; returns where it is.

        The same run again changes nothing there; see ``spatialbench log``.

        Raises:
            UserError: an unknown tracker, or one that is not installed or does not answer.
        """
        from .publishing import log

        return log(self.scored(), to, project=project, images=images)

    def gallery(
        self,
        out: str | Path | None = None,
        *,
        against: Run | None = None,
        copy: bool = False,
        sweep: bool = True,
    ) -> Path:
        """Pages of the run's images, beside those of ``against``; returns the file to open."""
        from .output import write_gallery

        sides = [self.scored()] if against is None else [against.scored(), self.scored()]
        folder = None if out is None else Path(out)
        return write_gallery(sides, folder, Silent(), copy=copy, sweep=sweep).index

    def status(self) -> Status:
        """What the run has, what it lacks, and what to type next."""
        from ..runs.status import status

        return status(self.stored)

    def _refuse_part(self) -> None:
        if self.stored.is_part or not (self._summary is None or self._summary.written):
            raise UserError(
                f"{self.path} is of more images than these: its verdicts are those of all of "
                f"them; load_run({str(self.path)!r}) has them, and {typed('score', self.path)} "
                "writes them again."
            )


def _how(device: str | None, offline: bool) -> dict[str, Any]:
    """How a model looks at images when nobody is told of it."""
    from ..weights.devices import chosen_device

    return {"device": chosen_device(device), "progress": Silent(), "offline": offline}


def load_run(path: str | Path, bench: str | Benchmark | None = None) -> Run:
    """A run that is on disk.

    Args:
        path: its directory; as a text also its id, its name, or how one of them begins.
        bench: its benchmark, where that is of no installed package.

    Raises:
        UserError: no run there, or several; one that is damaged or of other prompts.
    """
    return Run(choosing.existing_run(path, bench=bench))
