"""Folders of small images in the layouts people have."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from spatialbench.plugins.layout import Names
from spatialbench.prompts import Prompt
from spatialbench.runs.expected import Expected, expect
from spatialbench.runs.seeds import SeedScheme
from spatialbench.runs.selection import Selection

from ..stages.fakes import Shapes

LAYOUTS = ("visor", "t2i-compbench", "geneval", "flat+csv")

SHAPES = Shapes(count=4, images=2)


def image_bytes(number: int, form: str = "PNG") -> bytes:
    """An image like no other."""
    pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()


def official_name(layout: str, prompt: Prompt, index: int) -> str:
    """Names written from the layouts' descriptions, apart from the code under test."""
    place = int(prompt.id)
    return {
        "visor": f"{prompt.id}_{index}.png",
        "t2i-compbench": f"samples/{prompt.text}_{2 * place + index:06d}.png",
        "geneval": f"{place:05d}/samples/{index:04d}.png",
        "flat+csv": f"{'abcd'[place]}{index}.png",
    }[layout]


def write_folder(folder: Path, layout: str, prompts: Sequence[Prompt] = ()) -> Path:
    """Two images of each prompt, and whatever files belong to the layout."""
    table = [["file", "prompt_id", "index"]]
    for prompt in prompts or SHAPES.prompts("all"):
        for index in (0, 1):
            name = official_name(layout, prompt, index)
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(image_bytes(2 * int(prompt.id) + index))
            table.append([name, prompt.id, str(index)])
        if layout == "geneval":
            metadata = {"tag": prompt.task, "prompt": prompt.text}
            place = folder / f"{int(prompt.id):05d}" / "metadata.jsonl"
            place.write_text(json.dumps(metadata) + "\n")
    if layout == "flat+csv":
        with (folder / "images.csv").open("w", newline="") as file:
            csv.writer(file).writerows(table)
    return folder


def names(shapes: Shapes = SHAPES) -> Names:
    """What a layout is told of a benchmark."""
    return Names(shapes.prompts("all"), shapes.images_per_prompt)


def expected(shapes: Shapes = SHAPES, **selection: Any) -> Expected:
    """The expected images."""
    return expect(shapes, "all", Selection(**selection), SeedScheme(known=False))


def put(folder: Path, files: Mapping[str, bytes | str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder
