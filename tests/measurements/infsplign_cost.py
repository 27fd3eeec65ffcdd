"""What a guided step costs: operations and recorded activations at Stable Diffusion 1.4's size.

Run by hand: ``python tests/measurements/infsplign_cost.py``. Counted on meta tensors, so nothing is
computed and no weights are needed; then guided and plain steps of a reduced UNet are timed in turn.
Exits with status 1 when a limit is missed.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from spatialbench.guidance.gradient import loss_and_gradient
from spatialbench.guidance.maps_at_level import modules_at_level
from spatialbench.guidance.tokens import selection
from spatialbench.methods.infsplign.geometry import MapReader, map_shape
from spatialbench.methods.infsplign.gradient import differentiated, object_maps
from spatialbench.methods.infsplign.layers import find_taps
from spatialbench.methods.infsplign.loss import SpatialLoss
from spatialbench.methods.infsplign.placement import Placement
from spatialbench.methods.infsplign.settings import read_settings
from spatialbench.relations import Relation

GUIDED_TFLOP, KEPT_MIB, CHECKPOINTED_MIB, RATIO = 2.30, 480.0, 240.0, 1.75
MIB = 2**20


class FlashAttention(torch.autograd.Function):
    """The cost of fused attention: keeps its inputs, its output and one number per row.

    On meta tensors torch takes the unfused path, which would keep every probability.
    """

    counted = 0

    @staticmethod
    def forward(ctx: Any, q: Any, k: Any, v: Any) -> Any:
        FlashAttention.counted += FlashAttention.operations(q, k, v)
        out = torch.empty_like(q)
        rows = torch.empty(q.shape[:-1], device=q.device, dtype=torch.float32)
        ctx.save_for_backward(q, k, v, out, rows)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        q, k, v, *_ = ctx.saved_tensors
        # Five products where the forward pass has two: one of them recomputes the scores.
        FlashAttention.counted += FlashAttention.operations(q, k, v) * 5 // 2
        return torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)

    @staticmethod
    def operations(q: Any, k: Any, v: Any) -> int:
        batch, heads, rows, width = q.shape
        return int(2 * batch * heads * rows * k.shape[2] * (width + v.shape[3]))


@contextmanager
def fused_attention() -> Iterator[None]:
    stock = F.scaled_dot_product_attention
    flash: Any = FlashAttention.apply
    F.scaled_dot_product_attention = lambda q, k, v, **_: flash(q, k, v)
    try:
        yield
    finally:
        F.scaled_dot_product_attention = stock


def sd14_unet() -> Any:
    """Stable Diffusion 1.4's UNet in float16 on the meta device."""
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        unet = UNet2DConditionModel(
            sample_size=64,
            cross_attention_dim=768,
            attention_head_dim=8,
            block_out_channels=(320, 640, 1280, 1280),
        )
        return unet.eval().half()


@dataclass(frozen=True)
class Cost:
    """Operations and recorded bytes of one step."""

    tflop: float
    kept_mib: float


class Step:
    """A guided or plain step of ``batch`` prompts on a UNet of Stable Diffusion or SDXL."""

    def __init__(
        self, unet: Any, side: int, width: int, checkpointing: bool = False, batch: int = 1
    ) -> None:
        device = unet.device
        self.unet = unet
        self.latents = torch.randn(batch, 4, side, side, device=device, dtype=unet.dtype)
        self.text = torch.randn(batch, 77, width, device=device, dtype=unet.dtype)
        self.timestep = torch.tensor(500, device=device)
        settings = read_settings({}, "sd1.4", 50)
        self.taps = find_taps(unet, "both")
        self.selection = selection([((2,), (8,))] * batch, 77, device)
        self.reader = MapReader("none", guard=True)
        wide = torch.promote_types(unet.dtype, torch.float32)
        placement = Placement.of([Relation.LEFT] * batch, device, wide)
        coarse = tuple(tap.coarse for tap in self.taps)
        self.loss = SpatialLoss(settings, placement, coarse, device, wide)
        if checkpointing:
            unet.enable_gradient_checkpointing()
        else:
            unet.disable_gradient_checkpointing()

    def evaluate(self, latents: Any, text: Any) -> Any:
        # A view, because the operation counter cannot follow a gradient to a module's own input.
        latents = latents.view_as(latents)
        more: dict[str, Any] = {}
        if self.unet.config.addition_embed_type == "text_time":
            pooled = text.new_zeros(len(text), 1280)
            more["added_cond_kwargs"] = {
                "text_embeds": pooled,
                "time_ids": text.new_ones(len(text), 6),
            }
        return self.unet(
            latents, self.timestep, encoder_hidden_states=text, return_dict=False, **more
        )[0]

    def plain(self) -> None:
        with torch.no_grad():
            self.evaluate(self.latents.repeat(2, 1, 1, 1), self.text.repeat(2, 1, 1))

    def guided(self) -> None:
        with torch.no_grad():
            self.evaluate(self.latents, self.text)
        self.gradient()

    def descent(self) -> None:
        """An evaluation of the maps of level 2, as Attend-and-Excite does: the prompt alone."""
        modules = modules_at_level(self.unet, 2, "descent")
        loss_and_gradient(
            lambda latents: self.evaluate(latents, self.text),
            self.latents,
            modules,
            lambda maps: torch.stack([one.mean((1, 2)) for one in maps]).sum(0),
            stop=True,
        )

    def gradient(self) -> Any:
        """Like the latents, of the loss by each."""
        side = self.latents.shape[-2:]

        def losses(maps: Any) -> Any:
            return self.loss(self.reader(maps, [map_shape(one.shape[-1], *side) for one in maps]))

        return differentiated(
            lambda latents: self.evaluate(latents, self.text),
            self.latents,
            object_maps([tap.module for tap in self.taps], self.selection),
            losses,
        ).gradient


