"""From the options of a command line to the objects that do the work."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from .. import plugins
from ..errors import UserError, unknown_name
from ..lab import LAB_BACKBONES
from ..plugins import GenerationSettings
from ..plugins.detector_names import plugin_of
from ..plugins.discovery import name_and_rest
from ..plugins.subsets import default_detector, default_rule
from . import parsing
from .console import say

if TYPE_CHECKING:
    from ..plugins import Benchmark, Detector, Method, Rule, RulePlugin
    from ..prompts import Prompt
    from ..runs.expected import Expected
    from ..runs.opening import Run, RunSpec
    from ..runs.selection import Selection
    from ..scoring.judging import Judging
    from ..stages.preflight import Wanted

LAB_DETECTOR = "lab-owlvit"
DEFAULT_BATCH_SIZE = 8


@dataclass(frozen=True)
class RunOptions:
    """The options of ``run`` and ``generate``, as click parsed them."""

    method: str
    bench: str
    backbone: str
    limit: int | None
    only: str | None
    images_per_prompt: int | None
    steps: int | None
    guidance_scale: float | None
    scheduler: str | None
    width: int | None
    height: int | None
    assignments: tuple[str, ...]
    prompt_transform: str | None
    seed_scheme: str
    batch_size: int | None
    device: str | None
    dtype: str
    out: str | None
    offline: bool

    @property
    def folder(self) -> Path | None:
        """Where ``--out`` puts the run."""
        return Path(self.out) if self.out else None

    @property
    def batch(self) -> int:
        """Images at a time."""
        return self.batch_size or DEFAULT_BATCH_SIZE

    def selection(self) -> Selection:
        """Which prompts and images were asked for."""
        from ..runs.selection import Selection

        only = Selection.parse_only(self.only)
        return Selection(self.limit, only, self.images_per_prompt)

    def spec(self, device: str) -> RunSpec:
        """Benchmark, subset, generator and seeds; loads no model.

        Raises:
            UserError: an unknown name or a value one of them does not take.
        """
        from ..runs.opening import RunSpec
        from ..runs.seeds import SeedScheme

        benchmark, subset = benchmark_and_subset(self.bench)
        seeds = SeedScheme.parse(self.seed_scheme)
        return RunSpec(benchmark, subset, self._generator(device), seeds)

    def _generator(self, device: str) -> Method:
        from ..prompt_transforms import with_transform

        plugin = plugins.load("method", self.method)
        settings = GenerationSettings(
            backbone=self.backbone,
            steps=self.steps,
            guidance_scale=self.guidance_scale,
            scheduler=self.scheduler,
            width=self.width,
            height=self.height,
            dtype=self.dtype,
            device=device,
            offline=self.offline,
        )
        parameters = parsing.assignments(self.assignments, plugin.parameters)
        return with_transform(plugin.configure(settings, parameters), self.prompt_transform)

    def wanted(
        self,
        spec: RunSpec,
        expected: Expected,
        detector: Detector | None = None,
        judging: Judging | None = None,
    ) -> Wanted:
        """What a command with these options is about to do."""
        from ..stages.preflight import Wanted
        from .estimate import estimate

        size = estimate(spec.identity["generator"], 1, "cpu").bytes
        folder = self.folder or spec.folder()
        return Wanted(folder, expected, spec.generator, detector, judging, size)

    @contextmanager
    def opened(self, spec: RunSpec, device: str, *, shared: bool) -> Iterator[Run]:
        """Start the run on disk, or continue it, and hold it; ``shared`` as one of its shards."""
        from ..runs.machine import this_machine
        from ..runs.opening import opened_run
        from ..runs.sent_prompts import record_sent_prompts

        prompts = spec.expect(self.selection()).prompts
        for note in spec.generator.about_prompts(prompts):
            say(note)
        machine = this_machine(device, self.dtype, self.batch)
        with opened_run(
            spec, self.selection(), machine, self.folder, command_line(), shared=shared
        ) as run:
            sentence = record_sent_prompts(run)
            if sentence is not None:
                say(sentence)
            yield run


def command_line() -> str:
    """What was typed, for ``status`` to show when something is missing.

    Without ``--shard``: that command does whatever is left of any shard.
    """
    arguments = list(click.get_current_context().obj or [])
    while "--shard" in arguments:
        place = arguments.index("--shard")
        del arguments[place : place + 2]
    arguments = [word for word in arguments if not word.startswith("--shard=")]
    return " ".join(["spatialbench", *map(_quoted, arguments)])


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


def benchmark_and_subset(text: str) -> tuple[Benchmark, str]:
    """``visor`` or ``visor:all`` as the plug-in and the name of one of its prompt sets."""
    name, subset = name_and_rest("benchmark", text)
    benchmark = plugins.load("benchmark", name)
    chosen = subset or benchmark.default_subset
    if chosen not in benchmark.subsets:
        raise unknown_name(f"prompt set of {benchmark.name}", chosen, benchmark.subsets)
    return benchmark, chosen


def detector(
    given: str | None,
    benchmark: Benchmark,
    subset: str,
    backbone: str,
    device: str,
    offline: bool,
    prompts: Sequence[Prompt] | None = None,
) -> Detector:
    """The detector named, else the lab's for images of the lab, else the benchmark's own.

    A benchmark that wants to know more about a box may wrap it, by ``prepare_detector``.
    """
    if given is None:
        own = default_detector(benchmark, subset)
        lab = backbone in LAB_BACKBONES
        given = LAB_DETECTOR if lab else own
        why = "the lab's own" if lab else f"the one {benchmark.name} prescribes"
        say(f"detector: {given}, {why}")
    plugin, weights = plugin_of(given)
    chosen = plugin.configure(weights, device, offline)
    if prompts is not None and not benchmark.needs_prepared_detector(prompts):
        return chosen
    return benchmark.prepare_detector(chosen, subset, device, offline)


def judging(
    benchmark: Benchmark, given: str | None, threshold: float | None, subset: str | None = None
) -> Judging:
    """The rule that is named, see ``rule``, at the threshold that is given."""
    from ..scoring.judging import Judging

    return Judging(rule(benchmark, given, subset), threshold)


def rule(benchmark: Benchmark, given: str | None, subset: str | None = None) -> Rule:
    """A rule by its short or its versioned name; None is the subset's own.

    It is one of the benchmark's, or one for any benchmark (see ``scoring.rules.catalogue``).

    ``NAME:KEY=VALUE,...`` sets options of a rule, where the benchmark has ``rule_options``.
    """
    from ..scoring.rules import catalogue

    rules = benchmark.rules
    if given is None:
        return default_rule(benchmark, subset)
    given, options = name_and_rest("rule", given)
    named = {**rules, **{rule.name: rule for rule in rules.values()}}
    if ":" in given:
        family: RulePlugin | None = plugins.load("rule", given)
    else:
        family = None if given in named else catalogue.family_of(given)
    if family is not None:
        known = dict.fromkeys(catalogue.taken(family))
        values = parsing.assignments(options.split(",") if options else [], known)
        return catalogue.build(family, benchmark, subset, values)
    if options is not None:
        return _rule_with(benchmark, rule(benchmark, given), options)
    if given not in named:
        raise unknown_name(f"rule of {benchmark.name}", given, [*named, *catalogue.names()])
    return named[given]


def _rule_with(benchmark: Benchmark, chosen: Rule, options: str) -> Rule:
    known = benchmark.rule_options
    if not known:
        raise UserError(
            f"the rules of {benchmark.name} have no options, but --rule gives {options!r}: leave "
            "out what follows the colon."
        )
    values = parsing.assignments(options.split(","), known)
    return benchmark.rule_with(chosen, values)


def existing_run(folder: Path, *, training: bool = False) -> Run:
    """A run that is already on disk, with the benchmark it belongs to.

    Args:
        training: the command also takes the run of a training set, or the set's folder.

    Raises:
        UserError: no run, or one that cannot be opened; a training set where it is not taken.
    """
    from ..lora_training.stored_prompts import read_stored, training_run
    from ..runs.opening import benchmark_of, open_existing

    if not folder.is_dir():
        raise UserError(f"there is no run directory {folder}; expected a folder 'run' wrote.")
    made_to_train = training_run(folder)
    if made_to_train is not None:
        if training:
            benchmark = cast("Benchmark", read_stored(made_to_train))
            return open_existing(made_to_train, benchmark)
        raise UserError(
            f"{folder} holds the images of a training set, which 'spatialbench esplora "
            "build-data' judges itself; 'spatialbench status' and 'spatialbench depth' take it, "
            "and dataset.json in the set's folder has its numbers."
        )
    return open_existing(folder, plugins.load("benchmark", benchmark_of(folder)))


def options_of(values: dict[str, Any]) -> RunOptions:
    """The run options among a command's parameters, taken out of ``values``."""
    names = RunOptions.__dataclass_fields__
    return RunOptions(**{name: values.pop(name) for name in list(values) if name in names})
