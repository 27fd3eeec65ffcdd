"""Sweeps written out, what was published of their points, and rows made with another model."""

from __future__ import annotations

from typing import Any

import pytest

from spatialbench import plugins
from spatialbench.errors import UserError
from spatialbench.recipes.checks import check, claims_of, columns, metrics_known
from spatialbench.recipes.loading import parse
from spatialbench.recipes.rows import Point, points

HEAD = {"format": 1, "title": "t", "source": "s", "benchmark": "visor"}
VISOR = plugins.load("benchmark", "visor")


def expanded(*rows: Any, backbone: str | None = None, **more: Any) -> list[Point]:
    return points(parse({**HEAD, "rows": list(rows), **more}, "file"), "file", backbone)


def checked(*rows: Any, **more: Any) -> list[Point]:
    recipe = parse({**HEAD, "rows": list(rows), **more}, "file")
    found = points(recipe, "file")
    check(recipe, found, VISOR, "file")
    return found


SWEEP: dict[str, Any] = {
    "name": "{loss} at {alpha}",
    "method": "infsplign",
    "backbone": "sd2.1-base",
    "steps": 500,
    "set": {"loss": ["relu", "gelu"], "alpha": [0.5, 1, 1.5], "weight": 1000},
    "leave_out": [{"loss": "relu", "alpha": 0.5}],
    "published": [{"at": {"loss": "gelu", "alpha": 1.0}, "values": {"OA": 33.333}}],
}


def test_lists_multiply_and_a_hole_is_left_out() -> None:
    found = expanded(SWEEP)
    assert [point.name for point in found] == [
        *("relu at 1", "relu at 1.5", "gelu at 0.5", "gelu at 1", "gelu at 1.5"),
    ]
    assert found[0].settings == {"loss": "relu", "alpha": 1, "weight": 1000}
    assert [point.name for point in found if point.published] == ["gelu at 1"]
    assert found[3].rounding == {"OA": 0.0005}


def test_two_braces_in_a_name_stand_for_one() -> None:
    row = {**SWEEP, "name": r"{loss} \\input{{x}} {{{alpha}}} {", "published": []}
    assert expanded(row)[0].name == r"relu \\input{x} {1} {"


def test_what_is_not_in_the_name_is_added_to_it() -> None:
    row = {"name": "ours", "method": "sd", "backbone": ["a", "b"], "guidance_scale": [5, 7.5]}
    assert [point.name for point in expanded(row)] == [
        "ours backbone=a guidance_scale=5",
        "ours backbone=a guidance_scale=7.5",
        "ours backbone=b guidance_scale=5",
        "ours backbone=b guidance_scale=7.5",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "{alfa}"}, "unknown key in its name 'alfa': did you mean alpha?"),
        ({"name": "{loss}", "leave_out": [{"lss": "relu"}]}, "leave_out: unknown swept key 'lss'"),
        (
            {"leave_out": [{"loss": "relu"}, {"loss": "gelu"}]},
            "leave_out leaves no point of the sweep",
        ),
        (
            {"published": [{"at": {"loss": "gelu"}, "values": {"OA": 1}}]},
            "published values at loss=gelu are of several",
        ),
        (
            {"published": [{"at": {"alpha": 9}, "values": {"OA": 1}}]},
            "published values at alpha=9 are of none of its 5 points",
        ),
        ({"published": {"OA": 1}}, "published values at no key are of several"),
        ({"published": SWEEP["published"] * 2}, "one a second time"),
        ({"method": None}, "it has no method"),
        (
            {"set": {"a": list(range(99)), "b": list(range(99))}, "leave_out": [], "published": []},
            "more than 2,000",
        ),
        # So many that no memory holds them, were they not counted first.
        (
            {"set": {f"k{n}": list(range(99)) for n in range(9)}, "leave_out": [], "published": []},
            "more than 2,000",
        ),
        ({"leave_out": [{"alpha": 0.6}]}, "leave_out: alpha=0.6 is no point of the sweep"),
        ({"seeds": ["hashed:1", "hashed:01"]}, "seeds: 'hashed:1' and 'hashed:01' are the same"),
        ({"seeds": ["hashed", "protocol", "hashed:0"]}, "'hashed' and 'hashed:0' are the same"),
        ({"seeds": "hashed:1.5"}, "unknown seed scheme 'hashed:1.5'"),
        ({"seeds": "unknown"}, "nothing can be made from seeds that are unknown"),
        (
            {"name": "{note}", "set": {"note": ["a\nb\x1b[31m", "c"]}, "published": []},
            r"the name 'a\nb\x1b[31m' of one",
        ),
    ],
)
def test_a_sweep_that_means_nothing(changes: dict[str, Any], said: str) -> None:
    row = {key: value for key, value in {**SWEEP, **changes}.items() if value is not None}
    if "a" in row["set"] or "k0" in row["set"]:
        row["name"] = "n"
    if "note" in row["set"]:
        row.pop("leave_out")
    with pytest.raises(UserError, match="file") as caught:
        expanded(row)
    assert said in str(caught.value)


