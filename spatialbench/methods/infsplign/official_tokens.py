"""The authors' own choice of object tokens, with its defects, for ``infsplign-released``.

Source: their code at 011f3398. Only the second word of a two-word name is looked up; every
occurrence of its tokens counts; the joined list is cut by words, though it holds sub-words. So
"a fire hydrant above a dog" steers the first half of "hydrant" against its second half.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import UserError
from ...guidance.nouns import triplet_of
from ...guidance.tokens import Positions
from ...prompts import Prompt


def official_object_tokens(prompt: Prompt, tokenizers: Sequence[Any]) -> Positions:
    """Token positions as the authors' code takes them, from the first tokenizer.

    Raises:
        UserError: the prompt has no triplet, or the code would have failed on it.
    """
    triplet = triplet_of(prompt)
    tokenizer = tokenizers[0]
    ids = tokenizer(prompt.text, truncation=True, max_length=tokenizer.model_max_length)
    words = [_looked_up(name) for name in (triplet.subject, triplet.object)]
    flat = [place for word in words for place in _places(tokenizer, word, ids["input_ids"])]
    cut = len(words[0].split())
    subject, object_ = flat[:cut], flat[cut : cut + len(words[1].split())]
    if not (subject and object_):
        raise UserError(
            f"prompt {prompt.id} ({prompt.text!r}): the authors' code finds no tokens for "
            f"{words[0]!r} and {words[1]!r} and fails; use --method infsplign."
        )
    return tuple(subject), tuple(object_)


def _looked_up(name: str) -> str:
    words = name.split()
    return words[1] if len(words) > 1 else name


def _places(tokenizer: Any, word: str, ids: list[int]) -> list[int]:
    """Positions of every occurrence of the word's tokens, occurrence by occurrence."""
    wanted = tokenizer(word, add_special_tokens=False)["input_ids"]
    return [
        start + k
        for start in range(len(ids) - len(wanted) + 1)
        if ids[start : start + len(wanted)] == wanted
        for k in range(len(wanted))
    ]
