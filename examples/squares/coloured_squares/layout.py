"""A layout: where the tools of this benchmark keep their images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from spatialbench.plugins.layout import ImageFiles, Layout, Names, Placed, Plan, is_number
from spatialbench.prompts import Key


class SideLayout(Layout):
    summary = "<side>/<prompt id>-<k>.png"

    def place(self, source: ImageFiles, names: Names) -> dict[str, Placed]:
        placed: dict[str, Placed] = {}
        for name in source.names:
            prompt_id, _, index = PurePosixPath(name).stem.rpartition("-")
            if not is_number(index):
                placed[name] = f"expected {self.summary}"
            elif prompt_id not in names.known:
                placed[name] = names.unknown(prompt_id)
            else:
                placed[name] = prompt_id, int(index)
        return placed

    def plan(self, names: Names, keys: Sequence[Key]) -> Plan:
        return Plan({(one, k): f"{names.known[one].task}/{one}-{k}.png" for one, k in keys}, {})


LAYOUT = SideLayout()
