"""Runs a notebook's cells in their order, without Jupyter, and keeps what they give.

``python -m tests.notebooks FILE`` writes the outputs into the file, for readers who do not run it.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import linecache
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

Cell = dict[str, Any]


def _shown(value: object) -> dict[str, Any]:
    """The forms of a cell's last value that a notebook shows, by media type."""
    forms: dict[str, Any] = {"text/plain": repr(value).splitlines(keepends=True)}
    if (png := getattr(value, "_repr_png_", None)) is not None:
        forms["image/png"] = base64.b64encode(png()).decode()
        forms["text/plain"] = ["<image>"]  # its repr is another in each process
    if (page := getattr(value, "_repr_html_", None)) is not None:
        forms["text/html"] = page().splitlines(keepends=True)
    return forms


def run_cell(source: str, names: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """The outputs of one cell; an exception is not caught."""
    name = f"<cell {number}>"
    # As Jupyter does: the source of a cell's function can be read, which an identity holds.
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    outputs: list[dict[str, Any]] = []
    printed = io.StringIO()
    value = None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, name, "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), names)
    if printed.getvalue():
        lines = printed.getvalue().splitlines(keepends=True)
        outputs.append({"name": "stdout", "output_type": "stream", "text": lines})
    if value is not None:
        result = {"output_type": "execute_result", "execution_count": number, "metadata": {}}
        outputs.append({**result, "data": _shown(value)})
    return outputs


def run_cells(cells: list[Cell]) -> list[Cell]:
    """The code cells in one namespace, with new outputs."""
    names: dict[str, Any] = {"__name__": "__main__"}
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    return [
        {
            **cell,
            "execution_count": number,
            "outputs": run_cell("".join(cell["source"]), names, number),
        }
        for number, cell in enumerate(code, 1)
    ]


def main(path: Path) -> None:
    notebook = json.loads(path.read_text())
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        done = {cell["id"]: cell for cell in run_cells(notebook["cells"])}
    notebook["cells"] = [done.get(cell["id"], cell) for cell in notebook["cells"]]
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + os.linesep)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
