"""Descending on the latents of stock SD3 and FLUX pipelines: maps, units and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from spatialbench import plugins
from spatialbench.backbones.families import of_pipeline
from spatialbench.errors import UserError
from spatialbench.guidance.descent import Descended, descended
from spatialbench.guidance.descent_settings import DescentSettings, read_descent
from spatialbench.guidance.gradient import loss_and_gradient
from spatialbench.guidance.joint_latents import flow_latents_moved
from spatialbench.guidance.joint_maps import JointMaps
from spatialbench.guidance.joint_tokens import encoders_of
from spatialbench.methods.attend_and_excite import PLUGIN as EXCITE
from spatialbench.methods.storm import CORRECTED
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation
from tests.methods.infsplign.explicit_joint import written_out
from tests.tiny_models import save_pipeline, tiny_flux
from tests.tiny_sd3 import tiny_sd3

STEPS = 4
T5_ROWS = 48
METHODS = pytest.mark.parametrize("method", [EXCITE, CORRECTED], ids=lambda m: m.name)
KINDS = pytest.mark.parametrize("kind", ["sd3", "flux"])


@pytest.fixture(scope="module")
def pipes() -> dict[str, Any]:
    flux = tiny_flux()
    flux.set_progress_bar_config(disable=True)
    for name, weight in flux.transformer.named_parameters():
        if any(part in name for part in ("to_q.", "to_k.", "add_q_proj.", "add_k_proj.")):
            weight.data *= 4
    for part in (flux.transformer, flux.vae, flux.text_encoder, flux.text_encoder_2):
        part.eval().requires_grad_(False)
    return {"sd3": tiny_sd3(), "flux": flux}


@pytest.fixture(scope="module")
def prompts(pair: Callable[..., Prompt]) -> list[Prompt]:
    return [
        pair("dog", "to the left of", "cat", "1"),
        Prompt("2", "a photo of a wall", "none"),
        pair("wine glass", "above", "bench", "3"),
    ]


def locate(method: Any) -> Any:
    """The objects of a prompt that has some, as the plug-in finds them."""

    def found(prompt: Prompt, tokenizers: Sequence[Any], limit: int | None) -> Any:
        return method.positions(prompt, tokenizers, limit) if prompt.triplet else ()

    return found


def settings(pipe: Any, method: Any = EXCITE, **given: Any) -> DescentSettings:
    values = {"blocks": "1,2", **given}
    words = of_pipeline(pipe).words
    return read_descent(method.name, method.parameters, values, {}, STEPS, method.clip, words)


def rows_of(pipe: Any) -> int:
    return of_pipeline(pipe).rows_before_t5(pipe) + T5_ROWS


def sampled(
    pipe: Any,
    prompts: Sequence[Prompt],
    chosen: DescentSettings | None = None,
    method: Any = EXCITE,
    seen: list[Descended] | None = None,
    seeds: Sequence[int] = (1, 2, 3),
    **options: Any,
) -> torch.Tensor:
    """Latents by the stock call, guided where settings are given."""
    call = {"num_inference_steps": STEPS, "height": 32, "width": 48, "output_type": "latent"}
    call |= {"max_sequence_length": T5_ROWS, **options}
    texts = [prompt.text for prompt in prompts]
    generators = [torch.Generator().manual_seed(seed) for seed in seeds[: len(prompts)]]
    if chosen is None:
        plain: torch.Tensor = pipe(texts, generator=generators, **call).images
        return plain
    assert chosen.joint is not None
    maps = JointMaps(pipe, prompts, rows_of(pipe), locate(method), chosen.joint, method.name)
    with descended(
        pipe,
        prompts,
        maps,
        chosen,
        method.loss(prompts, maps.positions),
        method=method.name,
        steps=STEPS,
        observer=None if seen is None else seen.append,
    ):
        guided: torch.Tensor = pipe(texts, generator=generators, **call).images
    return guided


@KINDS
@METHODS
def test_nothing_moved_is_the_stock_pipeline_bit_for_bit(
    kind: str, method: Any, pipes: dict[str, Any], prompts: list[Prompt]
) -> None:
    """And a prompt without objects keeps its bits beside others that are moved."""
    pipe = pipes[kind]
    plain = sampled(pipe, prompts)
    for still in ({"scale": 0}, {"start": 0, "end": 0, "thresholds": "none"}):
        assert torch.equal(sampled(pipe, prompts, settings(pipe, method, **still), method), plain)
    moved = sampled(pipe, prompts, settings(pipe, method), method)
    assert torch.equal(moved[1], plain[1])
    assert not torch.equal(moved[0], plain[0])
    assert not torch.equal(moved[2], plain[2])
    assert not {"forward"} & set(vars(pipe.transformer))
    assert "step" not in vars(pipe.scheduler)
    assert torch.equal(sampled(pipe, prompts), plain)


@KINDS
@METHODS
def test_it_reduces_its_own_loss(
    kind: str, method: Any, pipes: dict[str, Any], prompts: list[Prompt]
) -> None:
    pipe = pipes[kind]

    def losses(scale: float) -> list[torch.Tensor]:
        seen: list[Descended] = []
        chosen = settings(pipe, method, scale=scale, start=0, end="100%", thresholds="none")
        sampled(pipe, prompts, chosen, method, seen)
        assert [step.step for step in seen] == list(range(STEPS))
        assert {step.samples for step in seen} == {(0, 2)}
        return [step.loss for step in seen]

    # Too short a step to move anything shows the loss of the unguided run.
    plain, guided = losses(1e-12), losses(0.5)
    torch.testing.assert_close(plain[0], guided[0], rtol=1e-4, atol=1e-6)
    assert float(guided[-1].sum()) < float(plain[-1].sum())


@KINDS
def test_refinement_goes_on_until_the_goal_or_the_most_repetitions(
    kind: str, pipes: dict[str, Any], prompts: list[Prompt]
) -> None:
    seen: list[Descended] = []
    chosen = settings(pipes[kind], thresholds="0:0.0,1:1.0", iterations=3, scale=0.5)
    sampled(pipes[kind], prompts, chosen, seen=seen)
    # No loss is above 1 - 0; none is below 1 - 1.
    assert [step.repetitions for step in seen] == [0, 3]


@KINDS
@METHODS
def test_batch_mates_and_checkpointing_change_nothing(
    kind: str, method: Any, pipes: dict[str, Any], prompts: list[Prompt]
) -> None:
    pipe = pipes[kind]
    given = {"thresholds": "0:0.9", "iterations": 2, "scale": 0.5, "end": "50%"}
    chosen = settings(pipe, method, **given)
    together = sampled(pipe, prompts, chosen, method)
    for row in (0, 2):
        alone = sampled(pipe, prompts[row : row + 1], chosen, method, seeds=[row + 1])
        torch.testing.assert_close(alone[0], together[row], rtol=1e-3, atol=1e-4)
    recomputed = sampled(pipe, prompts, settings(pipe, method, checkpointing=True, **given), method)
    torch.testing.assert_close(recomputed, together, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "tokens"), [("sd3", "clip"), ("sd3", "t5"), ("sd3", "both"), ("flux", "t5")]
)
def test_maps_are_shares_of_the_words_by_whole_matrices(
    kind: str, tokens: str, pipes: dict[str, Any], pair: Callable[..., Prompt]
) -> None:
    """Of a prompt with more words (T5: letters) than a head is wide, and an oblong image."""
    pipe = pipes[kind]
    prompt = pair("wine glass", "to the left of", "bench", "1")
    other = pair("dog", "above", "cat", "2")
    reading = settings(pipe, tokens=tokens).joint
    assert reading is not None
    prompts = [prompt, other]
    rows = rows_of(pipe)
    maps = JointMaps(pipe, prompts, rows, EXCITE.positions, reading, "x")
    found: list[torch.Tensor] = []
    texts = [one.text for one in prompts]

    def keep(step: int, latents: torch.Tensor, model: Any) -> torch.Tensor:
        samples = torch.arange(2)

        def loss(probabilities: list[torch.Tensor]) -> torch.Tensor:
            found.append(maps.maps(probabilities, samples, latents, None).detach())
            return torch.stack([p.sum() for p in probabilities]).sum().expand(2)

        loss_and_gradient(
            lambda z: model(z, samples),
            latents,
            maps.modules,
            loss,
            stop=True,
            processor=maps.processor(samples),
        )
        with written_out() as kept:
            model(latents, samples)
        matrices = [m for m in kept if m.shape[-1] == rows + 8 * 12]
        found.append(torch.stack(matrices[1:3]))
        return latents

    with maps.moving(keep, checkpointing=False):
        pipe(
            texts,
            generator=[torch.Generator().manual_seed(i) for i in range(2)],
            num_inference_steps=1,
            height=32,
            width=48,
            output_type="latent",
            max_sequence_length=T5_ROWS,
        )
    ours, matrices = found
    text_first = kind == "flux"
    text = slice(0, rows) if text_first else slice(-rows, None)
    image = slice(rows, None) if text_first else slice(0, -rows)
    shown = matrices[..., image, text]
    # Over the text alone, the mean of heads, then of blocks.
    shown = (shown / shown.sum(-1, keepdim=True)).mean(2).mean(0)
    near = torch.exp(-(torch.tensor([1.0, 0.0, 1.0]) ** 2))
    kernel = torch.outer(near, near)
    kernel = (kernel / kernel.sum()).view(1, 1, 3, 3)
    for sample, one in enumerate(prompts):
        by_encoder = []
        for encoder in encoders_of(pipe, tokens, rows):
            start = 1 if encoder.limit is None else 0  # CLIP's text has a token for its start.
            count = len(encoder.tokenizers[0](one.text, add_special_tokens=False)["input_ids"])
            first = encoder.first + start
            shares = (100 * shown[sample, :, first : first + count]).softmax(-1)
            own = EXCITE.positions(one, encoder.tokenizers, encoder.limit)
            columns = [[place - start for place in places] for places in own]
            objects = torch.stack([shares[:, chosen].sum(-1) for chosen in columns])
            objects = objects.view(2, 1, 8, 12)
            padded = torch.nn.functional.pad(objects, (1, 1, 1, 1), mode="reflect")
            by_encoder.append(torch.nn.functional.conv2d(padded, kernel)[:, 0])
        torch.testing.assert_close(
            ours[sample], torch.stack(by_encoder).mean(0), rtol=1e-4, atol=1e-5
        )


@KINDS
def test_latents_move_in_the_units_of_stable_diffusion(
    kind: str, pipes: dict[str, Any], prompts: list[Prompt]
) -> None:
    """A gradient g of a flow's latents is n * g of Stable Diffusion's, and a move is n times it."""
    pipe = pipes[kind]
    asked: list[torch.Tensor] = []
    stepped: list[torch.Tensor] = []
    given: list[torch.Tensor] = []

    def move(step: int, latents: torch.Tensor, model: Any) -> torch.Tensor:
        given.append(latents)
        assert latents.dtype == torch.float32
        return latents + 0.5

    own_forward, own_step = pipe.transformer.forward, pipe.scheduler.step

    def forward(**options: Any) -> Any:
        asked.append(options["hidden_states"])
        return own_forward(**options)

    def take_step(velocity: Any, time: Any, start: torch.Tensor, **options: Any) -> Any:
        stepped.append(start)
        return own_step(velocity, time, start, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipe.transformer, "forward", forward)
        patch.setattr(pipe.scheduler, "step", take_step)
        with flow_latents_moved(pipe, move, 3, lambda *_: None):
            sampled(pipe, prompts, num_inference_steps=2)
    levels = pipe.scheduler.timesteps / 1000
    assert len(given) == len(stepped) == len(asked) == 2
    for latents, start, seen, level in zip(given, stepped, asked, levels, strict=True):
        length = float((level**2 + (1 - level) ** 2) ** 0.5)
        torch.testing.assert_close(start, length * (latents + 0.5), rtol=1e-5, atol=1e-5)
        assert torch.equal(seen, torch.cat([start] * (len(seen) // 3)))


def test_two_predictions_in_two_calls_and_schedulers_of_two_calls(
    pipes: dict[str, Any], prompts: list[Prompt]
) -> None:
    """FLUX's true guidance asks twice a step, Heun steps twice; the latents move once a step."""
    seen: list[Descended] = []
    flux = pipes["flux"]
    chosen = settings(flux, thresholds="none", end="2", scale=0.5)
    sampled(flux, prompts, chosen, seen=seen, negative_prompt=["a car"] * 3, true_cfg_scale=3.0)
    assert [step.step for step in seen] == [0, 1]
    seen.clear()
    heun = tiny_sd3(heun=True)
    sampled(heun, prompts, settings(heun, thresholds="none", end="2"), seen=seen)
    assert [step.step for step in seen] == [0, 0, 1, 1]


