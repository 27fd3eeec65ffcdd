"""mmdet's checkpoints, key by key."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from spatialbench.detectors.mask2former.conversion import _sliced_order, load_mmdet, swin_small
from spatialbench.detectors.mask2former.naming import mmdet2_name
from spatialbench.errors import UserError
from tests.detectors import official

KEYS = {
    "mmdet3": "panoptic_head.transformer_decoder.layers.0.cross_attn.attn.in_proj_weight",
    "mmdet2": "panoptic_head.transformer_decoder.layers.0.attentions.0.attn.in_proj_weight",
}


@pytest.fixture(scope="module")
def model() -> Any:
    return swin_small()


@official.needs_data
@pytest.mark.parametrize("spelling", ["mmdet2", "mmdet3"])
def test_the_official_names_and_shapes_load(model: Any, spelling: str) -> None:
    load_mmdet(model, official.light_state("mask2former_swin_s", spelling), "it")
    assert not model.training


@official.needs_data
def test_the_names_of_2x_follow_from_those_of_3x() -> None:
    entries = official.keys("mask2former_swin_s")
    assert all(mmdet2_name(entry["mmdet3"]) == entry["mmdet2"] for entry in entries)
    assert sum(entry["mmdet2"] != entry["mmdet3"] for entry in entries) > 100


@official.needs_data
@pytest.mark.parametrize("spelling", ["mmdet2", "mmdet3"])
def test_mistakes_are_named_as_the_checkpoint_names_them(model: Any, spelling: str) -> None:
    key = KEYS[spelling]
    state = official.light_state("mask2former_swin_s", spelling)
    without = {name: value for name, value in state.items() if name != key}
    with pytest.raises(UserError, match=rf"1 missing \({key}\)"):
        load_mmdet(model, without, "it")
    with pytest.raises(UserError, match=r"1 unexpected \(panoptic_head\.loss\)"):
        load_mmdet(model, state | {"panoptic_head.loss": torch.zeros(1)}, "it")
    with pytest.raises(UserError, match=rf"1 misshapen \({key} \[1\] instead of \[768, 256\]\)"):
        load_mmdet(model, state | {key: torch.zeros(1)}, "it")
    nan = torch.full((768, 256), float("nan"))
    with pytest.raises(UserError, match="not finite in 1 tensors"):
        load_mmdet(model, state | {key: nan}, "it")


@official.needs_data
def test_the_position_index_is_part_of_the_checkpoint(model: Any) -> None:
    state = official.light_state("mask2former_swin_s", "mmdet3")
    index = "backbone.stages.3.blocks.1.attn.w_msa.relative_position_index"
    del state[index]
    with pytest.raises(UserError, match=rf"1 missing \({index}\)"):
        load_mmdet(model, state, "it")


@official.needs_data
def test_another_architecture_is_refused_with_counts(model: Any) -> None:
    with pytest.raises(UserError, match=r"\d{3} missing .*364 unexpected"):
        load_mmdet(model, official.light_state("unidet_R50"), "it")


def test_merged_patches_are_reordered_from_unfold_to_slices() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 3, 4, 6, generator=generator)
    weight = torch.randn(5, 12, generator=generator)
    by_unfold = weight @ F.unfold(x, 2, stride=2)[0]
    corners = [x[0, :, i::2, j::2] for i, j in ((0, 0), (1, 0), (0, 1), (1, 1))]
    by_slices = _sliced_order(weight) @ torch.cat(corners).flatten(1)
    torch.testing.assert_close(by_unfold, by_slices)
