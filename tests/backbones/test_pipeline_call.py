"""What a class of pipelines takes is read from its call: against facts that were written down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spatialbench.backbones.families import FAMILIES, named
from spatialbench.backbones.families.pipeline_classes import TEXT_TO_IMAGE
from spatialbench.backbones.pipeline_call import call_of, known_call
from spatialbench.errors import UserError
from tests.reference_data import reference

OFF = {"HeliosPipeline", "HeliosPyramidPipeline", "FluxControlPipeline", "CogView4ControlPipeline"}
"""Of the map of text-to-image classes, those that make videos or want an image too."""


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    path = reference() / "diffusers_any" / "diffusers_text2image.json"
    return {entry["cls"]: entry for entry in json.loads(Path(path).read_text("utf-8"))["classes"]}


def test_every_class_of_the_map_is_run_or_refused(facts: dict[str, Any]) -> None:
    from diffusers.pipelines.auto_pipeline import AUTO_TEXT2IMAGE_PIPELINES_MAPPING

    listed = {kind.__name__ for kind in AUTO_TEXT2IMAGE_PIPELINES_MAPPING.values()}
    refused = {name for name in listed if "ControlNet" in name} | OFF
    assert listed - refused <= TEXT_TO_IMAGE
    assert not refused & TEXT_TO_IMAGE
    assert set(facts) - refused <= TEXT_TO_IMAGE
    for name in sorted(refused):
        assert named(name) is None


def test_defaults_are_those_of_the_class(facts: dict[str, Any]) -> None:
    for name, fact in facts.items():
        if named(name) is None:
            continue
        call = known_call(name)
        assert call.steps == fact["steps"], name
        assert (call.height, call.width) == (fact["h"], fact["w"]), name
        assert call.negative[0] == fact["neg"], name
        guidance = fact["guid"]
        if guidance.get("guidance_schedule"):
            assert (call.guidance, call.scale) == ("guidance_scale", 7.0)
        else:
            assert guidance[call.guidance] == call.scale, name
        if isinstance(fact["maxseq"], int):
            assert call.constants["max_sequence_length"] == fact["maxseq"], name
            assert call.defaults.text_length == fact["maxseq"]


@pytest.mark.parametrize(
    ("name", "guidance"),
    [
        ("QwenImagePipeline", "true_cfg_scale"),
        ("QwenImage21Pipeline", "true_cfg_scale"),
        ("FluxKontextPipeline", "guidance_scale"),
        ("HunyuanImagePipeline", "distilled_guidance_scale"),
        ("WuerstchenCombinedPipeline", "prior_guidance_scale"),
        ("KandinskyV22CombinedPipeline", "guidance_scale"),
        ("Krea2Pipeline", "guidance_scale"),
    ],
)
def test_guidance_is_the_argument_of_the_pipeline_itself(name: str, guidance: str) -> None:
    assert known_call(name).guidance == guidance


def test_every_class_that_is_run_can_be_read() -> None:
    for name in sorted(TEXT_TO_IMAGE):
        call = known_call(name)
        assert json.loads(json.dumps(call.constants)) == call.constants
        family = named(name)
        assert family is not None
        if family not in FAMILIES:
            assert family.defaults.steps == call.steps


def test_a_class_that_passes_its_arguments_on_is_read_in_the_class_above() -> None:
    from diffusers import QwenImagePipeline

    class Mine(QwenImagePipeline):
        def __call__(self, *args: Any, num_inference_steps: int = 7, **kwargs: Any) -> Any:
            return super().__call__(*args, num_inference_steps=num_inference_steps, **kwargs)

    call = call_of(Mine)
    assert (call.class_name, call.steps, call.guidance) == ("Mine", 7, "true_cfg_scale")


def test_a_class_that_this_diffusers_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="has no FuturePipeline: pip install --upgrade diffusers"):
        known_call("FuturePipeline")