def test_two_points_with_one_name() -> None:
    with pytest.raises(UserError, match="two rows are called 'ours alpha=1'"):
        expanded(
            {"name": "ours", "method": "m", "set": {"alpha": [1, 2]}},
            {"name": "ours alpha=1", "method": "m"},
        )


def test_shares_become_percent_with_their_rounding() -> None:
    row = {"name": "a", "method": "m", "unit": "share", "published": {"OA": 0.3836, "VISOR_1": 0.5}}
    (point,) = expanded(row, {**row, "name": "b", "decimals": 2})[:1]
    assert point.published["OA"].value == pytest.approx(38.36)
    assert point.rounding == {"OA": pytest.approx(0.005), "VISOR_1": pytest.approx(5.0)}


def test_another_model_takes_its_own_settings_and_those_that_the_recipe_gives_it() -> None:
    changes = {"lab": {"set": {"weight": None, "alpha": [5, 6, 7]}, "limit": 9}}
    other = expanded({**SWEEP, "with_backbone": changes}, backbone="lab")
    assert [point.settings for point in other][:3] == [
        {"loss": "relu", "alpha": 6},
        {"loss": "relu", "alpha": 7},
        {"loss": "gelu", "alpha": 5},
    ]
    assert other[0].name == "relu at 1"
    assert (other[0].options, other[0].own) == ({"limit": 9}, {"steps": 500})
    assert (other[0].backbone, other[0].made_with) == ("sd2.1-base", "lab")
    same = expanded(SWEEP, backbone="sd2.1-base")[0]
    assert (same.instead, same.options, same.own) == (None, {"steps": 500}, {})
    larger = expanded(SWEEP, backbone="sd1.5")[0]
    assert (larger.instead, larger.options) == ("sd1.5", {"steps": 500})
    with pytest.raises(UserError, match="alpha has 2 values, where the row has 3"):
        expanded({**SWEEP, "with_backbone": {"lab": {"set": {"alpha": [1, 2]}}}}, backbone="lab")


def test_defaults_are_filled_in_and_a_row_wins() -> None:
    row = {"name": "a", "method": "m", "set": {"alpha": 2}, "steps": 20}
    defaults = {"set": {"alpha": 1, "beta": 3}, "steps": 10, "limit": 5, "seeds": ["hashed:1"]}
    (point,) = expanded(row, defaults=defaults)
    assert point.settings == {"alpha": 2, "beta": 3}
    assert (point.options, point.seeds) == ({"steps": 20, "limit": 5}, ("hashed:1",))


SD = {"name": "SD", "method": "sd", "backbone": "b"}


