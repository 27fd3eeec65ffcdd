"""``<prompt id>_<k>.png`` in one folder: the names that VISOR's scripts give their images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from spatialbench.plugins.layout import ImageFiles, Layout, Names, Placed, Plan, is_number
from spatialbench.prompts import Key


class IdLayout(Layout):
    """By prompt id; or by the prompt, where only one has that text."""

    summary = "<prompt id>_<k>.png in one folder"

    def place(self, source: ImageFiles, names: Names) -> dict[str, Placed]:
        """``<prompt id>_<k>.png``; or ``<prompt>_<k>.png``."""
        placed: dict[str, Placed] = {}
        for name in source.names:
            prompt_id, _, index = PurePosixPath(name).stem.rpartition("_")
            same_text = names.by_text.get(prompt_id, [])
            if not prompt_id or not is_number(index):
                placed[name] = "expected <prompt id>_<k>.png, such as 1103_0.png"
            elif prompt_id in names.known:
                placed[name] = prompt_id, int(index)
            elif len(same_text) == 1:
                placed[name] = same_text[0].id, int(index)
            elif same_text:
                ids = " and ".join(prompt.id for prompt in same_text[:3])
                placed[name] = (
                    f"the text is that of several prompts: name it by its id, such as {ids}"
                )
            else:
                placed[name] = names.unknown(prompt_id)
        return placed

    def plan(self, names: Names, keys: Sequence[Key]) -> Plan:
        """``<prompt id>_<k>.png``."""
        return Plan({(prompt_id, k): f"{prompt_id}_{k}.png" for prompt_id, k in keys}, {})


LAYOUT = IdLayout()
