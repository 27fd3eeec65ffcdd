"""Pipelines of every class give the bare pipeline's images, from a folder and as objects."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spatialbench.errors import UserError
from spatialbench.methods.any_pipeline import AnyPipeline
from spatialbench.methods.own_any_pipeline import OwnAnyPipeline
from spatialbench.methods.stable_diffusion import PLUGIN
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt
from tests.tiny_models import tiny_flux
from tests.tiny_pipelines import PIPELINES, bare_images, evaluated, made, tiny_klein, tiny_lumina2

TEXTS = ["a dog to the left of a cat", "a cat", "a photo of a bench above a hot dog near a bicycle"]
SEEDS = [11, 12, 13]
REQUESTS = [
    ImageRequest(Prompt(str(i), text, "left"), index=0, seed=seed)
    for i, (text, seed) in enumerate(zip(TEXTS, SEEDS, strict=True))
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a small pipeline by its name, written once."""
    root = tmp_path_factory.mktemp("pipelines")

    def of(name: str) -> Path:
        place = root / name
        if not place.is_dir():
            made(name).save_pretrained(place)
        return place

    return of


def from_folder(place: Path, side: int, given: Any = None, **settings: Any) -> AnyPipeline:
    asked = {"backbone": str(place), "steps": 2, "width": side, "height": side, **settings}
    method = PLUGIN.configure(GenerationSettings(**asked), given or {})
    assert isinstance(method, AnyPipeline)
    return method


def own(pipe: Any, side: int, given: Any = None, **settings: Any) -> OwnAnyPipeline:
    asked = GenerationSettings(steps=2, width=side, height=side, **settings)
    return OwnAnyPipeline(pipe, asked, given or {}, "mine")


def furthest(ours: list[Any], theirs: list[Any]) -> int:
    """Grey levels between two lists of images, at the worst pixel."""
    pairs = zip(ours, theirs, strict=True)
    return max(int(abs(np.asarray(a, int) - np.asarray(b, int)).max()) for a, b in pairs)


@pytest.mark.parametrize("name", PIPELINES)
def test_folder_and_object_give_the_images_of_the_bare_pipeline(
    name: str, folder: Callable[[str], Path]
) -> None:
    pipe, side = made(name), PIPELINES[name][1]
    bare = bare_images(pipe, name, TEXTS, SEEDS)
    stored = from_folder(folder(name), side)
    alone = [stored.generate([request])[0] for request in REQUESTS]
    object_ = own(pipe, side)
    assert furthest(alone, bare) == 0
    assert furthest([object_.generate([request])[0] for request in REQUESTS], bare) == 0
    assert furthest(stored.generate(REQUESTS), bare) <= 2
    # They are images of their prompts and seeds, not of nothing.
    assert furthest(alone[:1], alone[1:2]) > 20
    identity = stored.identity()
    assert identity["pipeline"] == type(pipe).__name__
    assert json.loads(json.dumps(identity)) == identity
    assert identity["call"] == object_.identity()["call"]


