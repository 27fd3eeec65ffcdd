"""Every reader of files that others wrote, by name."""

from __future__ import annotations

from . import (
    checkpoint_readers,
    document_readers,
    image_readers,
    result_readers,
    run_readers,
    serve_readers,
)
from .reader import Reader

_KINDS = (
    *(result_readers, run_readers, image_readers, checkpoint_readers, document_readers),
    serve_readers,
)


def readers() -> dict[str, Reader]:
    """Readers by name."""
    return {name: reader for kind in _KINDS for name, reader in kind.found().items()}
