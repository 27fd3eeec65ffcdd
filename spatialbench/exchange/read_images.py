"""Writing matched images into a run."""

from __future__ import annotations

import hashlib
from typing import Any

from ..errors import UserError
from ..files.images import needs_conversion, open_image, orientation, to_rgb
from ..plugins import Method
from ..runs.opening import Run
from ..runs.progress import Progress
from ..stages.open_images import encode_png
from .matching import FORMATS, Matching
from .sources import Source
from .target import Target

STAGE = "import"

_PNG = b"\x89PNG\r\n\x1a\n"
_BATCH = 200


def import_images(
    source: Source, report: Matching, target: Target, method: Method, progress: Progress
) -> Run:
    """Make a run of the matched images, or continue it.

    PNG files keep their bytes; others are written as PNG with the same pixels, and so are PNG files
    that have to be turned by their EXIF orientation or that hold 16 bits of grey. Each record
    holds the name and the hash of the file it came from, and the orientation that was applied.

    Raises:
        UserError: nothing matched, a file that changed since it was matched, no space.
    """
    if not report.matched:
        raise UserError(
            f"no file of {source.path} matches an expected image: see the table, and check "
            "--layout and --bench."
        )
    with target.opened(method) as run:
        directory, expected = run.directory, run.expected
        finished = directory.finished_images(progress.notice)
        progress.begin(STAGE, sum(key in finished for key in report.matched), expected.images)
        due = [item for item in report.matched.items() if item[0] not in finished]
        with directory.image_writer() as files, directory.image_journal.writer() as journal:
            for start in range(0, len(due), _BATCH):
                records = []
                for key, match in due[start : start + _BATCH]:
                    content = source.read(match.name)
                    if hashlib.sha256(content).hexdigest() != match.sha256:
                        raise UserError(
                            f"{match.name} in {source.path} changed while it was imported: give "
                            "the command again when nobody writes there."
                        )
                    seed = expected.request(key).seed if target.seeds.known else None
                    image = open_image(content, FORMATS)
                    told: dict[str, Any] = {"source": match.name, "source_sha256": match.sha256}
                    if (turned := orientation(image)) != 1:
                        told["exif_orientation"] = turned
                    if not content.startswith(_PNG) or needs_conversion(image):
                        content = encode_png(to_rgb(image))
                    records.append(files.write(key, content, seed) | told)
                journal.append(records)
                progress.advance(len(records))
        directory.image_journal.merge(expected.order, progress.notice)
        progress.end()
    return run
