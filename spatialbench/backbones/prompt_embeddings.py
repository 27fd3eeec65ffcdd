"""Prompts as the denoiser sees them, each distinct prompt encoded once and alone."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .families import Embedding, Pipeline, of_pipeline

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EmbeddingBatch:
    """A batch of prompts and as many negative prompts, in the shapes a pipeline call takes.

    ``prompt_embeds`` and ``negative_prompt_embeds`` are (n, length, width); the pooled ones
    (n, width), None for models without them; negatives None where guidance is off.
    """

    prompt_embeds: torch.Tensor
    negative_prompt_embeds: torch.Tensor | None
    pooled_prompt_embeds: torch.Tensor | None
    negative_pooled_prompt_embeds: torch.Tensor | None

    def arguments(self) -> dict[str, torch.Tensor]:
        """Keyword arguments of a pipeline call."""
        pairs = (
            ("prompt_embeds", self.prompt_embeds),
            ("negative_prompt_embeds", self.negative_prompt_embeds),
            ("pooled_prompt_embeds", self.pooled_prompt_embeds),
            ("negative_pooled_prompt_embeds", self.negative_pooled_prompt_embeds),
        )
        return {name: value for name, value in pairs if value is not None}


class PromptEncoder:
    """Encodes prompts with a pipeline's text encoders and remembers the latest ones.

    A prompt is encoded alone, so that its embedding does not depend on its batch mates.

    Args:
        negative_prompt: what guidance leads away from; FLUX has none.
        capacity: how many prompts are remembered.
        text_length: tokens of T5, for SD3 and FLUX.
    """

    def __init__(
        self,
        pipe: Pipeline,
        negative_prompt: str | None = None,
        capacity: int = 256,
        text_length: int | None = None,
    ) -> None:
        self._pipe = pipe
        self._text_length = text_length
        self._negative_prompt = negative_prompt
        self._negative: Embedding | None = None
        self._capacity = capacity
        self._known: OrderedDict[str, Embedding] = OrderedDict()
        self._looked_up: set[str] = set()

    def encode(self, text: str) -> Embedding:
        """The embedding of one prompt."""
        if text in self._known:
            self._known.move_to_end(text)
            return self._known[text]
        self._report_unknown_words(text)
        embedding = self._run(text)
        self._known[text] = embedding
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)
        return embedding

    def negative(self) -> Embedding:
        """The embedding that guidance leads away from: the empty prompt unless one was given.

        SDXL checkpoints that ask for it get zeros for an empty negative prompt.
        """
        if self._negative is None:
            zeros = self._pipe.config.get("force_zeros_for_empty_prompt", False)
            if self._negative_prompt is None and zeros:
                self._negative = _zeros_like(self._run(""))
            else:
                self._negative = self._run(self._negative_prompt or "")
        return self._negative

    def batch(
        self, texts: Sequence[str], *, guided: bool, away: Sequence[str | None] = ()
    ) -> EmbeddingBatch:
        """Embeddings of a batch of prompts, in order; ``guided`` adds the negative ones.

        Args:
            away: of each prompt a negative prompt of its own; None for :meth:`negative`.
        """
        positive = [self.encode(text) for text in texts]
        negative = [self.negative()] * len(texts) if guided else []
        if guided and away:
            negative = [self.negative() if one is None else self.encode(one) for one in away]
        return EmbeddingBatch(
            _stack([e.tokens for e in positive]),
            _stack([e.tokens for e in negative]) if guided else None,
            _stack_pooled(positive),
            _stack_pooled(negative),
        )

    def _run(self, text: str) -> Embedding:
        import torch

        with torch.no_grad():
            return of_pipeline(self._pipe).encode(self._pipe, text, self._text_length)

    def _report_unknown_words(self, text: str) -> None:
        """Say once which words a word-level vocabulary (the lab's) does not hold."""
        tokenizer = self._pipe.tokenizer
        unknown_id = tokenizer.unk_token_id
        # CLIP's byte-level vocabulary knows every word; its unknown token doubles as the padding.
        if unknown_id is None or unknown_id in (tokenizer.eos_token_id, tokenizer.pad_token_id):
            return
        for word in text.split():
            if word in self._looked_up:
                continue
            self._looked_up.add(word)
            if unknown_id in tokenizer(word, add_special_tokens=False).input_ids:
                log.warning("the backbone's vocabulary has no word %r (prompt: %s)", word, text)


def _zeros_like(embedding: Embedding) -> Embedding:
    pooled = embedding.pooled
    return Embedding(
        embedding.tokens.new_zeros(embedding.tokens.shape),
        None if pooled is None else pooled.new_zeros(pooled.shape),
    )


def _stack(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    import torch

    return torch.cat(list(tensors))


def _stack_pooled(embeddings: Sequence[Embedding]) -> torch.Tensor | None:
    pooled = [e.pooled for e in embeddings if e.pooled is not None]
    return _stack(pooled) if pooled else None
