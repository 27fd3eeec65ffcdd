"""Benchmarks: prompts, rules and metrics, and all that is special to one of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from .detector import Detector
from .layout import Layout
from .metric import Metric, ScoreTable
from .plugin import Plugin
from .reward_defaults import RewardDefaults
from .rule import Rule, Verdict

if TYPE_CHECKING:
    from ..prompts import Prompt
    from .evidence import Evidence

Judged = Sequence[tuple["Prompt", int, Verdict]]
"""(prompt, image index, verdict) of each image of an official results file."""


@dataclass(frozen=True, slots=True)
class Published:
    """A published result, as printed.

    ``base`` is the checkpoint as its authors loaded it; ``evidence`` is P (primary), S (secondary),
    C (checked) or D (derived); ``note`` says what is odd about the row, and ``marks`` names why it
    competes with nobody: ``inconsistent``, ``layout-conditioned``, ``trained-on-the-metric``.
    """

    method: str
    base: str
    metrics: Mapping[str, float]
    source: str
    evidence: str
    note: str = ""
    marks: tuple[str, ...] = ()


class Benchmark(Plugin):
    """What an entry point of ``spatialbench.benchmarks`` names."""

    version: int
    subsets: Mapping[str, str]
    """Name of each prompt subset and what it holds; ``default_subset`` is one of them."""
    default_subset: str
    subset_names: Mapping[str, str] = {}
    """What users call subsets that runs keep under another name: the subset, by what is typed
    behind the colon of ``--bench``."""
    tables: Mapping[str, Mapping[str, str]] = {}
    """Tables of a paper that one command fills, by what is typed behind the colon: the subset of
    each column, by the key of its metric, in the order of the columns."""
    images_per_prompt: int
    detector: str = ""
    """The name of the benchmark's own detector; empty where none of its rules sees boxes."""
    judge: str | None = None
    """The name of the judge for rules that need answers; None where the user has to name one."""
    similarity_judge: str | None = None
    """The same for rules that need similarity."""
    rules: Mapping[str, Rule]
    """By short name; the first is the default."""
    metrics: Sequence[Metric]
    """In the order of the table's columns."""
    subset_rules: Mapping[str, str] = {}
    """The short name of a subset's rule, where it is another than the default."""
    subset_detectors: Mapping[str, str] = {}
    """The name of a subset's detector, where it is another than ``detector``."""
    subset_marks: Mapping[str, Sequence[str]] = {}
    """What rows on a subset are marked with, of ``spatialbench.reports.marks``."""
    rule_options: Mapping[str, Any] = {}
    """The options of ``--rule NAME:KEY=VALUE``, which ``rule_with`` sets; empty for none."""

    rewards: RewardDefaults = RewardDefaults()
    """What the reward server tells a trainer where nobody says otherwise."""
    results_folders: tuple[str, ...] = ()
    """The subsets whose official results may also be a folder of files, for ``official_reader``."""
    takes_file: bool = False
    """Whether what stands behind its name and a colon is a file of prompts, for ``of_file``."""
    file_subsets: tuple[str, ...] = ()
    """The subsets, as they are typed, whose prompts may also come from a file of the user's, by
    ``--bench NAME:SUBSET:FILE``; see ``of_subset_file``."""
    homepage: str = ""
    """The address of its authors' code or data, for those who read a result; empty for none."""

    layouts: Mapping[str, Layout] = {}
    """How its own tools name images, by what ``--layout`` takes."""

    def typed(self, subset: str) -> str:
        """What a user types for one of the subsets."""
        return next((name for name, one in self.subset_names.items() if one == subset), subset)

    @property
    def vocabulary(self) -> Sequence[str]:
        """Labels that its detectors answer though no prompt asks for them."""
        return ()

    @abstractmethod
    def prompts(self, subset: str) -> Sequence[Prompt]:
        """All prompts of a subset, in the benchmark's order.

        Raises:
            UserError: an unknown subset, or a file that is not there.
        """

    def of_file(self, path: Path) -> Benchmark:
        """The benchmark with the prompts of a file as its only subset, where it ``takes_file``.

        Raises:
            UserError: a file that cannot be used.
        """
        return self

    def of_subset_file(self, subset: str, path: Path) -> Benchmark:
        """The benchmark with the prompts of a file as its only subset; see ``file_subsets``.

        Args:
            subset: what kind of prompts they are, as it is typed.

        Raises:
            UserError: a file that cannot be used.
        """
        return self

    def begin_run(self, run: Path) -> None:
        """Write into a run that is begun or continued what ``of_run`` reads; by default nothing."""
        return

    def of_run(self, run: Path) -> Benchmark:
        """The benchmark of a run in that folder; by default this one.

        A benchmark whose prompts are those of one run finds them there.

        Raises:
            UserError: they are not there or cannot be read.
        """
        return self

    def unfinished(self, run: Path) -> bool:
        """Whether the command that began a run makes more of it than images and detections."""
        return False

    def official_prompts(self, subset: str) -> bytes:
        """The subset as the benchmark's own prompt file; by default one text per line."""
        return "".join(f"{prompt.text}\n" for prompt in self.prompts(subset)).encode()

    def seed(self, prompt: Prompt, index: int) -> int:
        """Seed of image ``index`` under the scheme ``protocol``; by default 42 + index."""
        return 42 + index

    def labels(self, prompt: Prompt) -> Sequence[str]:
        """Object names a detector must look for, in the rule's order."""
        return prompt.objects

    def clusters(self, prompts: Sequence[Prompt]) -> Sequence[str]:
        """A cluster name per prompt: what the bootstrap draws; by default the prompt itself."""
        return [prompt.id for prompt in prompts]

    def published(self) -> Sequence[Published]:
        """Published rows that can stand beside a result."""
        return ()

    def violations(
        self, numbers: Mapping[str, float], rounding: float, whole: bool
    ) -> Sequence[str]:
        """A sentence for each identity between metrics that a row of numbers breaks.

        Args:
            numbers: in percent, by metric key; some may be absent.
            rounding: how much the cells may be off by rounding, in percent.
            whole: whether every prompt has all its images.
        """
        return ()

    def notes(self, prompts: Sequence[Prompt], rule: str, detector: str) -> Sequence[str]:
        """Sentences under the table about these prompts, the named rule and the detector."""
        return ()

    def breakdowns(self, table: ScoreTable) -> Mapping[str, Mapping[str, Any]]:
        """Numbers of other groups than tasks, by a name for the grouping."""
        return {}

    def stands_for(self, prompt: Prompt, label: str, name: str) -> bool:
        """Whether a detector's label means an object of the prompt; by default equal names."""
        return label == name

    def needs_prepared_detector(self, prompts: Sequence[Prompt]) -> bool:
        """Whether ``prepare_detector`` has anything to do for these prompts."""
        return False

    def prepare_detector(
        self, detector: Detector, subset: str, device: str, offline: bool
    ) -> Detector:
        """The detector, with what finds more about a box than where it is and what."""
        return detector

    def rule_with(self, rule: Rule, options: Mapping[str, Any]) -> Rule:
        """A rule with some of ``rule_options`` set.

        Raises:
            UserError: a value out of its range.
        """
        raise UserError(f"the rules of {self.name} have no options.")

    def prompt_of_record(self, record: Mapping[str, Any], subset: str | None) -> Prompt | None:
        """The prompt that a foreign detections record brings; None for one of the benchmark's.

        Raises:
            UserError: something else where the prompt should be.
        """
        return None

    def judged_metadata(self, metadata: Any) -> str | None:
        """What the official scorer reads of an image folder's metadata, as text to compare.

        None for metadata of another form, and where the benchmark has none.
        """
        return None

    def prompt_of_metadata(self, metadata: Mapping[str, Any]) -> Prompt | None:
        """A prompt of nobody's file, made from metadata that are enough to judge its images.

        None where the benchmark's prompts have no metadata. Its id is made from what is judged, so
        that the same metadata always have the same id.

        Raises:
            UserError: metadata of another form; says which field.
        """
        return None

    def texts_in_results(self, path: Path) -> Mapping[str, str]:
        """By prompt id the texts that an official results file says its images were made from."""
        return {}

    def official_reader(
        self, subset: str, images_per_prompt: int | None = None
    ) -> Callable[[Path], Judged] | None:
        """What reads an official results file of that subset; None where there is no such file.

        Args:
            images_per_prompt: as the user said, for files whose running numbers depend on it.
        """
        return None

    def official_results(
        self,
        images: Iterable[tuple[Prompt, int, Evidence]],
        subset: str,
        rule: Rule,
        threshold: float,
        method: str,
        detector: str | None = None,
        images_per_prompt: int | None = None,
    ) -> Mapping[str, bytes] | None:
        """Contents of the official results files by relative name; None where there are none.

        Args:
            images: prompt, image index and what the rule judges by, of each image.
            detector: the signature of what looked; None for the prescribed one.
            images_per_prompt: how many each prompt has; None for the benchmark's own.
        """
        return None