@pytest.mark.parametrize(
    ("row", "more", "said"),
    [
        ({"published": {"OB": 3}}, {}, "unknown metric 'OB': did you mean OA"),
        ({"published": {"OA": 130}}, {}, "OA is 130"),
        ({"published": {"OA": 0.3}}, {}, "Are they shares of 1"),
        (
            {"published": {"OA": 70, "VISOR_uncond": 30.25, "VISOR_cond": 63.24}},
            {},
            "OA x VISOR_cond gives 44.27",
        ),
        (
            {"published": {"OA": 30, "VISOR_uncond": 40}},
            {},
            "VISOR_uncond is 40, and it cannot be above OA, 30",
        ),
        ({"published": {"VISOR_1": 10, "VISOR_3": 20}}, {}, "VISOR_3 is 20, and it cannot be"),
        (
            {"published": {"OA": 29.9, "VISOR_uncond": 18.8, "VISOR_cond": 62.95}},
            {},
            "or 'decimals: 1' if it prints one digit",
        ),
        ({}, {"metrics": ["OA", "VISOR_1", "OA"]}, "metrics: 'OA' stands there twice"),
        ({}, {"with_backbone": {"labb": {"limit": 1}}}, "unknown backbone 'labb': did you mean"),
        (
            {"with_backbone": {"lba": {"limit": 1}}},
            {},
            "row 'SD', with_backbone: unknown backbone 'lba': did you mean lab",
        ),
        ({}, {"metrics": ["OC"]}, "unknown metric 'OC'"),
        ({}, {"ranked_by": "OC"}, "unknown metric 'OC'"),
        ({}, {"claims": [{"row": "SD", "beats": "SF"}]}, "unknown row 'SF': did you mean SD"),
        ({}, {"claims": [{"row": "SD", "beats": "SD"}]}, "cannot beat itself"),
        ({}, {"claims": [{"row": "SD", "beats": ["SD"], "metric": "x"}]}, "unknown metric 'x'"),
    ],
)
def test_what_contradicts_the_benchmark(row: Any, more: Any, said: str) -> None:
    with pytest.raises(UserError, match="file") as caught:
        checked({**SD, **row}, **more)
    assert said in str(caught.value)


def test_a_row_that_is_printed_with_a_contradiction_is_marked() -> None:
    values = {"OA": 70, "VISOR_uncond": 30.25, "VISOR_cond": 63.24}
    (point,) = checked({**SD, "published": values, "marks": ["inconsistent"]})
    assert point.about["marks"] == ("inconsistent",)


def test_fewer_digits_that_are_stated_are_no_contradiction() -> None:
    values = {"OA": 29.9, "VISOR_uncond": 18.8, "VISOR_cond": 62.95}
    for place in ({"decimals": 1}, {"published": [{"values": values, "decimals": 1}]}):
        (point,) = checked({**SD, "published": values, **place})
        assert point.rounding["OA"] == 0.05
    with pytest.raises(UserError, match="OA x VISOR_cond"):
        checked({**SD, "published": {**values, "VISOR_uncond": 17.8}, "decimals": 1})


def test_names_of_other_models_are_known_by_the_rows_or_can_be_had() -> None:
    for name in ("b", "lab", "org/model", "./folder", "file.py:MODEL"):
        checked({**SD, "with_backbone": {name: {"limit": 1}}})


def test_a_claim_that_is_given_twice_counts_once() -> None:
    claims = [{"row": "A", "beats": ["SD", "SD"]}, {"row": "A", "beats": "SD", "metric": "OA"}]
    recipe = parse({**HEAD, "rows": [SD, {**SD, "name": "A"}], "claims": claims}, "file")
    found = claims_of(recipe, points(recipe, "file"), metrics_known(VISOR), "OA")
    assert [(one.better, one.worse, one.metric) for one in found] == [("A", "SD", "OA")]


def test_claims_follow_from_the_published_values_of_one_model() -> None:
    rows = [
        {**SD, "published": {"OA": 30, "VISOR_1": 40}},
        {**SD, "name": "A", "published": {"OA": 60, "VISOR_1": 50}},
        {**SD, "name": "B", "published": {"OA": 25}},
        {**SD, "name": "C", "published": {"OA": 60.4}, "decimals": 0},
        {**SD, "name": "other", "backbone": "c", "published": {"OA": 90}},
    ]
    recipe = parse({**HEAD, "rows": rows}, "file")
    found, known = points(recipe, "file"), metrics_known(VISOR)
    assert columns(recipe, found, VISOR) == ["OA", "VISOR_1"]
    told = [(one.better, one.worse) for one in claims_of(recipe, found, known, "OA")]
    # C is printed without digits: it cannot be told from A.
    assert told == [("C", "SD"), ("C", "B"), ("A", "SD"), ("SD", "B")]
    stated = {"claims": [{"row": "A", "beats": ["SD", "B"]}]}
    recipe = parse({**HEAD, "rows": rows, **stated}, "file")
    told = [(one.better, one.worse) for one in claims_of(recipe, found, known, "VISOR_1")]
    assert told == [("A", "SD"), ("A", "B")]
