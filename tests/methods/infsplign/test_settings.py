"""Presets, parameters, what contradicts, and the window of guided steps."""

from __future__ import annotations

from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.guidance.windows import Window, read_window
from spatialbench.methods.infsplign.presets import PRESETS
from spatialbench.methods.infsplign.settings import RELEASED_PARAMETERS, read_settings
from spatialbench.methods.infsplign.variants import RELEASED
from tests.methods.infsplign.golden import SWEEP


def test_the_default_is_the_authors_full_run() -> None:
    assert read_settings({}, "sd1.4", 50).identity() == {
        **SWEEP,
        "near": "none",
        "window": [0, 50],
    }


@pytest.mark.parametrize(
    ("loss", "alpha", "margin"),
    [("relu", 0.75, 0.25), ("leaky_relu", 2, 0.25), ("gelu", 2, 0.25), ("sigmoid", 8, 0)],
)
def test_the_thesis_has_its_own_alpha_for_each_loss(loss: str, alpha: float, margin: float) -> None:
    s = read_settings({"preset": "thesis", "loss": loss}, "sd1.4", 500)
    assert (s.alpha, s.margin, s.slope) == (alpha, margin, 0.1)
    assert (s.lambda_spatial, s.lambda_presence, s.lambda_balance) == (1, 0, 0)
    assert (s.threshold, s.window, s.near) == ("mean", Window(0, 125), "sides")
    assert (s.weight, s.orthogonal, s.layers) == (1000, 0, "both")


def test_set_changes_a_preset_and_the_identity() -> None:
    s = read_settings({"preset": "thesis", "alpha": "3", "loss": "silu", "margin": "0.1"}, "x", 40)
    assert (s.loss, s.alpha, s.margin, s.window) == ("silu", 3.0, 0.1, Window(0, 10))
    assert s.identity() != read_settings({"preset": "thesis"}, "x", 40).identity()


def test_the_same_values_are_the_same_run_whatever_they_are_called() -> None:
    spelled = {"alpha": 0.75, "lambda_spatial": 1, "end": "50"}
    repo = read_settings({"preset": "repo", "checkpointing": "true"}, "x", 50)
    assert repo.checkpointing
    assert read_settings(spelled, "x", 50).identity() == repo.identity()


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_valid(name: str) -> None:
    assert read_settings({"preset": name}, "sd1.4", PRESETS[name].steps).weight == 1000


@pytest.mark.parametrize(
    ("name", "alpha", "lambda_spatial"), [("sweep", 1.5, 0.5), ("repo", 0.75, 1.0)]
)
def test_the_two_parameter_sets_of_the_authors_code(
    name: str, alpha: float, lambda_spatial: float
) -> None:
    s = read_settings({"preset": name}, "sd1.4", 50, RELEASED)
    assert (s.loss, s.alpha, s.margin, s.slope, s.weight) == ("gelu", alpha, 0.25, 0.05, 1000)
    assert (s.lambda_spatial, s.lambda_presence, s.lambda_balance) == (lambda_spatial, 1, 1)
    assert (s.orthogonal, s.threshold, s.layers) == (0, "none", "both")
    assert (s.window, s.near) == (Window(0, 50), "apart")
    preset = PRESETS[name]
    assert (preset.steps, preset.steps_sdxl, preset.scheduler) == (50, None, "ddpm-trailing")


def test_the_released_method_has_no_compat() -> None:
    with pytest.raises(UserError, match="unknown parameter of infsplign-released 'compat'"):
        read_settings({"compat": "official"}, "sd1.4", 50, RELEASED)
    assert "compat" not in RELEASED_PARAMETERS


def test_compat_official_has_the_identity_of_01() -> None:
    """So that a run begun with 0.1 goes on; only a form of near that 0.1 had not is named."""
    s = read_settings({"compat": "official", "preset": "repo"}, "sd1.4", 50)
    released = read_settings({"preset": "repo"}, "sd1.4", 50, RELEASED)
    assert s.identity() == {
        **SWEEP,
        "alpha": 0.75,
        "lambda_spatial": 1.0,
        "window": [0, 50],
        "compat": "official",
    }
    assert (s.near, s.variant.released) == (released.near, released.variant.released)
    thesis = read_settings({"compat": "official", "preset": "thesis"}, "sd1.4", 500)
    assert thesis.identity()["near"] == "sides"


