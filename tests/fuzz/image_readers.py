"""Readers of images, and of folders and archives of images."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from tests.stages.fakes import Log, Shapes, make_prompts

from . import formats
from .inputs import NAMES, dumped, json_file, near, noise
from .reader import Read, Reader
from .result_readers import METADATA


def _image(folder: Path) -> None:
    import hashlib

    from spatialbench.exchange.matching import looked_at
    from spatialbench.files.images import UnreadableImage
    from spatialbench.stages.open_images import decode_png

    content = (folder / "image").read_bytes()
    with suppress(UnreadableImage):
        looked_at("image", content)
    decode_png(content, hashlib.sha256(content).hexdigest())


def _depth(folder: Path) -> None:
    from spatialbench.benchmarks.t2i_compbench.depth_maps import read_depth

    read_depth(folder / "depth.png")


_BOXES = np.array([[0, 0, 3, 2], [1, 1, 2, 2]], dtype=np.float32)
_MASKS = {
    "boxes": _BOXES,
    "size": np.array([2, 3]),
    "masks": np.array([[0], [255]], dtype=np.uint8),
}


def _masks(folder: Path) -> None:
    from spatialbench.scoring.rules.depth_maps import DepthFolder

    DepthFolder(folder / "depth").read_masks("0", 0, _BOXES, 3, 2)


def _depth_map_of_a_run(folder: Path) -> None:
    from spatialbench.scoring.rules.depth_maps import DepthFolder

    depth = DepthFolder(folder / "depth")
    assert depth.signature
    depth.read("0", 0, 3, 2)


def _npz(random: Random) -> bytes:
    """Arrays of the wrong shapes and kinds, pickles among them."""
    kinds = (np.uint8, np.float32, np.int64, np.complex128, "S3", "M8[s]", object)
    sizes = ((2,), (2, 1), (2, 4), (), (0,), (0, 4), (2, 3, 1))
    return formats.arrays(
        {
            name: random.choice((array, np.zeros(random.choice(sizes), random.choice(kinds))))
            for name, array in _MASKS.items()
            if random.randrange(20)
        }
    )


def _guide(folder: Path) -> None:
    from spatialbench.methods.revision.guides import FolderGuides
    from spatialbench.plugins import ImageRequest

    request = ImageRequest(make_prompts(1)[0], 0, 42)
    FolderGuides(folder / "guides").guide(request)


def _strange_png(random: Random) -> bytes:
    sizes = (0, 1, 12, 60_000, 2**31 - 1, 2**32 - 1)
    kinds = (b"iCCP", b"zTXt", b"iTXt", b"tRNS", b"PLTE", b"gAMA", b"fcTL", b"acTL", b"eXIf")
    more = [(random.choice(kinds), noise(random, 30)) for _ in range(random.choice((0, 0, 1, 2)))]
    return formats.png(
        random.choice(sizes),
        random.choice(sizes),
        random.choice((1, 2, 4, 8, 16, 3)),
        random.choice((0, 2, 3, 4, 6, 1)),
        more,
    )


def _import(layout: str) -> Read:
    def read(folder: Path) -> None:
        from spatialbench.exchange.layouts import place
        from spatialbench.exchange.matching import match
        from spatialbench.exchange.read_images import import_images
        from spatialbench.exchange.sources import open_source
        from spatialbench.exchange.target import Target
        from spatialbench.plugins.layout import Names
        from spatialbench.runs.expected import expect
        from spatialbench.runs.imported import Imported
        from spatialbench.runs.seeds import SeedScheme
        from spatialbench.runs.selection import Selection

        inputs = folder / "in"
        source = open_source(inputs if inputs.is_dir() else folder / "archive")
        benchmark, seeds = Shapes(3, 1), SeedScheme.parse("unknown")
        expected = expect(benchmark, "all", Selection(), seeds)
        placed = place(layout, source, Names(expected.all_prompts, 1))
        report = match(source, placed, expected)
        target = Target(benchmark, "all", Selection(), seeds, True, folder / "run")
        import_images(source, report, target, Imported("m", "b", layout, report.content), Log())

    return read


def _zips(random: Random) -> bytes:
    names = ["0_0.png", "1_0.png", "images.csv", "metadata.jsonl", *NAMES]
    body = (formats.image("PNG"), b"", b"file,prompt_id,index\n0_0.png,0,0\n", b"\x89PNG")
    members = [(random.choice(names), random.choice(body)) for _ in range(random.randrange(4))]
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    return formats.zipped(members, random.choice(methods))


def _tars(random: Random) -> bytes:
    names = ["0_0.png", "1_0.png", *NAMES]
    kinds = (tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE)
    return formats.tarred(
        [
            (random.choice(names), random.choice((kinds[0], *kinds)), formats.image("PNG"))
            for _ in range(random.randrange(4))
        ]
    )


def _folder(name: str, *others: str) -> Callable[[Path], None]:
    """Images in the folder ``in``, beside which the input will lie."""

    def prepare(folder: Path) -> None:
        (folder / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        for other in others:
            (folder / "in" / other).parent.mkdir(parents=True, exist_ok=True)
            (folder / "in" / other).write_bytes(formats.image("PNG"))

    return prepare


def _csv(random: Random) -> bytes:
    cells = ("0_0.png", "0", "1", '"', '"a\nb"', "\x00", "x" * 140_000, *NAMES)
    lines = [
        ",".join(str(random.choice(cells)) for _ in range(random.randrange(5)))
        for _ in range(random.randrange(4))
    ]
    text = "\n".join(["file,prompt_id,index", *lines])
    return text.encode("utf-8", "replace")


@cache
def found() -> dict[str, Reader]:
    """By name."""
    zip_seed = formats.zipped([("0_0.png", formats.image("PNG"))])
    tar_seed = formats.tarred([("0_0.png", tarfile.REGTYPE, formats.image("PNG"))])
    masks_seed = formats.arrays(_MASKS)
    csv_seed = b"file,prompt_id,index\n0_0.png,0,0\n"
    encoded = tuple(formats.image(form) for form in ("PNG", "JPEG", "WEBP"))
    return {
        "image": Reader("image", near(encoded, _strange_png), _image, encoded),
        "guide": Reader("guides/0.png", near(encoded, _strange_png), _guide, encoded),
        "depth map": Reader(
            "depth.png",
            near([formats.image("PNG", "L")], _strange_png),
            _depth,
            (formats.image("PNG", "L"),),
        ),
        "depth map of a run": Reader(
            "depth/0/0.png",
            near([formats.image("PNG", "L", (3, 2))], _strange_png),
            _depth_map_of_a_run,
            (formats.image("PNG", "L", (3, 2)),),
        ),
        "masks": Reader("depth/0/0.masks.npz", near([masks_seed], _npz), _masks, (masks_seed,)),
        "zip": Reader("archive", near([zip_seed], _zips), _import("visor"), (zip_seed,)),
        "tar": Reader("archive", near([tar_seed], _tars), _import("visor"), (tar_seed,)),
        "images.csv": Reader(
            "in/images.csv",
            near([csv_seed], _csv),
            _import("flat+csv"),
            (csv_seed,),
            _folder("images.csv", "0_0.png"),
        ),
        "geneval metadata": Reader(
            "in/00000/metadata.jsonl",
            json_file([METADATA, {"prompt": make_prompts(1)[0].text}]),
            _import("geneval"),
            (dumped({"prompt": make_prompts(1)[0].text}),),
            _folder("00000/metadata.jsonl", "00000/samples/0000.png"),
        ),
    }
