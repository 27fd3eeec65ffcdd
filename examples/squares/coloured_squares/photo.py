"""A prompt transform: every prompt as that of a photo."""

from __future__ import annotations

from dataclasses import replace

from spatialbench.plugins import Outcome, PromptTransform, Rewriting
from spatialbench.prompts import Prompt

_PHOTO = "a photo of "


class Photo(PromptTransform):
    name = "photo"
    summary = "'a photo of' before prompts that do not begin so"

    def apply(self, prompt: Prompt) -> tuple[Prompt, Rewriting]:
        if prompt.text.startswith(_PHOTO):
            return prompt, Rewriting(prompt.text, Outcome.UNCHANGED)
        text = _PHOTO + prompt.text
        return replace(prompt, text=text), Rewriting(text, Outcome.REWRITTEN, f"+ {_PHOTO.strip()}")


PLUGIN = Photo()
