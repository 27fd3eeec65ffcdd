"""What ``doctor`` found: one state for each subject, and the table of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from .. import plugins
from ..reports.report import Report
from ..reports.tables import Table

LOADS = "loads"
"""What is said of a plug-in that nothing is wrong with."""

State = Literal["ok", "absent", "warning", "broken"]
_ORDER: tuple[State, ...] = ("ok", "absent", "warning", "broken")
"""What asks for something stands last, where the screen ends."""
_COUNTED: dict[State, str] = {
    "broken": "{} broken",
    "warning": "{} to look at",
    "absent": "{} absent",
    "ok": "{} ok",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """``ok``, ``absent`` (fine until it is asked for), ``warning`` or ``broken``."""

    state: State
    what: str
    detail: str


def findings_report(found: Sequence[Finding]) -> Report:
    """A summary, then what is well, and last what is not; ``json`` has each finding."""
    ordered = sorted(found, key=lambda one: _ORDER.index(one.state))
    counts = Counter(one.state for one in found)
    summary = ", ".join(
        text.format(counts[state]) for state, text in _COUNTED.items() if counts[state]
    )
    title = f"{'NOT SOUND' if counts['broken'] else 'sound'}: {summary}"
    table = Table(
        ["state", "what", "detail"],
        _rows(ordered),
        title,
        tones={"ok": "good", "warning": "odd", "broken": "bad"},
    )
    records = [[one.state, one.what, one.detail] for one in ordered]
    return Report([table], [asdict(one) for one in ordered], (table.columns, records))


def _rows(found: Sequence[Finding]) -> list[list[str]]:
    """One row per finding; of plug-ins that nothing is wrong with, one row per kind."""
    rows: dict[str, list[str]] = {}
    for one in found:
        kind = next((k for k in plugins.KINDS if one.what.startswith(f"{k} ")), None)
        if kind is None or (one.state, one.detail) != ("ok", LOADS):
            rows[one.what] = [one.state, one.what, one.detail]
            continue
        name = one.what.removeprefix(f"{kind} ")
        row = rows.setdefault(f"{kind}s", [one.state, f"{kind}s", ""])
        row[2] = f"{row[2]}, {name}" if row[2] else name
    return list(rows.values())
