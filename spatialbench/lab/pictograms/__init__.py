"""The objects of the lab's world: a drawing for each COCO and T2I-CompBench name."""

from __future__ import annotations

from . import animals, carried, electronics, food, furniture, kitchen, people, sports, street
from . import vehicles as _vehicles
from .drawing import Pictogram, render

PICTOGRAMS: dict[str, Pictogram] = {
    name: drawing
    for module in (
        people,
        animals,
        food,
        _vehicles,
        street,
        sports,
        carried,
        furniture,
        kitchen,
        electronics,
    )
    for name, drawing in module.PICTOGRAMS.items()
}
"""Drawings by object name; the order is part of the world and never changes."""

NAMES: tuple[str, ...] = tuple(PICTOGRAMS)

__all__ = ["NAMES", "PICTOGRAMS", "Pictogram", "render"]
