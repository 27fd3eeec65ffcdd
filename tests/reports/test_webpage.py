"""The leaderboard's page says what the table says, with everything escaped."""

from __future__ import annotations

from html.parser import HTMLParser

from spatialbench.reports.report import Report
from spatialbench.reports.tables import Table


class _Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.bold: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in ("td", "th", "b") and data.strip():
            self.rows[-1][-1] += data
            if self.tags[-1][0] == "b":
                self.bold.append(data)


def test_cells_come_back() -> None:
    table = Table(
        ["method", "OA"],
        [["<script>alert(1)</script>", "62.03"], ["b & c", "70.00"]],
        "t",
        ["<i>note</i>"],
        frozenset({(1, 1)}),
        [1],
    )
    page = Report([table, table]).text("html")
    parser = _Cells()
    parser.feed(page)
    assert parser.rows == [["method", "OA"], *[list(row) for row in table.rows]] * 2
    assert parser.bold == ["70.00"] * 2
    names = {tag for tag, _ in parser.tags}
    assert not names & {"script", "i", "link", "img"}
    assert "url(" not in page
    assert page.count('class="rule"') == 2
