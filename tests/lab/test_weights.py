"""The shipped models do what their card says; reduced samples, thresholds of the card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from spatialbench.backbones.named import resolve
from spatialbench.backbones.pipelines import load_pipeline
from spatialbench.lab import DETECTOR, TRANSFORMER, WEIGHTS


def test_the_weights_are_safetensors_and_small() -> None:
    files = [path for path in WEIGHTS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 24 * 2**20
    weights = {path.suffix for path in files} - {".json", ".md", ".txt"}
    assert weights == {".safetensors"}


def test_it_is_an_ordinary_stable_diffusion_pipeline() -> None:
    pipeline = load_pipeline(resolve("lab"))
    taps = [name for name in pipeline.unet.attn_processors if "attn2" in name]
    for block in ("up_blocks.1", "up_blocks.2"):
        assert any(name.startswith(block) for name in taps)
    assert pipeline.scheduler.config.beta_schedule == "scaled_linear"
    assert (pipeline.scheduler.config.beta_start, pipeline.scheduler.config.beta_end) == (
        0.00085,
        0.012,
    )


@pytest.mark.parametrize("timesteps", [range(400, 801), (400,), (600,)], ids=str)
def test_cross_attention_localises(timesteps: Sequence[int]) -> None:
    from spatialbench.lab.training.localisation import localisation

    pipeline = load_pipeline(resolve("lab"))
    found = localisation(pipeline, timesteps, scenes=192)
    assert min(found["coarse (up_blocks.1)"]) >= 0.85


def test_the_transformer_is_small_and_an_ordinary_sd3_pipeline() -> None:
    from diffusers import StableDiffusion3Pipeline

    files = [path for path in TRANSFORMER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 12 * 2**20
    pipeline = load_pipeline(resolve("lab-mmdit"))
    assert isinstance(pipeline, StableDiffusion3Pipeline)
    assert pipeline.text_encoder_3 is None


def test_the_blocks_that_guidance_reads_localise() -> None:
    from spatialbench.lab.training.localisation import block_localisation
    from spatialbench.methods.infsplign import PLUGIN
    from spatialbench.plugins import GenerationSettings

    method: Any = PLUGIN.configure(GenerationSettings(backbone="lab-mmdit"), {})
    chosen = method.guidance.joint and method.guidance.joint.reading
    assert chosen is not None
    assert chosen.blocks is not None
    found = block_localisation(load_pipeline(resolve("lab-mmdit")), 0.7, scenes=128)
    assert min(min(found[block]) for block in chosen.blocks) >= 0.85
    others = [min(xy) for block, xy in enumerate(found) if block not in chosen.blocks]
    assert max(others) < min(min(found[block]) for block in chosen.blocks)


def test_the_detector_sees_the_world() -> None:
    from transformers import AutoTokenizer, OwlViTForObjectDetection

    from spatialbench.lab.pictograms import NAMES
    from spatialbench.lab.training.detection_quality import detection_quality

    model = OwlViTForObjectDetection.from_pretrained(DETECTOR).float().eval()
    found = detection_quality(model, AutoTokenizer.from_pretrained(DETECTOR), NAMES, scenes=300)
    assert found["both_found"] >= 97
    assert found["wrong_class"] <= 2
    assert found["centre_error"] <= 4


def test_the_card_names_its_data_command_and_figures() -> None:
    card = Path(WEIGHTS / "README.md").read_text()
    for part in ("spatialbench lab train", "seed", "held-out", "localis", "VISOR_cond"):
        assert part in card
