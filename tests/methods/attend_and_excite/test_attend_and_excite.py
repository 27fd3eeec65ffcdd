"""Attend-and-Excite against diffusers' own pipeline, and what it must leave alone."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spatialbench.errors import UserError
from spatialbench.guidance import several
from spatialbench.guidance.descent import Descended, descended
from spatialbench.guidance.descent_settings import DescentSettings, read_descent
from spatialbench.methods.attend_and_excite import PLUGIN
from spatialbench.methods.stable_diffusion import PLUGIN as SD
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation
from tests.tiny_models import save_pipeline, sharpened, tiny_sd

STEPS = 4


def settings(steps: int = STEPS, **given: Any) -> DescentSettings:
    return read_descent(PLUGIN.name, PLUGIN.parameters, given, {}, steps, PLUGIN.clip)


def latents(
    pipe: Any,
    prompts: list[Prompt],
    sample: Any,
    chosen: DescentSettings,
    seen: list[Descended] | None = None,
    **options: Any,
) -> torch.Tensor:
    tokenizers = [t for t in (pipe.tokenizer, getattr(pipe, "tokenizer_2", None)) if t]
    positions = [PLUGIN.positions(prompt, tokenizers) for prompt in prompts]
    with descended(
        pipe,
        prompts,
        positions,
        chosen,
        PLUGIN.loss(prompts, positions),
        method=PLUGIN.name,
        steps=options.get("num_inference_steps", STEPS),
        observer=None if seen is None else seen.append,
    ):
        result: torch.Tensor = sample(
            pipe, prompts, range(1, len(prompts) + 1), **{"num_inference_steps": STEPS, **options}
        )
    return result


def close(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize(
    ("iterations", "thresholds"), [(3, {0: 0.95, 2: 0.99}), (20, {})], ids=["repeating", "single"]
)
def test_equals_the_pipeline_of_diffusers(
    sd_pipe: Any, pair: Any, sample: Any, iterations: int, thresholds: dict[int, float]
) -> None:
    from diffusers import StableDiffusionAttendAndExcitePipeline as Official

    prompt = pair("dog", "above", "cat")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        official = Official(**{k: v for k, v in sd_pipe.components.items() if k != "image_encoder"})
    official.set_progress_bar_config(disable=True)
    refine = official._perform_iterative_refinement_step
    official._perform_iterative_refinement_step = lambda **k: refine(
        **k, max_refinement_steps=iterations
    )
    ((subject,), (object_,)) = PLUGIN.positions(prompt, [sd_pipe.tokenizer])
    theirs = official(
        prompt.text,
        token_indices=[subject, object_],
        num_inference_steps=STEPS,
        guidance_scale=7.5,
        generator=torch.Generator().manual_seed(1),
        max_iter_to_alter=3,
        scale_factor=200,
        thresholds=thresholds,
        attn_res=(4, 4),
        output_type="latent",
    ).images
    text = ",".join(f"{step}:{value}" for step, value in thresholds.items()) or "none"
    seen: list[Descended] = []
    chosen = settings(end="3", thresholds=text, iterations=iterations, scale=200)
    ours = latents(sd_pipe, [prompt], sample, chosen, seen)
    stock = sample(sd_pipe, [prompt], [1])
    assert close(theirs, stock) > 0.01, "guidance that moves nothing would equal anything"
    assert close(ours, theirs) <= 1e-4
    assert [step.repetitions for step in seen] == [
        iterations if step in thresholds else 0 for step in range(3)
    ]


def test_reduces_its_own_loss(sd_pipe: Any, mixed: list[Prompt], sample: Any) -> None:
    def mean_loss(**given: Any) -> list[float]:
        seen: list[Descended] = []
        latents(sd_pipe, mixed, sample, settings(end="100%", thresholds="none", **given), seen)
        assert [step.step for step in seen] == list(range(STEPS))
        return [float(step.loss.mean()) for step in seen]

    # A step too short to move anything shows the loss of the unguided run.
    stock, guided = mean_loss(scale=1e-12), mean_loss(scale=10)
    assert stock[0] == pytest.approx(guided[0], abs=1e-6)
    assert all(ours < theirs for ours, theirs in zip(guided[1:], stock[1:], strict=True))


def test_scale_zero_is_the_stock_pipeline_bit_for_bit(
    sd_pipe: Any, mixed: list[Prompt], sample: Any
) -> None:
    stock = sample(sd_pipe, mixed, [1, 2, 3])
    assert torch.equal(latents(sd_pipe, mixed, sample, settings(scale=0)), stock)
    assert torch.equal(latents(sd_pipe, mixed, sample, settings(start=0, end=0)), stock)
    assert not torch.equal(latents(sd_pipe, mixed, sample, settings()), stock)


@pytest.mark.parametrize("scheduler", ["EulerDiscreteScheduler", "HeunDiscreteScheduler"])
def test_a_scheduler_that_scales_its_input_is_left_as_it_was(
    mixed: list[Prompt], sample: Any, scheduler: str
) -> None:
    import diffusers

    pipe = sharpened(tiny_sd())
    pipe.scheduler = getattr(diffusers, scheduler).from_config(pipe.scheduler.config)
    stock = sample(pipe, mixed[:1], [1], num_inference_steps=2)
    seen: list[Descended] = []
    chosen = settings(2, end="50%", thresholds="0:0.99", iterations=1)
    moved = latents(pipe, mixed[:1], sample, chosen, seen, num_inference_steps=2)
    evaluations = 2 if scheduler == "HeunDiscreteScheduler" else 1
    assert [step.step for step in seen] == [0] * evaluations
    assert [step.repetitions for step in seen] == [1, 0][:evaluations]
    assert moved.isfinite().all()
    assert not torch.equal(moved, stock)
    assert not {"step", "scale_model_input"} & set(vars(pipe.scheduler))
    assert torch.equal(sample(pipe, mixed[:1], [1], num_inference_steps=2), stock)


def test_batch_mates_change_nothing(sd_pipe: Any, mixed: list[Prompt], sample: Any) -> None:
    prompts = [*mixed[:2], Prompt("7", "a photo of a dog", "single", objects=("dog",))]
    chosen = settings(end="50%", thresholds="0:0.95", iterations=2)
    together = latents(sd_pipe, prompts, sample, chosen)
    for i, prompt in enumerate(prompts):
        alone = latents(
            sd_pipe, [prompt], lambda p, t, s, i=i, **o: sample(p, t, [i + 1], **o), chosen
        )
        assert close(together[i : i + 1], alone) <= 1e-4


def test_checkpointing_changes_nothing(sd_pipe: Any, mixed: list[Prompt], sample: Any) -> None:
    plain = latents(sd_pipe, mixed, sample, settings(thresholds="none"))
    saving = latents(sd_pipe, mixed, sample, settings(thresholds="none", checkpointing=True))
    assert close(saving, plain) <= 1e-5
    assert not sd_pipe.unet.is_gradient_checkpointing


def test_the_unet_is_left_after_its_last_map(
    sd_pipe: Any, mixed: list[Prompt], sample: Any
) -> None:
    """Of one guided call, only the plain evaluation gets to the end of the UNet."""
    reached: list[bool] = []
    hook = sd_pipe.unet.conv_out.register_forward_hook(
        lambda *_: reached.append(torch.is_grad_enabled())
    )
    latents(sd_pipe, mixed, sample, settings(thresholds="none"))
    hook.remove()
    assert reached == [False] * (STEPS + 1), "PNDM evaluates once more than there are steps"
    assert not any(p.grad is not None for p in sd_pipe.unet.parameters())


def test_a_plan_counts_every_evaluation(tmp_path: Path, mixed: list[Prompt]) -> None:
    """Thresholds that no step of length 1e-9 reaches, so that every repetition is needed."""
    folder = save_pipeline(sharpened(tiny_sd()), tmp_path / "sd")
    plain = GenerationSettings(backbone=str(folder), steps=4, scheduler="ddim")
    given = {"scale": 1e-9, "thresholds": "0:0.999,1:0.999,3:0.999", "iterations": 3}
    generator = PLUGIN.configure(plain, given)
    evaluated: list[bool] = []
    generator.load()
    unet = generator.pipe.unet
    unet.conv_in.register_forward_hook(lambda *_: evaluated.append(torch.is_grad_enabled()))
    generator.generate([ImageRequest(mixed[0], 0, seed=42)])
    assert (evaluated.count(False), evaluated.count(True)) == (4, 2 + 2 * 3)
    worth = PLUGIN.steps_worth(generator.identity())
    assert worth == pytest.approx(1 + 0.54 * 8 / 4)
    off = PLUGIN.configure(plain, {**given, "scale": 0})
    assert PLUGIN.steps_worth(off.identity()) == 1


def test_sdxl(sdxl_pipe: Any, pair: Any, sample: Any) -> None:
    seen: list[Descended] = []
    chosen = settings(2, end="50%", thresholds="none", level=1)
    prompts = [pair("dog", "above", "cat")]
    moved = latents(sdxl_pipe, prompts, sample, chosen, seen, num_inference_steps=2)
    assert len(seen) == 1
    assert not torch.equal(moved, sample(sdxl_pipe, prompts, [1], num_inference_steps=2))


def test_a_level_without_attention_is_refused(sd_pipe: Any, mixed: list[Prompt]) -> None:
    with pytest.raises(UserError, match=r"at level 7 .* has it at 0, 1, 2, 3; give --set level"):
        latents(sd_pipe, mixed, None, settings(level=7))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scale": -1}, "scale=-1 is out of range for attend-and-excite"),
        ({"thresholds": "20%"}, "thresholds='20%' is not what attend-and-excite takes"),
        ({"thresholds": "0:2"}, "value from 0 to 1"),
        ({"thresholds": "200%:0.5"}, "thresholds='200%' is not a step of the run"),
        ({"level": "x"}, "takes a whole number for level"),
        ({"strength": 1}, "unknown parameter of attend-and-excite 'strength'"),
    ],
)
def test_bad_values(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        settings(**given)


def test_images_and_identity(tmp_path: Path, mixed: list[Prompt]) -> None:
    folder = save_pipeline(sharpened(tiny_sd()), tmp_path / "sd")
    plain = GenerationSettings(backbone=str(folder), steps=2, scheduler="ddim")
    generator = PLUGIN.configure(plain, {"thresholds": "none"})
    requests = [ImageRequest(mixed[0], 0, seed=42), ImageRequest(mixed[1], 0, seed=42)]
    made = [np.asarray(image, int) for image in generator.generate(requests)]
    off = PLUGIN.configure(plain, {"scale": 0}).generate(requests)
    stock = SD.configure(plain, {}).generate(requests)
    assert [p.tobytes() for p in off] == [p.tobytes() for p in stock]
    assert all(np.abs(p - np.asarray(s, int)).max() > 0 for p, s in zip(made, stock, strict=True))
    assert generator.generate([]) == []
    assert generator.identity()["parameters"] == {
        "scale": 20.0,
        "window": [0, 1],
        "thresholds": [],
        "iterations": 20,
        "level": 2,
        "prompt_only": False,
    }
    lab = PLUGIN.configure(GenerationSettings(), {}).identity()
    assert lab["parameters"]["thresholds"] == ["0:0.05", "4:0.5", "8:0.8"]
    assert (lab["method"], lab["parameters"]["level"]) == ("attend-and-excite", 1)
    assert "marks" not in lab


def test_a_prompt_whose_objects_are_not_in_it_is_named(sd_pipe: Any) -> None:
    tokenizers = [sd_pipe.tokenizer]
    with pytest.raises(UserError, match=r"prompt 5 .* names no object"):
        PLUGIN.positions(Prompt("5", "a photo", "single"), tokenizers)
    with pytest.raises(UserError, match=r"prompt 5 .* does not contain 'cat'"):
        PLUGIN.positions(Prompt("5", "a dog", "single", objects=("cat",)), tokenizers)
    many = Prompt("5", "a hot dog and a dog", "two", objects=("dog", "hot dog"))
    assert PLUGIN.positions(many, tokenizers) == ((6,), (2, 3))


def test_of_three_objects_the_least_excited_counts(sd_pipe: Any) -> None:
    triplets = (Triplet("dog", Relation.LEFT, "cat"), Triplet("dog", Relation.ABOVE, "bench"))
    prompt = Prompt(
        "1",
        "a dog left of a cat and above a bench",
        "two",
        triplets[0],
        ("dog", "cat", "bench"),
        {"triplets": triplets},
    )
    words = [sd_pipe.tokenizer.convert_ids_to_tokens(sd_pipe.tokenizer(prompt.text)["input_ids"])]
    positions = PLUGIN.positions(prompt, [sd_pipe.tokenizer])
    assert [words[0][token] for (token,) in positions] == ["dog", "cat", "bench"]
    maps = torch.zeros(1, 3, 2, 2)
    maps[0, 0, 0, 0], maps[0, 1, 0, 1], maps[0, 2, 1, 1] = 0.9, 0.7, 0.2
    assert PLUGIN.loss([prompt], [positions])(maps, [0], 0.0).tolist() == pytest.approx([0.8])
    first = several.guided([prompt], "first")
    two = PLUGIN.positions(first[0], [sd_pipe.tokenizer])
    loss = PLUGIN.loss(first, [two])
    assert loss(maps[:, :2], [0], 0.0).tolist() == pytest.approx([0.3])
