"""Text for LaTeX: every character escaped, how wide it will be, and where it may be broken.

Widths are those of Computer Modern at 10 points, wider than the fonts of most journals.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

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
    "`": r"\textasciigrave{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "≠": r"$\ne$",
    "≈": r"$\approx$",
    "→": r"$\to$",
    "←": r"$\leftarrow$",
    "∞": r"$\infty$",
    "°": r"$^\circ$",
    "…": r"\dots{}",
    "’": "'",
    "‘": r"\textquoteleft{}",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "•": r"\textbullet{}",
    "§": r"\S{}",
    "ß": r"\ss{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
    "\xa0": "~",
}
_GREEK = {letter: unicodedata.name(letter).split()[-1] for letter in "αβγδεζηθικμνξπρστυφχψω"}
_GREEK |= {letter: unicodedata.name(letter).split()[-1] for letter in "ΓΔΘΞΠΣΦΨΩ"}
_ESCAPES |= {
    letter: rf"$\{name.lower() if letter.islower() else name.capitalize()}$"
    for letter, name in {**_GREEK, "λ": "lambda", "Λ": "Lambda"}.items()
}
_ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0327": "c",
    "\u0323": "d",
    "\u0331": "b",
}
"""By combining character the command that sets it."""

_WIDTHS = {
    2.78: "ijl.,:;!'|`[]",
    3.33: " -–",
    3.9: "frst()\\",
    4.44: "cez?I",
    5.0: 'ag0123456789o$*/"{}^~',
    5.56: "bdhknpquvxyJS\u0131",
    6.9: "EFLPZ",
    7.8: "wABCDGHKNOQRTUVXY&+=<>@±−",
    8.4: "m%#",
    9.2: "M",
    10.3: "W",
}
_WIDTH = {char: width for width, chars in _WIDTHS.items() for char in chars}
_OTHER = 8.0
BOLD = 1.16
"""How much wider bold text is."""
SCRIPT = 0.76
"""How wide a subscript is beside text."""

_METRIC = re.compile(r"([A-Za-z0-9]+)_([A-Za-z0-9_]+)")
_AFTER = "-_/.,:;@+=()"


def latex_text(text: str) -> str:
    """Text with every character that LaTeX would take for a command or a dash escaped.

    A character that LaTeX knows only with other packages becomes its number, as ``U+4E2D``.
    """
    escaped = "".join(map(_escaped, unicodedata.normalize("NFC", text)))
    return re.sub("-(?=-)", "-{}", re.sub("'(?=')", "'{}", escaped))


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if " " <= character <= "~":
        return character
    parts = unicodedata.normalize("NFD", character)
    base, marks = parts[0], parts[1:]
    if len(marks) == 1 and base.isascii() and base.isalpha() and marks in _ACCENTS:
        letter = {"i": r"\i", "j": r"\j"}.get(base, base)
        return rf"\{_ACCENTS[marks]}{{{letter}}}"
    return f"U+{ord(character):04X}"


def header(name: str) -> str:
    r"""What a metric is called: ``VISOR$_\text{uncond}$`` for ``VISOR_uncond``."""
    found = _METRIC.fullmatch(name)
    if found is None or not _is_acronym(found[1]):
        return latex_text(name)
    return rf"{latex_text(found[1])}$_\text{{{found[2].replace('_', ',')}}}$"


def header_width(name: str) -> float:
    """Of that, in points."""
    found = _METRIC.fullmatch(name)
    if found is None or not _is_acronym(found[1]):
        return width(name)
    return width(found[1]) + SCRIPT * width(found[2]) + 1


def _is_acronym(text: str) -> bool:
    return text.upper() == text or sum(map(str.isupper, text)) > 1


def width(text: str) -> float:
    """Of text on one line, in points at a size of 10."""
    return sum(map(_width, text))


def _width(character: str) -> float:
    shown = _escaped(character)
    if shown.startswith("U+"):
        return sum(_WIDTH.get(one, _OTHER) for one in shown)
    return _WIDTH.get(unicodedata.normalize("NFD", character)[0], _OTHER)


def breakable(text: str, room: float) -> str:
    """The same as ``latex_text``, with places where a word that is too long may be broken.

    Args:
        room: width of a line, in points.
    """
    words = []
    for word in text.split(" "):
        if width(word) <= 0.9 * room:
            words.append(latex_text(word))
        else:
            words.append(r"\allowbreak{}".join(map(latex_text, _pieces(word, room / 3))))
    return " ".join(words)


def _pieces(word: str, most: float) -> Iterator[str]:
    piece, used = "", 0.0
    for character in word:
        wide = _width(character)
        if piece and used + wide > most:
            yield piece
            piece, used = "", 0.0
        piece, used = piece + character, used + wide
        if character in _AFTER and used > most / 4:
            yield piece
            piece, used = "", 0.0
    if piece:
        yield piece
