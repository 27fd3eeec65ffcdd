"""``<prompt id>_<k>.png`` in one folder: VISOR's and UniGenBench's names, for any benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from ..plugins.layout import ImageFiles, Layout, Names, Placed, Plan, is_number
from ..plugins.named_by_text import prompts_named
from ..prompts import Key, Prompt

_EXPECTED = "expected <prompt id>_<k>.png, such as 1103_0.png"


class IdLayout(Layout):
    """By prompt id; or by the prompt, where only one has that text.

    An id is a name and not a number: ``07`` is another one than ``7``.
    """

    summary = "<prompt id>_<k>.png or <prompt>_<k>.png in one folder, for any benchmark"

    def place(self, source: ImageFiles, names: Names) -> dict[str, Placed]:
        """``<prompt id>_<k>.png``; or ``<prompt>_<k>.png``; of one image, also ``<prompt>.png``."""
        stems = {name: PurePosixPath(name).stem for name in source.names}
        called = [stem.rpartition("_")[0] for stem in stems.values()]
        unknown = [text for text in called if text not in names.known]
        by_text = prompts_named(unknown, names)
        return {name: _place(stem, names, by_text) for name, stem in stems.items()}

    def plan(self, names: Names, keys: Sequence[Key]) -> Plan:
        """``<prompt id>_<k>.png``."""
        return Plan({(prompt_id, k): f"{prompt_id}_{k}.png" for prompt_id, k in keys}, {})


LAYOUT = IdLayout()


def _place(
    stem: str, names: Names, by_text: Mapping[str, Sequence[Prompt] | str]
) -> tuple[str, int] | str:
    text, _, index = stem.rpartition("_")
    alone = names.by_text.get(stem, [])
    if names.images_per_prompt == 1 and len(alone) == 1:
        return alone[0].id, 0
    if not text or not is_number(index):
        return _EXPECTED
    if text in names.known:
        return text, int(index)
    meant = by_text[text]
    if isinstance(meant, str):
        # A sentence is about a text; one word is an id.
        return meant if " " in text.strip() else names.unknown(text)
    if len(meant) > 1:
        ids = " and ".join(prompt.id for prompt in meant[:3])
        return f"the text is that of several prompts: name it by its id, such as {ids}"
    return meant[0].id, int(index)
