"""The README's two images, from two small runs on the lab. By hand, with Chromium; a minute or two:

python -m tests.measurements.readme_images [FOLDER]

Writes docs/images/lab.png and docs/images/gallery.png; FOLDER keeps the runs for another time.
"""

from __future__ import annotations

import html
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

import spatialbench
from spatialbench.cli import main as cli

OUT = Path(__file__).parents[2] / "docs" / "images"
PROMPTS = 6
COLOURS = ("#f5a623", "#1ab7d4")
"""First and second object, as in the gallery."""
STYLE = """body{margin:0;background:#f5f7fa;font:14px/1.35 system-ui,sans-serif;color:#1d2330}
main{display:flex;gap:12px;padding:12px}figure{margin:0;width:169px}
.i{position:relative;width:169px;height:169px}
.i img{width:169px;height:169px;image-rendering:pixelated;border-radius:8px}
.i i{position:absolute;border:2px solid;border-radius:3px}figcaption{padding-top:6px}"""


def run(method: str, folder: Path) -> spatialbench.Run:
    """A run of the first prompts, with the benchmark's four images each."""
    where = folder / method
    arguments = ["run", "--method", method, "--bench", "visor", "--limit", str(PROMPTS)]
    assert cli([*arguments, "--out", str(where)]) == 0
    return spatialbench.load_run(where)


def figure(image: Path, prompt: str, record: dict[str, list[object]]) -> str:
    """An image with the boxes of what its prompt asks for, and the prompt."""
    boxes = []
    for box, score, label in zip(record["boxes"], record["scores"], record["labels"], strict=True):
        assert isinstance(box, list)
        assert isinstance(score, float)
        if score < 0.1:
            continue
        left, top, right, bottom = (100 * max(0.0, min(64.0, corner)) / 64 for corner in box)
        colour = COLOURS[prompt.find(f" {label}") > len(prompt) / 3]
        boxes.append(
            f'<i style="left:{left}%;top:{top}%;width:{right - left}%;height:{bottom - top}%;'
            f'border-color:{colour}"></i>'
        )
    return (
        f'<figure><div class="i"><img src="{image.resolve().as_uri()}">{"".join(boxes)}</div>'
        f"<figcaption>{html.escape(prompt)}</figcaption></figure>"
    )


def lab_page(guided: spatialbench.Run) -> str:
    """One image for each prompt, the first in which the relation is right."""
    (journal,) = guided.path.glob("detections/*/*.jsonl")
    seen = {
        (record["prompt_id"], record["index"]): record
        for record in map(json.loads, journal.read_text().splitlines())
    }
    frame = guided.frame().sort_values("correct", ascending=False, kind="stable")
    rows = frame.drop_duplicates("prompt_id").sort_index()
    figures = [
        figure(guided.images()[key], prompt, seen[key])
        for key, prompt in zip(
            zip(rows["prompt_id"], rows["index"], strict=True), rows["prompt"], strict=True
        )
    ]
    return (
        f"<!doctype html><meta charset=utf-8><style>{STYLE}</style><main>{''.join(figures)}</main>"
    )


def photograph(page: Path, out: Path, width: int, height: int) -> None:
    """A screenshot by headless Chromium, with 256 colours to be small."""
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        options += [f"--window-size={width},{height}", "--virtual-time-budget=5000"]
        command = ["chromium", *options, f"--screenshot={shot}", page.resolve().as_uri()]
        subprocess.run(command, check=True, capture_output=True)
        small = Image.open(io.BytesIO(shot.read_bytes())).convert("RGB").quantize(256)
    out.parent.mkdir(parents=True, exist_ok=True)
    small.save(out, optimize=True)
    print(out, small.size, out.stat().st_size)


def main(folder: Path) -> None:
    plain, guided = run("sd", folder), run("infsplign", folder)
    page = folder / "lab.html"
    page.write_text(lab_page(guided))
    photograph(page, OUT / "lab.png", 1100, 238)
    photograph(guided.gallery(folder / "pages", against=plain), OUT / "gallery.png", 1100, 872)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            main(Path(scratch))
