"""Texts that were given for prompts, by a file, a mapping or the makers of imported images."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from ..errors import UserError
from ..plugins import Outcome, PromptTransform, Rewriting
from ..prompts import Prompt

FILE = "file"
"""What stands for any given texts in front of their hash, wherever they came from."""

_SIGNATURE = re.compile(rf"{FILE}/[0-9a-f]{{16}}")
_SHOWN = 3


def is_given(signature: object) -> bool:
    """Whether the ``prompt_transform`` of an identity stands for given texts."""
    return isinstance(signature, str) and _SIGNATURE.fullmatch(signature) is not None


def signature_of(texts: Mapping[str, str]) -> str:
    """``file/`` and 16 hexadecimal digits of the SHA-256 over ``{prompt id: text}``.

    Hashed is the JSON object with sorted keys, ASCII, without blanks, so that path, order and
    format of a file do not matter.
    """
    canonical = json.dumps(dict(texts), sort_keys=True, separators=(",", ":"))
    return f"{FILE}/{hashlib.sha256(canonical.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class GivenTexts(PromptTransform):
    """A transform that is a table. Picklable.

    Attributes:
        texts: by prompt id what a method is sent, of prompts of one subset.
        where: what the table is called in messages.
    """

    texts: Mapping[str, str]
    where: str = field(default="the table of rewritten prompts", compare=False)

    name = FILE
    summary = "texts from a file, by prompt id, original text or the benchmark's metadata"

    @cached_property
    def signature(self) -> str:
        """See ``signature_of``."""
        return signature_of(self.texts)

    def apply(self, prompt: Prompt) -> tuple[Prompt, Rewriting]:
        """The prompt with the text that was given; its objects and triplet stay.

        Raises:
            UserError: a prompt without one.
        """
        self.check([prompt])
        text = self.texts[prompt.id]
        outcome = Outcome.UNCHANGED if text == prompt.text else Outcome.REWRITTEN
        return replace(prompt, text=text), Rewriting(text, outcome)

    def check(self, prompts: Sequence[Prompt]) -> None:
        """See ``PromptTransform.check``."""
        missing = [prompt for prompt in prompts if prompt.id not in self.texts]
        if missing:
            shown = ", ".join(f"{prompt.id} ({prompt.text!r})" for prompt in missing[:_SHOWN])
            more = ", ..." if len(missing) > _SHOWN else ""
            raise UserError(
                f"{self.where} has no text for {len(missing):,} of {len(prompts):,} selected "
                f"prompts: {shown}{more}. Add them, or select only prompts that it has with "
                "--only or --limit."
            )
