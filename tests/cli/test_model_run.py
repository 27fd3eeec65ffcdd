"""Diffusion and detection models through the command line: small random ones, from folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tiny_models import save_pipeline, save_tiny_owlvit, tiny_sd

from .conftest import Command

DOG_AND_CAT = "10801,10803,10805,10807"
"""A dog left of, right of, above and below a cat: words the small tokenizer knows."""


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_pipeline(tiny_sd(), tmp_path_factory.mktemp("backbone"))


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_owlvit(tmp_path_factory.mktemp("detector"))


@pytest.mark.parametrize("method", ["sd", "infsplign"])
def test_from_folders_to_a_table(
    spatialbench: Command, backbone: Path, detector: Path, method: str
) -> None:
    run = ["run", "--method", method, "--bench", "visor", "--only", DOG_AND_CAT]
    run += ["--backbone", str(backbone), "--detector", f"owlvit:{detector}", "--steps", "2"]
    run += ["--images-per-prompt", "1", "--device", "cpu", "--offline", "--format", "json"]
    first = spatialbench(*run, "--out", "here")
    assert first.status == 0, first.err
    document = json.loads(first.out)
    assert (document["images"], document["prompts"], document["partial"]) == (4, 4, False)
    assert (document["method"], document["threshold"]) == (method, 0.1)
    assert document["backbone"].startswith("local@")
    assert document["detector"].startswith("owlvit@")
    again = spatialbench(*run, "--out", "here")
    assert again.out == first.out
    assert "generate: 4/4 images, complete" in again.err
    other_steps = spatialbench(*run, "--out", "here", "--steps", "3")
    assert other_steps.status == 2
    assert "generator.steps: 2 -> 3" in other_steps.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--scheduler", "dimm"), "unknown scheduler 'dimm': did you mean ddim"),
        (("--prompt-transform", "toer"), "did you mean tore"),
        (("--backbone", "./nowhere"), "there is no folder ./nowhere"),
        (("--backbone", "org/name@main"), "is not pinned"),
        (("--set", "negative_promt=x"), "did you mean negative_prompt"),
        (("--dtype", "float16"), "--dtype float32"),
        (("--detector", "owlvit:./nowhere"), "nowhere"),
        (("--width", "33"), "33"),
    ],
)
def test_bad_options_of_a_model(
    spatialbench: Command, backbone: Path, detector: Path, options: tuple[str, ...], said: str
) -> None:
    run = ["run", "--method", "sd", "--bench", "visor", "--limit", "1", "--device", "cpu"]
    own = () if "--detector" in options else ("--detector", f"owlvit:{detector}")
    outcome = spatialbench(*run, "--backbone", str(backbone), "--offline", *own, *options)
    assert outcome.status == 2
    assert outcome.out == ""
    assert said in outcome.err.strip().splitlines()[-1]
