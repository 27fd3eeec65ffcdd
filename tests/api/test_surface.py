"""What is stable is listed, and importing it costs next to nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import spatialbench
from tests.api.surface import FILE, surface

DOCS = Path(__file__).parents[2] / "docs" / "python.md"
HEAVY = {"PIL", "click", "diffusers", "numpy", "pandas", "pydantic", "rich", "torch"}


def test_the_surface_changes_only_with_its_list() -> None:
    assert surface() == FILE.read_text(), "meant? python -m tests.api.surface, and the changelog"


def test_every_name_is_in_the_docs() -> None:
    table = DOCS.read_text().partition("## What is stable")[2]
    listed = re.findall(r"`(\w+)`", table.replace("`spatialbench.__all__`", ""))
    assert sorted(listed) == [name for name in spatialbench.__all__ if name != "__version__"]


def test_importing_it_imports_no_other_library() -> None:
    code = f"import sys, spatialbench; print(sorted({HEAVY} & set(sys.modules)), dir(spatialbench))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == f"[] {spatialbench.__all__}"
    code = "import sys, spatialbench as s; s.evaluate, s.score, s.load_run, s.compare, s.Run;"
    code += "print({'torch', 'pandas', 'diffusers', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="'spatialbench' has no attribute 'evalute'"):
        spatialbench.evalute  # noqa: B018
