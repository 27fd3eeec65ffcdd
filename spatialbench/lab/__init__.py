"""The embedded lab: a world of pictograms, and small real models trained on it.

A lab number is about the lab: it never shares a table with a Stable Diffusion number.
"""

LAB_BACKBONES = ("lab", "lab-mmdit")
"""The backbones that draw the lab's world."""