def kept_bytes(run: Callable[[], None], unet: Any) -> int:
    """Distinct bytes, weights apart, that autograd holds when the backward pass begins."""
    weights = {p.untyped_storage()._cdata for p in unet.parameters()}
    held: dict[int, Any] = {}
    opened = False

    def pack(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if not opened and storage._cdata not in weights:
            held[storage._cdata] = storage
        return tensor

    def unpack(tensor: Any) -> Any:
        nonlocal opened
        opened = True
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        run()
    return sum(storage.nbytes() for storage in held.values())


def count(run: Callable[[], None], unet: Any) -> Cost:
    FlashAttention.counted = 0
    with fused_attention():
        with FlopCounterMode(display=False) as counter:
            run()
        tflop = (counter.get_total_flops() + FlashAttention.counted) / 1e12
        return Cost(tflop, kept_bytes(run, unet) / MIB)


def authors_way(step: Step) -> Callable[[], None]:
    """Both halves recorded to the end, with trainable weights, as their code does.

    The gradient is taken from the tapped layers' queries, which is where their loss begins.
    """

    def run() -> None:
        queries: list[Any] = []
        hooks = [
            tap.module.to_q.register_forward_hook(lambda _m, _i, out: queries.append(out))
            for tap in step.taps
        ]
        latents = step.latents.clone().requires_grad_()
        step.evaluate(latents.repeat(2, 1, 1, 1), step.text.repeat(2, 1, 1))
        for hook in hooks:
            hook.remove()
        torch.autograd.grad(sum(query.sum() for query in queries), latents)

    return run


def reduced_unet() -> Any:
    """Stable Diffusion 1.4's UNet at a quarter of its width."""
    from diffusers import UNet2DConditionModel

    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=48,
        cross_attention_dim=192,
        attention_head_dim=8,
        block_out_channels=(80, 160, 320, 320),
        norm_num_groups=8,
    )
    return unet.eval().requires_grad_(False)


def time_in_turn(step: Step, rounds: int) -> tuple[float, float]:
    """Median processor seconds of a plain and of a guided step, taken in turn on one thread.

    Processor time, so that other work on the machine does not count.
    """
    torch.set_num_threads(1)
    seconds: dict[str, list[float]] = {"plain": [], "guided": []}
    for round_ in range(rounds + 1):
        for name, run in (("plain", step.plain), ("guided", step.guided)):
            begin = time.process_time()
            run()
            if round_:
                seconds[name].append(time.process_time() - begin)
    return statistics.median(seconds["plain"]), statistics.median(seconds["guided"])


def main() -> int:
    unet = sd14_unet()
    step = Step(unet, 64, 768)
    rows = {"authors' code": count(authors_way(step), unet)}
    unet.requires_grad_(False)
    rows["plain CFG"] = count(step.plain, unet)
    rows["guided"] = count(step.guided, unet)
    rows["an evaluation of a descent"] = count(step.descent, unet)
    rows["guided, checkpointing"] = count(Step(unet, 64, 768, checkpointing=True).guided, unet)
    plain, guided = time_in_turn(Step(reduced_unet(), 48, 192), rounds=9)

    print(f"{'one step, SD 1.4, batch 1, float16':<38}{'TFLOP':>8}{'kept MiB':>11}")
    for name, cost in rows.items():
        print(f"{name:<38}{cost.tflop:>8.3f}{cost.kept_mib:>11.1f}")
    ratio = guided / plain
    print(f"\nquarter-width UNet: plain {plain:.4f} s, guided {guided:.4f} s, ratio {ratio:.2f}")
    checks = {
        f"guided step <= {GUIDED_TFLOP} TFLOP": rows["guided"].tflop <= GUIDED_TFLOP,
        f"guided step keeps <= {KEPT_MIB:.0f} MiB": rows["guided"].kept_mib <= KEPT_MIB,
        f"with checkpointing <= {CHECKPOINTED_MIB:.0f} MiB": (
            rows["guided, checkpointing"].kept_mib <= CHECKPOINTED_MIB
        ),
        f"guided / plain time <= {RATIO}": ratio <= RATIO,
    }
    for name, fine in checks.items():
        print(f"{'ok  ' if fine else 'MISS'}  {name}")
    return 0 if all(checks.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
