"""What differs between mmdet 2.x and 3.x: the names of weights and the layout of an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spatialbench.errors import UserError

from .naming import is_mmdet2, mmdet2_name


@dataclass(frozen=True, slots=True)
class Instances:
    """``boxes`` float32 (n, 4), ``scores`` (n,), ``classes`` (n,), ``masks`` bool (n, h, w)."""

    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64]
    masks: npt.NDArray[np.bool_]


def instances(result: Any) -> Instances:
    """What ``inference_detector`` returns, of either generation.

    2.x: (a class's boxes with the score behind, a class's masks), 80 of each. 3.x: an object whose
    ``pred_instances`` has tensors ``bboxes``, ``scores``, ``labels`` and ``masks``.

    Raises:
        UserError: something else, such as an answer without masks.
    """
    try:
        if isinstance(result, tuple):
            by_class, masks_by_class = result
            labels = np.repeat(np.arange(len(by_class)), [len(rows) for rows in by_class])
            table = np.concatenate([np.asarray(rows).reshape(-1, 5) for rows in by_class])
            flat = [np.asarray(mask, dtype=bool) for rows in masks_by_class for mask in rows]
            stacked = np.stack(flat) if flat else np.zeros((0, 0, 0), dtype=bool)
            found = Instances(table[:, :4].astype(np.float32), table[:, 4], labels, stacked)
        else:
            given = result.pred_instances
            boxes, scores, classes, masks = (
                getattr(given, name).cpu().numpy()
                for name in ("bboxes", "scores", "labels", "masks")
            )
            found = Instances(boxes, scores, classes, masks.astype(bool))
    except (TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"this mmdet answers in a layout that is not known here ({error}); expected that of "
            '2.x or 3.x: pip install "spatialbench[mmdet]".'
        ) from error
    if len(found.masks) != len(found.boxes):
        raise UserError(
            f"mmdet gave {len(found.boxes)} boxes but {len(found.masks)} masks; its configuration "
            "is not one for instances."
        )
    return found


def in_naming_of(state: Mapping[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
    """The weights under the names of the generation whose model's names are ``wanted``."""
    if is_mmdet2(list(state)) == is_mmdet2(wanted):
        return dict(state)
    by_old_name = {mmdet2_name(name): name for name in wanted}
    if is_mmdet2(wanted):
        return {mmdet2_name(name): value for name, value in state.items()}
    return {by_old_name.get(name, name): value for name, value in state.items()}
