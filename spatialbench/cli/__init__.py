"""The command line."""

from __future__ import annotations


def main() -> None:
    """Entry point, written in the next commit."""
