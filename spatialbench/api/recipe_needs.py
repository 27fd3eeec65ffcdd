"""What the rows of a recipe need of this machine, known before anything is made."""

from __future__ import annotations

from dataclasses import replace

from ..errors import UserError
from ..plugins.requirements import Requirement
from .at_work import check
from .evaluation import Evaluation
from .reproducing import AskedRow, Reproduction


def checked(found: Reproduction) -> list[AskedRow]:
    """The rows that can be made here; what they take from the network is fetched.

    A row with the paper's own model that lacks something is an error. With another model it is
    left out, unless it lacks what every row does.

    Raises:
        UserError: names the rows and everything that is missing.
    """
    from ..stages.preflight import fetch, require

    needs, disk = lacking(found)
    ready, missing = [], []
    for row, needed in needs:
        absent = [one for one in needed if one.missing and not one.fetchable]
        if not absent or row.point.instead is None:
            ready.append((row, needed))
            continue
        missing += absent
        found.cannot[row.name] = " ".join(dict.fromkeys(str(one.missing) for one in absent))
    if not ready:
        reasons = [row.cannot for row in found.rows if row.cannot]
        require({one.missing: one for one in missing}.values(), fetch=_nothing)
        raise UserError(
            f"{found.source.path}: none of the {len(found.rows)} rows can be made"
            f"{f' with {found.backbone}' if found.backbone else ''}: "
            f"{' '.join(dict.fromkeys(map(str, reasons)))}"
        )
    everything = {one.missing or one.what: one for _, needed in ready for one in needed}
    offer = ' To make the others, leave a row out with --rows "!NAME".'

    def fetched() -> None:
        for row, _ in ready:
            for part in row.parts:
                fetch(part.wanted())

    require([*everything.values(), *disk], fetch=fetched, offer=offer)
    return [row for row, _ in ready]


def _nothing() -> None:
    """Fetch nothing."""


def lacking(
    found: Reproduction,
) -> tuple[list[tuple[AskedRow, list[Requirement]]], list[Requirement]]:
    """What each row that can be made needs of this machine, and the disk for all together."""
    from ..stages.preflight import disk, due, needs

    rows: list[tuple[AskedRow, list[Requirement]]] = []
    images, size, folder = 0, 0.0, None
    seen: set[tuple[object, ...]] = set()
    for row in found.makeable:
        needed: list[Requirement] = []
        for part in row.parts:
            try:
                check(part)
                wanted = part.wanted()
                needed += needs(replace(wanted, image_bytes=None))
                missing = 0 if run_key(part) in seen else len(due(wanted))
            except UserError as error:
                needed.append(Requirement("what the row asks for", str(error)))
                continue
            seen.add(run_key(part))
            images, size = images + missing, size + missing * (wanted.image_bytes or 0)
            folder = folder or part.folder
        rows.append((row, needed))
    return rows, [] if folder is None or not size else [disk(folder, images, size)]


def unique_parts(found: Reproduction) -> list[Evaluation]:
    """What is evaluated, each run once; of rows that can be made."""
    parts = [part for row in found.makeable for part in row.parts]
    return list({run_key(part): part for part in parts}.values())


def run_key(part: Evaluation) -> tuple[object, ...]:
    """What two rows share that are one and the same run, judged alike."""
    judged = (part.detector, str(part.judge), part.depth, part.rule, part.threshold, part.synonyms)
    return (str(part.folder), part.limit, part.only, part.images_per_prompt, *judged)
