"""What guidance, generation and detection cost on one GPU, at real size and with random weights.

Run by hand: ``python -m tests.measurements.on_gpu --minutes 8``. The parts run in order of value;
one that fails or finds no time left is named in the result, and the next begins. Writes
``results/gpu/<card>.json`` and prints a table. ``--reduced`` is for a machine without a GPU: the
same code on tiny models.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from spatialbench.detectors.owlvit import OWLVIT
from spatialbench.methods.stable_diffusion import PLUGIN
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt
from tests.measurements import gpu_runs
from tests.measurements.infsplign_cost import Step, authors_way, count
from tests.measurements.real_size import UNET, write_owlvit, write_sd14
from tests.tiny_models import save_tiny_owlvit, tiny_sd

MIB = 2**20
UNETS: dict[str, dict[str, Any]] = {
    "sd1.4": UNET,
    "sdxl": {
        "sample_size": 128,
        "cross_attention_dim": 2048,
        "attention_head_dim": (5, 10, 20),
        "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
}


class OutOfTime(Exception):
    """The part's share of the session is used up."""


@dataclass
class Session:
    """The device, the time that is left, and what was measured so far."""

    device: str
    reduced: bool
    ends: float
    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def dtype(self) -> torch.dtype:
        """float16 on a GPU, as the README's commands; float32 on a CPU."""
        return torch.float16 if self.device != "cpu" else torch.float32

    def wait(self) -> None:
        """Until the device has done what it was given."""
        if self.device != "cpu":
            torch.cuda.synchronize()

    def measure(self, run: Callable[[], object], rounds: int) -> dict[str, float]:
        """Median seconds of ``run`` after two warm-up calls, and the memory it adds at its peak."""
        for _ in range(2):
            self.check_time()
            run()
        self.wait()
        before = 0
        if self.device != "cpu":
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
        seconds = []
        for _ in range(rounds):
            self.check_time()
            begin = time.perf_counter()
            run()
            self.wait()
            seconds.append(time.perf_counter() - begin)
        measured = {"seconds": statistics.median(seconds), "slowest": max(seconds)}
        if self.device != "cpu":
            measured["peak_mib"] = (torch.cuda.max_memory_allocated() - before) / MIB
        return measured

    def check_time(self) -> None:
        if time.perf_counter() > self.ends:
            raise OutOfTime

    def add(self, part: str, what: str, batch: int, **measured: Any) -> None:
        row = {"part": part, "what": what, "batch": batch, **measured}
        self.rows.append(row)
        print(json.dumps(row), flush=True)


def unet_of(name: str, session: Session) -> Any:
    """A UNet with random weights on the device."""
    from diffusers import UNet2DConditionModel

    if session.reduced:
        return tiny_sd().unet.eval().requires_grad_(False)
    torch.manual_seed(0)
    with torch.device(session.device):
        unet = UNet2DConditionModel(**UNETS[name]).to(session.dtype)
    return unet.eval().requires_grad_(False)


def operations(name: str) -> dict[str, float]:
    """TFLOP of one step of one prompt, counted on meta tensors."""
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        unet = UNet2DConditionModel(**UNETS[name]).eval().half().requires_grad_(False)
    step = Step(unet, UNETS[name]["sample_size"], UNETS[name]["cross_attention_dim"])
    counted = {"plain": count(step.plain, unet).tflop, "guided": count(step.guided, unet).tflop}
    unet.requires_grad_(True)
    return counted | {"straightforward": count(authors_way(step), unet).tflop}


def guided_steps(name: str, batches: tuple[int, ...], session: Session) -> None:
    """A step of plain guidance, of InfSplign, and of InfSplign written the straightforward way."""
    unet = unet_of(name, session)
    config = unet.config
    tflop = {} if session.reduced else operations(name)
    for batch in batches:
        step = Step(unet, config.sample_size, config.cross_attention_dim, batch=batch)
        _add_step(session, name, "plain", batch, step.plain, tflop)
        _add_step(session, name, "guided", batch, step.guided, tflop)
        unet.requires_grad_(True)
        _add_step(session, name, "straightforward", batch, authors_way(step), tflop)
        unet.requires_grad_(False)


def _add_step(
    session: Session,
    name: str,
    what: str,
    batch: int,
    run: Callable[[], None],
    tflop: dict[str, float],
) -> None:
    try:
        measured = session.measure(run, rounds=3 if session.reduced else 10)
    except torch.OutOfMemoryError:
        session.notes.append(f"{name}, {what}, batch {batch}: out of memory")
        torch.cuda.empty_cache()
        return
    if what in tflop:
        measured["tflop"] = tflop[what] * batch
        measured["tflop_per_second"] = measured["tflop"] / measured["seconds"]
    session.add(f"step {name}", what, batch, **measured)


def half_gradient(session: Session) -> None:
    """The gradient of InfSplign's loss in the session's precision against float32."""
    unet = unet_of("sd1.4", session)
    side, width = unet.config.sample_size, unet.config.cross_attention_dim
    step = Step(unet, side, width)
    found = step.gradient().float()
    unet.float()
    step.latents, step.text = step.latents.float(), step.text.float()
    exact = step.gradient()
    error = float((found - exact).norm() / exact.norm())
    session.add("gradient sd1.4", str(session.dtype).removeprefix("torch."), 1, error=error)


