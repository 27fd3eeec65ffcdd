"""Prompt transforms: the text that a method is sent in place of the benchmark's."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from .plugin import Plugin

if TYPE_CHECKING:
    from ..prompts import Prompt


class Outcome(StrEnum):
    """What became of a prompt."""

    REWRITTEN = "rewritten"
    UNCHANGED = "unchanged"
    UNPARSED = "unparsed"


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A text after a transform.

    Attributes:
        text: what is sent; the original where it is not rewritten.
        outcome: ``unparsed`` where the transform should have acted and could not take the text
            apart.
        rule: the phrases replaced, as ``to the right of -> to the left of``; empty for none.
    """

    text: str
    outcome: Outcome
    rule: str = ""

    @property
    def changed(self) -> bool:
        """Whether the text is another."""
        return self.outcome is Outcome.REWRITTEN


class PromptTransform(Plugin):
    """What an entry point of ``spatialbench.prompt_transforms`` names.

    Images are still judged by the prompt that the benchmark asked for.
    """

    version: int = 1
    """Raised whenever a text would be rewritten otherwise."""

    @property
    def signature(self) -> str:
        """``tore/1``, as the identity of a run has it."""
        return f"{self.name}/{self.version}"

    def check(self, prompts: Sequence[Prompt]) -> None:
        """Refuse, before the first image, prompts that it cannot rewrite; by default none.

        Raises:
            UserError: how many and which.
        """
        return

    @abstractmethod
    def apply(self, prompt: Prompt) -> tuple[Prompt, Rewriting]:
        """The prompt as a method is sent it, with the same id, and what was done to its text.

        Methods that read a prompt's objects or triplet read those of the prompt returned.
        """
