"""SVG elements as text, with everything escaped, and names as long as there is room."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable
from itertools import accumulate
from typing import TYPE_CHECKING

from ...files.shown_text import inert_line

if TYPE_CHECKING:
    from markupsafe import Markup

# Every colour has a contrast of at least 3:1 with its page, and those of words 4.5:1 (WCAG AA).
INK, FAINT, GRID = "var(--ink,#1b1f24)", "var(--faint,#59636f)", "var(--line,#dfe3e8)"
SERIES = (
    *("var(--s1,#2f5fc4)", "var(--s2,#b45309)", "var(--s3,#0f766e)"),
    *("var(--s4,#8b3fb0)", "var(--s5,#b42342)"),
)
RIGHT, WRONG = "var(--right,#0f766e)", "var(--wrong,#b42342)"
PAGE, ZERO = "var(--card,#ffffff)", "var(--zero,#c3c9d2)"


def tag(name: str, *children: str | Markup, **attributes: str | float) -> Markup:
    """One element. ``font_size=9`` becomes ``font-size="9"``, ``class_`` becomes ``class``."""
    from markupsafe import Markup, escape

    def plain(words: str | Markup) -> str:
        return str(words if isinstance(words, Markup) else escape(inert_line(words)))

    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{plain(_number(value))}"'
        for key, value in attributes.items()
    )
    inside = "".join(map(plain, children))
    return Markup(f"<{name}{shown}>{inside}</{name}>")


def text(
    x: float, y: float, words: str, anchor: str = "start", **attributes: str | float
) -> Markup:
    """Words at a point; ``anchor`` is start, middle or end."""
    given: dict[str, str | float] = {"fill": INK, "font_size": 11, **attributes}
    return tag("text", words, x=x, y=y, text_anchor=anchor, **given)


def title(words: str) -> Markup:
    """What stands over a chart."""
    return text(0, 12, words, font_size=13, font_weight="600")


def line(
    x1: float, y1: float, x2: float, y2: float, colour: str = GRID, width: float = 1
) -> Markup:
    """A straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=colour, stroke_width=width)


def image(width: float, height: float, label: str, *children: Markup) -> Markup:
    """A whole SVG; ``label`` is what a screen reader says."""
    return tag(
        "svg",
        *children,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_number(width)} {_number(height)}",
        width=width,
        height=height,
        role="img",
        aria_label=label,
        font_family="system-ui, sans-serif",
    )


def shortened(words: str, most: int) -> str:
    """A name that has room where so many Latin letters of a usual width have."""
    words = inert_line(words)
    ends = list(accumulate(map(_places, words)))
    if not ends or ends[-1] <= most:
        return words
    return f"{words[: bisect(ends, most - 1)].rstrip()}…"


def room(names: Iterable[str], most: int) -> float:
    """How many such letters the longest of some names is as wide as, once they are shortened."""
    return max((sum(map(_places, shortened(name, most))) for name in names), default=1)


def _places(letter: str) -> float:
    """How wide a letter is beside one of a usual width."""
    from rich.cells import cell_len

    return cell_len(letter) * (1.7 if letter in "MWmw@%" else 1.25 if letter.isupper() else 1.0)


def _number(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
