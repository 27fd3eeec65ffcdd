"""A table as LaTeX (booktabs)."""

from __future__ import annotations

from collections.abc import Sequence

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "−": "$-$",
    "–": "--",
    "×": r"$\times$",
    "≤": r"$\le$",
    "α": r"$\alpha$",
}


def latex_text(text: str) -> str:
    """Text with every character that LaTeX would take for a command escaped."""
    return "".join(_ESCAPES.get(character, character) for character in text)


def latex_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[bool],
    bold: frozenset[tuple[int, int]],
    rules: Sequence[int],
    title: str,
    notes: Sequence[str],
) -> str:
    """A ``table`` environment; needs the packages booktabs and, for wide tables, graphicx.

    Args:
        right: for each column whether it is aligned right.
        bold: (row, column) of the cells in bold.
        rules: rows before which a thin line stands.
    """
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{latex_text(title)}}}"]
    lines.append(rf"\begin{{tabular}}{{{''.join('r' if r else 'l' for r in right)}}}")
    lines += [r"\toprule", _row([latex_text(name) for name in columns]), r"\midrule"]
    for number, row in enumerate(rows):
        if number in rules:
            lines.append(r"\midrule")
        cells = [
            rf"\textbf{{{latex_text(cell)}}}" if (number, place) in bold else latex_text(cell)
            for place, cell in enumerate(row)
        ]
        lines.append(_row(cells))
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par\smallskip{{\footnotesize {latex_text(note)}}}" for note in notes]
    return "\n".join([*lines, r"\end{table}"])


def _row(cells: Sequence[str]) -> str:
    # A line that begins with "[" would be read as an argument of the "\\" before it.
    first = rf"{{}}{cells[0]}" if cells[0].startswith("[") else cells[0]
    return " & ".join([first, *cells[1:]]) + r" \\"
