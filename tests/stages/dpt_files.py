"""Small DPT-hybrid models: the official one of the stored outputs, and a random folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tests.t2i_whole import Whole, filled, own_names


def _model(size: Any, **changed: Any) -> Any:
    """transformers' class in the sizes that a file of outputs names."""
    import transformers

    settings: dict[str, Any] = {
        "is_hybrid": True,
        "hidden_size": size["dim"],
        "num_hidden_layers": size["depth"],
        "num_attention_heads": size["heads"],
        "intermediate_size": 4 * size["dim"],
        "layer_norm_eps": 1e-6,
        "image_size": size["native"],
        "patch_size": 16,
        "backbone_out_indices": size["hooks"],
        "backbone_featmap_shape": [1, size["channels"][-1], *[size["native"] // 16] * 2],
        "neck_ignore_stages": [0, 1],
        "readout_type": "project",
        "reassemble_factors": [1, 1, 1, 0.5],
        "neck_hidden_sizes": [*size["channels"][:2], size["neck"], size["neck"]],
        "fusion_hidden_size": size["features"],
        "backbone_config": {
            "model_type": "bit",
            "layer_type": "bottleneck",
            "global_padding": "same",
            "embedding_dynamic_padding": True,
            "embedding_size": size["stem"],
            "depths": size["layers"],
            "hidden_sizes": size["channels"],
            "out_features": ["stage1", "stage2", "stage3"],
        },
    }
    return transformers.DPTForDepthEstimation(transformers.DPTConfig(**{**settings, **changed}))


def official_dpt(whole: Whole, told: Any, **changed: Any) -> Any:
    """The model of the stored outputs, by the map of names in ``keys.json``."""
    model = _model(told["config"], **changed).eval()
    state = filled(told["shapes"], told["fill_prefix"])
    known = {name for name, _, _, targets in whole.keys("dpt")["keys"] if targets}
    model.load_state_dict(
        own_names({k: v for k, v in state.items() if k in known}, whole.keys("dpt"))
    )
    return model


def save_official_dpt(folder: Path, whole: Whole, told: Any, **changed: Any) -> Path:
    """The same as ``save_pretrained`` writes it."""
    official_dpt(whole, told, **changed).save_pretrained(folder)
    return folder


def save_tiny_dpt(folder: Path) -> Path:
    """A random ``DPTForDepthEstimation`` with a convolutional part."""
    size = {
        "layers": [1, 1, 1],
        "channels": [128, 128, 128],
        "stem": 32,
        "native": 32,
        "dim": 16,
        "depth": 2,
        "heads": 2,
        "hooks": [0, 1, 0, 1],
        "neck": 16,
        "features": 16,
    }
    torch.manual_seed(0)
    model = _model(size)
    with torch.no_grad():
        # As initialised, the last layer says 0 everywhere.
        model.head.head[4].bias.fill_(1.0)
    model.save_pretrained(folder)
    return folder
