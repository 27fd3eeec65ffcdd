"""One look at everything a run will need, before anything of it is made or written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..detections import Detections
from ..errors import UserError
from ..executors import Executor
from ..files.shown_text import counted
from ..plugins import Method
from ..plugins.evidence import OF_JUDGES, SEEN, Evidence, NoEvidence
from ..plugins.requirements import Requirement, required, together
from ..plugins.rule import DEPTH_MAPS
from ..prompts import Key
from ..runs.expected import Expected, ToJudge
from ..runs.progress import Silent
from ..runs.store import RunDirectory
from ..scoring.judging import Judging
from ..scoring.rules.depth_maps import DepthFolder
from .depth_model import DepthModel, asking
from .detector_record import require_same_model
from .looker import Look

_silent = Silent().notice  # stages tell of torn lines
_SUBFOLDERS = ("images", "packs", *(seen.what for seen in SEEN.values()), "rules")


@dataclass(frozen=True)
class Wanted:
    """What a command is about to do.

    Attributes:
        folder: where the run lies or is to lie.
        generator: None where no image is to be made.
        looks: the models that are to look at the images.
        judging: None where nothing is to be judged.
        image_bytes: how much disk an image takes, roughly; None where nobody knows.
        depth: what is to make the depth maps that are needed; None for nothing.
        executor: what is to work; None where that is not asked yet.
    """

    folder: Path
    expected: Expected
    generator: Method | None = None
    looks: Sequence[Look] = ()
    judging: Judging | None = None
    image_bytes: float | None = None
    depth: DepthModel | None = None
    executor: Executor | None = None


def needs(wanted: Wanted) -> list[Requirement]:
    """Everything that the rest of a command needs, whether or not it is there.

    What is finished needs nothing any more. No model is loaded, nothing is written, and nothing
    is taken from the network; a cluster that is to work is joined.

    Raises:
        UserError: a run that is there and damaged.
    """
    expected, directory = wanted.expected, RunDirectory(wanted.folder)
    keys = expected.keys()
    found = [
        required(f"permission to write to {wanted.folder}", lambda: require_writable(wanted.folder))
    ]
    missing = due(wanted)
    if wanted.generator is not None and missing:
        if wanted.image_bytes is not None:
            found.append(disk(wanted.folder, len(missing), len(missing) * wanted.image_bytes))
        found += wanted.generator.requirements(ToJudge(expected, missing))
    unseen = False
    for look in wanted.looks:
        lacks = _model(look, directory, expected, keys)
        if lacks is not None:
            unseen = True
            found += [*_chose(look, wanted.generator), *lacks]
    if unseen and wanted.generator is None and len(missing) == len(keys):
        found.append(Requirement("an image to look at", str(no_image(wanted.folder))))
    # Where all was made and looked at, scoring itself says in seconds what it lacks.
    if wanted.judging is not None and (missing or unseen):
        lacks = _judging(wanted.judging, wanted.folder, expected, keys)
        found += [one for one in lacks if wanted.depth is None or one.what != DEPTH_MAPS]
    found += _depth(wanted)
    # Last, because a cluster takes its time to answer.
    if wanted.executor is not None and (missing or unseen) and not _lacking(found):
        found.append(required("who works", wanted.executor.check))
    return found


def due(wanted: Wanted) -> list[Key]:
    """The expected images that are not there yet."""
    directory = RunDirectory(wanted.folder)
    finished = directory.finished_images(_silent) if wanted.folder.is_dir() else {}
    return [key for key in wanted.expected.keys() if key not in finished]  # noqa: SIM118


def prepare(wanted: Wanted, meanwhile: str = "") -> None:
    """Fetch what can be fetched, and end here where something else is missing.

    Args:
        meanwhile: a sentence to add where the images could be made all the same.

    Raises:
        UserError: what is missing, all of it.
    """
    found = needs(wanted)
    offer = f" {meanwhile}" if meanwhile and _images_alone(wanted, found) else ""
    require(found, fetch=lambda: fetch(wanted), offer=offer)


def _images_alone(wanted: Wanted, found: Iterable[Requirement]) -> bool:
    """Whether something is missing, and nothing that making the images needs."""
    if wanted.generator is None or not (wanted.looks or wanted.judging):
        return False
    alone = needs(replace(wanted, looks=(), judging=None, depth=None))
    return not _lacking(alone) and _lacking(found)


def _lacking(found: Iterable[Requirement]) -> bool:
    return any(r.missing and not r.fetchable for r in found)


def require(found: Iterable[Requirement], *, fetch: Callable[[], None], offer: str = "") -> None:
    """End here where something is missing, and otherwise fetch what can be fetched.

    Args:
        found: what ``needs`` found.
        fetch: downloads what is to be fetched.
        offer: a sentence to add where something is missing.

    Raises:
        UserError: says everything that is missing, or what could not be fetched.
    """
    found = list(found)
    missing = together(r.missing for r in found if r.missing and not r.fetchable)
    if len(missing) > 1:
        told = " ".join(f"({i}) {text}" for i, text in enumerate(missing, 1))
        raise UserError(
            f"{len(missing)} things are missing: {told} Nothing was made or changed.{offer}"
        )
    if missing:
        raise UserError(f"{missing[0]} Nothing was made or changed.{offer}")
    if any(requirement.missing for requirement in found):
        fetch()


def no_image(folder: Path) -> UserError:
    """The error where a detector has nothing to look at, now or ever."""
    return UserError(
        f"{folder} has no finished image to look at: make them first with 'spatialbench run' or "
        "'spatialbench generate'; a run of imported detections or results has none."
    )


def fetch(wanted: Wanted) -> None:
    """Download what the generator and the models that look take from the network.

    Raises:
        UserError: it cannot be had.
    """
    if wanted.generator is not None:
        wanted.generator.download()
    for look in wanted.looks:
        look.looker.model.download()
    if wanted.depth is not None:
        wanted.depth.download()


def _model(
    look: Look, directory: RunDirectory, expected: Expected, keys: list[Key]
) -> list[Requirement] | None:
    """What a detector or judge needs; None where it has looked at everything."""
    model, kind = look.looker.model, look.looker.kind
    whose = SEEN[kind].model
    known = required(f"the {whose}'s identity", lambda: (model.signature(), model.identity()))
    if known.missing is not None:
        return [known]
    done = look.done(directory, expected, _silent, look.answered(directory, _silent))
    if all(key in done for key in keys):
        return None
    same = required(
        f"the same {whose} as before", lambda: require_same_model(directory, model, kind)
    )
    return [*([same] if same.missing else []), *look.requirements(expected.prompts)]


def _chose(look: Look, generator: Method | None) -> list[Requirement]:
    """A model that is to look at images and chose them itself is missing, as a judge of them."""
    signature = look.looker.signature
    # What a benchmark puts behind a detector makes no other of it.
    if generator is None or generator.chosen_by != signature.partition("+")[0]:
        return []
    what = SEEN[look.looker.kind].model
    return [
        Requirement(
            f"a {what} that did not choose the images",
            f"{signature} chooses among the images that are made, and would like them too well "
            f"when it scores them: give another --{what}, or let another choose with --set judge=.",
        )
    ]


def _judging(
    judging: Judging, folder: Path, expected: Expected, keys: list[Key]
) -> list[Requirement]:
    """What a rule needs, and whether it takes the prompts: by their verdicts on no box at all."""
    rule = judging.rule

    def takes_the_prompts() -> None:
        nothing = Detections.build(np.empty((0, 4)), [], (), 1, 1)
        for prompt in expected.prompts:
            asked: dict[str, Any] = {
                kind: dict.fromkeys(rule.asked(prompt, kind), 0.0) for kind in OF_JUDGES
            }
            seen = Evidence(prompt, boxes=nothing, **asked)
            try:
                rule.judge_evidence(prompt, seen, rule.threshold)
            except NoEvidence:
                continue
            except UserError:
                raise
            except Exception:
                # Whatever else goes wrong here may be right where there are boxes.
                return

    taken = required(f"prompts that {judging.name} judges", takes_the_prompts)
    if taken.missing is not None:
        return [taken]
    judging = judging.of_run(folder, expected.prompts)
    return list(judging.rule.requirements(ToJudge(expected, keys), folder))


def _depth(wanted: Wanted) -> list[Requirement]:
    """What the depth model needs, where an image can lack its map."""
    model = wanted.depth
    if model is None:
        return []
    known = required("the depth model's identity", lambda: (model.signature(), model.identity()))
    if known.missing is not None:
        return [known]
    there = DepthFolder.of_model(wanted.folder, model.signature())
    asked = wanted.expected.keys()
    if wanted.judging is not None:
        asked = asking(wanted.judging.rule, wanted.expected)
    return [] if all(there.map_path(*key).is_file() for key in asked) else [*model.requirements()]


def disk(folder: Path, images: int, needed: float) -> Requirement:
    """Room for so many images, of so many bytes together, where the folder lies."""
    free = shutil.disk_usage(_existing(folder)).free
    lacking = (
        f"{counted(images, 'image')} need about {_size(needed)} of disk, and where {folder} lies "
        f"{_size(free)} are free: free some space, choose another --out, or give a smaller --limit."
    )
    return Requirement(f"{_size(needed)} of disk", lacking if needed > free else None)


def require_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written, or made; nothing is made.

    Raises:
        UserError: it, or the first of its parents that is there, is a file or not writable.
    """
    there = _existing(folder)
    if not there.is_dir():
        raise UserError(
            f"cannot write {folder}: {there} is a file, where a folder is needed; move it away or "
            "choose another --out."
        )
    for place in (there, *(folder / name for name in _SUBFOLDERS)):
        if place.is_dir() and not os.access(place, os.W_OK | os.X_OK):
            raise UserError(
                f"cannot write {folder}: no permission to write to {place}, or the file system is "
                "read-only; change the permissions or choose another --out."
            )


def _size(count: float) -> str:
    """``4.5 GB``, powers of ten."""
    for unit, length in (("GB", 1e9), ("MB", 1e6)):
        if count >= length:
            return f"{count / length:.3g} {unit}"
    return f"{count / 1e3:.3g} kB"


def _existing(folder: Path) -> Path:
    """A folder, or the first of its parents that is there."""
    there = folder.absolute()
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    return there
