"""Parts of ``on_gpu``: whole runs, compiled steps, prefetched detection, steps of transformers."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from spatialbench.backbones.accelerated import compiled
from spatialbench.detectors.owlvit import OWLVIT
from spatialbench.executors.local import LocalExecutor
from spatialbench.guidance.joint_blocks import find_blocks
from spatialbench.guidance.taps import tapped
from spatialbench.methods.infsplign.gradient import differentiated
from spatialbench.methods.stable_diffusion import PLUGIN
from spatialbench.plugins import GenerationSettings
from spatialbench.prompts import Prompt
from spatialbench.runs.machine import this_machine
from spatialbench.runs.opening import RunSpec, opened_run
from spatialbench.runs.selection import Selection
from spatialbench.stages.whole import Work, run_all
from tests.measurements.infsplign_cost import Step
from tests.measurements.overlap import Clock
from tests.measurements.real_size import write_owlvit, write_sd14
from tests.stages.fakes import Shapes, snapshot
from tests.tiny_models import save_tiny_owlvit, tiny_flux_transformer
from tests.tiny_sd3 import tiny_sd3

if TYPE_CHECKING:
    from tests.measurements.on_gpu import Session


class Named(Shapes):
    """Images in which two names are looked for that any tokenizer has."""

    def __init__(self, images: int, names: Sequence[str]) -> None:
        super().__init__(images // 2, 2)
        self._names = tuple(names)

    def labels(self, prompt: Prompt) -> Sequence[str]:
        return self._names


def names_of(session: Session) -> tuple[str, str]:
    """Words that the tiny model's tokenizer knows; the large one's spells in letters."""
    return ("dog", "cat") if session.reduced else ("x", "y")


def detector_of(session: Session, folder: Path) -> Any:
    (save_tiny_owlvit if session.reduced else write_owlvit)(folder)
    detector = OWLVIT.configure(str(folder), session.device)
    detector.load()
    return detector


def runs(session: Session) -> None:
    """Images made and looked at, one stage after the other and overlapped; files are written."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        backbone = "lab"
        if not session.reduced:
            write_sd14(folder / "sd14")
            backbone = str(folder / "sd14")
        detector = detector_of(session, folder / "owlvit")
        settings = GenerationSettings(
            backbone=backbone,
            steps=2 if session.reduced else 20,
            scheduler="ddim",
            device=session.device,
            dtype=str(session.dtype).removeprefix("torch."),
        )
        generator = PLUGIN.configure(settings, {})
        generator.load()
        images, batch = (4, 2) if session.reduced else (48, 8)
        files: list[dict[str, bytes]] = []
        for overlap in (False, False, True):
            session.check_time()
            # The first run warms everything up.
            target = folder / f"run{len(files)}"
            clock = Clock()
            work = Work(generator, detector, LocalExecutor(), batch, overlap=overlap)
            spec = RunSpec(Named(images, names_of(session)), "all", generator)
            machine = this_machine(session.device, settings.dtype, batch)
            with opened_run(spec, Selection(), machine, target) as run:
                run_all(run, work, clock)
            files.append(snapshot(target))
            if len(files) > 1:
                what = "overlapped" if overlap else "one by one"
                rate = images / clock.seconds
                session.add("run sd1.4", what, batch, seconds=clock.seconds, images_per_second=rate)
        if files[1] != files[2]:
            session.notes.append(f"run: {_differing(files[1], files[2])} files differ overlapped")


def _differing(one: dict[str, bytes], other: dict[str, bytes]) -> int:
    return sum(one.get(name) != other.get(name) for name in one.keys() | other.keys())


def prefetched(session: Session) -> None:
    """OWL-ViT with images prepared in place, and by eight threads while others are looked at."""
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(8) as pool:
        detector = detector_of(session, Path(name))
        batch, count = (2, 2) if session.reduced else (8, 12)
        names = [names_of(session)] * batch
        rng = np.random.default_rng(0)

        def batches() -> list[list[Image.Image]]:
            pixels = rng.integers(0, 256, (count, batch, 512, 512, 3), dtype=np.uint8)
            return [[Image.fromarray(one) for one in some] for some in pixels]

        def look(ahead: bool) -> float:
            made = batches()
            begun: list[Any] = [[] for _ in made]
            start = time.perf_counter()
            for place, images in enumerate(made):
                for later in (place, place + 1) if ahead else ():
                    if later < count and not begun[later]:
                        begun[later] = [pool.submit(detector.prepare, one) for one in made[later]]
                for one in begun[place]:
                    one.result()
                detector.detect(images, names)
            session.wait()
            return time.perf_counter() - start

        look(False)
        for what, ahead in (("in place", False), ("prefetched", True)):
            session.check_time()
            seconds = look(ahead)
            rate = count * batch / seconds
            session.add(
                "detect ahead", what, batch, seconds=seconds / count, images_per_second=rate
            )


@contextmanager
def compiling(session: Session) -> Iterator[None]:
    """On tiny models nothing is compiled: inductor takes a minute of a processor for one."""
    if not session.reduced:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


