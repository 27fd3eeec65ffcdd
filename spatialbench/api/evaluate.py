"""One call from a method, a pipeline or a function to the benchmark's numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..executors.named import named_executor
from ..plugins import Benchmark, Detector, DetectorPlugin, Rule
from ..plugins.kernels import STOCK, Kernels
from ..runs.progress import Progress
from ..runs.selection import Selection
from .asked_models import Judges
from .batches import BatchSize
from .console import told
from .evaluation import Evaluation
from .rewriting import Rewriting
from .run import Run
from .until import run, seeds_for

if TYPE_CHECKING:
    from ..executors import Executor
    from ..stages.depth_model import DepthModel


def evaluate(
    what: object,
    bench: str | Benchmark,
    *,
    limit: int | None = None,
    only: str | Sequence[str] = (),
    images_per_prompt: int | None = None,
    backbone: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    steps: int | None = None,
    guidance_scale: float | None = None,
    scheduler: str | None = None,
    width: int | None = None,
    height: int | None = None,
    dtype: str | None = None,
    prompt_transform: Rewriting | None = None,
    seeds: str | None = None,
    until: str | None = None,
    detector: str | Detector | DetectorPlugin | None = None,
    judge: Judges = None,
    depth: str | DepthModel | None = None,
    rule: str | Rule | None = None,
    threshold: float | None = None,
    known_names_only: bool = False,
    synonyms: bool = False,
    name: str | None = None,
    out: str | Path | None = None,
    device: str | None = None,
    batch_size: BatchSize | None = None,
    retry_refused: bool = False,
    overlap: bool = False,
    kernels: Kernels = STOCK,
    pack: bool = False,
    offline: bool = False,
    executor: str | Executor = "local",
    workers: int | None = None,
    progress: bool | Progress = True,
) -> Run:
    """Make the images, find the objects, apply the rule; as ``spatialbench run``.

    The same call again continues where the last one stopped; once it is complete, it only reads.

    Args:
        what: a method's name, ``path/to/file.py:NAME``, a ``Method`` or ``MethodPlugin``, a
            diffusers pipeline, or a function ``(prompt: str, seed: int) -> PIL.Image.Image``.
        bench: ``NAME``, ``NAME:subset`` or a ``Benchmark``.
        limit: only the first so many prompts of one fixed, balanced shuffle.
        only: tasks, relations or prompt ids, comma-separated in a string.
        images_per_prompt: None for the benchmark's own number.
        backbone: of a named method; of a function, what its images are made with, which is told.
        parameters: of the method, by name.
        steps: denoising steps; like what follows, None for the backbone's own.
        guidance_scale: of classifier-free guidance.
        scheduler: such as ``ddim``.
        width: of the images, in pixels; so is ``height``.
        height: see ``width``.
        dtype: ``float32``, ``float16`` or ``bfloat16``.
        prompt_transform: what rewrites the prompts before the method sees them: a name,
            ``file:PATH``, a dictionary from prompt ids to texts, or a ``PromptTransform``.
        seeds: ``protocol`` (the benchmark's) or ``hashed[:BASE]``; None for ``protocol``, and for
            ``hashed`` with ``until`` and one image per prompt.
        until: go on over the shuffle until an interval is so narrow, as ``"VISOR_uncond±1"``.
        detector: None for the benchmark's own, and for the lab's images the lab's own.
        judge: for a rule that needs answers or similarity, or a list of one for each; None for the
            benchmark's own.
        depth: what makes the depth maps that the rule lacks, as ``dpt-hybrid:FOLDER``; None for
            the rule's own model.
        rule: None for that of the subset.
        threshold: score, 0 to 1, that a box must exceed; None for the rule's.
        known_names_only: only prompts whose every name the detector knows; the table is marked.
        synonyms: ask the detector for other names of what it does not know; likewise.
        name: what the run is called in tables, of at most 80 characters; the same call with
            another one renames it. That of a function, which needs one, or of a pipeline object is
            part of what it is.
        out: exactly where the run lies; None for its own folder under ``runs``.
        device: such as ``cuda:1``; None for cuda where there is one. A pipeline stays where it is.
        batch_size: images at a time; ``auto`` measures which is the fastest here.
        retry_refused: ask again for images that the method refused to make earlier.
        overlap: look at images while others are being made; results are the same.
        kernels: what makes images faster and changes their rounding, as another device does.
        pack: put the images into few large files, as ``--pack``; changes no image and no number.
        offline: take nothing from the network.
        executor: ``local``, ``ray`` or an object.
        workers: of ray; None for as many as the cluster has room for.
        progress: True draws on stderr, False draws nothing; or an object that is told.

    Raises:
        UserError: what the caller can put right, before the first image wherever that can be.
    """
    shown = told(progress)
    if isinstance(executor, str):
        executor = named_executor(executor, shown.notice, workers=workers, device=device)
    asked = Evaluation(
        what,
        bench,
        parameters=parameters or {},
        backbone=backbone,
        steps=steps,
        guidance_scale=guidance_scale,
        scheduler=scheduler,
        width=width,
        height=height,
        dtype=dtype,
        prompt_transform=prompt_transform,
        limit=limit,
        only=Selection.parse_only(only),
        images_per_prompt=images_per_prompt,
        seeds=seeds_for(seeds, until, images_per_prompt),
        until=until,
        detector=detector,
        judge=judge,
        depth=depth,
        rule=rule,
        threshold=threshold,
        known_names_only=known_names_only,
        synonyms=synonyms,
        name=name,
        out=None if out is None else Path(out),
        device=device,
        batch_size=batch_size,
        retry_refused=retry_refused,
        overlap=overlap,
        kernels=kernels,
        pack=pack,
        offline=offline,
        executor=executor,
        progress=shown,
    )
    try:
        stored, summary = run(asked)
    finally:
        shown.end()
    return Run(stored, summary)