@METHODS
def test_half_precision_and_several_relations(
    method: Any, prompts: list[Prompt], pipes: dict[str, Any]
) -> None:
    """float16 sees float32's losses, of a prompt with three objects beside one with two."""
    triplets = (Triplet("dog", Relation.LEFT, "cat"), Triplet("dog", Relation.ABOVE, "bench"))
    text = "a dog to the left of a cat and above a bench"
    names = ("dog", "cat", "bench")
    both = Prompt("4", text, "two", triplets[0], names, {"triplets": triplets})
    half = tiny_sd3().to(torch.float16)
    losses = []
    for pipe in (pipes["sd3"], half):
        seen: list[Descended] = []
        chosen = settings(pipe, method, thresholds="none", scale=0.5, end="2")
        latents = sampled(pipe, [both, prompts[0]], chosen, method, seen)
        assert latents.isfinite().all()
        losses.append(torch.stack([step.loss for step in seen]).float())
    assert losses[0].shape == (2, 2)
    torch.testing.assert_close(losses[1], losses[0], rtol=0.05, atol=0.01)


def test_what_cannot_be_read_is_refused(
    pipes: dict[str, Any], prompts: list[Prompt], pair: Callable[..., Prompt]
) -> None:
    def refused(pipe: Any, match: str, chosen: Sequence[Prompt] = prompts, **given: Any) -> None:
        with pytest.raises(UserError, match=match):
            sampled(pipe, chosen, settings(pipe, **given))

    sd3, flux = pipes["sd3"], pipes["flux"]
    refused(flux, "tokens=clip needs rows of CLIP in the text", tokens="clip")
    refused(flux, "attend-and-excite: blocks=9 is not in this transformer", blocks="9")
    refused(sd3, "not known which of this transformer's 4 blocks to read", blocks="")
    long = pair("dog", "to the left of", "cat")
    long = Prompt("9", "a photo of " * 20 + long.text, "left", long.triplet)
    refused(sd3, "prompt 9: the object .* lies beyond the 16 tokens", [long])
    bare = tiny_sd3(t5=False)
    refused(bare, "tokens=t5 needs T5, and this backbone reads none", tokens="t5")
    slow = bare.tokenizer
    try:
        bare.tokenizer = type("Slow", (), {"is_fast": False, "model_max_length": 16})()
        refused(bare, "does not tell where its tokens stand")
    finally:
        bare.tokenizer = slow
    for given, match in (
        ({"level": 1}, "level is for the levels of a UNet"),
        ({"prompt_only": True}, "prompt_only is for the padding that competes on a UNet"),
        ({"tokens": "bert"}, "tokens of attend-and-excite 'bert'"),
        ({"blocks": "x"}, "attend-and-excite: blocks=x is not a list of blocks"),
    ):
        with pytest.raises(UserError, match=match):
            settings(sd3, **given)


