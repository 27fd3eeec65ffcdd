"""A dry run of every shipped recipe, with the paper's models and on the lab."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spatialbench.cli import main
from spatialbench.recipes.loading import load, shipped
from spatialbench.recipes.rows import points
from tests.cli.json_schemas import fits
from tests.reference_data import t2i_compbench_files

LAB = ("--backbone", "lab")
NOT_HERE = ("is not in the local cache", "is not pinned", "there is no LoRA")
"""Why a row of the paper's own models has no plan on a machine without network or training."""


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SPATIALBENCH_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("asked", [("--device", "cuda"), LAB], ids=["own models", "lab"])
@pytest.mark.parametrize("name", shipped())
def test_every_row_has_a_plan_or_a_reason(
    name: str,
    asked: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = load(name).recipe
    if recipe.benchmark.startswith("t2i-compbench"):
        t2i_compbench_files(monkeypatch)
    assert main(["reproduce", name, "--dry-run", "--limit", "50", *asked, "--format", "json"]) == 0
    plan = fits("reproduce-plan", json.loads(capsys.readouterr().out))
    assert [row["name"] for row in plan["rows"]] == [point.name for point in points(recipe)]
    stated = {point.name for point in points(recipe) if point.cannot}
    for row in plan["rows"]:
        assert (row["cannot"] is not None) or row["runs"], row["name"]
        if asked is not LAB:
            why = str(row["cannot"])
            known = row["name"] in stated or any(word in why for word in NOT_HERE)
            assert row["cannot"] is None or known, row
    assert list(tmp_path.iterdir()) == []
