"""Charts as files: SVG that any program shows, and from it PDF and PNG."""

from __future__ import annotations

import re
from collections.abc import Collection
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...errors import UserError

if TYPE_CHECKING:
    from markupsafe import Markup

FORMS = ("pdf", "png")
"""What a chart can be made into, beside SVG."""
_VARIABLE = re.compile(r"var\(--[a-z0-9]+,(#[0-9a-f]{6})\)")
_MIX = re.compile(r"color-mix\(in srgb, #([0-9a-f]{6}) (\d+)%, #([0-9a-f]{6})\)")
_SIZE = re.compile(r'viewBox="0 0 (\S+) (\S+)"')
_FONTS = 'font-family="system-ui, sans-serif"'
_PNG_SCALE = 3


def standalone(svg: Markup) -> str:
    """A page's chart as a file: its colours as they are on a light page, on white ground."""
    plain = _MIX.sub(_mixed, _VARIABLE.sub(r"\1", str(svg)))
    size = _SIZE.search(plain)
    if size is None:
        raise ValueError("a chart without a viewBox")
    ground = f'<rect width="{size[1]}" height="{size[2]}" fill="#ffffff"></rect>'
    plain = plain.replace(_FONTS, 'font-family="Helvetica, Arial, Liberation Sans, sans-serif"', 1)
    return plain.replace(">", f">{ground}", 1)


def require_forms(forms: Collection[str]) -> None:
    """Raise UserError where such files cannot be written here."""
    if forms:
        _converter()


def converted(svg: Markup, form: str) -> bytes:
    """The chart as ``pdf``, in vectors, or as ``png``, three pixels for each of the page's.

    Raises:
        UserError: the package that draws them is not installed.
    """
    converter, plain = _converter(), standalone(svg)
    if form == "pdf":
        return bytes(converter.svg_to_pdf(plain))
    return bytes(converter.svg_to_png(plain, scale=_PNG_SCALE))


def _converter() -> Any:
    try:
        return import_module("vl_convert")
    except ImportError:
        raise UserError(
            "charts as PDF or PNG need the package vl-convert-python, which is not installed: type "
            "pip install 'spatialbench[figures]', or take the SVG files, which need nothing."
        ) from None


def _mixed(found: re.Match[str]) -> str:
    share = int(found[2]) / 100
    one, other = (bytes.fromhex(found[part]) for part in (1, 3))
    mixed = (round(share * a + (1 - share) * b) for a, b in zip(one, other, strict=True))
    return "#" + bytes(mixed).hex()
