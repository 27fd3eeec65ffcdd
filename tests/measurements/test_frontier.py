"""The prices of the frontier against counts of the very images, and its page by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from spatialbench.plugins import GenerationSettings, ImageRequest, load
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation
from tests.measurements import frontier, frontier_report
from tests.measurements.operations import tflop


def test_operations_of_a_product_and_of_its_gradient() -> None:
    a, b = torch.randn(3, 5), torch.randn(5, 7, requires_grad=True)
    assert tflop(lambda: a @ b) == pytest.approx(2 * 3 * 5 * 7 / 1e12)
    assert tflop(lambda: torch.autograd.grad((a @ b).sum(), b)) == pytest.approx(
        2 * 2 * 3 * 5 * 7 / 1e12
    )


def test_adaptive_guidance_costs_a_plain_image_and_its_guided_steps() -> None:
    """To the operation, but for reading the maps of samples at rest."""
    settings = replace(GenerationSettings(), steps=4)
    triplets = (Triplet("dog", Relation.LEFT, "cat"), Triplet("dog", Relation.RIGHT, "cat"))
    requests = [
        ImageRequest(
            Prompt(str(i), f"a dog {t.relation.adverb} a cat", "t", t, ("dog", "cat")), i, 42 + i
        )
        for i, t in enumerate(triplets)
    ]

    def cost(method: str, **given: Any) -> tuple[float, list[float]]:
        made = load("method", method).configure(settings, given)
        made.load()
        made.generate(requests[:1])
        counted = tflop(lambda: made.generate(requests))
        return counted, [one["guided steps"] for one in made.costs()]

    plain, _ = cost("sd")
    full, _ = cost("infsplign")
    own, guided = cost("infsplign", until="satisfied", margin=0, hysteresis=0)
    assert 0 < sum(guided) < 8
    step = (full - plain) / 8
    assert own == pytest.approx(plain + step * sum(guided), rel=2e-3)
    assert cost("infsplign", end="2")[0] == pytest.approx(plain + step * 4, rel=1e-9)


def _points() -> list[frontier.Point]:
    prices = [1.0, 1.5, 1.025, 1.05, 1.075, 1.125, 1.25, 1.1, 1.1, 1.2, 1.1, 1.1, 1.1, 2.0, 4.0]
    made = []
    for arm, price in zip(frontier.ARMS, prices, strict=True):
        value = 40 + 10 * price
        adaptive = arm.kind == "adaptive"
        metrics = {"VISOR_uncond": value, "OA": 80.0, "VISOR_cond": value / 0.8}
        difference = (-0.5 if adaptive else -5.0, -2.0, 1.0)
        windows = 0.05 if adaptive else float("nan")
        made.append(
            frontier.Point(
                arm, metrics, value - 2, value + 2, difference, 0.02 * price, 4.0, windows, 2000
            )
        )
    return made


def test_the_page_and_the_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = _points()
    frontier_report.write(points, tmp_path, 500, False)
    content = (tmp_path / "frontier.md").read_text()
    assert capsys.readouterr().out.startswith(content)
    rows = [line for line in content.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + len(points)
    assert "2,000 images each, of 500 held-out prompts" in content
    # 1.2 times plain is too much.
    told = next(line for line in content.splitlines() if line.startswith("Within 1 point"))
    names = [arm.name for arm in frontier.ARMS if arm.kind == "adaptive"]
    assert [name for name in names if f"*{name}*" in told] == [n for n in names if n != names[2]]
    figure = (tmp_path / "frontier.svg").read_text()
    assert figure.count("<circle") == len(points) + len(frontier_report.KINDS)
    frontier_report.write([], tmp_path, 500, False)
    assert "nothing is finished yet" in capsys.readouterr().out


def test_tuning_prompts_are_none_of_those_that_are_measured() -> None:
    held = {(one.triplet.subject, one.triplet.object) for one in frontier.prompts(500, False)}
    tuned = {(one.triplet.subject, one.triplet.object) for one in frontier.prompts(500, True)}
    assert len(frontier.prompts(500, False)) == 500
    assert not held & tuned
    assert not held & {(b, a) for a, b in tuned}
