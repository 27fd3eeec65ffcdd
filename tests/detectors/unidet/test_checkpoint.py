"""Checkpoints of Detectron2: exactly the official names and shapes, or a named mistake."""

from __future__ import annotations

import pytest
import torch

from spatialbench.detectors.unidet.checkpoint import build
from spatialbench.errors import UserError
from tests.detectors import official

pytestmark = official.needs_data

KEY = "roi_heads.box_predictor.1.bbox_pred.weight"


@pytest.mark.parametrize("architecture", ["R50", "RS200"])
def test_the_official_names_and_shapes_load(architecture: str) -> None:
    state = official.light_state(f"unidet_{architecture}")
    model = build(architecture, state, "it")
    loaded = model.state_dict()
    assert {name: tuple(value.shape) for name, value in loaded.items()} == {
        name: tuple(value.shape) for name, value in state.items()
    }
    assert not model.training


def test_a_missing_key_is_named() -> None:
    state = official.light_state("unidet_R50")
    del state[KEY]
    with pytest.raises(UserError, match=rf"1 missing \({KEY}\)"):
        build("R50", state, "it")


def test_an_extra_key_is_named() -> None:
    state = official.light_state("unidet_R50") | {"roi_heads.mask_head.weight": torch.zeros(1)}
    with pytest.raises(UserError, match=r"1 unexpected \(roi_heads\.mask_head\.weight\)"):
        build("R50", state, "it")


def test_a_misshapen_key_is_named_with_both_shapes() -> None:
    state = official.light_state("unidet_R50") | {KEY: torch.zeros(4, 1000)}
    with pytest.raises(UserError, match=rf"1 misshapen \({KEY} \[4, 1000\] instead of \[4, 1024\]"):
        build("R50", state, "it")


def test_another_architecture_is_refused_with_counts() -> None:
    with pytest.raises(UserError, match=r"\d{3,} missing .*\d{2,} unexpected"):
        build("RS200", official.light_state("unidet_R50"), "it")


def test_a_nan_weight_is_named() -> None:
    state = official.light_state("unidet_R50") | {KEY: torch.full((4, 1024), float("nan"))}
    with pytest.raises(UserError, match=rf"not finite in 1 tensors \({KEY}\)"):
        build("R50", state, "it")


def test_frozen_normalisations_count_no_batches() -> None:
    state = official.light_state("unidet_R50")
    frozen = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    assert len(frozen) < len(state)
    build("R50", frozen, "it")
    some = next(name for name in state if name.endswith("num_batches_tracked"))
    partly = {k: v for k, v in state.items() if k != some}
    with pytest.raises(UserError, match=some):
        build("R50", partly, "it")


def test_stored_constants_must_be_the_architectures_own() -> None:
    state = official.light_state("unidet_R50")
    right = {"pixel_mean": torch.tensor([[[103.53]], [[116.28]], [[123.675]]])}
    build("R50", state | right, "it")
    wrong = {"pixel_mean": torch.tensor([[[123.675]], [[116.28]], [[103.53]]])}
    with pytest.raises(UserError, match="pixel_mean is not that of this architecture"):
        build("R50", state | wrong, "it")
    anchors = {"proposal_generator.anchor_generator.cell_anchors.0": torch.zeros(9, 4)}
    with pytest.raises(UserError, match=r"cell_anchors\.0 is not that"):
        build("R50", state | anchors, "it")
