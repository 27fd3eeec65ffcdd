"""Measures how well a text-to-image method puts things where the prompt says."""

__version__ = "0.1.0"
