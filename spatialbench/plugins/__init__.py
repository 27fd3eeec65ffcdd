"""The three kinds of plug-in and what each promises; ``discovery`` finds them.

A plug-in is an object named by an entry point in the group ``spatialbench.methods``,
``spatialbench.detectors`` or ``spatialbench.benchmarks``. The object itself must import quickly:
heavy libraries are imported when a model is loaded, not before.

A generator, detector or rule may say what it needs by an optional ``requirements`` (see there).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from .discovery import load as load
from .discovery import names as names

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

    from ..detections import Detections
    from ..prompts import Prompt
    from ..statistics.ratios import MeanOfRatios

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One image to make: prompt, image index k, and the seed of its own CPU generator."""

    prompt: Prompt
    index: int
    seed: int


@dataclass(frozen=True, slots=True)
class GenerationSettings:
    """What the user asked of any generator; None means the backbone's own default.

    ``width`` and ``height`` are pixels; ``dtype`` is ``float32``, ``float16`` or ``bfloat16``.
    ``device`` and ``offline`` decide no pixel and stay out of the identity.
    """

    backbone: str = "lab"
    steps: int | None = None
    guidance_scale: float | None = None
    scheduler: str | None = None
    width: int | None = None
    height: int | None = None
    dtype: str = "float32"
    prompt_transform: str | None = None
    device: str = "cpu"
    offline: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """One ``--set key=value`` a method takes: its default and what it means."""

    default: Any
    help: str


class Generator(Protocol):
    """A method on a backbone, with every setting fixed.

    It may also offer ``download`` and ``about_prompts`` (see the functions of these names).
    """

    def identity(self) -> Json:
        """Everything that decides the pixels: method, version, parameters, backbone, scheduler.

        Cheap: no model is loaded for it. Plain JSON values only.
        """
        ...

    def load(self) -> None:
        """Load the models. Called once in each worker, before ``generate``."""
        ...

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        """RGB images, one a request, each from one CPU generator seeded with its own seed.

        A request's pixels may not depend on the other requests beyond rounding.
        """
        ...


class GeneratorPlugin(Protocol):
    """What an entry point of ``spatialbench.methods`` names.

    It may also offer ``marks_of(parameters)``: the marks of a run whose identity has none, as of an
    earlier version, by the parameters in its signature; and ``step_factor``: how many plain steps
    one of its steps is worth, for rough estimates.
    """

    name: str
    summary: str
    parameters: Mapping[str, Parameter]

    def configure(self, settings: GenerationSettings, parameters: Mapping[str, Any]) -> Generator:
        """Fix the settings. Raises UserError for a parameter or value the method does not take."""
        ...


class Detector(Protocol):
    """A detector with its weights chosen."""

    def identity(self) -> Json:
        """Everything that decides the boxes: class, weights and revision, image processor."""
        ...

    def signature(self) -> str:
        """One word for the result signature, such as ``owlvit-base-patch32@cbc355f``."""
        ...

    def load(self) -> None:
        """Load the weights; missing or unexpected keys are an error."""
        ...

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        """Find ``labels[i]`` (object names) in ``images[i]``, every box above the store's floor."""
        ...


class DetectorPlugin(Protocol):
    """What an entry point of ``spatialbench.detectors`` names.

    A detector may also have ``score_threshold``, from which its boxes count where it stands in for
    another (see ``scoring.thresholds``).

    It may also offer ``fetch`` or ``files`` (see ``cli.fetch``), and ``signature_start``: how the
    signature of the model it is known for begins (see ``plugins.subsets.stands_in_for``).
    """

    name: str
    summary: str

    def configure(self, weights: str | None, device: str, offline: bool) -> Detector:
        """Choose the weights: None for its own, else a folder or ``org/name@revision``."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule's answer for one image.

    Attributes:
        correct: whether the image shows what the prompt asked for.
        score: the benchmark's own number for this image.
        reason: a sentence a person can read.
        facts: the columns the benchmark's metrics are made of, such as ``found_a``. Some names
            mean the same to every benchmark, and the price of a result is read from them: for an
            asked object x, ``found_x`` whether it was found, ``n_x`` how many boxes of it are
            above the threshold, ``conf_x`` the score (0 to 1) of its best box.
    """

    correct: bool
    score: float
    reason: str
    facts: Mapping[str, bool | int | float] = field(default_factory=dict)


class Rule(Protocol):
    """A named, versioned rule: detections in, verdict out."""

    name: str
    """With its version, e.g. ``visor-centroid/1``."""
    threshold: float
    """Score a box must exceed, unless the user gives another."""

    def judge(self, prompt: Prompt, detections: Detections, threshold: float) -> Verdict: ...


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Verdicts of a run as columns, one row an image, in the order of the expected images.

    ``prompts[prompt_row[i]]`` is the prompt of row i and ``index[i]`` its image index.
    ``columns`` holds ``correct`` (bool), ``score`` (float64) and the rule's facts.
    """

    prompts: Sequence[Prompt]
    prompt_row: npt.NDArray[np.int64]
    index: npt.NDArray[np.int64]
    columns: Mapping[str, npt.NDArray[Any]]


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


class BenchmarkPlugin(Protocol):
    """What an entry point of ``spatialbench.benchmarks`` names.

    It may also offer the hooks that the harness finds by name.
    """

    name: str
    version: int
    summary: str
    subsets: Mapping[str, str]
    """Name of each prompt subset and what it holds; ``default_subset`` is one of them."""
    default_subset: str
    images_per_prompt: int
    detector: str
    """The benchmark's own detector."""
    rules: Mapping[str, Rule]
    """By short name; the first is the default."""
    headline: Sequence[str]
    """Metric keys of the table, in column order."""

    def prompts(self, subset: str) -> Sequence[Prompt]:
        """All prompts of a subset, in the benchmark's order."""
        ...

    def official_prompts(self, subset: str) -> bytes:
        """The subset as the benchmark's own prompt file, byte for byte."""
        ...

    def seed(self, prompt: Prompt, index: int) -> int:
        """Seed of image ``index`` under the scheme ``protocol``."""
        ...

    def labels(self, prompt: Prompt) -> Sequence[str]:
        """Object names a detector must look for, in the rule's order."""
        ...

    def metrics(self, table: ScoreTable) -> Mapping[str, float]:
        """Point values by metric key, exactly as the official scorer computes them.

        NaN where the official script would divide by zero.
        """
        ...

    def ratios(self, table: ScoreTable) -> Mapping[str, MeanOfRatios]:
        """The same metrics as ratios of per-prompt sums (row order of ``table.prompts``)."""
        ...

    def clusters(self, prompts: Sequence[Prompt]) -> Sequence[str]:
        """A cluster name a prompt: what the bootstrap draws (VISOR: the object pair)."""
        ...

    def published(self) -> Sequence[Published]:
        """Published rows that can stand beside a result."""
        ...


def about_prompts(generator: Generator, prompts: Sequence[Prompt]) -> list[str]:
    """What a generator has to say of the prompts of a run before the first image, in sentences.

    It may offer ``about_prompts(prompts)`` for this, which loads no model.

    Raises:
        UserError: a prompt that the method cannot take.
    """
    if hasattr(generator, "about_prompts"):
        said: list[str] = generator.about_prompts(prompts)
        return said
    return []


def download(plugged: Generator | Detector) -> None:
    """Get what a generator or detector takes from the network, without loading it.

    It may offer ``download()`` for this; one that does not has to find its files on every machine
    that works, where nothing is downloaded.

    Raises:
        UserError: the download failed, or it is offline.
    """
    if hasattr(plugged, "download"):
        plugged.download()
