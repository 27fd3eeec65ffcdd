"""Grounding DINO, a detector that reads the names it looks for as one sentence."""
