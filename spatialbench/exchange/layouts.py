"""The layouts that are installed, and what makes a file one of a benchmark's images.

A benchmark brings those of its own tools (``Benchmark.layouts``); others are for any benchmark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from .. import plugins
from ..errors import UserError, unknown_name
from ..plugins.layout import FLAT, Layout, Names, PassedOver, Placed, Plan
from ..prompts import Key
from ..runs.expected import Expected
from .by_products import image_by_product, left_by_tools
from .id_names import LAYOUT as BY_ID
from .image_table import TableLayout
from .listed import LINES
from .sources import Source

IMAGES = (".png", ".jpg", ".jpeg", ".webp")

_OTHER_IMAGES = (
    *(".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif", ".jxl", ".jp2", ".jfif"),
    *(".ppm", ".pgm", ".tga", ".exr", ".ico", ".apng"),
)
"""Images all the same: to pass them over would lose them."""


OF_NO_BENCHMARK: Mapping[str, Layout] = {"id": BY_ID, "evalscope": LINES, FLAT: TableLayout()}
"""Layouts for any benchmark."""


def layouts() -> Mapping[str, Layout]:
    """Every layout by the name that ``--layout`` takes; a benchmark that is broken brings none.

    Raises:
        UserError: two benchmarks that bring different layouts of one name.
    """
    found: dict[str, Layout] = {}
    whose: dict[str, str] = {}
    for benchmark in plugins.names("benchmark"):
        try:
            brought = plugins.load("benchmark", benchmark).layouts
        except UserError:
            continue
        for name, layout in brought.items():
            if name in found and found[name] is not layout:
                raise UserError(
                    f"the benchmarks {whose[name]} and {benchmark} both bring a layout {name!r}: "
                    "uninstall one of them."
                )
            found[name], whose[name] = layout, benchmark
    return {**found, **OF_NO_BENCHMARK}


def layout_of(name: str) -> Layout:
    """A layout by its name. Raises UserError for an unknown one."""
    known = layouts()
    if name not in known:
        raise unknown_name("layout", name, known)
    return known[name]


def names_of(expected: Expected) -> Names:
    """What a layout may look at, of these expected images."""
    benchmark, subset = expected.benchmark, expected.subset
    return Names(
        expected.all_prompts,
        expected.images_per_prompt,
        benchmark.judged_metadata,
        lambda: benchmark.official_prompts(subset),
    )


def place(layout: str | Layout, source: Source, names: Names) -> dict[str, Placed]:
    """What each file of a source is, and each entry of its list that is none.

    Raises:
        UserError: an unknown layout, or a table of contents that cannot be used.
    """
    chosen = layout_of(layout) if isinstance(layout, str) else layout
    by_table = isinstance(chosen, TableLayout)
    files = set(source.names)
    placed = {
        name: _as_image(name, where, by_table) if name in files else where
        for name, where in chosen.place(source, names).items()
    }
    return _numbered_from_0(_one_of_each(placed), names, by_table)


def plan(layout: str, names: Names, keys: Sequence[Key]) -> Plan:
    """Names of these images in a layout.

    Raises:
        UserError: an unknown layout, or a prompt it has no name for.
    """
    return layout_of(layout).plan(names, keys)


def texts_of(source: Source, names: Names) -> dict[str, str]:
    """The text each file was made from, as any layout tells."""
    told: dict[str, str] = {}
    for layout in layouts().values():
        try:
            told |= layout.texts(source, names)
        except UserError:  # It needs a list that is not there.
            continue
    return told


def _as_image(name: str, where: Placed, by_table: bool) -> Placed:
    """The same, unless the file is not an image, or one that is not read, or a by-product."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in IMAGES:
        if isinstance(where, PassedOver):
            return where
        known = image_by_product(name) if isinstance(where, str) and not by_table else None
        return PassedOver(known) if known else where
    if isinstance(where, PassedOver) and suffix in _OTHER_IMAGES:
        return where
    if suffix in _OTHER_IMAGES or (by_table and not isinstance(where, str)):
        return f"not an image that is read: expected {', '.join(IMAGES)}"
    return PassedOver(left_by_tools(name) or "no image")


def _one_of_each(placed: dict[str, Placed]) -> dict[str, Placed]:
    """The same, with copies in other formats beside a PNG file passed over."""
    stems = {
        (str(PurePosixPath(name).with_suffix("")), where)
        for name, where in placed.items()
        if isinstance(where, tuple) and PurePosixPath(name).suffix.lower() == ".png"
    }

    def beside(name: str, where: Placed) -> Placed:
        if not isinstance(where, tuple) or PurePosixPath(name).suffix.lower() == ".png":
            return where
        if (str(PurePosixPath(name).with_suffix("")), where) not in stems:
            return where
        return PassedOver("beside the PNG file of the same name, which is taken")

    return {name: beside(name, where) for name, where in placed.items()}


def _numbered_from_0(placed: dict[str, Placed], names: Names, by_table: bool) -> dict[str, Placed]:
    """The same, but no image of prompts whose images are numbered from elsewhere than 0.

    By seeds, or from 1: as they stand, image 1 would be taken for the second, and the last for
    one too many.
    """
    indices: dict[str, set[int]] = {}
    for where in placed.values():
        if isinstance(where, tuple):
            indices.setdefault(where[0], set()).add(where[1])
    beyond = names.images_per_prompt - 1
    shifted = {
        prompt_id for prompt_id, found in indices.items() if 0 not in found and max(found) > beyond
    }
    if indices and not any(0 in found for found in indices.values()) and shifted:
        shifted = set(indices)
    if not shifted:
        return placed
    everyone = "every prompt's" if shifted == set(indices) else "the prompt's"
    way = "write the index so" if by_table else "or use --layout flat+csv"

    def said(prompt_id: str) -> str:
        of = indices[prompt_id]
        if shifted == set(indices):
            of = set().union(*indices.values())
        count = len(indices[prompt_id])
        return (
            f"{everyone} images are numbered {min(of)} to {max(of)}, and numbers from 0 are "
            f"expected: rename them 0 to {count - 1}, {way}"
        )

    return {
        name: said(where[0]) if isinstance(where, tuple) and where[0] in shifted else where
        for name, where in placed.items()
    }
