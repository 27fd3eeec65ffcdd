"""The signs behind the names of rows."""

from __future__ import annotations

import string

from spatialbench.reports.cells import _LETTERS
from spatialbench.reports.marks import MARKS


def test_no_sign_stands_for_two_marks_or_for_a_note() -> None:
    signs = [sign for sign, _ in MARKS.values()]
    assert len(set(signs)) == len(signs)
    assert {f"[{letter}]" for letter in _LETTERS}.isdisjoint(signs)
    assert set(_LETTERS) < set(string.ascii_lowercase)
