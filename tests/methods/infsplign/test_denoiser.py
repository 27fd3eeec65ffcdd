"""The guided pipeline: what it leaves alone, what it must not mix up, what it must refuse."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from spatialbench.errors import UserError
from spatialbench.guidance.taps import TapProcessor
from spatialbench.methods.infsplign.denoiser import guided
from spatialbench.methods.infsplign.guide import GuidedStep
from spatialbench.methods.infsplign.variants import CORRECTED, RELEASED, Variant
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation
from tests.tiny_models import sharpened, tiny_sd

Steer = Callable[..., torch.Tensor]


@pytest.fixture
def steer(sample: Any, settings: Any) -> Steer:
    """Latents of a guided call; keywords are settings, or options of the pipeline call."""

    def run(
        pipe: Any,
        prompts: list[Prompt],
        seeds: list[int],
        variant: Variant = CORRECTED,
        **given: Any,
    ) -> torch.Tensor:
        keys = ("num_inference_steps", "guidance_scale", "height", "width")
        options = {key: given.pop(key) for key in keys if key in given}
        steps = options.get("num_inference_steps", 4)
        with guided(
            pipe,
            prompts,
            settings(steps, variant, **given),
            steps=steps,
            guidance_scale=options.get("guidance_scale", 7.5),
        ):
            latents: torch.Tensor = sample(pipe, prompts, seeds, **options)
        return latents

    return run


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / b.norm())


def test_without_guided_steps_it_is_the_stock_pipeline_bit_for_bit(
    sd_pipe: Any, mixed: list[Prompt], sample: Any, steer: Steer
) -> None:
    stock = sample(sd_pipe, mixed, [1, 2, 3])
    assert torch.equal(steer(sd_pipe, mixed, [1, 2, 3], start=0, end=0), stock)
    assert not torch.equal(steer(sd_pipe, mixed, [1, 2, 3]), stock)


def test_with_all_loss_weights_zero_it_is_the_stock_pipeline(
    sd_pipe: Any, mixed: list[Prompt], sample: Any, steer: Steer
) -> None:
    stock = sample(sd_pipe, mixed, [1, 2, 3])
    zero = steer(sd_pipe, mixed, [1, 2, 3], lambda_spatial=0, lambda_presence=0, lambda_balance=0)
    assert distance(zero, stock) <= 1e-5


def test_the_unet_is_as_before_also_after_an_error(
    sd_pipe: Any, mixed: list[Prompt], settings: Any
) -> None:
    unet = sd_pipe.unet
    before = dict(unet.attn_processors)
    flags = [p.requires_grad for p in unet.parameters()]
    s = settings(4, checkpointing=True)

    def divide(step: GuidedStep) -> None:
        raise ZeroDivisionError

    with (
        pytest.raises(ZeroDivisionError),
        guided(
            sd_pipe,
            mixed,
            s,
            steps=4,
            guidance_scale=7.5,
            observer=divide,
        ),
    ):
        sd_pipe([p.text for p in mixed], num_inference_steps=4, output_type="latent")
    assert unet.attn_processors == before
    assert "forward" not in vars(unet)
    assert [p.requires_grad for p in unet.parameters()] == flags
    assert any(flags)
    assert not unet.is_gradient_checkpointing


def test_a_forward_set_by_somebody_else_is_called_and_put_back(
    mixed: list[Prompt], steer: Steer
) -> None:
    pipe = sharpened(tiny_sd())
    calls = []
    stock = pipe.unet.forward

    def offloading(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return stock(*args, **kwargs)

    pipe.unet.forward = offloading
    steer(pipe, mixed, [1, 2, 3], end=2, num_inference_steps=4)
    # PNDM evaluates 5 times for 4 steps; 3 of those calls fall into the first two steps.
    assert len(calls) == 5 + 3
    assert pipe.unet.forward is offloading


def test_only_the_conditional_half_is_recorded_and_only_up_to_the_last_tap(
    sd_pipe: Any, mixed: list[Prompt], steer: Steer, monkeypatch: pytest.MonkeyPatch
) -> None:
    unet = sd_pipe.unet
    seen: list[tuple[int, bool, bool, bool, bool]] = []
    state: dict[str, bool] = {}

    def entering(module: Any, args: Any) -> None:
        state["first"] = torch.is_grad_enabled()

    def before_last_tap(module: Any, args: Any) -> None:
        state["tapped"] = isinstance(module.processor, TapProcessor)

    def after_last_tap(module: Any, args: Any, output: Any) -> None:
        state["after"] = torch.is_grad_enabled()

    def leaving(module: Any, args: Any, output: Any) -> None:
        seen.append(
            (len(output), state["first"], state["tapped"], state["after"], output.requires_grad)
        )

    last = unet.get_submodule("up_blocks.2.attentions.2.transformer_blocks.0.attn2")
    hooks = [
        unet.conv_in.register_forward_pre_hook(entering),
        last.register_forward_pre_hook(before_last_tap),
        last.register_forward_hook(after_last_tap),
        unet.conv_out.register_forward_hook(leaving),
    ]
    steer(sd_pipe, mixed, [1, 2, 3], end=1, num_inference_steps=2)
    for hook in hooks:
        hook.remove()
    uncond, cond = (3, False, False, False, False), (3, True, True, False, False)
    plain = (6, False, False, False, False)
    # PNDM evaluates 3 times for 2 steps; 2 of those calls fall into the first step.
    assert seen == [uncond, cond, uncond, cond, plain]


def test_one_graph_is_alive_at_a_time_and_none_afterwards(
    sd_pipe: Any, mixed: list[Prompt], steer: Steer
) -> None:
    alive: list[list[weakref.ref[Any]]] = []

    class Kept:
        def __init__(self, tensor: torch.Tensor) -> None:
            self.tensor = tensor

    def begin(module: Any, args: Any) -> None:
        assert all(ref() is None for step in alive for ref in step)
        alive.append([])

    def pack(tensor: torch.Tensor) -> Kept:
        kept = Kept(tensor)
        alive[-1].append(weakref.ref(kept))
        return kept

    hook = sd_pipe.unet.conv_in.register_forward_pre_hook(begin)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda kept: kept.tensor):
        steer(sd_pipe, mixed, [1, 2, 3])
    hook.remove()
    assert sum(bool(step) for step in alive) >= 4
    assert all(ref() is None for step in alive for ref in step)


def test_recorded_bytes_are_a_fraction_of_the_full_batch(
    sd_pipe: Any, mixed: list[Prompt], settings: Any
) -> None:
    def recorded(run: Callable[[], Any]) -> int:
        held: dict[int, int] = {}
        weights = {p.untyped_storage().data_ptr() for p in sd_pipe.unet.parameters()}

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                held[storage.data_ptr()] = storage.nbytes()
                kept.append(storage)
            return tensor

        kept: list[Any] = []
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            run()
        return sum(held.values())

    latents = torch.randn(3, 4, 16, 16)
    with torch.no_grad():
        text, _ = sd_pipe.encode_prompt([p.text for p in mixed], "cpu", 1, False)
    t = torch.tensor(500)

    def plain() -> Any:
        leaf = latents.clone().requires_grad_()
        return sd_pipe.unet(leaf.repeat(2, 1, 1, 1), t, encoder_hidden_states=text.repeat(2, 1, 1))

    def ours(**given: Any) -> Callable[[], Any]:
        def run() -> None:
            sd_pipe.scheduler.set_timesteps(1)
            s = settings(1, **given)
            with guided(sd_pipe, mixed, s, steps=1, guidance_scale=7.5), torch.no_grad():
                sd_pipe.unet(
                    latents.repeat(2, 1, 1, 1), t, encoder_hidden_states=text.repeat(2, 1, 1)
                )

        return run

    whole, part, least = recorded(plain), recorded(ours()), recorded(ours(checkpointing=True))
    # Half the batch, frozen weights, nothing after the last tap: the script in tests/measurements
    # counts 1/4 and 1/20 at the size of SD 1.4.
    assert part < 0.35 * whole
    assert least < 0.5 * part


def test_checkpointing_changes_no_bit(sd_pipe: Any, mixed: list[Prompt], steer: Steer) -> None:
    plain = steer(sd_pipe, mixed, [1, 2, 3])
    assert torch.equal(steer(sd_pipe, mixed, [1, 2, 3], checkpointing=True), plain)


def test_the_host_waits_for_the_device_once_at_the_end(mixed: list[Prompt], settings: Any) -> None:
    """On the meta device every wait is an error, because there is no value to wait for."""
    pipe = sharpened(tiny_sd())
    pipe.unet.to("meta")
    pipe.scheduler.set_timesteps(2)
    latents = torch.empty(6, 4, 16, 16, device="meta")
    text = torch.empty(6, 16, 32, device="meta")
    outputs = []

    def two_steps() -> None:
        with guided(pipe, mixed, settings(2), steps=2, guidance_scale=7.5):
            for _ in range(2):
                timestep = torch.tensor(500, device="meta")
                outputs.extend(
                    pipe.unet(latents, timestep, encoder_hidden_states=text, return_dict=False)
                )

    with pytest.raises(NotImplementedError):
        two_steps()
    assert [output.shape for output in outputs] == [latents.shape] * 2


def test_an_image_does_not_depend_on_its_batch_mates(
    sd_pipe: Any, mixed: list[Prompt], steer: Steer
) -> None:
    together = steer(sd_pipe, mixed, [1, 2, 3])
    for row, prompt in enumerate(mixed):
        alone = steer(sd_pipe, [prompt], [row + 1])
        assert distance(together[row : row + 1], alone) < 1e-4
    mates = steer(sd_pipe, [mixed[2], mixed[0]], [3, 7])
    assert distance(mates[:1], together[2:]) < 1e-4


@pytest.mark.parametrize("phrase", ["to the left of", "to the right of", "above", "below", "near"])
def test_every_relation_moves_the_maps_its_way(
    sd_pipe: Any, pair: Any, settings: Any, sample: Any, phrase: str
) -> None:
    prompt = pair("dog", phrase, "cat")
    given = {"lambda_presence": 0, "lambda_balance": 0, "margin": 0.1, "weight": 3000}
    s = settings(6, loss="linear", near="apart", **given)
    losses: list[float] = []

    def watch(step: GuidedStep) -> None:
        losses.append(float(step.prediction.loss))

    with guided(sd_pipe, [prompt], s, steps=6, guidance_scale=7.5, observer=watch):
        sample(sd_pipe, [prompt], [5], num_inference_steps=6)
    steered = losses[-1]
    losses.clear()
    off = replace(s, weight=0.0)
    with guided(sd_pipe, [prompt], off, steps=6, guidance_scale=7.5, observer=watch):
        sample(sd_pipe, [prompt], [5], num_inference_steps=6)
    assert steered < losses[-1]


def _parameterised(pipe: Any, kind: str, signal: Callable[[Any], float]) -> None:
    """Make an epsilon UNet answer in another parameterisation of the same model."""
    stock = type(pipe.unet).forward.__get__(pipe.unet)

    def forward(sample: torch.Tensor, timestep: Any, *args: Any, **kwargs: Any) -> Any:
        (noise,) = stock(sample, timestep, *args, **{**kwargs, "return_dict": False})
        a = signal(timestep)
        s = (1 - a * a) ** 0.5
        image = (sample - s * noise) / a
        return (a * noise - s * image if kind == "v_prediction" else image,)

    pipe.unet.forward = forward


@pytest.mark.parametrize(
    ("kind", "scheduler"),
    [
        ("v_prediction", "DDIMScheduler"),
        ("v_prediction", "EulerDiscreteScheduler"),
        ("sample", "DDIMScheduler"),
    ],
)
def test_every_parameterisation_of_a_model_gives_the_same_trajectory(
    mixed: list[Prompt], steer: Steer, kind: str, scheduler: str
) -> None:
    import diffusers

    pipe = sharpened(tiny_sd()).to(torch.float64)
    make = getattr(diffusers, scheduler)
    pipe.scheduler = make.from_config(
        pipe.scheduler.config, prediction_type="epsilon", clip_sample=False
    )
    epsilon = steer(pipe, mixed, [1, 2, 3], weight=300)
    pipe.scheduler = make.from_config(
        pipe.scheduler.config, prediction_type=kind, clip_sample=False
    )
    levels = pipe.scheduler.alphas_cumprod

    _parameterised(pipe, kind, lambda t: float(levels[int(t)]) ** 0.5)
    assert distance(steer(pipe, mixed, [1, 2, 3], weight=300), epsilon) < 1e-5


@pytest.mark.parametrize(
    "scheduler",
    [
        "DDIMScheduler",
        "DDPMScheduler",
        "EulerDiscreteScheduler",
        "EulerAncestralDiscreteScheduler",
        "HeunDiscreteScheduler",
        "DPMSolverMultistepScheduler",
        "UniPCMultistepScheduler",
    ],
)
def test_any_scheduler(
    mixed: list[Prompt], steer: Steer, sample: Any, sd_pipe: Any, scheduler: str
) -> None:
    import diffusers

    own = sd_pipe.scheduler
    sd_pipe.scheduler = getattr(diffusers, scheduler).from_config(own.config)
    try:
        stock = sample(sd_pipe, mixed, [1, 2, 3])
        steered = steer(sd_pipe, mixed, [1, 2, 3], weight=100)
    finally:
        sd_pipe.scheduler = own
    assert steered.isfinite().all()
    assert 1e-4 < distance(steered, stock) < 1


def test_an_image_that_is_not_square(sd_pipe: Any, mixed: list[Prompt], steer: Steer) -> None:
    wide = steer(sd_pipe, mixed, [1, 2, 3], height=24, width=48)
    assert wide.shape == (3, 4, 12, 24)
    assert wide.isfinite().all()
    together = steer(sd_pipe, mixed[:1], [1], height=24, width=48)
    assert distance(wide[:1], together) < 1e-4


def test_without_classifier_free_guidance(
    sd_pipe: Any, mixed: list[Prompt], steer: Steer, sample: Any
) -> None:
    stock = sample(sd_pipe, mixed, [1, 2, 3], guidance_scale=1.0)
    steered = steer(sd_pipe, mixed, [1, 2, 3], guidance_scale=1.0)
    assert distance(steered, stock) > 1e-4


def test_the_noise_moves_by_the_weighted_gradient(
    sd_pipe: Any, mixed: list[Prompt], settings: Any, sample: Any
) -> None:
    """DDIM's first step is linear in the noise: z' = c z + d e, so the shift can be read off."""
    from diffusers import DDIMScheduler

    own = sd_pipe.scheduler
    sd_pipe.scheduler = DDIMScheduler.from_config(own.config, clip_sample=False)
    steps: list[GuidedStep] = []
    s = settings(4, end=1)
    try:
        stock: list[torch.Tensor] = []
        steered: list[torch.Tensor] = []

        def first(kept: list[torch.Tensor]) -> Any:
            def keep(pipe: Any, i: int, t: Any, values: dict[str, Any]) -> dict[str, Any]:
                kept.append(values["latents"])
                return values

            return keep

        sample(sd_pipe, mixed, [1, 2, 3], callback_on_step_end=first(stock))
        with guided(sd_pipe, mixed, s, steps=4, guidance_scale=7.5, observer=steps.append):
            sample(sd_pipe, mixed, [1, 2, 3], callback_on_step_end=first(steered))
        t, after = sd_pipe.scheduler.timesteps[:2].tolist()
        now, then = (float(sd_pipe.scheduler.alphas_cumprod[i]) for i in (t, after))
    finally:
        sd_pipe.scheduler = own
    factor = (1 - then) ** 0.5 - (then / now * (1 - now)) ** 0.5
    wanted = factor * 1000 * steps[0].prediction.gradient
    assert distance(steered[0] - stock[0], wanted) < 1e-3


def test_sdxl_reads_both_encoders_and_its_own_layers(
    sdxl_pipe: Any, mixed: list[Prompt], settings: Any, sample: Any
) -> None:
    steps: list[GuidedStep] = []
    s = settings(4, end=2)
    stock = sample(sdxl_pipe, mixed, [1, 2, 3], guidance_scale=5.0)
    with guided(sdxl_pipe, mixed, s, steps=4, guidance_scale=5.0, observer=steps.append):
        steered = sample(sdxl_pipe, mixed, [1, 2, 3], guidance_scale=5.0)
    assert len(steps) == 2
    assert steered.isfinite().all()
    assert distance(steered, stock) > 1e-4
    with guided(sdxl_pipe, mixed[1:2], s, steps=4, guidance_scale=5.0):
        alone = sample(sdxl_pipe, mixed[1:2], [2], guidance_scale=5.0)
    assert distance(steered[1:2], alone) < 1e-4


def test_sd_2_with_its_own_number_of_heads_a_level(
    mixed: list[Prompt], steer: Steer, sample: Any
) -> None:
    from diffusers import UNet2DConditionModel

    pipe = tiny_sd()
    options = dict(pipe.unet.config)
    options |= {"attention_head_dim": [2, 4, 8, 8], "use_linear_projection": True}
    torch.manual_seed(0)
    pipe.unet = UNet2DConditionModel.from_config(options)
    sharpened(pipe)
    together = steer(pipe, mixed, [1, 2, 3])
    assert distance(together, sample(pipe, mixed, [1, 2, 3])) > 1e-4
    assert distance(steer(pipe, mixed[2:], [3]), together[2:]) < 1e-4


def test_a_gradient_that_overflows_is_reported_not_painted(
    sd_pipe: Any, mixed: list[Prompt], steer: Steer
) -> None:
    with pytest.raises(UserError, match=r"not finite in float32 for 3 of 3 images \(prompts 10"):
        steer(sd_pipe, mixed, [1, 2, 3], weight=1e45, end=1)


def test_half_precision(mixed: list[Prompt], settings: Any, sample: Any, steer: Steer) -> None:
    gradients = []

    def watch(step: GuidedStep) -> None:
        gradients.append(step.prediction.gradient.flatten())

    for dtype in (torch.float32, torch.float16):
        pipe = sharpened(tiny_sd()).to(dtype)
        s = settings(1, weight=10)
        with guided(pipe, mixed[:1], s, steps=1, guidance_scale=7.5, observer=watch):
            latents = sample(pipe, mixed[:1], [1], num_inference_steps=1)
        assert latents.dtype == dtype
        assert latents.isfinite().all()
    exact, half = gradients[0], gradients[1]
    assert torch.nn.functional.cosine_similarity(exact, half, dim=0) > 0.99
    with pytest.raises(UserError, match=r"not finite in float16 .* bfloat16 or float32"):
        steer(pipe, mixed[:1], [1], weight=1e9, num_inference_steps=1)


def test_a_prompt_without_a_relation_is_refused(sd_pipe: Any, steer: Steer) -> None:
    with pytest.raises(UserError, match="names no relation of two objects"):
        steer(sd_pipe, [Prompt("7", "a dog and a cat", "and")], [1])


def test_near_gets_no_spatial_term_whatever_its_settings(
    sd_pipe: Any, pair: Any, steer: Steer, sample: Any
) -> None:
    """Bit for bit, and presence and balance still act; margin 0 makes no difference."""
    prompts = [pair("dog", phrase, "cat") for phrase in ("near", "next to", "on side of")]
    usual = steer(sd_pipe, prompts, [1, 2, 3])
    for given in ({"margin": 0, "loss": "sigmoid"}, {"alpha": 8}, {"lambda_spatial": 0}):
        assert torch.equal(steer(sd_pipe, prompts, [1, 2, 3], **given), usual)
    assert distance(usual, sample(sd_pipe, prompts, [1, 2, 3])) > 1e-4
    only = steer(sd_pipe, prompts, [1, 2, 3], lambda_presence=0, lambda_balance=0)
    assert distance(only, sample(sd_pipe, prompts, [1, 2, 3])) <= 1e-5


def test_the_sides_of_near_are_those_of_left_and_right(
    sd_pipe: Any, pair: Any, settings: Any
) -> None:
    """``near`` and ``on side of`` have left's loss at the same maps, ``next to`` has right's."""
    losses = {}
    for phrase in ("near", "on side of", "next to"):
        prompt = pair("dog", phrase, "cat")
        for relation in (Relation.NEAR, Relation.LEFT, Relation.RIGHT):
            seen: list[GuidedStep] = []
            named = replace(prompt, triplet=replace(prompt.triplet, relation=relation))
            s = settings(1, preset="thesis", near="sides", end=1)
            with guided(sd_pipe, [named], s, steps=1, guidance_scale=7.5, observer=seen.append):
                generator = torch.Generator().manual_seed(1)
                sd_pipe([prompt.text], num_inference_steps=1, generator=generator)
            losses[phrase, relation] = seen[0].prediction.loss.item()
    for phrase, side in (
        ("near", Relation.LEFT),
        ("on side of", Relation.LEFT),
        ("next to", Relation.RIGHT),
    ):
        assert losses[phrase, Relation.NEAR] == losses[phrase, side]
        assert losses[phrase, Relation.LEFT] != losses[phrase, Relation.RIGHT]


def test_a_relation_in_depth_is_refused_unless_released(
    sd_pipe: Any, steer: Steer, sample: Any
) -> None:
    triplet = Triplet("dog", Relation.BEHIND, "cat")
    prompt = Prompt("7", "a dog behind a cat", "behind", triplet)
    with pytest.raises(UserError, match="'behind', which infsplign cannot guide"):
        steer(sd_pipe, [prompt], [1])
    # The authors' code goes on without a spatial loss, and says nothing.
    silent = steer(sd_pipe, [prompt], [1], RELEASED, lambda_presence=0, lambda_balance=0)
    assert distance(silent, sample(sd_pipe, [prompt], [1])) <= 1e-5


def test_another_methods_attention_is_refused(mixed: list[Prompt], steer: Steer) -> None:
    from diffusers.models.attention_processor import SlicedAttnProcessor

    pipe = sharpened(tiny_sd())
    pipe.unet.set_attn_processor(SlicedAttnProcessor(1))
    with pytest.raises(UserError, match="computed by SlicedAttnProcessor"):
        steer(pipe, mixed, [1, 2, 3])
