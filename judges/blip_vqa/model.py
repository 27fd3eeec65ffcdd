"""BLIP-VQA as T2I-CompBench asks it: the probability of yes at the first word of the answer.

Source: ``BLIPvqa_eval/BLIP/models/blip_vqa.py`` and ``train_vqa_func.py`` (``vqa_prob``) of
Karine-Huang/T2I-CompBench @ 1b70949.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from spatialbench.plugins.ahead import Ahead

if TYPE_CHECKING:
    import torch
    from PIL import Image

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)

LONGEST = 35
"""Tokens of a question; what is behind them is cut."""
_WORDS = 50
_DELETED = re.compile(r"[.!\"()*#:;~]")

SPECIAL_WORDS = 2
"""Tokens behind the vocabulary of BERT: [DEC], which begins an answer, and [ENC], a question."""


def cleaned(question: str) -> str:
    """A question as the tokenizer is given it: lower case, some marks deleted, 50 words at most."""
    text = _DELETED.sub("", question.lower()).rstrip(" ")
    words = text.split(" ")
    return " ".join(words[:_WORDS]) if len(words) > _WORDS else text


def prepared(image: Image.Image, side: int) -> torch.Tensor:
    """Pixels (1, 3, side, side), float32: resized bicubically without keeping the aspect ratio."""
    import torch
    from PIL import Image as Images

    resized = image.convert("RGB").resize((side, side), Images.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.array(resized)).permute(2, 0, 1).to(torch.float32) / 255
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
    return ((pixels - mean) / deviation)[None]


@dataclass(slots=True)
class BlipVqa:
    """The model with its tokenizer.

    Attributes:
        model: transformers' ``BlipForQuestionAnswering``.
        tokenizer: of BERT, without the two special words of BLIP.
    """

    model: Any
    tokenizer: Any
    ahead: Ahead[torch.Tensor] = field(init=False)

    def __post_init__(self) -> None:
        side = self.model.config.vision_config.image_size
        self.ahead = Ahead(lambda image: prepared(image, side))

    @property
    def device(self) -> torch.device:
        """Where it is."""
        found: torch.device = self.model.device
        return found

    def look(self, image: Image.Image) -> torch.Tensor:
        """What the vision transformer sees in an image: (1, patches + 1, width)."""
        pixels = self.ahead.of(image).to(self.device)
        seen: torch.Tensor = self.model.vision_model(pixels)[0]
        return seen

    def tokens(self, question: str) -> torch.Tensor:
        """(1, length): the cleaned question; its first token is [ENC] in place of [CLS]."""
        import torch

        ids = self.tokenizer(
            cleaned(question), truncation=True, max_length=LONGEST, return_token_type_ids=False
        ).input_ids
        ids[0] = self._word(1)
        return torch.tensor([ids], device=self.device)

    def yes(self, seen: torch.Tensor, question: str) -> float:
        """P(yes) / (P(yes) + P(no)) at the first word of the answer, 0 to 1.

        One question at a time: an answer then depends on nothing but its image and question.

        Args:
            seen: from :meth:`look`.
        """
        import torch

        ids = self.tokens(question)
        mask = torch.ones_like(ids)
        states = self.model.text_encoder(
            input_ids=ids,
            attention_mask=mask,
            encoder_hidden_states=seen,
            encoder_attention_mask=torch.ones(seen.shape[:2], device=self.device),
        )[0]
        logits = self.model.text_decoder(
            input_ids=torch.tensor([[self._word(0)]], device=self.device),
            encoder_hidden_states=states,
            encoder_attention_mask=mask,
        ).logits[0, 0]
        shares = logits.float().softmax(0)
        yes, no = (shares[self.tokenizer.convert_tokens_to_ids(word)] for word in ("yes", "no"))
        return float(yes / (yes + no))

    def _word(self, number: int) -> int:
        """The id of [DEC] (0) or [ENC] (1), the last two words of the vocabulary."""
        return int(self.model.config.text_config.vocab_size) - SPECIAL_WORDS + number
