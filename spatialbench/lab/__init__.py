"""The embedded lab: a world of pictograms, and small real models trained on it.

A lab number is about the lab: it never shares a table with a Stable Diffusion number.
"""

from pathlib import Path

LAB_BACKBONES = ("lab", "lab-mmdit")
"""The backbones that draw the lab's world."""

LAB_DETECTOR = "lab-owlvit"
"""The detector that knows the lab's world."""

LAB_DEPTH = "ground-plane"
"""The depth model that reads the one cue of depth in the lab's images."""

WEIGHTS = Path(__file__).parent / "weights"
BACKBONE = WEIGHTS / "backbone"
TRANSFORMER = WEIGHTS / "backbone-mmdit"
DETECTOR = WEIGHTS / "owlvit"
