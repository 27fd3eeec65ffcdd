"""Every published number of every shipped recipe, against the published rows that stand elsewhere.

A row of a recipe is a row of its benchmark's ``published.json``, value by value, of the same method
and base. The ablations of the InfSplign thesis stand in no such file: they are counts of 528,
which a slip of the pen would not be, and are compared with the table as it was transcribed where
that is at hand. What is in neither stands here a second time.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from spatialbench.plugins import Benchmark, Published
from spatialbench.plugins import load as plugin
from spatialbench.recipes.loading import load, shipped, shipped_folder
from spatialbench.recipes.rows import Point, points
from tests.reference_data import reference

ABLATIONS = ("table-5", "table-7", "table-8", "table-9")
IMAGES = 132 * 4
METHODS = {
    "sd": ("SD ", "SDXL", "FLUX.1", "Qwen-Image", "Z-Image"),
    "compass": ("CoMPaSS",),
    "spright": ("SPRIGHT",),
    "storm-released": ("STORM",),
    "revision": ("REVISION",),
    "infsplign-released": ("InfSplign",),
    "attend-and-excite": ("Attend-and-Excite",),
}
SD21 = "Stable Diffusion 2.1"
BASES = {
    "sd1.4": ("CompVis/stable-diffusion-v1-4", "Stable Diffusion 1.4", "Stable Diffusion, version"),
    "sd1.5": ("Stable Diffusion 1.5",),
    "sd2.1-base": ("stabilityai/stable-diffusion-2-1-base", SD21),
    "sd2.1": ("stabilityai/stable-diffusion-2-1 ", SD21),
    "sdxl": ("Stable Diffusion XL",),
    "flux1-dev": ("FLUX.1-dev",),
    "flux1-schnell": ("FLUX.1-schnell",),
    "sd3-medium": ("Stable Diffusion 3 Medium",),
    "sd3.5-medium": ("Stable Diffusion 3.5 Medium",),
    "sd3.5-large": ("Stable Diffusion 3.5 Large",),
    "qwen-image": ("Qwen-Image",),
    "z-image": ("Z-Image",),
    "SPRIGHT-T2I/spright-t2i-sd2": ("SPRIGHT-T2I/spright-t2i-sd2",),
}
LOSSES = {
    "relu": "(ReLU)",
    "leaky_relu": "(Leaky ReLU)",
    "gelu": "(GELU)",
    "sigmoid": "(sigmoid)",
}
ELSEWHERE = {
    ("spright/t2i-compbench-2d", "SPRIGHT 15k"): {"T2I_2D": 18.40},
    ("spright/geneval", "SPRIGHT <500"): {"overall": 51, "position": 11},
    ("compass/t2i-compbench-2d", "SD 1.5"): {"T2I_2D": 8},
    ("compass/t2i-compbench-2d", "SD 1.5 + SCOP"): {"T2I_2D": 32},
    ("compass/t2i-compbench-2d", "FLUX.1-dev"): {"T2I_2D": 18},
    ("compass/t2i-compbench-2d", "FLUX.1-dev + SCOP"): {"T2I_2D": 29},
    ("compass/geneval-position", "SD 1.5 + SCOP"): {"position": 39},
    ("compass/geneval-position", "SD 1.5 + CoMPaSS"): {"position": 54},
    ("compass/geneval-position", "FLUX.1-dev"): {"position": 26},
    ("compass/geneval-position", "FLUX.1-dev + SCOP"): {"position": 56},
}
"""From the digest of SPRIGHT's paper and from notes on CoMPaSS's."""

PAPERS = [one for one in shipped() if not one.startswith("lab/")]
TABLES = [one for one in PAPERS if one.rpartition("/")[2] not in ABLATIONS]


def all_points(name: str) -> list[Point]:
    return points(load(name).recipe, name)


def values(point: Point) -> dict[str, float]:
    return {key: value.value for key, value in point.published.items()}


def benchmark_of(name: str) -> Benchmark:
    found: Benchmark = plugin("benchmark", load(name).recipe.benchmark.partition(":")[0])
    return found


def stands_there(point: Point, row: Published) -> bool:
    """Whether a row of ``published.json`` is of this method and base, and says the same."""
    method = METHODS.get(point.method or "", (point.name,))
    loss = LOSSES.get(str(point.settings.get("loss")), "")
    base = BASES.get(point.backbone or "", ("",))
    return (
        row.method.startswith(method)
        and loss in row.method
        and row.base.startswith(base)
        and all(row.metrics.get(k) == pytest.approx(v, abs=1e-9) for k, v in values(point).items())
    )


@pytest.mark.parametrize("name", TABLES)
def test_every_number_stands_elsewhere_too(name: str) -> None:
    published = benchmark_of(name).published()
    for point in all_points(name):
        if not point.published:
            continue
        if (name, point.name) in ELSEWHERE:
            assert values(point) == pytest.approx(ELSEWHERE[name, point.name]), point.name
        else:
            assert any(stands_there(point, row) for row in published), point.name


def test_nothing_stands_here_for_nothing() -> None:
    for name, row in ELSEWHERE:
        assert row in {point.name for point in all_points(name)}


@pytest.mark.parametrize("table", ABLATIONS)
def test_the_ablations_are_counts_of_528_images(table: str) -> None:
    """Three decimals of shares of 528 leave nothing to chance."""
    for point in all_points(f"infsplign-thesis/{table}"):
        value = values(point)
        both, right = (round(value[key] * IMAGES / 100) for key in ("OA", "VISOR_uncond"))
        assert value["OA"] == pytest.approx(100 * both / IMAGES, abs=5.1e-4), point.name
        assert value["VISOR_uncond"] == pytest.approx(100 * right / IMAGES, abs=5.1e-4), point.name
        assert value["VISOR_cond"] == pytest.approx(100 * right / both, abs=5.1e-4), point.name


def transcribed(title: str) -> list[list[str]]:
    """The cells below a title of the thesis' tables as they were transcribed."""
    text = (reference().resolve().parent / "reference" / "infsplign.md").read_text("utf-8")
    below = text[text.index(title) :]
    found = re.search(r"\n\n(\|.*?)\n\n", below, re.S)
    assert found
    lines = [line for line in found[1].splitlines() if not line.startswith("|--")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def needs_transcript() -> None:
    if not (reference().resolve().parent / "reference" / "infsplign.md").is_file():
        pytest.skip("the transcribed tables are not beside the reference data")


def cell(point: Point) -> str:
    return "/".join(f"{values(point)[key]:.3f}" for key in ("OA", "VISOR_uncond", "VISOR_cond"))


def test_the_orthogonal_terms_are_those_of_the_thesis() -> None:
    needs_transcript()
    named = {"ReLU": "relu", "Leaky": "leaky_relu", "GELU": "gelu", "Sigmoid": "sigmoid"}
    rows = transcribed("**Tables 5 (SD1.4) and 7 (SD2.1)")[1:]
    for table, first in (("table-5", 1), ("table-7", 4)):
        found = {point.name: cell(point) for point in all_points(f"infsplign-thesis/{table}")}
        wanted = {
            named[row[0]] + term: row[first + place]
            for row in rows
            for place, term in enumerate(("", " + |δ|", " + δ²"))
        }
        assert found == wanted


def test_the_windows_are_those_of_the_thesis() -> None:
    needs_transcript()
    (_, *ends), *rows = transcribed("**Table 8 ")
    wanted = {
        f"{int(start) // 5}% to {int(end) // 5}%": told
        for start, *cells in rows
        for end, told in zip(ends, cells, strict=True)
        if told != "–"
    }
    found = {point.name: cell(point) for point in all_points("infsplign-thesis/table-8")}
    assert found == wanted
    assert len(found) == 17


def test_the_slopes_are_those_of_the_thesis() -> None:
    needs_transcript()
    text = (reference().resolve().parent / "reference" / "infsplign.md").read_text("utf-8")
    line = text[text.index("**Table 9 ") :].partition("\n")[0]
    wanted = {
        f"slope {float(slope):g}": told
        for slope, told in re.findall(r"(0\.\d\d): ([\d./]+\d)", line)
    }
    found = {point.name: cell(point) for point in all_points("infsplign-thesis/table-9")}
    assert found == wanted
    assert len(found) == 4


def test_the_losses_by_layer_are_those_of_the_thesis() -> None:
    needs_transcript()
    (_, *losses), *rows = transcribed("**Table 6 ")
    wanted: dict[str, dict[str, float]] = {loss: {} for loss in losses}
    for layers, *cells in rows:
        for loss, told in zip(losses, cells, strict=True):
            for layer, share in zip(layers.split(" / "), told.split(" / "), strict=True):
                wanted[loss][layer.replace(",", ".")] = float(share)
    found = {point.name: point.about["note"] for point in all_points("infsplign-thesis/table-6")}
    named = {"ReLU": "relu", "Leaky": "leaky_relu", "GELU": "gelu", "Sigmoid": "sigmoid"}
    for loss, shares in wanted.items():
        pairs = (one.split(" ") for one in found[named[loss]].split(", "))
        assert {layer: float(share) for layer, share in pairs} == shares


@pytest.mark.parametrize("name", PAPERS)
def test_what_a_recipe_claims_is_what_its_numbers_say(name: str) -> None:
    """A claim of two rows that both publish the metric."""
    found = {point.name: values(point) for point in all_points(name)}
    for claim in load(name).recipe.claims or ():
        for worse in claim.beats:
            for key in claim.metric or ():
                better, other = found[claim.row].get(key), found[worse].get(key)
                if better is not None and other is not None:
                    assert better > other, f"{claim.row} beats {worse} on {key}"


@pytest.mark.parametrize("name", PAPERS)
def test_a_recipe_says_where_it_is_from_and_what_differs(name: str) -> None:
    recipe = load(name).recipe
    assert recipe.about
    assert recipe.differs
    assert all(point.about["source"] for point in all_points(name))


def ids(*parts: str) -> list[Any]:
    found: list[Any] = json.loads(Path(shipped_folder(), *parts).read_text("utf-8"))
    return found


def test_the_prompts_of_the_ablations() -> None:
    here = ids("infsplign-thesis", "ablation-132.json")
    by_id = {
        prompt.id: prompt
        for prompt in benchmark_of("infsplign-thesis/table-8").prompts("relational")
    }
    assert set(Counter(by_id[str(one)].task for one in here).values()) == {33}
    assert len({name for one in here for name in by_id[str(one)].objects}) == 12
    assert here == json.loads(reference("visor", "ablation_132_ids.json").read_text("utf-8"))


def test_the_prompts_of_the_lab_are_held_out_and_those_it_is_tuned_on_are_not() -> None:
    from spatialbench.lab.training.evaluation import held_out_prompts

    benchmark = benchmark_of("lab/methods-visor")
    every = [prompt.id for prompt in held_out_prompts(benchmark, None)]
    assert ids("lab", "held-out-500.json") == every[:500]
    tuned = ids("lab", "other-60.json")
    assert len(set(tuned)) == 60
    assert not set(tuned) & set(every)
    known = {prompt.id for prompt in benchmark.prompts("relational")}
    assert set(tuned) <= known


def test_the_lab_recipes_of_methods_have_the_same_rows() -> None:
    """Whoever tunes one has to change the others; a row that cannot be made has its name alone."""
    names = ("lab/methods-visor", "lab/methods-t2i-compbench", "lab/methods-geneval")
    rows = [
        {p.name: (p.method, dict(p.settings)) for p in all_points(name) if p.cannot is None}
        for name in names
    ]
    assert len({tuple(p.name for p in all_points(name)) for name in names}) == 1
    for found in rows[1:]:
        assert found == {name: rows[0][name] for name in found}
    assert [len(rows[0]) - len(found) for found in rows] == [0, 0, 2]
