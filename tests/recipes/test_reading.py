"""YAML as recipes read it: plain values, and a sentence with the line for everything else."""

from __future__ import annotations

from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.recipes.reading import read_yaml


def test_plain_values_mean_what_they_look_like() -> None:
    text = "a: 1e-4\nb: no\nc: on\nd: 2020-01-01\ne: 010\nf:\ng: '5'\nh: 1:30\ni: TRUE\nj: [.5, x]"
    found = read_yaml(text, "file")
    assert found == {
        "a": 0.0001,
        "b": "no",
        "c": "on",
        "d": "2020-01-01",
        "e": 10,
        "f": None,
        "g": "5",
        "h": "1:30",
        "i": True,
        "j": [0.5, "x"],
    }
    assert [type(found[key]) for key in "aei"] == [float, int, bool]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: &x 1", "line 2, column 4: it has an anchor"),
        ("a: *x", "line 1, column 4: it has an alias"),
        ("a: !!python/object/apply:os.system [ls]", "it has a tag"),
        ("a: !!str 5", "it has a tag"),
        ("a: 1\na: 2", "line 2, column 1: it has the key 'a' twice"),
        ("? [1]\n: 2", "a key that is a list"),
        ("a: [1", "line 1"),
        ("a: 1\n---\nb: 2", "line 2"),
        ("[" * 5000 + "]" * 5000, "it has more than 20 levels"),
        ("a: " + "9" * 5000, "cannot be read as YAML"),
        ("a: \x00", "cannot be read as YAML"),
    ],
)
def test_everything_else_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(UserError, match="file") as caught:
        read_yaml(text, "file")
    assert said in str(caught.value)


def test_an_empty_file_is_nothing() -> None:
    nothing: Any = read_yaml("# only a comment\n", "file")
    assert nothing is None
