"""What the options of ``spatialbench esplora build-data`` name: prompts, models, the check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import plugins
from ..api import choosing
from ..api.console import say
from ..errors import UserError
from ..lab import LAB_DEPTH, LAB_DETECTOR
from ..plugins import GenerationSettings
from ..plugins.detector_names import plugin_of
from ..plugins.evidence import DEPTH
from ..plugins.parameters import assignments
from ..relations import Relation

if TYPE_CHECKING:
    from ..lora_training.benchmark import TrainingPrompts
    from ..scoring.judging import Judging
    from ..stages.depth_model import DepthModel


def at_a_commit(backbone: str, offline: bool) -> str:
    """The backbone as everything in the command means it; says which commit is the newest."""
    from ..backbones.named import choose

    chosen = choose(backbone, offline=offline)
    if chosen.told:
        say(chosen.told)
    return chosen.name


def prompts(values: dict[str, Any]) -> TrainingPrompts:
    """Those of the file, or drawn ones. Raises UserError as they do."""
    from ..lora_training.benchmark import TrainingPrompts
    from ..lora_training.training_prompts import draw_prompts, read_prompts

    if values["prompts_file"] is not None:
        if values["relations"] is not None:
            raise UserError(
                "--relations says which prompts are drawn, and --prompts gives a file of them: "
                "leave one of the two out."
            )
        made = read_prompts(values["prompts_file"])
    else:
        names = values["objects"]
        objects = [name.strip() for name in names.split(",") if name.strip()] if names else None
        made = draw_prompts(
            *(values["count"], values["seed"], objects, values["complex_share"]),
            _relations(values["relations"]),
        )
    return TrainingPrompts(made, values["images_per_prompt"])


def _relations(given: str | None) -> Sequence[Relation]:
    from ..lora_training.training_prompts import DRAWN, EVERY

    if given is None:
        return DRAWN
    if given.strip() == "all":
        return EVERY
    words = [word.strip() for word in given.split(",") if word.strip()]
    unknown = [word for word in words if word not in EVERY]
    if unknown or not words:
        raise UserError(
            f"--relations {given!r} names {unknown[0] if unknown else 'none'!r}: give some of "
            f"{', '.join(EVERY)} with commas between them, or all."
        )
    return [Relation(word) for word in words]


def check(values: dict[str, Any], prompts: TrainingPrompts) -> Judging:
    """The rule by which images are kept. Raises UserError for one without a strict form."""
    from ..scoring.rules.constraint_rule import ConstraintRule

    judging = choosing.judging(prompts, values["rule"], values["threshold"], "all")
    if not isinstance(judging.rule, ConstraintRule):
        raise UserError(
            f"--rule {values['rule']} has no strict form to filter by: give esplora-r1 or "
            "esplora-r2, with options as in esplora-r1:tau=3."
        )
    return judging


def generator(values: dict[str, Any], device: str) -> plugins.Method:
    """The method that makes the images, configured. Raises UserError as the method."""
    plugin: plugins.MethodPlugin = plugins.given("method", values["method"])
    names = (
        *("backbone", "steps", "guidance_scale", "scheduler", "width", "height", "dtype"),
        "offline",
    )
    settings = GenerationSettings(device=device, **{name: values[name] for name in names})
    given = assignments(values["assignments"], plugin.parameters)
    return plugin.configure(settings, given)


def detector(values: dict[str, Any], device: str) -> plugins.Detector:
    """What finds the objects, configured. Raises UserError as the detector."""
    from ..lora_training.benchmark import TrainingPrompts

    default = LAB_DETECTOR if _of_the_lab(values) else TrainingPrompts.detector
    plugin, weights = plugin_of(values["detector"] or default)
    return plugin.configure(weights, device, values["offline"])


def depth(
    values: dict[str, Any], prompts: TrainingPrompts, check: Judging, device: str
) -> DepthModel | None:
    """What makes the depth maps that the prompts ask for; None where there is nothing to make.

    Raises:
        UserError: a model named for nothing, or beside a folder of maps; as the model.
    """
    from ..lora_training.build import depth_of_set
    from ..scoring.rules.any_benchmark import AnyBenchmarkRule
    from ..stages.depth_model import DEPTH_MODELS, named_model

    given, kinds, rule = values["depth"], check.kinds(prompts.every), check.rule
    check.refuse_unused(kinds, None, None, given)
    if DEPTH not in kinds or not isinstance(rule, AnyBenchmarkRule):
        return None
    if given is not None and rule.depth is not None:
        raise UserError(
            f"--depth {given} makes depth maps, and --rule {values['rule']} names a folder of "
            "them: leave one of the two out."
        )
    default = LAB_DEPTH if _of_the_lab(values) else next(iter(DEPTH_MODELS))
    model = named_model(given or default, device, values["offline"])
    return model if given else depth_of_set(values["folder"], model, rule)


def _of_the_lab(values: dict[str, Any]) -> bool:
    from ..backbones.named import resolve

    return resolve(values["backbone"]).of_the_lab
