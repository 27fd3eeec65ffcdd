"""A backbone: a model in diffusers format, by a name. One in a repository gives ``sources``."""

from __future__ import annotations

from pathlib import Path

import spatialbench
from spatialbench.plugins import Backbone

_LAB = Path(spatialbench.__file__).parent / "lab" / "weights" / "backbone"

PLUGIN = Backbone("borrowed", "the lab's model, as a folder of somebody's", folder=_LAB)
