"""The 722 class names that T2I-CompBench compares its nouns with.

They come from the unified label space of the model, in which a class may have one name in each of
four data sets. The official scorer's list joins the first two that differ, and departs from that
in the classes below; it keeps names such as ``mouse2, mouse`` that no noun ever equals.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from spatialbench.errors import UserError
from spatialbench.files.documents import read_json
from spatialbench.files.downloads import RemoteFile, retrieve

from .protocol import CLASSES

LABEL_SPACE = RemoteFile(
    "learned_mAP+M.json",
    "https://raw.githubusercontent.com/Karine-Huang/T2I-CompBench/"
    "1b7094991a57f3c22abdd4f6e8ba6c1a15517073/"
    "UniDet_eval/experts/obj_detection/datasets/label_spaces/learned_mAP%2BM.json",
    "b758a301bd39ab8e112a7a2d8c5bf575e70c84bfc18c12d47e9a734e3bbe006a",
)

_OTHERWISE = dict(
    [
        *((4, "wild bird"), (11, "picture, frame"), (13, "street light"), (129, "ball")),
        *((36, "whiteboard, blackboard"), (131, "bidet"), (132, "computer monitor")),
        *((138, "bench"), (160, "dog"), (203, "trash bin, can"), (207, "towel, napkin")),
        *((209, "barrel, bucket"), (224, "pot, pan"), (233, "machinery vehicle")),
        *((234, "shampoo, shower gel"), (241, "stroller"), (249, "tissue "), (260, "billiards")),
        *((282, "router, modem"), (320, "tape measure, ruler"), (607, "traffic sign")),
        *((701, "crosswalk"), (718, "traffic sign back")),
    ]
)


def read_labels(beside: Path, *, offline: bool) -> tuple[str, ...]:
    """The class names, in class order.

    Args:
        beside: a folder that may hold ``learned_mAP+M.json``, such as the checkpoint's; else it
            is taken from the cache, or fetched.
        offline: only look there and into the cache.

    Raises:
        UserError: the file cannot be had, or is another.
    """
    path = beside / LABEL_SPACE.name
    if not path.is_file():
        path = retrieve(LABEL_SPACE, "unidet", offline=offline)
    return _read(path)


def labels_of(label_space: Any) -> tuple[str, ...]:
    """The class names of a label space: its ``raw_data``, a header and one row per class."""
    names = []
    for position, (_, _, *named, mapillary) in enumerate(label_space["raw_data"][1:]):
        given = [*named, mapillary.split("--")[-1].replace("-", " ")]
        distinct = list(dict.fromkeys(name.lower() for name in given if name))
        names.append(_OTHERWISE.get(position, ", ".join(distinct[:2])))
    return tuple(names)


@functools.cache
def _read(path: Path) -> tuple[str, ...]:
    try:
        names = labels_of(read_json(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is not a label space of UniDet ({type(error).__name__}); delete it and type "
            "'spatialbench fetch unidet'."
        ) from error
    if len(names) != CLASSES:
        raise UserError(
            f"{path} lists {len(names)} classes, expected {CLASSES}: it is another model's; take "
            "learned_mAP+M.json from T2I-CompBench, or type 'spatialbench fetch unidet'."
        )
    return names