def compiled_steps(session: Session, unet: Any, batches: tuple[int, ...]) -> None:
    """The steps of Stable Diffusion 1.4 with what needs no gradient compiled, as ``--compile``."""
    plain = unet.forward
    with compiling(session):
        unet.forward = compiled(plain)
        try:
            for batch in batches:
                step = Step(
                    unet, unet.config.sample_size, unet.config.cross_attention_dim, batch=batch
                )
                rounds = 3 if session.reduced else 10
                for what, run in (("plain", step.plain), ("guided", step.guided)):
                    begin = time.perf_counter()
                    run()
                    session.wait()
                    first = time.perf_counter() - begin
                    measured = session.measure(run, rounds)
                    session.add("compiled sd1.4", what, batch, first_seconds=first, **measured)
        finally:
            unet.forward = plain


FLUX: dict[str, Any] = {"guidance_embeds": True}
"""FLUX.1-dev: the class's own defaults are its sizes."""
SD35: dict[str, Any] = {
    "sample_size": 128,
    "num_layers": 24,
    "num_attention_heads": 24,
    "attention_head_dim": 64,
    "caption_projection_dim": 1536,
    "joint_attention_dim": 4096,
    "pos_embed_max_size": 384,
    "dual_attention_layers": tuple(range(13)),
    "qk_norm": "rms_norm",
}
"""SD3.5 medium."""


def transformers(session: Session) -> None:
    """A plain and a guided step of SD3.5 medium and FLUX.1-dev at 1024 pixels, in bfloat16."""
    for name in ("sd3.5-medium", "flux1-dev"):
        session.check_time()
        try:
            _add_joint(name, session)
        except torch.OutOfMemoryError:
            session.notes.append(f"{name}: out of memory")
        if session.device != "cpu":
            torch.cuda.empty_cache()


def _add_joint(name: str, session: Session) -> None:
    for what, run in zip(("plain", "guided"), _joint(name, session), strict=True):
        measured = session.measure(run, rounds=3 if session.reduced else 5)
        session.add(f"step {name}", what, 1, **measured)


def _joint(name: str, session: Session) -> tuple[Callable[[], object], Callable[[], object]]:
    """A step without and with the gradient of a loss of the tapped blocks' maps."""
    from diffusers import FluxTransformer2DModel, SD3Transformer2DModel

    flux, small = name.startswith("flux"), session.reduced
    dtype = torch.float32 if small else torch.bfloat16
    if small:
        model = tiny_flux_transformer() if flux else tiny_sd3().transformer
        chosen: tuple[int, ...] | None = (1,)
    else:
        kind: Any = FluxTransformer2DModel if flux else SD3Transformer2DModel
        before = torch.get_default_dtype()
        torch.set_default_dtype(dtype)
        try:
            with torch.device(session.device):
                model = kind(**(FLUX if flux else SD35))
        finally:
            torch.set_default_dtype(before)
        chosen = None
    model = model.to(session.device, dtype).eval().requires_grad_(False)
    config = model.config
    random = partial(torch.randn, device=session.device, dtype=dtype)
    side, words = (8, 7) if small else (64, 512 if flux else 333)
    told: dict[str, Any] = {
        "pooled_projections": random(2, config.pooled_projection_dim),
        "encoder_hidden_states": random(2, words, config.joint_attention_dim),
        "timestep": torch.full((2,), 0.5 if flux else 500.0, device=session.device, dtype=dtype),
    }
    if flux:
        latents = random(1, side * side, config.in_channels)
        rows = torch.arange(side, device=session.device, dtype=dtype)
        places = torch.cartesian_prod(rows, rows)
        told["img_ids"] = torch.cat([torch.zeros_like(places[:, :1]), places], 1)
        told["txt_ids"] = torch.zeros(words, 3, device=session.device, dtype=dtype)
        told["guidance"] = torch.full((2,), 3.5, device=session.device, dtype=dtype)
    else:
        latents = random(1, config.in_channels, 2 * side, 2 * side)
    alone = ("img_ids", "txt_ids")
    halves = [
        {key: value if key in alone else value[part] for key, value in told.items()}
        for part in (slice(0, 1), slice(1, 2))
    ]
    blocks = find_blocks(model, chosen, "infsplign")
    columns = torch.zeros(1, 2, words, device=session.device)
    columns[:, 0, 2] = columns[:, 1, 5] = 1

    def plain() -> None:
        with torch.no_grad():
            if flux:
                model(hidden_states=latents, **halves[1], return_dict=False)
            else:
                model(hidden_states=latents.repeat(2, 1, 1, 1), **told, return_dict=False)

    def guided() -> None:
        if not flux:
            with torch.no_grad():
                model(hidden_states=latents, **halves[0], return_dict=False)
        taps = tapped(
            blocks.modules,
            lambda maps: maps.transpose(1, 2),
            processor=lambda recorder, slot: blocks.processor(
                recorder, slot, columns, text_only=False
            ),
        )
        differentiated(
            lambda x: model(hidden_states=x, **halves[1], return_dict=False)[0],
            latents,
            taps,
            lambda maps: torch.stack([one.float().flatten(1).var(1) for one in maps]).mean(0),
        )

    return plain, guided
