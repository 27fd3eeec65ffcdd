"""What a training folder says of its training: what decides the weights, and its threads."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files.documents import read_json
from ..runs.files import make_folder, write_atomic
from ..runs.identity import canonical_json, differences
from ..stages.surroundings import take_threads, taken

RECORD = "training.json"
THREADS = "threads"
"""The key in it that describes the machine and decides nothing; see ``stages.surroundings``."""


def threads_it_began_with(
    threads: int | None, device: str, report: Callable[[str], None]
) -> int | None:
    """Go on with as many on a processor; the process's own number, None where nothing changed."""
    own = None if threads is None or device != "cpu" else take_threads(threads)
    if own is not None and threads is not None:
        report(taken("training", threads, own))
    return own


def claim(folder: Path, identity: dict[str, Any]) -> int | None:
    """Write down what is trained here, or refuse to go on with something else.

    Beside it stands, and is returned, with how many threads it was begun; None where nobody wrote
    that down.

    The record of spatialbench 0.1 has no version and no optimiser: it is of version 1, and is
    completed.

    Raises:
        UserError: another training was begun here, or the record of one cannot be read.
    """
    import torch

    path = folder / RECORD
    threads: int | None = torch.get_num_threads()
    now = json.loads(canonical_json(identity))
    if os.path.lexists(path):
        try:
            before = read_json(path, below=folder)
            threads = None
            if isinstance(before, dict):
                threads = before.pop(THREADS, None)
                if "version" not in before:
                    before = {**before, "version": 1, "optimiser": now["optimiser"]}
            fields = differences(before, now)
            if not isinstance(threads, int | None):
                raise ValueError(f"{THREADS} must be a number")
        except (OSError, ValueError) as error:
            raise UserError(f"{path} cannot be read ({error}); give another --folder.") from error
        if fields:
            raise UserError(
                f"{folder} holds another training, which differs in {'; '.join(fields)} (there -> "
                "now): give the options it was begun with, or another --folder."
            )
    make_folder(folder)
    said = now if threads is None else {**now, THREADS: threads}
    write_atomic(path, json.dumps(said, indent=2).encode() + b"\n")
    return threads
