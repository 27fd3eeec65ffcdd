"""Samplers by short name, built from the noise schedule a backbone was trained with."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import UserError, unknown_name

Scheduler = Any
"""A diffusers scheduler; its classes have no types that a checker can follow."""

OWN = "own"
"""The scheduler in the checkpoint, as it is."""


@dataclass(frozen=True, slots=True)
class SchedulerChoice:
    """A diffusers scheduler class, and the options laid over the backbone's own configuration.

    ``order`` is how often the denoiser is asked in a step; in the last one once, in any case.
    """

    name: str
    class_name: str | None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    order: int = 1

    def identity(self) -> dict[str, Any]:
        """Plain JSON; the rest of the configuration is fixed by the backbone's revision."""
        return {"name": self.name, "class": self.class_name, "overrides": dict(self.overrides)}


def _choices() -> dict[str, SchedulerChoice]:
    trailing = {"timestep_spacing": "trailing"}
    dpm = {"algorithm_type": "dpmsolver++", "solver_order": 2}
    rows: list[tuple[str, str | None, dict[str, Any]]] = [
        (OWN, None, {}),
        ("ddim", "DDIMScheduler", {}),
        ("ddim-trailing", "DDIMScheduler", trailing),
        ("ddpm", "DDPMScheduler", {}),
        ("ddpm-trailing", "DDPMScheduler", trailing),
        ("euler", "EulerDiscreteScheduler", {}),
        ("euler-trailing", "EulerDiscreteScheduler", trailing),
        ("euler-a", "EulerAncestralDiscreteScheduler", {}),
        ("heun", "HeunDiscreteScheduler", {}),
        ("pndm", "PNDMScheduler", {}),
        ("unipc", "UniPCMultistepScheduler", {}),
        ("dpm++", "DPMSolverMultistepScheduler", dpm),
        ("dpm++-karras", "DPMSolverMultistepScheduler", {**dpm, "use_karras_sigmas": True}),
        ("dpm++-sde", "DPMSolverMultistepScheduler", {**dpm, "algorithm_type": "sde-dpmsolver++"}),
    ]
    orders = {"heun": 2}
    return {
        name: SchedulerChoice(name, cls, options, orders.get(name, 1))
        for name, cls, options in rows
    }


SCHEDULERS = _choices()
"""Every scheduler a user can name."""


def choose(name: str) -> SchedulerChoice:
    """A scheduler by name.

    Raises:
        UserError: an unknown name; near matches are listed.
    """
    if name not in SCHEDULERS:
        raise unknown_name("scheduler", name, SCHEDULERS)
    return SCHEDULERS[name]


def evaluations(scheduler: Any, steps: int) -> int:
    """How often the denoiser is asked in so many steps of a scheduler's identity."""
    name = scheduler.get("name") if isinstance(scheduler, Mapping) else None
    order = SCHEDULERS[name].order if name in SCHEDULERS else 1
    return order * (steps - 1) + 1


def build(choice: SchedulerChoice, own: Scheduler, steps: int) -> Scheduler:
    """The chosen scheduler on the noise schedule and prediction type of the checkpoint's ``own``.

    Where the checkpoint does not speak of ``clip_sample`` it is off: the class default clips the
    estimate to [-1, 1], a pixel range that latents do not keep.

    Raises:
        UserError: steps the scheduler cannot take, such as more than the noise schedule has, or
            a scheduler that cannot follow the checkpoint's noise schedule.
    """
    import diffusers

    scheduler = own
    if choice.class_name is not None:
        scheduler_class = getattr(diffusers, choice.class_name)
        _require_zero_snr(choice.name, scheduler_class, own)
        options = dict(choice.overrides)
        if own.config.get("clip_sample") is None or _is_default(own, "clip_sample"):
            options["clip_sample"] = False
        # Options go in as keywords: inside the configuration, a key that the checkpoint left at
        # its default would silently be dropped again.
        scheduler = scheduler_class.from_config(own.config, **options)
    try:
        scheduler.set_timesteps(steps)
    except (ValueError, IndexError, RuntimeError, ZeroDivisionError) as error:
        raise UserError(
            f"the scheduler {choice.name!r} cannot take {steps} steps ({error}); give --steps "
            f"between 1 and {own.config.get('num_train_timesteps', 1000)}, or another --scheduler."
        ) from error
    return scheduler


def _require_zero_snr(name: str, scheduler_class: Any, own: Scheduler) -> None:
    """A schedule rescaled to end in pure noise would silently be used unscaled."""
    key = "rescale_betas_zero_snr"
    if own.config.get(key) and key not in inspect.signature(scheduler_class.__init__).parameters:
        raise UserError(
            f"the scheduler {name!r} cannot follow this backbone's noise schedule (it ends in pure "
            "noise, zero terminal SNR); give --scheduler ddim, ddpm, euler or dpm++."
        )


def _is_default(own: Scheduler, key: str) -> bool:
    return key in own.config.get("_use_default_values", ())