def test_a_class_that_is_not_known_to_be_invariant_makes_one_image_at_a_time(
    folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = made("cogview4")
    # So that the text counts, as in a trained model.
    for name in ("text_encoder", "transformer"):
        for value in pipe.components[name].parameters():
            value.data *= 2
    method = own(pipe, 32)
    assert (method.largest_batch, method.one_by_one, method.own_batch_size) == (1, True, 1)
    alone = [method.generate([request])[0] for request in REQUESTS]
    assert furthest(method.generate(REQUESTS), alone) == 0
    # In one call the short prompts' images are others: that is why.
    monkeypatch.setattr(type(method), "largest_batch", 3)
    assert furthest(method.generate(REQUESTS), alone) > 2
    known = from_folder(folder("z-image"), 32)
    assert (known.largest_batch, known.one_by_one, known.own_batch_size) == (None, False, 1)


def test_qwen_image_is_guided_by_a_blank_negative_prompt(folder: Callable[[str], Path]) -> None:
    place = folder("qwen-image")
    guided = from_folder(place, 32, guidance_scale=4.0)
    assert guided.identity()["call"]["negative_prompt"] == " "
    assert guided.identity()["call"]["true_cfg_scale"] == 4.0
    off = from_folder(place, 32, guidance_scale=0.0)
    assert "negative_prompt" not in off.identity()["call"]
    assert off.identity()["guidance_scale"] == 1.0
    assert furthest(guided.generate(REQUESTS[:1]), off.generate(REQUESTS[:1])) > 0
    # The trap itself: without that prompt the pipeline leaves its guidance out.
    silent = bare_images(
        made("qwen-image"), "qwen-image", TEXTS[:1], SEEDS[:1], negative_prompt=None
    )
    assert furthest(off.generate(REQUESTS[:1]), silent) == 0
    other = from_folder(place, 32, {"negative_prompt": "blue"})
    assert other.identity()["call"]["negative_prompt"] == "blue"


def test_offset_guidance_is_off_at_0_and_on_at_1(folder: Callable[[str], Path]) -> None:
    place = folder("z-image")
    images = [
        from_folder(place, 32, guidance_scale=scale).generate(REQUESTS[:1])
        for scale in (0.0, 0.5, 1.0)
    ]
    assert furthest(images[0], images[1]) > 0
    assert furthest(images[1], images[2]) > 0
    pipe = made("z-image")
    assert (
        furthest(images[0], bare_images(pipe, "z-image", TEXTS[:1], SEEDS[:1], guidance_scale=0.0))
        == 0
    )
    with pytest.raises(UserError, match="give a --guidance-scale above 0"):
        from_folder(place, 32, {"negative_prompt": "blue"}, guidance_scale=0.0)


def test_the_prompts_of_the_caller_are_not_rewritten() -> None:
    pipe = made("z-image")
    texts = list(TEXTS)
    import torch

    generators = [torch.Generator().manual_seed(seed) for seed in SEEDS]
    pipe(prompt=texts, generator=generators, height=32, width=32, num_inference_steps=1)
    assert texts != TEXTS
    method = own(pipe, 32)
    first = method.generate(REQUESTS)
    assert [request.prompt.text for request in REQUESTS] == TEXTS
    assert furthest(method.generate(REQUESTS), first) == 0


def test_a_negative_prompt_of_a_told_model_needs_a_true_scale(tmp_path: Path) -> None:
    from diffusers import FluxKontextPipeline

    pipe = evaluated(FluxKontextPipeline(**tiny_flux().components))
    pipe.save_pretrained(tmp_path)
    with pytest.raises(UserError, match="without guidance: give --set true_cfg_scale above 1"):
        from_folder(tmp_path, 32, {"negative_prompt": "blue"})
    given = {"negative_prompt": "blue", "true_cfg_scale": 3.0}
    ours = from_folder(tmp_path, 32, given).generate(REQUESTS[:1])
    told = {**given, "max_area": 32 * 32, "height": 32, "width": 32, "num_inference_steps": 2}
    import torch

    stream = torch.Generator().manual_seed(SEEDS[0])
    bare = pipe(prompt=TEXTS[0], generator=stream, **told).images
    assert furthest(ours, bare) == 0
    plain = from_folder(tmp_path, 32)
    assert plain.identity()["call"]["true_cfg_scale"] == 1.0
    assert furthest(plain.generate(REQUESTS[:1]), ours) > 0
    # FLUX itself is sampled by its parts, and refuses what would do nothing.
    tiny_flux().save_pretrained(tmp_path / "flux")
    for refused in ({"negative_prompt": "blue"}, {"true_cfg_scale": 3.0}):
        with pytest.raises(UserError, match="FLUX"):
            PLUGIN.configure(GenerationSettings(backbone=str(tmp_path / "flux")), refused)


def test_there_are_as_many_generators_as_prompts() -> None:
    """Z-Image cuts a longer list silently, and takes a list of one for all of a batch."""
    method = own(made("z-image"), 32)
    method.load()
    pipe: Any = method._pipe
    asked: list[tuple[int, int]] = []

    class Counting:
        images: Any

        def __init__(self, **told: Any) -> None:
            asked.append((len(told["prompt"]), len(told["generator"])))
            self.images = pipe(**told).images

    method._pipe = Counting
    method.generate(REQUESTS)
    method.generate(REQUESTS[:2])
    assert asked == [(3, 3), (2, 2)]


def test_a_class_without_a_negative_prompt_refuses_one(folder: Callable[[str], Path]) -> None:
    with pytest.raises(UserError, match="Flux2KleinPipeline takes no negative prompt"):
        from_folder(folder("flux2-klein"), 32, {"negative_prompt": "blue"})


def test_a_distilled_model_refuses_guidance(tmp_path: Path) -> None:
    tiny_klein(distilled=True).save_pretrained(tmp_path)
    assert from_folder(tmp_path, 32).identity()["guidance_scale"] == 1.0
    with pytest.raises(UserError, match="was distilled to need no guidance"):
        from_folder(tmp_path, 32, guidance_scale=3.0)


def test_the_text_before_every_prompt_is_recorded_and_can_be_left_out(
    folder: Callable[[str], Path],
) -> None:
    place = folder("sana")
    usual = from_folder(place, 32)
    call = usual.identity()["call"]
    assert len(" ".join(call["texts"]["complex_human_instruction"])) > 1000
    assert call["complex_human_instruction"].startswith("sha256:")
    without = from_folder(place, 32, {"complex_human_instruction": "none"})
    assert without.identity()["call"]["complex_human_instruction"] is None
    pipe = made("sana")
    bare = bare_images(pipe, "sana", TEXTS[:1], SEEDS[:1], complex_human_instruction=None)
    assert furthest(without.generate(REQUESTS[:1]), bare) == 0
    assert furthest(without.generate(REQUESTS[:1]), usual.generate(REQUESTS[:1])) > 0


def test_no_other_size_is_made_and_resized(folder: Callable[[str], Path]) -> None:
    method = from_folder(folder("pixart-sigma"), 32)
    assert method.identity()["call"]["use_resolution_binning"] is False
    assert method.generate(REQUESTS[:1])[0].size == (32, 32)
    asked = from_folder(folder("pixart-sigma"), 32, {"use_resolution_binning": True})
    with pytest.raises(UserError, match="cannot make images with these settings: Invalid sample"):
        asked.generate(REQUESTS[:1])


def test_a_vae_of_another_factor_is_refused_before_the_first_image(tmp_path: Path) -> None:
    pipe = tiny_lumina2(levels=2)
    with pytest.raises(UserError, match=r"8 x 8 pixels of each .* makes 2 x 2"):
        own(pipe, 32)
    pipe.save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"8 x 8 pixels of each .* makes 2 x 2"):
        from_folder(tmp_path, 32)


