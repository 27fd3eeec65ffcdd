"""Writing matched pictures into a run."""

from __future__ import annotations

import hashlib

from ..errors import UserError
from ..generators.imported import Imported
from ..pictures import open_picture
from ..runs.lock import writing
from ..runs.opening import Run
from ..stages.pictures import encode_png
from ..stages.progress import Progress
from .matching import FORMATS, Report
from .sources import Source
from .target import Target

STAGE = "import"

_PNG = b"\x89PNG\r\n\x1a\n"
_BATCH = 200


def import_pictures(
    source: Source, report: Report, target: Target, method: Imported, progress: Progress
) -> Run:
    """Make a run of the matched pictures, or continue it.

    PNG files keep their bytes; others are written as PNG with the same pixels. Each record holds
    the name and the hash of the file it came from.

    Raises:
        UserError: nothing matched, a file that changed since it was matched, no space.
    """
    if not report.matched:
        raise UserError(
            f"no file of {source.path} matches an expected picture: see the table, and check "
            "--layout and --bench."
        )
    run = target.open(method)
    directory, expected = run.directory, run.expected
    with writing(run.path):
        finished = directory.finished_images(progress.notice)
        progress.begin(STAGE, sum(key in finished for key in report.matched), expected.images)
        due = [item for item in report.matched.items() if item[0] not in finished]
        with directory.image_journal.writer() as journal:
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
                    record = directory.write_image(key, _as_png(content), seed)
                    records.append(record | {"source": match.name, "source_sha256": match.sha256})
                journal.append(records)
                progress.advance(len(records))
        directory.image_journal.merge(expected.order, progress.notice)
        progress.end()
    return run


def _as_png(content: bytes) -> bytes:
    if content.startswith(_PNG):
        return content
    return encode_png(open_picture(content, FORMATS).convert("RGB"))
