"""Mask2Former, the detector of GenEval, on transformers' own model."""