def test_images_of_another_size_than_asked_for_are_refused(folder: Callable[[str], Path]) -> None:
    # It rounds sides down to multiples of 16, and only warns.
    method = from_folder(folder("qwen-image"), 40)
    with pytest.raises(UserError, match="made images of 32 x 32 pixels, and 40 x 40 were asked"):
        method.generate(REQUESTS[:1])


def test_captions_are_cleaned_only_where_that_is_possible(
    folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder("pixart-sigma")
    assert from_folder(place, 32).identity()["call"]["clean_caption"] is False
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="clean_caption needs bs4 and ftfy"):
        from_folder(place, 32, {"clean_caption": True})


def test_the_noise_of_bfloat16_is_that_of_float32_rounded(folder: Callable[[str], Path]) -> None:
    place = folder("qwen-image")
    wide = from_folder(place, 32)
    narrow = from_folder(place, 32, dtype="bfloat16")
    assert wide.identity()["dtype"] != narrow.identity()["dtype"]
    noise = {}
    for method in (wide, narrow):
        method.load()
        pipe: Any = method._pipe
        prepare = pipe.prepare_latents

        def watched(*args: Any, prepare: Any = prepare, key: AnyPipeline = method) -> Any:
            noise[key] = prepare(*args)
            return noise[key]

        pipe.prepare_latents = watched
        method.generate(REQUESTS[:1])
    assert noise[wide].bfloat16().equal(noise[narrow])


