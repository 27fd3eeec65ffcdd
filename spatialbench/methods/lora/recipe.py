"""By which recipe a LoRA was trained, where its file says so.

``spatialbench esplora train`` writes it into the header. Version 0.1 did not; its files are known
by the record of their training, which lies beside them.
"""

from __future__ import annotations

from ...files.documents import read_json
from .lora_file import LoraFile, header_of

RECIPE_KEY = "spatialbench_recipe"
"""In the header of a file."""
ESPLORA = "esplora/1"
"""What it says of a LoRA that was trained on images whose relations were checked."""

_RECORD, _TRAINED = "training.json", "pytorch_lora_weights.safetensors"
_RECORDED = {"backbone", "data", "dtype", "settings"}


def recipe_of(lora: LoraFile) -> str | None:
    """``esplora/1``; None where nothing says by which recipe it was trained."""
    told = header_of(lora.path)[1].get(RECIPE_KEY)
    if told is not None:
        return told
    if lora.path.name != _TRAINED:
        return None
    try:
        record = read_json(lora.path.with_name(_RECORD), below=lora.path.parent)
    except (OSError, ValueError):
        return None
    return ESPLORA if isinstance(record, dict) and record.keys() >= _RECORDED else None
