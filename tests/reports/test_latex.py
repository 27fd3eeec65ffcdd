"""LaTeX that is pasted as it is: it compiles in two columns and no line is too wide."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench import plugins
from spatialbench.reports.latex import latex
from spatialbench.reports.latex_text import breakable, header, latex_text, width
from spatialbench.reports.leaderboard import leaderboard
from spatialbench.reports.report import Report
from spatialbench.reports.tables import UNDEFINED, Measured, Table
from spatialbench.reports.view import View

SPECIAL = "".join(map(chr, range(33, 127))) + "±−–×≤αλΩéñçßŁ…“”–—°中文🙂"
METRICS = ["OA", *(f"VISOR_{name}" for name in ("uncond", "cond", "1", "2", "3", "4"))]
NOTES = [
    "± or +/−: 95 % interval (bootstrap over clusters); –: undefined or not reported.",
    "[P] read in the primary source, [S] in a secondary one; --format json has the notes.",
    "[i] stopped by its own interval (--until); it competes like a row without a mark",
    "bold (* in plain text): the best",
]


def _table(names: list[str], metrics: list[str], label: str = "") -> Table:
    number = Measured(100.0, 60.9, 100.0, " [a]")
    rows = [
        [name, f"base-{place}", "1,000", *[number] * len(metrics), "measured"]
        for place, name in enumerate(names)
    ]
    paper = ["Paper", "SD 1.4", "", *[Measured(70.0)] * len(metrics), "a paper, table 1 [P]"]
    columns = ["method", "base", "images", *metrics, "source"]
    bold = frozenset({(0, place) for place in range(3, 3 + len(metrics))})
    signatures = [f"visor/1 gen:{name}" for name in names]
    return Table(
        columns, [*rows, paper], "visor: all & 100 %", NOTES, bold, [len(rows)],
        signatures=signatures, label=label,
    )  # fmt: skip


def test_a_small_table() -> None:
    lines = latex([_table(["5% & x", "[1] x_y"], ["VISOR_uncond"])], View()).splitlines()
    assert lines[:2] == [r"\begin{table}", r"\centering"]
    assert r"\caption{visor: all \& 100 \%}" in lines
    assert r"\label{tab:visor-all-100}" in lines
    body = lines[lines.index(r"\toprule") : lines.index(r"\bottomrule")]
    assert body == [
        r"\toprule",
        r"method & base & images & VISOR$_\text{uncond}$ \\",
        r"\midrule",
        r"5\% \& x & base-0 & 1,000 & \textbf{100.00}$^{+0.00}_{-39.1}$ [a] \\",
        r"{}[1] x\_y & base-1 & 1,000 & 100.00$^{+0.00}_{-39.1}$ [a] \\",
        r"\midrule",
        r"Paper (1) & SD 1.4 &  & 70.00 \\",
    ]
    assert lines[-3] == r"\end{table}"


def test_what_is_typed_on_a_command_line_is_not_in_a_paper() -> None:
    text = latex([_table(["sd"], METRICS)], View())
    printed = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert not re.search(r"--[a-z]|spatialbench|json|gen:|resizebox|plain text", printed)
    assert "Sub- and superscripts: 95" in printed
    assert r"[i] stopped by its own interval; it competes" in printed
    assert "(1) a paper, table 1 [P]." in printed
    assert "% visor/1 gen:sd" in text
    assert "visor/1 gen:sd\\par}" in latex([_table(["sd"], ["OA"])], View(signature=True))


def test_what_all_rows_share_is_told_once() -> None:
    rows = [[name, "lab@8105357", "24", Measured(1.0)] for name in ("sd", "infsplign")]
    text = latex([Table(["method", "base", "images", "OA"], rows, "t")], View())
    assert r"\caption{t (base: lab@8105357, images: 24)}" in text
    assert "method & OA" in text


def test_each_table_has_a_label_of_its_own() -> None:
    table = _table(["sd"], ["OA"], label="visor")
    text = Report([table, table]).text("latex")
    assert re.findall(r"\\label\{(.*?)\}", text) == ["tab:visor", "tab:visor-2"]
    text = Report([table, table]).text("latex", View(label="tab:mine", caption="50 % {x}"))
    assert re.findall(r"\\label\{(.*?)\}", text) == ["tab:mine", "tab:visor"]
    assert r"\caption{50 \% \{x\}}" in text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("VISOR_uncond", r"VISOR$_\text{uncond}$"),
        ("VISOR_1", r"VISOR$_\text{1}$"),
        ("SoftTIFA_GM", r"SoftTIFA$_\text{GM}$"),
        ("two_object", r"two\_object"),
        ("OA", "OA"),
    ],
)
def test_headers(name: str, shown: str) -> None:
    assert header(name) == shown


def test_digits_and_intervals() -> None:
    table = Table(["m", "d"], [["a", Measured(12.345, 1.0, 20.0, difference=True)]], "t")
    text = Report([table]).text("latex", View(digits=1))
    assert "$+$12.3$^{+7.7}_{-11.3}$" in text
    assert "$+$12.3 \\\\" in Report([table]).text("latex", View(digits=1, intervals=False))


LONG = "a-method-whose-name-has-no-space-in-it-" * 4
CASES = {
    "narrow": _table(["sd", "infsplign [c]"], ["OA"]),
    "wide": _table(["sd", "infsplign [c]", "attend-and-excite"], METRICS),
    "many metrics": _table(["sd", "infsplign"], [f"T2I_{i}_corrected" for i in range(14)]),
    "long names": _table([LONG, "word " * 40, "W" * 70], METRICS),
    "special": _table([SPECIAL, SPECIAL[::-1], "[x", "*y", "\\end{table*}"], ["OA", "A_%"]),
    "many rows": _table([f"method {i}" for i in range(90)], METRICS[:2]),
    "words": Table(["name", "what it is"], [[LONG, SPECIAL * 3], ["x", UNDEFINED]], SPECIAL),
}


def compiled(tables: list[str], folder: Path, packages: str = "", size: str = "10pt") -> str:
    """What pdflatex says of a two-column article with these; skips where there is none."""
    program = shutil.which("pdflatex")
    if program is None:
        pytest.skip("no pdflatex is installed here")
    document = "\n".join(
        [
            rf"\documentclass[twocolumn,{size}]{{article}}{packages}\begin{{document}}Text.",
            *(f"{table}\n\\clearpage" for table in tables),
            r"\end{document}",
        ]
    )
    (folder / "paper.tex").write_text(document)
    done = subprocess.run(
        [program, "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
    )
    assert done.returncode == 0, done.stdout[-2000:]
    return (folder / "paper.log").read_text(errors="replace")


@pytest.mark.parametrize(
    ("packages", "size"),
    [("", "10pt"), (r"\usepackage{amsmath,booktabs,graphicx}", "11pt"), ("", "12pt")],
)
def test_no_box_is_overfull(tmp_path: Path, packages: str, size: str) -> None:
    views = (View(), View(signature=True), View(caption=SPECIAL, digits=1, intervals=False))
    tables = [latex(view.of([one], True), view) for one in CASES.values() for view in views]
    tables += [
        leaderboard(name, [], benchmark.published(), benchmark.metrics).text("latex")
        for name in plugins.names("benchmark")
        if (benchmark := plugins.load("benchmark", name)).published()
    ]
    log = compiled(tables, tmp_path, packages, size)
    wrong = re.findall(r"^(?:Overfull|LaTeX Warning: Float too large).*", log, re.MULTILINE)
    assert wrong == []
    assert "multiply defined" not in log


def test_a_box_that_is_too_wide_would_be_found(tmp_path: Path) -> None:
    log = compiled(
        [r"\begin{table}\begin{tabular}{l}" + "W" * 90 + r"\end{tabular}\end{table}"], tmp_path
    )
    assert "Overfull" in log


def test_narrow_tables_stay_in_their_column() -> None:
    begins = {
        name: re.findall(r"\\begin\{table\*?\}", latex([t], View())) for name, t in CASES.items()
    }
    assert begins["narrow"] == [r"\begin{table}"]
    assert begins["wide"] == [r"\begin{table*}"]
    assert len(begins["many rows"]) > 1
    text = latex([CASES["many metrics"]], View())
    assert text.count(r"\begin{tabular}") > 1
    assert "resizebox" not in text
    size = re.compile(r"\\ifdim[\d.]+em>\\hsize\\(?:small|footnotesize)\\fi")
    assert "small" not in re.sub(r"\\smallskip|footnotesize", "", size.sub("", text))


@given(st.text(st.sampled_from(r"ab1 \{}&%$#_~^<>|±−–-'`"), max_size=12))
def test_nothing_special_is_left(text: str) -> None:
    shown = latex_text(text)
    commands = re.sub(r"\\text[a-z]+\{\}|\$[^$]*\$|\\[{}&%$#_]|[-']\{\}", "", shown)
    assert not set(commands) & set("\\{}&%$#_~^<>|±−`")
    assert "--" not in shown
    assert "''" not in shown


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40))
def test_long_words_can_be_broken_and_say_the_same(text: str) -> None:
    shown = breakable(text, 60.0)
    assert all(ord(one) < 127 for one in shown)
    assert width(text) >= 0
    if "'" not in text and "-" not in text and text.isascii():
        assert shown.replace(r"\allowbreak{}", "") == latex_text(text)


def test_bold_in_text_and_markdown() -> None:
    table = Table(["m", "n"], [["paper", "70.00"]], bold=frozenset({(0, 1)}))
    assert "70.00 *" in Report([table]).text("table")
    assert "**70.00**" in Report([table]).text("md")
