"""A small BLIP-VQA model with random weights, as a folder of transformers'."""

from __future__ import annotations

from pathlib import Path

import torch

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "yes", "no", "is", "it", "a", "dog", "?")


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
