"""The notebooks of examples/ run from top to bottom, and are notebooks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.notebooks import run_cell, run_cells

NOTEBOOKS = sorted((Path(__file__).parents[1] / "examples" / "notebooks").glob("*.ipynb"))
CODE = {"cell_type", "id", "metadata", "source", "outputs", "execution_count"}
GIVEN = {"outputs", "execution_count"}


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document


def _kinds(cell: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """What a cell gave, without its content."""
    return [(output["output_type"], sorted(output.get("data", {}))) for output in cell["outputs"]]


def test_there_is_one() -> None:
    assert [path.name for path in NOTEBOOKS] == ["first_look.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_the_form_is_that_of_version_4_5(path: Path) -> None:
    document = _read(path)
    assert document.keys() == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in document["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in document["cells"]:
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", cell["id"])
        assert cell["cell_type"] in {"code", "markdown"}
        assert cell.keys() == (
            CODE if cell["cell_type"] == "code" else CODE - {"outputs", "execution_count"}
        )
        assert all(line.endswith("\n") for line in cell["source"][:-1])
        assert not any(line.startswith(("%", "!")) for line in cell["source"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_it_runs_and_gives_what_it_shows(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stored = [cell for cell in _read(path)["cells"] if cell["cell_type"] == "code"]
    done = run_cells(stored)
    assert [cell["execution_count"] for cell in done] == [c["execution_count"] for c in stored]
    assert [_kinds(cell) for cell in done] == [_kinds(cell) for cell in stored]
    assert any(("image/png" in kinds) for cell in done for _, kinds in _kinds(cell))


def test_a_cell_that_fails_fails_the_test() -> None:
    names: dict[str, Any] = {}
    assert run_cell("x = 1\nprint(x)", names, 1)[0]["text"] == ["1\n"]
    assert run_cell("x + 1", names, 2)[0]["data"] == {"text/plain": ["2"]}
    with pytest.raises(ZeroDivisionError):
        run_cell("x / 0", names, 3)
