"""The pages of the repository as a site: `make docs`. Links and anchors inside it are checked.

Sphinx reads the same files that a reader of the repository sees, where they lie. MyST reads
Markdown as CommonMark with tables, which the files are written in.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

project = "spatialbench"
author = "spatialbench developers"
copyright = author
extensions = ["myst_parser"]
root_doc = "README"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/**.md",
    "benchmarks/*/README.md",
    "examples/*/README.md",
    "results/**.md",
    "spatialbench/lab/weights/README.md",
]
exclude_patterns = [".venv", "build", "dist", "runs"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = "spatialbench"
html_copy_source = False
html_show_copyright = False

PARTS = {
    "Start": "first-steps bring-what-you-have python glossary when-something-goes-wrong docker",
    "Methods": "methods pipelines served esplora rewritten-prompts",
    "Judging": "prompts-and-rules detectors hostile-files",
    "Results": "runs results tables recipes site ci importing exchange schemas/README",
    "At size": "clusters serve",
    "Building on it": "extending architecture",
}
"""What the pages of docs/ are about; the others come after them by their place."""


def contents(pages: set[str]) -> str:
    """The tree of pages, each once: those of PARTS, and all others by their first folder."""
    trees = {part: [f"docs/{name}" for name in names.split()] for part, names in PARTS.items()}
    placed = {name for names in trees.values() for name in names}
    for page in sorted(pages - placed - {root_doc}):
        folder = page.partition("/")[0] if "/" in page else "This project"
        trees.setdefault(f"{folder}/" if "/" in page else folder, []).append(page)
    return "\n\n".join(
        "\n".join(["```{toctree}", ":hidden:", f":caption: {part}", "", *names, "```"])
        for part, names in trees.items()
        if names
    )


def folder_links(text: str, folder: Path) -> str:
    """Links to folders, which a site cannot show: to their README, or else their words alone."""

    def instead(link: re.Match[str]) -> str:
        words, target = link.groups()
        if not (folder / target).is_dir():
            return link[0]
        readme = f"{target.rstrip('/')}/README.md"
        return f"[{words}]({readme})" if (folder / readme).is_file() else words

    return re.sub(r"(?<!!)\[([^\]]+)\]\(([^)#:]+)\)", instead, text)


def on_source(app: Any, page: str, source: list[str]) -> None:
    """What is read instead of a page's own text."""
    text = folder_links(source[0], (Path(app.srcdir) / page).parent)
    titled = re.search(r"^# ", text, flags=re.MULTILINE)
    source[0] = text if titled else f"# {Path(page).name}\n\n{text}"
    if page == root_doc:
        source[0] += "\n\n" + contents(set(app.env.found_docs))


def on_end(app: Any, exception: Exception | None) -> None:
    """The address of the site leads to its first page."""
    if exception is None:
        page = f'<!doctype html><meta http-equiv="refresh" content="0; url={root_doc}.html">\n'
        (Path(app.outdir) / "index.html").write_text(page)


def setup(app: Any) -> None:
    """Connects the two with Sphinx."""
    app.connect("source-read", on_source)
    app.connect("build-finished", on_end)