def test_one_level_drops_the_other_levels_term() -> None:
    assert read_settings({"layers": "coarse"}, "x", 9).lambda_balance == 0
    for layers in ("mid", "fine", "2.1+3.1"):
        assert read_settings({"layers": layers}, "x", 9).lambda_presence == 0
    for layers in ("all", "2.1+1.1"):
        s = read_settings({"layers": layers}, "x", 9)
        assert min(s.lambda_presence, s.lambda_balance) > 0
    assert read_settings({"layers": 1.2}, "x", 9).layers == "1.2"
    assert read_settings({"layers": "2.1+1.10+1.2+2.1"}, "x", 9).layers == "1.2+1.10+2.1"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"los": "gelu"}, "unknown parameter of infsplign 'los': did you mean loss"),
        ({"loss": "gleu"}, "unknown loss of infsplign 'gleu': did you mean gelu"),
        ({"preset": "paper"}, "unknown preset of infsplign 'paper'"),
        ({"compat": "yes"}, "unknown compat of infsplign 'yes'"),
        ({"near": "together"}, "unknown near of infsplign 'together'"),
        ({"layers": "cours"}, r"unknown layers of infsplign 'cours': did you mean coarse"),
        ({"layers": "1.0"}, "or give single layers as block.layer, such as 1.2"),
        ({"layers": ""}, "unknown layers of infsplign ''"),
        ({"layers": "1.1+"}, r"unknown layers of infsplign '1\.1\+'"),
        ({"layers": "1.2+1.1", "lambda_balance": 1}, r"beyond the coarse level, .* is 1\.1\+1\.2"),
        ({"layers": "fine", "lambda_presence": 1}, "at the coarse level, and layers is fine"),
        ({"alpha": "steep"}, "takes a number for alpha, not 'steep'"),
        ({"alpha": "-1"}, "alpha=-1 is out of range for infsplign: give a number above 0"),
        ({"alpha": "nan"}, "takes a number for alpha"),
        ({"margin": 2}, "margin=2 is out of range"),
        ({"weight": -5}, "weight=-5 is out of range"),
        ({"orthogonal": 1, "orthogonal_power": 3}, "orthogonal_power=3 is out of range"),
        ({"slope": 0.1}, "only the loss leaky_relu has a slope"),
        ({"orthogonal_power": 1}, "orthogonal is 0"),
        ({"layers": "coarse", "lambda_balance": 1}, "balance acts beyond the coarse level"),
        ({"layers": "mid", "lambda_presence": 1}, "presence acts at the coarse level"),
        ({"preset": "thesis", "loss": "elu"}, "has no alpha and margin for the loss 'elu'"),
        ({"start": "30", "end": "20"}, "starts at step 30 and ends before it, at step 20"),
        ({"end": "51"}, "end=51 lies outside the 50 steps"),
        ({"end": "120%"}, "end='120%' is not a step of the run"),
        ({"start": "early"}, "start='early' is not a step of the run"),
        ({"start": True}, "start"),
    ],
)
def test_what_cannot_be_meant_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_settings(given, "sd1.4", 50)


@pytest.mark.parametrize(
    ("start", "end", "steps", "wanted"),
    [
        ("0", "100%", 50, (0, 50)),
        ("0", "25%", 500, (0, 125)),
        ("0.1", "0.5", 50, (5, 25)),
        ("5", "5", 50, (5, 5)),
        ("1", "1.0", 20, (1, 20)),
        (0, 3, 20, (0, 3)),
        (0.0, 0.3, 20, (0, 6)),
    ],
)
def test_windows(start: Any, end: Any, steps: int, wanted: tuple[int, int]) -> None:
    window = read_window(start, end, steps)
    assert (window.start, window.end) == wanted
    given = {"start": start, "end": end}
    assert read_settings(given, "x", steps).window == window


@pytest.mark.parametrize("calls", [10, 11, 19])
def test_calls_of_a_higher_order_scheduler_are_spread_over_the_steps(calls: int) -> None:
    guided = [Window(0, 5).holds_call(call, calls, 10) for call in range(calls)]
    assert guided == sorted(guided, reverse=True)
    assert sum(guided) == (calls + 1) // 2
    assert all(Window(0, 10).holds_call(call, calls, 10) for call in range(calls))