def generation(session: Session) -> None:
    """Whole images of the method sd: text, 50 steps, decoding; no file is written."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        backbone = "lab"
        if not session.reduced:
            write_sd14(folder)
            backbone = str(folder)
        dtype = str(session.dtype).removeprefix("torch.")
        settings = GenerationSettings(
            backbone=backbone,
            steps=2 if session.reduced else 50,
            scheduler="ddim",
            device=session.device,
            dtype=dtype,
        )
        generator = PLUGIN.configure(settings, {})
        generator.load()
        prompt = Prompt("0", "a dog to the left of a cat", "left")
        for batch in (1, 2) if session.reduced else (1, 4, 8, 16, 32):
            requests = [ImageRequest(prompt, k, 42 + k) for k in range(batch)]
            measured = session.measure(partial(generator.generate, requests), rounds=2)
            rate = batch / measured["seconds"]
            session.add("generate sd1.4", "sd", batch, **measured, images_per_second=rate)


def detection(session: Session) -> None:
    """OWL-ViT B/32 on 512-pixel images with two names each, preprocessing included."""
    with tempfile.TemporaryDirectory() as name:
        (save_tiny_owlvit if session.reduced else write_owlvit)(Path(name))
        detector = OWLVIT.configure(name, session.device)
        detector.load()
        rng = np.random.default_rng(0)
        images = [
            Image.fromarray(rng.integers(0, 256, (512, 512, 3), dtype=np.uint8)) for _ in range(32)
        ]
        names = gpu_runs.names_of(session)
        for batch in (1, 2) if session.reduced else (1, 8, 32):
            look = images[:batch], [names] * batch
            measured = session.measure(partial(detector.detect, *look), rounds=3)
            rate = batch / measured["seconds"]
            session.add("detect owlvit", "boxes", batch, **measured, images_per_second=rate)


def parts(session: Session) -> Iterator[tuple[str, float, Callable[[], None]]]:
    """Name, share of the whole time it may take at most, and the work; in order of value."""
    small = session.reduced
    batches = (1,) if small else (1, 8)
    yield "run", 0.3, lambda: gpu_runs.runs(session)
    yield "detect ahead", 0.15, lambda: gpu_runs.prefetched(session)
    yield "step sd1.4", 0.2, lambda: guided_steps("sd1.4", batches, session)
    yield "compiled", 0.5, lambda: compiled_steps(batches, session)
    yield "transformers", 0.3, lambda: gpu_runs.transformers(session)
    yield "gradient", 0.1, lambda: half_gradient(session)
    yield "generate", 0.4, lambda: generation(session)
    yield "detect", 0.2, lambda: detection(session)
    if not small:
        yield "step sdxl", 0.4, lambda: guided_steps("sdxl", (1, 4), session)


def compiled_steps(batches: tuple[int, ...], session: Session) -> None:
    """See ``gpu_runs.compiled_steps``."""
    gpu_runs.compiled_steps(session, unet_of("sd1.4", session), batches)


def run_parts(session: Session, minutes: float) -> None:
    """Run the parts; what fails or runs out of time is noted."""
    end = session.ends
    for name, share, work in parts(session):
        session.ends = min(end, time.perf_counter() + share * minutes * 60)
        try:
            work()
        except OutOfTime:
            session.notes.append(f"{name}: its time ran out")
        except Exception as error:
            session.notes.append(f"{name}: {type(error).__name__}: {str(error)[:300]}")
        if session.device != "cpu":
            torch.cuda.empty_cache()


def card_of(device: str) -> str:
    """The card's name as a file name."""
    name = torch.cuda.get_device_name(device) if device != "cpu" else "cpu"
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def table_of(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    heads = "| part | what | batch | seconds | peak MiB | TFLOP/s | images/s |"
    lines = [heads, "| --- | --- | ---: | ---: | ---: | ---: | ---: |"]
    for row in rows:
        if "seconds" not in row:
            lines.append(f"| {row['part']} | {row['what']}: error {row['error']:.2g} | | | | | |")
            continue
        cells = [f"{row['seconds']:.4f}"]
        for key, digits in (("peak_mib", 0), ("tflop_per_second", 1), ("images_per_second", 2)):
            cells.append(f"{row[key]:.{digits}f}" if key in row else "")
        lines.append(f"| {row['part']} | {row['what']} | {row['batch']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--out", type=Path, default=Path("results/gpu"))
    parser.add_argument("--reduced", action="store_true")
    options = parser.parse_args(arguments)
    if not (options.reduced or torch.cuda.is_available()):
        parser.error("there is no GPU here: give --reduced for tiny models on the CPU")
    device = "cpu" if options.reduced else "cuda"
    session = Session(device, options.reduced, time.perf_counter() + 60 * options.minutes)
    run_parts(session, options.minutes)
    card = card_of(device)
    made = {"card": card, "torch": torch.__version__, "dtype": str(session.dtype)[6:]}
    document = made | {"weights": "random", "rows": session.rows, "notes": session.notes}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / f"{card}.json").write_text(json.dumps(document, indent=1) + "\n")
    print(table_of(session.rows))
    for note in session.notes:
        print(f"note: {note}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
