"""LaTeX that compiles: every special character escaped, as many cells as columns."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from spatialbench.reports.latex import latex_text
from spatialbench.reports.tables import Table, render

_TABLE = Table(
    ["method", "VISOR_1"],
    [["50% & more", "62.03 ± 0.4"], ["[1] x_y", "–"], ["paper", "70.00"]],
    "R&D",
    ["note 100 %"],
    frozenset({(2, 1)}),
    [2],
)


def test_a_small_table() -> None:
    lines = render(_TABLE, "latex").splitlines()
    assert lines[:2] == [r"\begin{table}", r"\centering"]
    body = lines[lines.index(r"\toprule") : lines.index(r"\bottomrule")]
    assert body == [
        r"\toprule",
        r"method & VISOR\_1 \\",
        r"\midrule",
        r"50\% \& more & 62.03 $\pm$ 0.4 \\",
        r"{}[1] x\_y & -- \\",
        r"\midrule",
        r"paper & \textbf{70.00} \\",
    ]
    assert r"\begin{tabular}{lr}" in lines
    assert r"\caption{R\&D}" in lines
    assert lines[-1] == r"\end{table}"


@given(st.text(st.sampled_from(r"ab1 \{}&%$#_~^<>|±−"), max_size=12))
def test_nothing_special_is_left(text: str) -> None:
    shown = latex_text(text)
    commands = re.sub(r"\\text[a-z]+\{\}|\$[^$]*\$|\\[{}&%$#_]", "", shown)
    assert not set(commands) & set("\\{}&%$#_~^<>|±−")


def test_bold_in_text_and_markdown() -> None:
    assert "70.00 *" in render(_TABLE, "table")
    assert "**70.00**" in render(_TABLE, "md")
