"""What the plan of a run says of a method's work, against how often it asks the denoiser.

Methods that evaluate a loss as well have tests of their own.
"""

from __future__ import annotations

from typing import Any

import pytest

from spatialbench.backbones.schedulers import evaluations
from spatialbench.plugins import GenerationSettings, ImageRequest, load
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation

STEPS = 5
PROMPT = Prompt(
    "1", "a dog to the left of a cat", "left", Triplet("dog", Relation.LEFT, "cat"), ("dog", "cat")
)
BEST = {"n": 3, "judge": "lab-templates"}


@pytest.mark.parametrize(
    ("method", "given", "scheduler"),
    [
        ("sd", {}, None),
        ("sd", {}, "heun"),
        ("contrastive", {}, None),
        ("tenor", {}, None),
        ("revision", {}, None),
        ("revision", {"strength": 1.0}, None),
        ("best-of-n", BEST, None),
        ("best-of-n", {**BEST, "method": "revision", "settings": "strength=0.45"}, None),
    ],
)
def test_a_plan_counts_the_calls_of_the_denoiser(
    method: str, given: dict[str, Any], scheduler: str | None
) -> None:
    plugin = load("method", method)
    made: Any = plugin.configure(GenerationSettings(steps=STEPS, scheduler=scheduler), given)
    identity = made.identity()
    planned = evaluations(identity["scheduler"], STEPS) * plugin.steps_worth(identity)
    made.load()
    calls: list[int] = []
    unet = getattr(made, "inner", made).pipe.unet
    hook = unet.conv_in.register_forward_hook(lambda *_: calls.append(1))
    made.generate([ImageRequest(PROMPT, 0, 42)])
    hook.remove()
    assert len(calls) == pytest.approx(planned)


def test_guidance_against_a_prompt_doubles_a_step_of_flux() -> None:
    for plugin in (load("method", "compass"), load("method", "compass-without-tenor")):
        for true_cfg, worth in ((3.0, 2.0), (1.0, 1.0)):
            assert plugin.steps_worth({"parameters": {"true_cfg": true_cfg}}) == worth
        assert plugin.steps_worth({"parameters": {"eta": 0.0}}) == 1.0