@pytest.mark.parametrize("name", ["attend-and-excite", "storm-released", "storm-corrected"])
def test_the_methods_on_a_folder(name: str, tmp_path: Path, prompts: list[Prompt]) -> None:
    folder = save_pipeline(tiny_sd3(), tmp_path / "sd3")
    given = GenerationSettings(backbone=str(folder), steps=2, height=32, width=32)
    plugin: Any = plugins.load("method", name)
    also = {"nouns": "given"} if name == "storm-released" else {}
    method = plugin.configure(given, {"blocks": "1-2", "thresholds": "none", **also})
    identity = json.loads(json.dumps(method.identity()))
    assert identity["marks"] == ["reconstruction"]
    assert identity["parameters"] == {
        "scale": 20.0 if name == "attend-and-excite" else 80.0,
        "window": [0, 1],
        "thresholds": [],
        "iterations": 20 if name == "attend-and-excite" else 30,
        "blocks": [1, 2],
        "tokens": "clip",
    }
    requests = [ImageRequest(prompts[0], 0, 42), ImageRequest(prompts[2], 0, 43)]
    made = [image.tobytes() for image in method.generate(requests)]
    plain = plugins.load("method", "sd").configure(given, {}).generate(requests)
    stock = [image.tobytes() for image in plain]
    assert all(ours != theirs for ours, theirs in zip(made, stock, strict=True))
    assert [image.tobytes() for image in method.generate(requests)] == made
    off = plugin.configure(given, {"blocks": "1", "scale": 0, **also}).generate(requests)
    assert [image.tobytes() for image in off] == stock


