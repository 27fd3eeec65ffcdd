"""Identities: pinned, canonical, and explained when they differ."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.runs.identity import canonical_json, differences, run_id
from spatialbench.runs.opening import RunSpec
from spatialbench.runs.seeds import SeedScheme
from tests.stages.fakes import Painter, Shapes

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, width=32),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
).filter(lambda value: "Infinity" not in json.dumps(value))


def test_golden_identities() -> None:
    # If this fails, every user's finished runs would be made again. Raise IDENTITY_VERSION only
    # when that is meant.
    assert run_id({"version": 1, "steps": 20}) == "2826b6ee7a3c"
    spec = RunSpec(Shapes(), "all", Painter())
    assert spec.identity == {
        "version": 1,
        "benchmark": "shapes",
        "benchmark_version": 3,
        "subset": "all",
        "prompt_set": "634af907fef4d433ae1d8d10b4bcd8c41ac879961858a67ed2f2a06e8fb6c9b0",
        "seeds": "protocol",
        "generator": {
            "method": "painter",
            "version": 2,
            "backbone": {"name": "easel", "revision": "0123456789abcdef"},
            "parameters": {"steps": 20, "strength": 1.5},
        },
    }
    assert spec.id == "6f0778a7c7df"
    assert RunSpec(Shapes(), "all", Painter(), SeedScheme(7)).id == "6be24903c753"
    assert RunSpec(Shapes(), "few", Painter()).id == "541a9b0af2f1"


@given(plain)
def test_canonical_json_means_the_same(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value
    assert canonical_json(json.loads(canonical_json(value))) == canonical_json(value)


def test_canonical_json_of_equal_values_is_equal() -> None:
    one = {"b": 7.0, "a": [1, -0.0], "c": {"y": 1e300, "x": 0.1}}
    other = {"c": {"x": 0.1, "y": 1e300}, "a": (1.0, 0), "b": 7}
    assert canonical_json(one) == canonical_json(other)
    assert canonical_json(one) == '{"a":[1,0],"b":7,"c":{"x":0.1,"y":1e+300}}'
    assert canonical_json({"é": True}) == '{"\\u00e9":true}'


def test_what_is_not_json_is_refused_by_its_place() -> None:
    with pytest.raises(ValueError, match=r"identity\.a\[1\] is nan"):
        canonical_json({"a": [0, float("nan")]})
    with pytest.raises(TypeError, match=r"identity\.a\.b is a set"):
        canonical_json({"a": {"b": set()}})
    with pytest.raises(TypeError, match="the key 1"):
        canonical_json({1: 2})


def test_differences_name_the_fields() -> None:
    old = {"version": 1, "generator": {"steps": 20, "x": [1]}, "gone": "a"}
    new = {"version": 1.0, "generator": {"steps": 50, "x": [1, 2]}, "came": None}
    assert differences(old, new) == [
        "came: absent -> null",
        "generator.steps: 20 -> 50",
        "generator.x: [1] -> [1,2]",
        'gone: "a" -> absent',
    ]
    assert differences(old, old) == []


@given(plain, plain)
def test_no_difference_means_one_id(one: Any, other: Any) -> None:
    a, b = {"v": one}, {"v": other}
    assert (differences(a, b) == []) == (run_id(a) == run_id(b))
