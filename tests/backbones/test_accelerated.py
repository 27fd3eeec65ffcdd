"""Other kernels: where they act, what they leave alone, and that they are told and no identity.

The compiler itself is stood in for by one that hands the model back: tracing the lab's model alone
takes half a minute of a processor, and generating code more.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spatialbench.api import at_work
from spatialbench.api.evaluation import Evaluation
from spatialbench.backbones import accelerated
from spatialbench.errors import UserError
from spatialbench.methods.stable_diffusion import PLUGIN
from spatialbench.plugins import GenerationSettings, ImageRequest, load
from spatialbench.plugins.kernels import STOCK, Kernels
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation
from spatialbench.runs.machine import this_machine
from spatialbench.runs.machines import changes
from tests.measurements.infsplign_cost import Step
from tests.tiny_models import tiny_sd

ALL = Kernels(compile=True, channels_last=True, cudnn_benchmark=True)


def requests(count: int = 2) -> list[ImageRequest]:
    triplet = Triplet("star", Relation.LEFT, "circle")
    text = "a star to the left of a circle"
    prompt = Prompt("0", text, "left", triplet, ("star", "circle"))
    return [ImageRequest(prompt, k, 42 + k) for k in range(count)]


def images(kernels: Kernels, method: str = "sd", **parameters: Any) -> list[Any]:
    settings = GenerationSettings(steps=3, kernels=kernels)
    made = load("method", method).configure(settings, parameters).generate(requests())
    return [np.asarray(image) for image in made]


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A compiler that hands the model back; notes how each was asked for."""
    asked: list[str] = []

    def compile(model: Callable[..., Any], *, mode: str, dynamic: bool) -> Any:
        asked.append(f"{mode}, {'dynamic' if dynamic else 'fixed'}")
        return model

    monkeypatch.setattr(torch, "compile", compile)
    before = torch.backends.cudnn.benchmark
    yield asked
    torch.backends.cudnn.benchmark = before


def test_the_answers_of_a_graph_are_copied_before_it_is_replayed(eager: list[str]) -> None:
    kept: list[torch.Tensor] = []
    memory = torch.zeros(2)

    def model(x: torch.Tensor) -> tuple[torch.Tensor]:
        # As a CUDA graph, it answers in the same memory every time.
        torch.mul(x, 2, out=memory)
        return (memory,)

    fast = accelerated.compiled(model)
    with torch.no_grad():
        kept += fast(torch.ones(2))
        kept += fast(torch.ones(2) + 1)
    assert [one.tolist() for one in kept] == [[2, 2], [4, 4]]
    assert eager == ["reduce-overhead, fixed"]


def test_under_gradients_the_model_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def fast(x: torch.Tensor) -> torch.Tensor:
        calls.append("fast")
        return x

    monkeypatch.setattr(torch, "compile", lambda model, **options: fast)
    answer = accelerated.compiled(lambda x: x * 3)
    leaf = torch.ones(1, requires_grad=True)
    (gradient,) = torch.autograd.grad(answer(leaf).sum(), leaf)
    assert (gradient.item(), calls) == (3.0, [])
    with torch.no_grad():
        answer(leaf)
    assert calls == ["fast"]


@pytest.mark.parametrize("method", ["sd", "infsplign"])
def test_images_are_the_same_but_for_rounding(method: str, eager: list[str]) -> None:
    plain, fast = images(STOCK, method), images(ALL, method)
    differences = np.abs(np.subtract(plain, fast, dtype=int))
    assert differences.max() <= 2
    assert eager == ["reduce-overhead, fixed"]
    assert torch.backends.cudnn.benchmark


def test_a_model_has_its_channels_last(eager: list[str]) -> None:
    method: Any = PLUGIN.configure(GenerationSettings(kernels=Kernels(channels_last=True)), {})
    method.load()
    weight = method.pipe.unet.conv_in.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not eager


def test_they_are_no_part_of_the_identity_and_told_of_the_machine() -> None:
    plain, fast = (
        PLUGIN.configure(GenerationSettings(kernels=kernels), {}) for kernels in (STOCK, ALL)
    )
    assert plain.identity() == fast.identity()
    here = this_machine("cpu", "float32", 8)
    told = here.model_copy(update={"kernels": dict(ALL.told)})
    assert changes(here, told).kernels == (
        "cudnn.benchmark off -> on",
        "memory format off -> channels_last",
        "torch.compile off -> reduce-overhead",
    )
    assert changes(told, told).kernels == ()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dividing_by_one_is_left_out_and_no_bit_changes(dtype: torch.dtype) -> None:
    unet = tiny_sd().unet.eval().requires_grad_(False).to(dtype)
    side, width = unet.config.sample_size, unet.config.cross_attention_dim
    torch.manual_seed(0)
    step = Step(unet, side, width)

    output, gradient = step.evaluate(step.latents, step.text), step.gradient()
    accelerated.without_divisions_by_one(unet)
    assert isinstance(unet.mid_block.resnets[0].output_scale_factor, accelerated.One)
    assert isinstance(step.taps[0].module.rescale_output_factor, accelerated.One)
    assert torch.equal(output, step.evaluate(step.latents, step.text))
    assert torch.equal(gradient, step.gradient())
    assert gradient.any()
    assert output / accelerated.One() is output
    unet.mid_block.resnets[0].output_scale_factor = 2.0
    accelerated.without_divisions_by_one(unet)
    assert unet.mid_block.resnets[0].output_scale_factor == 2.0


def test_without_a_compiler_it_is_refused_before_the_first_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(method: Any) -> list[str]:
        return [one.missing for one in method.requirements(requests()) if one.missing]

    asked = PLUGIN.configure(GenerationSettings(kernels=Kernels(compile=True)), {})
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert missing(asked) == [
        "--compile needs a C++ compiler on a processor, and CXX names 'no-such-compiler', which is "
        "not here: unset CXX, install g++, or leave --compile out."
    ]
    monkeypatch.delenv("CXX")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert missing(asked) == [
        "--compile needs a C++ compiler on a processor, and none is here: install g++, or leave "
        "--compile out."
    ]
    assert missing(PLUGIN.configure(GenerationSettings(), {})) == []
    monkeypatch.setattr(accelerated, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="--compile needs Triton on a GPU, which is not installed"):
        accelerated.require_compiler("cuda:1")


def test_a_method_that_does_not_heed_them_is_refused(tmp_path: Path) -> None:
    def mine(prompt: str, seed: int) -> Any:
        raise AssertionError

    fast = Kernels(compile=True, channels_last=True)
    asked = Evaluation(mine, "visor", name="mine", out=tmp_path / "run", kernels=fast)
    with pytest.raises(UserError, match="--compile and --channels-last: this method does not load"):
        at_work.check(asked)
    assert not (tmp_path / "run").exists()
