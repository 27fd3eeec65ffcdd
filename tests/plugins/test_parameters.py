"""Text from the command line becomes the declared type, or a sentence about what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.plugins import Parameter
from spatialbench.plugins.parameters import read_parameters

DECLARED = {
    "alpha": Parameter(1.5, "slope"),
    "steps": Parameter(25, "how many"),
    "loss": Parameter("gelu", "which"),
    "checkpoint": Parameter(False, "whether"),
    "free": Parameter(None, "anything"),
}


def test_defaults_and_conversions() -> None:
    assert read_parameters("m", DECLARED, {}) == {k: p.default for k, p in DECLARED.items()}
    given = {"alpha": "8", "steps": "3", "loss": "relu", "checkpoint": "Yes", "free": "x"}
    read = read_parameters("m", DECLARED, given)
    assert read == {"alpha": 8.0, "steps": 3, "loss": "relu", "checkpoint": True, "free": "x"}
    assert [type(value) for value in read.values()] == [float, int, str, bool, str]
    assert read_parameters("m", DECLARED, {"alpha": 8, "checkpoint": False})["alpha"] == 8.0
    # '--set loss=3' is read as a number, and means the text.
    assert read_parameters("m", DECLARED, {"loss": 3})["loss"] == "3"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("alhpa", "1", "unknown parameter of m 'alhpa': did you mean alpha"),
        ("alpha", "inf", "m takes a number for alpha, not 'inf'"),
        ("alpha", True, "m takes a number for alpha"),
        ("steps", "2.5", "m takes a whole number for steps, not '2.5'"),
        ("steps", "1e999", "m takes a whole number for steps"),
        ("loss", True, "m takes a text for loss"),
        ("checkpoint", "maybe", "m takes true or false for checkpoint, not 'maybe'"),
    ],
)
def test_values_of_the_wrong_kind(key: str, value: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_parameters("m", DECLARED, {key: value})
