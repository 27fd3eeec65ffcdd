"""Prompts so long that an object may lie beyond what a text encoder reads.

They are found before the first image: tokenizers are loaded without a model, and only where a
prompt looks long. What looks short and is not is found when its turn comes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..backbones.architecture import small_file
from ..backbones.sampling import Sampling
from ..errors import UserError
from ..prompts import Prompt
from ..weights.parts_beside import load_beside

_BYTES = 4
"""Of English text there are more to a token of CLIP or T5."""


def require_read(
    sampling: Sampling, prompts: Sequence[Prompt], locate: Callable[[Any, Prompt], object]
) -> None:
    """Refuse a long prompt of which an object is not read; nothing where the backbone is not here.

    Args:
        locate: raises UserError for a prompt whose objects have no tokens; it is given what has the
            pipeline's tokenizers, and nothing else of it.

    Raises:
        UserError: see above.
    """
    try:
        folder = sampling.backbone.weights.locate(offline=True)
    except UserError:
        return
    limit = small_file(folder / "tokenizer" / "tokenizer_config.json").get("model_max_length")
    if not isinstance(limit, int):
        return
    long = [prompt for prompt in prompts if _looks_longer(prompt.text, limit)]
    if long:
        tokenizers = _tokenizers(folder)
        # A folder without one is damaged, which is told when it is loaded.
        for prompt in long if tokenizers.tokenizer else []:
            locate(tokenizers, prompt)


def _tokenizers(folder: Path) -> Any:
    """What has a pipeline's class by name and its tokenizers, None where it has none."""
    index = small_file(folder / "model_index.json")
    found = type(str(index.get("_class_name")), (), {})()
    found.components = {}
    for part in ("tokenizer", "tokenizer_2", "tokenizer_3"):
        entry = index.get(part)
        name = entry[1] if isinstance(entry, list) and len(entry) == 2 else None
        found.components[part] = load_beside(str(name), folder / part) if name else None
        setattr(found, part, found.components[part])
    found.tokenizer_max_length = getattr(found.tokenizer, "model_max_length", 0)
    return found


def _looks_longer(text: str, limit: int) -> bool:
    return max(len(text.split()), len(text.encode()) / _BYTES) + 2 > limit
