"""docs/python.md is a program, and the scripts of examples/python print a table."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "python.md"
SCRIPTS = sorted((ROOT / "examples" / "python").glob("*.py"))


def test_the_page_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = re.sub(r"^```python\n(.*?)^```$", r"\0\1\0", PAGE.read_text(), flags=re.S | re.M)
    # Every line keeps its number; functions of a file have a source, which an identity holds.
    parts = text.split("\0")
    lines = [p if number % 2 else re.sub(r"[^\n]", "", p) for number, p in enumerate(parts)]
    script = tmp_path / "page.py"
    script.write_text("\n".join(lines))
    runpy.run_path(str(script), run_name="__main__")
    assert "visor: sd on lab@" in capsys.readouterr().out


@pytest.mark.parametrize("script", SCRIPTS, ids=[script.stem for script in SCRIPTS])
def test_the_scripts_print_a_table(
    script: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(script)])
    code = [line for line in script.read_text().splitlines() if line.strip()]
    assert len([line for line in code if not line.startswith(("import", "from", '"""'))]) <= 10
    runpy.run_path(str(script), run_name="__main__")
    printed = capsys.readouterr().out
    assert re.search(r"^visor: (mine \[u\]|pipeline) on lab", printed)
    assert re.search(r"^all +8 ", printed, flags=re.M)


def test_there_are_two() -> None:
    assert [script.stem for script in SCRIPTS] == ["evaluate_function", "evaluate_pipeline"]
