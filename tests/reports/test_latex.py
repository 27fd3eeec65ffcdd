"""LaTeX that compiles: every special character escaped, as many cells as columns."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.reports.latex import latex_text
from spatialbench.reports.report import Report
from spatialbench.reports.tables import Table

_TABLE = Table(
    ["method", "VISOR_1"],
    [["50% & more", "62.03 ± 0.4"], ["[1] x_y", "–"], ["paper", "70.00"]],
    "R&D",
    ["note 100 %"],
    frozenset({(2, 1)}),
    [2],
)


def test_a_small_table() -> None:
    lines = Report([_TABLE]).text("latex").splitlines()
    assert lines[:2] == [r"\begin{table}", r"\centering"]
    body = lines[lines.index(r"\toprule") : lines.index(r"\bottomrule")]
    assert body == [
        r"\toprule",
        r"method & VISOR\_1 \\",
        r"\midrule",
        r"50\% \& more & 62.03 $\pm$ 0.4 \\",
        r"{}[1] x\_y & \textendash{} \\",
        r"\midrule",
        r"paper & \textbf{70.00} \\",
    ]
    assert r"\begin{tabular}{lr}" in lines
    assert r"\caption{R\&D}" in lines
    assert lines[-1] == r"\end{table}"


def test_long_cells_become_notes_and_wide_tables_are_shrunk() -> None:
    source = "a paper with a long title read in a secondary source"
    table = Table(
        ["method", *(f"metric {i}" for i in range(8)), "source"],
        [[name, *["1.00 ± 0.10"] * 8, source] for name in ("one", "two")],
        "t",
        ["gen:sd/1(steps=4,width=64)"],
    )
    lines = Report([table]).text("latex").splitlines()
    assert lines[0] == r"\begin{table*}"
    assert lines[3] == r"\resizebox{\textwidth}{!}{%"
    assert r"\end{tabular}}" in lines
    assert [line.split(" & ")[-1] for line in lines if line.startswith(("one", "two"))] == [
        r"[1] \\",
        r"[1] \\",
    ]
    assert lines[-3:] == [
        r"\par\smallskip{\footnotesize\raggedright gen:sd/1(steps=4,\allowbreak{}width=64)\par}",
        rf"\par\smallskip{{\footnotesize\raggedright [1] {source}\par}}",
        r"\end{table*}",
    ]


def test_it_compiles(tmp_path: Path) -> None:
    program = shutil.which("pdflatex")
    if program is None:
        pytest.skip("no pdflatex is installed here")
    text = "".join(map(chr, range(33, 127))) + "±−–×≤α"
    rows = [[f"[{i}] {text[i : i + 9]}", "62.03 ± 0.4", text] for i in range(len(text))]
    table = Table(["method", "VISOR_1", "source"], rows, text, [text], frozenset({(1, 1), (2, 0)}))
    document = "\n".join(
        [
            r"\documentclass{article}\usepackage{booktabs,graphicx}\begin{document}",
            Report([_TABLE]).text("latex"),
            Report([table]).text("latex"),
            r"\end{document}",
        ]
    )
    (tmp_path / "paper.tex").write_text(document)
    done = subprocess.run(
        [program, "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:]


@given(st.text(st.sampled_from(r"ab1 \{}&%$#_~^<>|±−–-"), max_size=12))
def test_nothing_special_is_left(text: str) -> None:
    shown = latex_text(text)
    commands = re.sub(r"\\text[a-z]+\{\}|\$[^$]*\$|\\[{}&%$#_]|-\{\}", "", shown)
    assert not set(commands) & set("\\{}&%$#_~^<>|±−")
    assert "--" not in shown


def test_bold_in_text_and_markdown() -> None:
    assert "70.00 *" in Report([_TABLE]).text("table")
    assert "**70.00**" in Report([_TABLE]).text("md")
