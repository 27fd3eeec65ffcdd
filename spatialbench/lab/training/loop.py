"""One training loop for all of the lab's models: seeded by step, checkpointed, resumable."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import UserError
from ...files.regular_files import open_regular
from ...runs.files import make_folder, write_atomic

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    Losses = Mapping[str, Tensor]
    StepFunction = Callable[[int, np.random.Generator], Losses]


def half_precision(device: str = "cpu") -> torch.autocast:
    """bfloat16 autocast on GPUs and on processors that multiply it in hardware.

    Elsewhere float32 is faster.
    """
    import torch

    if not device.startswith("cpu"):
        return torch.autocast(device.partition(":")[0], torch.bfloat16)
    # The processor can, and torch was not told to leave its AVX512 kernels alone.
    fast = torch.cpu.get_capabilities().get("avx512_bf16", False)
    fast = fast and torch.backends.cpu.get_cpu_capability() == "AVX512"
    return torch.autocast("cpu", torch.bfloat16, enabled=bool(fast))


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast: AdamW with warm-up and a cosine to zero, EMA of the weights.

    ``clip`` is the greatest length of the gradient of all parameters together.
    """

    steps: int
    learning_rate: float
    warmup: int = 200
    ema: float = 0.999
    weight_decay: float = 0.01
    clip: float = 1.0
    seed: int = 0
    checkpoint_every: int = 250
    report_every: int = 50


class Training:
    """Trains named modules; stopping at any moment and starting again continues.

    Args:
        modules: what is trained, by name; all parameters with ``requires_grad``.
        schedule: length, learning rate, seed.
        folder: where ``checkpoint.pt`` is kept.
        report: receives one line of progress now and then.
    """

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        schedule: Schedule,
        folder: Path,
        report: Callable[[str], None],
    ) -> None:
        import torch

        self.modules = modules
        self.schedule = schedule
        self.path = folder / "checkpoint.pt"
        self.report = report
        self.parameters: list[torch.Tensor] = [
            p for m in modules.values() for p in m.parameters() if p.requires_grad
        ]
        self.average = [p.detach().clone() for p in self.parameters]
        self.optimizer = torch.optim.AdamW(
            self.parameters,
            lr=schedule.learning_rate,
            weight_decay=schedule.weight_decay,
            fused=True,
        )
        self.step = 0

    def run(self, losses_of: StepFunction) -> None:
        """Train to the end of the schedule, from the last checkpoint where there is one."""
        import torch

        self._resume()
        started, first = time.monotonic(), self.step
        sums: dict[str, float] = {}
        while self.step < self.schedule.steps:
            torch.manual_seed(self.schedule.seed * 1_000_003 + self.step)
            rng = np.random.default_rng([self.schedule.seed, self.step])
            losses = losses_of(self.step, rng)
            total = torch.stack(list(losses.values())).sum()
            if not bool(torch.isfinite(total)):
                raise UserError(
                    f"training diverged at step {self.step} (loss {float(total.detach())}); "
                    "give a smaller --learning-rate and start again in another folder."
                )
            for group in self.optimizer.param_groups:
                group["lr"] = self._learning_rate()
            self.optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(total)
            torch.nn.utils.clip_grad_norm_(self.parameters, self.schedule.clip)
            self.optimizer.step()
            self.step += 1
            decay = min(self.schedule.ema, self.step / (self.step + 10))
            with torch.no_grad():
                torch._foreach_lerp_(self.average, self.parameters, 1 - decay)
            for key, value in losses.items():
                sums[key] = sums.get(key, 0.0) + float(value.detach())
            if self.step % self.schedule.report_every == 0:
                speed = (time.monotonic() - started) / (self.step - first)
                text = " ".join(
                    f"{k} {v / self.schedule.report_every:.4f}" for k, v in sums.items()
                )
                self.report(f"step {self.step}/{self.schedule.steps} {text} {speed:.3f} s/step")
                sums = {}
            if self.step % self.schedule.checkpoint_every == 0:
                self._save()
        self._save()

    def use_average(self) -> None:
        """Put the averaged weights into the modules: what is evaluated and shipped."""
        import torch

        with torch.no_grad():
            for parameter, average in zip(self.parameters, self.average, strict=True):
                parameter.copy_(average)

    def _learning_rate(self) -> float:
        s = self.schedule
        warm = min(1.0, (self.step + 1) / s.warmup)
        return float(s.learning_rate * warm * 0.5 * (1 + np.cos(np.pi * self.step / s.steps)))

    def _save(self) -> None:
        import torch

        content = io.BytesIO()
        torch.save(
            {
                "step": self.step,
                "modules": {name: m.state_dict() for name, m in self.modules.items()},
                "optimizer": self.optimizer.state_dict(),
                "average": self.average,
            },
            content,
        )
        make_folder(self.path.parent)
        write_atomic(self.path, content.getvalue())

    def _resume(self) -> None:
        import torch

        if not os.path.lexists(self.path):
            return
        try:
            with open_regular(self.path, self.path.parent) as file:
                state = torch.load(file, weights_only=True)
            for name, module in self.modules.items():
                module.load_state_dict(state["modules"][name])
            self.optimizer.load_state_dict(state["optimizer"])
            with torch.no_grad():
                torch._foreach_copy_(self.average, state["average"])
            self.step = int(state["step"])
        except UserError:
            raise
        # Broken bytes raise whatever torch stumbles over.
        except Exception as error:
            raise UserError(
                f"the checkpoint {self.path} cannot be read "
                f"({' '.join(str(error).split())[:200]}): remove it to train from the beginning."
            ) from error
        self.report(f"continuing at step {self.step}")
