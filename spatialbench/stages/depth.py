"""Depth maps of the finished images whose prompts ask for in front of or behind."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import UserError
from ..files.regular_files import is_regular, open_regular
from ..plugins.records import IMAGE_HASH
from ..prompts import Key
from ..runs.chosen_detector import chosen_detector
from ..runs.files import make_folder, write_atomic
from ..runs.opening import Run
from ..runs.progress import Progress
from ..scoring.rules.any_benchmark import in_depth
from ..scoring.rules.depth_maps import DESCRIPTION, DepthFolder
from ..scoring.rules.stored_masks import packed_masks
from .depth_model import DepthModel
from .open_images import decode_png
from .surroundings import DEPTH, Surroundings

if TYPE_CHECKING:
    from PIL import Image

STAGE = "depth"

MASK_SCORE = 0.1
"""Boxes with a score above it get a mask: the lowest threshold of the benchmarks' rules."""


class MaskModel(Protocol):
    """What finds the masks of boxes; see ``stages.box_masks``."""

    def signature(self) -> str: ...
    def masks(
        self, image: Image.Image, boxes: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.bool_]: ...


def make_depth(
    run: Run,
    model: DepthModel,
    progress: Progress,
    masks: MaskModel | None = None,
    detector: str | None = None,
    *,
    wanted: Sequence[Key] | None = None,
    shared: bool = False,
) -> int:
    """Write the depth maps that a run lacks, and masks of its boxes; returns how many images.

    A map is a grey PNG, larger values nearer, as the model stores it (see ``DepthModel.levels``);
    it names the image it was made from, so that an image made again gets another. Nothing is
    loaded where nothing is missing.

    Args:
        masks: also write a mask of every detected box.
        detector: signature of the detector whose boxes those are; None where there is only one.
        wanted: the images that need a map; None for those whose prompts ask for depth.
        shared: whether others work on the run, too.

    Raises:
        UserError: a run without such prompts or without an image, no space or permission.
    """
    folder = DepthFolder.of_model(run.path, model.signature())
    scratch = run.directory.scratch
    if wanted is None:
        by_id = run.expected.by_id
        wanted = [key for key in run.expected.keys() if in_depth(by_id[key[0]])]  # noqa: SIM118
        if not wanted:
            raise UserError(
                f"no prompt of {run.path} asks for in front of or behind, so no rule needs its "
                "depth: score it as it is."
            )
    with run.writing(shared=shared), ExitStack() as held:
        finished = run.directory.finished_images(progress.notice)
        boxes = _boxes(run, detector, progress) if masks is not None else {}
        due = [
            key
            for key in wanted
            if key in finished and _due(folder, key, finished[key].sha256, key in boxes)
        ]
        there = sum(key in finished for key in wanted)
        if wanted and not there:
            raise UserError(
                f"{run.path} has no finished image whose prompt asks for depth: give its 'run' or "
                "'generate' command first."
            )
        progress.begin(STAGE, there - len(due), len(wanted))
        made = 0
        if due:
            where = Surroundings(run.path.absolute(), run.machine, DEPTH, begun=there > len(due))
            entered = where.enter()
            held.callback(entered.leave)
        for key in due:
            sha256 = finished[key].sha256
            image = decode_png(run.directory.read_image(key, sha256), sha256)
            if image is None:
                progress.notice(f"image {key[0]}/{key[1]} cannot be read and gets no depth map")
                continue
            (depth,) = model.estimate([image])
            masked = None
            if masks is not None and key in boxes:
                masked = packed_masks(boxes[key], masks.masks(image, boxes[key]))
            if not made:
                # Not before there is a map: models that fail leave no trace of theirs.
                for sentence in entered.loaded():
                    progress.notice(sentence)
                make_folder(folder.path, run.path)
                description = _description(folder, model, masks)
                write_atomic(folder.path / DESCRIPTION, description, scratch)
            make_folder(folder.map_path(*key).parent, run.path)
            if masked is not None:
                write_atomic(folder.masks_path(*key), masked, scratch)
            # Last, because the map is what says that the image is done.
            write_atomic(folder.map_path(*key), encode_depth(model.levels(depth), sha256), scratch)
            made += 1
            progress.advance(1)
        progress.end()
    return made


def encode_depth(levels: npt.NDArray[np.uint8 | np.uint16], sha256: str) -> bytes:
    """A depth map of shape (height, width) as a PNG of 8 or 16 bits that names its image."""
    from PIL import Image, PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text(IMAGE_HASH, sha256)
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, format="PNG", pnginfo=info)
    return buffer.getvalue()


def _due(folder: DepthFolder, key: Key, sha256: str, masked: bool) -> bool:
    run = folder.run or folder.path
    if masked and not is_regular(folder.masks_path(*key), run):
        return True
    return _made_from(folder.map_path(*key), run) != sha256


def _made_from(path: Path, run: Path) -> str | None:
    """Hash of the image that a map was made from; None for no map, or one of unknown origin."""
    from PIL import Image

    try:
        with open_regular(path, run) as file, Image.open(file, formats=("PNG",)) as image:
            return str(image.info.get(IMAGE_HASH))
    except UserError:
        raise
    # Pillow raises whatever broken bytes make it stumble over.
    except Exception:
        return None


def _boxes(
    run: Run, detector: str | None, progress: Progress
) -> Mapping[Key, npt.NDArray[np.float32]]:
    """The boxes above ``MASK_SCORE`` of each image one detector has looked at."""
    signature = chosen_detector(run, detector)

    def pairs() -> Iterator[tuple[Key, npt.NDArray[np.float32]]]:
        for record in run.directory.seen(signature, progress.notice):
            found = record.detections().require_sound().above(MASK_SCORE)
            if len(found):
                yield record.key, found.boxes

    return dict(pairs())


def _description(folder: DepthFolder, model: DepthModel, masks: MaskModel | None) -> bytes:
    what = {"signature": model.signature(), "identity": model.identity()}
    segmenter = folder.masks_signature if masks is None else masks.signature()
    if segmenter is not None:
        what["masks"] = segmenter
    return (json.dumps(what, indent=2) + "\n").encode()
