"""No waiting for the disk."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the writing to the operating system."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
