"""Folder names: safe, readable, of bounded length."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from spatialbench.runs.names import slug


@given(st.text(max_size=400))
def test_any_text_gives_a_folder_name(text: str) -> None:
    name = slug(text)
    assert re.fullmatch(r"[A-Za-z0-9_@.-]{1,200}", name)
    assert Path("folder", name).parent == Path("folder")
    assert name not in (".", "..")


def test_what_is_safe_stays_as_it_is() -> None:
    assert slug("owlvit-base-patch32@cbc355f") == "owlvit-base-patch32@cbc355f"
    assert slug("a" * 200) == "a" * 200


def test_long_texts_that_differ_at_the_end_differ() -> None:
    one, other = slug("a" * 300 + "b"), slug("a" * 300 + "c")
    assert one != other
    assert len(one) == 200
    assert one.startswith("a" * 150)