def test_a_pipeline_in_train_mode_is_evaluated_and_left_so() -> None:
    pipe = made("pixart-sigma")
    bare = bare_images(pipe, "pixart-sigma", TEXTS[:1], SEEDS[:1])
    pipe.text_encoder.train()
    assert furthest(own(pipe, 32).generate(REQUESTS[:1]), bare) == 0
    assert pipe.text_encoder.training


def test_the_object_is_left_as_it_was() -> None:
    pipe = made("hunyuan-dit")
    scheduler, before = pipe.scheduler, dict(vars(pipe.scheduler))
    own(pipe, 64).generate(REQUESTS[:1])
    assert pipe.scheduler is scheduler
    assert vars(scheduler)["num_inference_steps"] == before["num_inference_steps"]
    assert all(value.requires_grad for value in pipe.transformer.parameters())


def test_the_identity_of_an_object_is_that_of_its_parts(folder: Callable[[str], Path]) -> None:
    from diffusers import AutoPipelineForText2Image

    pipe = made("z-image")
    again = AutoPipelineForText2Image.from_pretrained(folder("z-image"))
    assert own(pipe, 32).identity() == own(again, 32).identity()
    again.tokenizer.chat_template += " "
    changed = own(again, 32).identity()
    assert changed["backbone"] != own(pipe, 32).identity()["backbone"]


def test_one_image_draws_on_its_own_generator_alone() -> None:
    """As of GLM-Image, which draws its plan for the whole batch from the first generator."""
    from spatialbench.backbones.families import AnyPipelineFamily

    assert not AnyPipelineFamily("GlmImagePipeline").batch_invariant
    asked: list[int] = []

    class First:
        images: Any

        def __init__(self, **told: Any) -> None:
            asked.append(len(told["generator"]))
            seed = told["generator"][0].initial_seed()
            self.images = np.full((len(told["prompt"]), 32, 32, 3), seed / 255)

    method = own(made("cogview4"), 32)
    method._pipe = First
    assert [image.getpixel((0, 0))[0] for image in method.generate(REQUESTS)] == SEEDS  # type: ignore[index]
    assert asked == [1, 1, 1]


def test_values_that_are_not_finite_are_never_written() -> None:
    pipe = made("cogview4")
    pipe.vae.decoder.conv_out.weight.data[:] = float("nan")
    with pytest.raises(UserError, match="NaN or infinite values in the image 0/0"):
        own(pipe, 32).generate(REQUESTS[:1])


@pytest.mark.parametrize(
    ("given", "settings", "message"),
    [
        ({"eta": 0.5}, {}, "eta is not for a ZImagePipeline"),
        ({"pag_scale": 3.0}, {}, "pag_scale is not for a ZImagePipeline"),
        ({"max_sequence_length": "long"}, {}, "max_sequence_length='long' does not fit"),
        ({"negativ_prompt": "x"}, {}, "negative_prompt"),
        ({}, {"scheduler": "euler"}, "leave --scheduler out"),
        ({}, {"steps": 0}, "too few"),
        ({}, {"width": 12}, "multiple of 8"),
    ],
)
def test_settings_that_it_does_not_take_are_refused(
    folder: Callable[[str], Path], given: Any, settings: Any, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        from_folder(folder("z-image"), 32, given, **settings)


def test_arguments_of_the_call_are_set_and_recorded(folder: Callable[[str], Path]) -> None:
    usual = from_folder(folder("z-image"), 32)
    short = from_folder(folder("z-image"), 32, {"max_sequence_length": 24})
    assert usual.identity()["call"]["max_sequence_length"] == 512
    assert short.identity()["call"]["max_sequence_length"] == 24
    bare = bare_images(made("z-image"), "z-image", TEXTS[:1], SEEDS[:1], max_sequence_length=24)
    assert furthest(short.generate(REQUESTS[:1]), bare) == 0
