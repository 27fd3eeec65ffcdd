"""Small BLIP-VQA models: the official one of the stored outputs, and a folder of transformers'."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from tests.detectors.official import module
from tests.reference_data import reference

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "yes", "no", "is", "it", "a", "dog", "?")


def expected(name: str) -> Any:
    """A file of official outputs."""
    return json.loads(reference("t2i_whole", "blip", name).read_text("utf-8"))


def official_state(told: Any) -> dict[str, torch.Tensor]:
    """The weights that the official model had; the file holds them under ``model``."""
    prefix = told.get("fill_prefix", "")
    empty = {prefix + name: torch.empty(shape) for name, shape in told["shapes"].items()}
    filled = module().fill(empty)
    state = {name.removeprefix(prefix): value for name, value in filled.items()}
    for name, source in told["ties"].items():
        state[name] = state[source]
    return state


def painted(told: Any) -> Image.Image:
    """The image that the official model saw."""
    plain = module().picture(told["w"], told["h"])
    changed = {
        "none": lambda x: x,
        "fliplr": lambda x: x[:, ::-1],
        "flipud": lambda x: x[::-1],
        "bgr": lambda x: x[..., ::-1],
        "gbr": lambda x: x[..., [1, 2, 0]],
        "invert": lambda x: 255 - x,
        "rollx": lambda x: np.roll(x, told["w"] // 3, axis=1),
    }
    pixels = np.ascontiguousarray(changed[told["op"]](plain))
    if told.get("mode") == "RGBA":
        alpha = changed["rollx"](plain)[..., :1]
        return Image.fromarray(np.concatenate([pixels, alpha], axis=2), "RGBA")
    image = Image.fromarray(pixels)
    return image.convert("L") if told.get("mode") == "L" else image


def save_tiny_blip(folder: Path) -> Path:
    """A random ``BlipForQuestionAnswering`` of a few words, as ``save_pretrained`` writes it."""
    import transformers

    torch.manual_seed(0)
    shared = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = transformers.BlipVisionConfig(
        intermediate_size=16, image_size=32, patch_size=16, **shared
    )
    text = transformers.BlipTextConfig(
        vocab_size=len(WORDS) + 2,
        encoder_hidden_size=16,
        intermediate_size=16,
        max_position_embeddings=40,
        bos_token_id=len(WORDS),
        pad_token_id=0,
        eos_token_id=3,
        sep_token_id=3,
        **shared,
    )
    config = transformers.BlipConfig(text_config=text.to_dict(), vision_config=vision.to_dict())
    model = transformers.BlipForQuestionAnswering(config)
    with torch.no_grad():
        # As initialised, an image hardly moves the answer.
        for weights in model.parameters():
            weights.normal_(1.0 if weights.dim() == 1 else 0.0, 0.5)
    model.save_pretrained(folder)
    words = folder / "vocab.txt"
    words.write_text("\n".join(WORDS) + "\n", "utf-8")
    transformers.BertTokenizer(vocab=str(words)).save_pretrained(folder)
    return folder