@pytest.mark.parametrize("name", ["attend-and-excite", "storm-released", "storm-corrected"])
def test_backbones_have_their_own_settings(name: str, sd_folder: Path) -> None:
    plugin: Any = plugins.load("method", name)

    def parameters(backbone: str, **given: Any) -> Any:
        return plugin.configure(GenerationSettings(backbone=backbone), given).identity()[
            "parameters"
        ]

    excite = name == "attend-and-excite"
    lab = parameters("lab-mmdit")
    assert (lab["blocks"], lab["scale"]) == ([3, 4], 20.0 if excite else 5.0)
    flux = parameters("flux1-dev")
    assert (flux["blocks"], flux["tokens"]) == ("default", "t5")
    assert flux["scale"] == (20.0 if excite else 80.0)
    with pytest.raises(UserError, match=f"{name}: blocks acts on transformers"):
        parameters(str(sd_folder), blocks="1")
    # One block is a number on the command line; tokens are refused before anything is loaded.
    assert parameters("lab-mmdit", blocks=4)["blocks"] == [4]
    with pytest.raises(UserError, match="tokens=both needs T5, and this backbone reads none"):
        parameters("lab-mmdit", tokens="both")
    with pytest.raises(UserError, match="FLUX reads T5 alone"):
        parameters("flux1-dev", tokens="clip")
