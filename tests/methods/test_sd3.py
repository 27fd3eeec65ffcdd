"""SD3 as a backbone, against diffusers' own pipeline; what it refuses, and who refuses it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest

from spatialbench import plugins
from spatialbench.backbones.families import SD3
from spatialbench.backbones.named import resolve
from spatialbench.backbones.pipelines import load_pipeline
from spatialbench.errors import UserError
from spatialbench.methods.stable_diffusion import PLUGIN
from spatialbench.plugins import Defaults, GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt
from tests.methods.batches import assert_batch_mates_change_nothing, pixels
from tests.tiny_models import edit_json, save_pipeline
from tests.tiny_sd3 import tiny_sd3

TEXTS = ("a dog to the left of a cat", "a car above a bench", "a tv below a wine glass")
REQUESTS = [ImageRequest(Prompt(str(i), t, "left"), 0, 42 + i) for i, t in enumerate(TEXTS)]
SIZE = {"height": 32, "width": 48}
ON_ATTENTION = {"infsplign", "attend-and-excite", "storm-released", "storm-corrected"}
RUNS_ON_SD3 = {"sd", "contrastive"} | ON_ATTENTION


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_pipeline(tiny_sd3(), tmp_path_factory.mktemp("sd3"))


@pytest.fixture(scope="module")
def without_t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_pipeline(tiny_sd3(t5=False), tmp_path_factory.mktemp("sd3-clip"))


def make(folder: Path, parameters: dict[str, Any] | None = None, **settings: Any) -> Any:
    given = GenerationSettings(backbone=str(folder), **{"steps": 3, **SIZE, **settings})
    return PLUGIN.configure(given, parameters or {})


@functools.cache
def stock_pipeline(folder: Path, **parts: Any) -> Any:
    from diffusers import StableDiffusion3Pipeline

    pipe = StableDiffusion3Pipeline.from_pretrained(folder, **parts)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def stock(folder: Path, request: ImageRequest, **options: Any) -> Any:
    """The image of the untouched pipeline, called with the prompt's text."""
    import torch

    generator = torch.Generator().manual_seed(request.seed)
    call = {"num_inference_steps": 3, **SIZE, **options}
    return stock_pipeline(folder)(request.prompt.text, generator=generator, **call).images[0]


def test_images_equal_the_stock_pipelines_bit_for_bit(folder: Path) -> None:
    ours = make(folder).generate(REQUESTS[:1])[0]
    assert pixels(ours).std() > 10, "an almost uniform image would equal anything"
    assert ours.tobytes() == stock(folder, REQUESTS[0]).tobytes()
    negative = make(folder, {"negative_prompt": "a hot dog"}, guidance_scale=4.0)
    theirs = stock(folder, REQUESTS[0], guidance_scale=4.0, negative_prompt="a hot dog")
    assert negative.generate(REQUESTS[:1])[0].tobytes() == theirs.tobytes()
    plain = make(folder, guidance_scale=0.0).generate(REQUESTS[:1])[0]
    assert plain.tobytes() == stock(folder, REQUESTS[0], guidance_scale=1.0).tobytes()
    assert len({image.tobytes() for image in (ours, theirs, plain)}) == 3


def test_a_folder_without_t5(without_t5: Path, tmp_path: Path) -> None:
    ours = make(without_t5).generate(REQUESTS[:1])[0]
    import torch

    pipe = stock_pipeline(without_t5, text_encoder_3=None, tokenizer_3=None)
    seeded = torch.Generator().manual_seed(REQUESTS[0].seed)
    theirs = pipe(REQUESTS[0].prompt.text, generator=seeded, num_inference_steps=3, **SIZE)
    assert ours.tobytes() == theirs.images[0].tobytes()
    index = without_t5 / "model_index.json"
    kept = index.read_text(encoding="utf-8")
    edit_json(index, tokenizer_3=["transformers", "T5Tokenizer"])
    with pytest.raises(UserError, match="has no text_encoder_3, and has tokenizer_3"):
        load_pipeline(resolve(str(without_t5)))
    index.write_text(kept, encoding="utf-8")


def test_batch_mates_change_nothing_beyond_rounding(folder: Path) -> None:
    assert_batch_mates_change_nothing(make(folder), REQUESTS)


def test_no_row_for_an_absent_t5_is_a_number_of_rows(without_t5: Path) -> None:

    pipe = load_pipeline(resolve(str(without_t5)))
    lengths = {length: SD3.encode(pipe, "a dog", length).tokens.shape for length in (0, 5, None)}
    clip = pipe.tokenizer_max_length
    assert lengths == {0: (1, clip, 32), 5: (1, clip + 5, 32), None: (1, clip + 256, 32)}


def test_what_a_folder_says_of_itself(folder: Path) -> None:
    backbone = resolve(str(folder))
    assert backbone.family is SD3
    assert backbone.defaults == Defaults(28, 7.0, "own", 32, 32, 256)
    identity = make(folder).identity()
    assert identity["text_length"] == 256
    assert identity["scheduler"]["name"] == "own"


@pytest.mark.parametrize(
    ("parameters", "settings", "message"),
    [
        ({"eta": "0.5"}, {}, "eta has no effect on SD3"),
        ({"negative_prompt": "x"}, {"guidance_scale": 0}, "no effect without guidance"),
        ({}, {"scheduler": "ddim"}, "SD3 follows a flow"),
        ({}, {"width": 40}, r"--width 40 is not an image size .* multiple of 16"),
    ],
)
def test_settings_that_make_no_sense(
    folder: Path, parameters: dict[str, Any], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        make(folder, parameters, **settings)


SERVED = {"comfyui", "hf-inference", "openai-images"}
"""Methods that have no backbone here."""


@pytest.mark.parametrize("name", sorted({*plugins.names("method")} - SERVED))
def test_methods_that_cannot_run_on_it_refuse_before_anything_is_loaded(
    folder: Path, name: str
) -> None:
    settings = GenerationSettings(backbone=str(folder))
    plugin = plugins.load("method", name)
    if name == "best-of-n":
        made = plugin.configure(settings, {"judge": "owlvit"})
        assert made.identity()["backbone"]["name"] == "local"
    elif name == "lora":
        with pytest.raises(UserError, match="lora needs a LoRA"):
            plugin.configure(settings, {})
    elif name in RUNS_ON_SD3:
        assert plugin.configure(settings, {}).identity()["backbone"]["name"] == "local"
    else:
        with pytest.raises(UserError, match=r"SD3|backbone"):
            plugin.configure(settings, {})
