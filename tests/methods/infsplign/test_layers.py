"""Which layers are tapped, and what is said where they are missing."""

from __future__ import annotations

from typing import Any

import pytest

from spatialbench.backbones.named import resolve
from spatialbench.backbones.pipelines import load_pipeline
from spatialbench.errors import UserError
from spatialbench.methods.infsplign.layers import find_taps, layer_name

ATTENTION = "up_blocks.{}.attentions.{}.transformer_blocks.0.attn2"


def test_stable_diffusion_taps_two_decoder_blocks(sd_pipe: Any) -> None:
    taps = find_taps(sd_pipe.unet, "both")
    wanted = [(ATTENTION.format(block, i), block == 1) for block in (1, 2) for i in range(3)]
    assert [(tap.name, tap.coarse) for tap in taps] == wanted


def test_one_level_only(sd_pipe: Any) -> None:
    assert [t.name for t in find_taps(sd_pipe.unet, "coarse")] == [
        ATTENTION.format(1, i) for i in range(3)
    ]
    assert not any(tap.coarse for tap in find_taps(sd_pipe.unet, "mid"))


def test_the_finest_block_of_the_decoder_can_be_read_too(sd_pipe: Any) -> None:
    """The authors' nine layers: block 3 stands on the side of balance there too."""
    taps = find_taps(sd_pipe.unet, "all")
    wanted = [(ATTENTION.format(block, i), block == 1) for block in (1, 2, 3) for i in range(3)]
    assert [(tap.name, tap.coarse) for tap in taps] == wanted
    assert [tap.name for tap in find_taps(sd_pipe.unet, "fine")] == [
        ATTENTION.format(3, i) for i in range(3)
    ]


def test_single_layers_have_the_names_of_the_thesis(sd_pipe: Any) -> None:
    taps = find_taps(sd_pipe.unet, "1.2+3.3")
    assert [(tap.name, tap.coarse) for tap in taps] == [
        (ATTENTION.format(1, 1), True),
        (ATTENTION.format(3, 2), False),
    ]
    assert [layer_name(tap.name) for tap in taps] == ["1.2", "3.3"]
    with pytest.raises(UserError, match=r"up_blocks\.1\.attentions\.3, which .* other layers"):
        find_taps(sd_pipe.unet, "1.4")


def test_all_is_what_there_is(sdxl_pipe: Any) -> None:
    """The lab and SDXL have no third block of the decoder with attention."""
    lab = load_pipeline(resolve("lab")).unet
    assert [layer_name(tap.name) for tap in find_taps(lab, "all")] == ["1.1", "1.2", "2.1", "2.2"]
    assert find_taps(sdxl_pipe.unet, "all") == find_taps(sdxl_pipe.unet, "both")
    for unet, layers in ((lab, "fine"), (sdxl_pipe.unet, "fine")):
        with pytest.raises(UserError, match=r"up_blocks\.3, which this backbone lacks"):
            find_taps(unet, layers)
    with pytest.raises(UserError, match="this backbone is an SDXL"):
        find_taps(sdxl_pipe.unet, "1.1")


def test_sdxl_taps_three_layers_of_one_attention(sdxl_pipe: Any) -> None:
    block = "up_blocks.0.attentions.1.transformer_blocks."
    assert [(tap.name, tap.coarse) for tap in find_taps(sdxl_pipe.unet, "both")] == [
        (f"{block}1.attn2", True),
        (f"{block}2.attn2", False),
        (f"{block}3.attn2", False),
    ]


def small_unet(**options: Any) -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=8,
        attention_head_dim=2,
        norm_num_groups=4,
        **options,
    )


def test_a_missing_level_names_what_there_is() -> None:
    assert len(find_taps(small_unet(), "coarse")) == 2
    message = r"reads the cross-attention of up_blocks\.2, .* in down_blocks\.0, mid_block\.\w+, up"
    with pytest.raises(UserError, match=message):
        find_taps(small_unet(), "both")


def test_a_missing_sdxl_layer_names_what_there_is() -> None:
    unet = small_unet(
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=56,
    )
    message = r"reads .* up_blocks\.0\.attentions\.1\.transformer_blocks\.1, .* it has .*attentions"
    with pytest.raises(UserError, match=message):
        find_taps(unet, "both")
