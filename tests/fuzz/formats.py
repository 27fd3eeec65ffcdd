"""Writers of image, archive, checkpoint and table files whose parts are anything at all."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIZE = (12, 9)


def image(form: str, mode: str = "RGB", size: tuple[int, int] = SIZE) -> bytes:
    """A small sound image."""
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(buffer, form)
    return buffer.getvalue()


def png(
    width: int, height: int, depth: int, kind: int, more: Sequence[tuple[bytes, bytes]]
) -> bytes:
    """A PNG whose checksums are right, whatever its header and further chunks say."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    rows = zlib.compress(bytes(4000))
    chunks = [(b"IHDR", header), *more, (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def zipped(members: Sequence[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip with these members, names unchecked."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name.encode("utf-8", "ignore").decode()), content)
    return buffer.getvalue()


def tarred(members: Sequence[tuple[str, bytes, bytes]]) -> bytes:
    """A tar with these members (name, type, content): links, devices and pipes among them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, kind, content in members:
            info = tarfile.TarInfo(name.encode("utf-8", "ignore").decode().replace("\0", ""))
            info.type = kind
            info.linkname = "../../escape" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
            info.size = len(content) if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def safetensors(header: Any, body: bytes) -> bytes:
    """A safetensors file with any header."""
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def arrays(named: dict[str, Any]) -> bytes:
    """What ``numpy.savez_compressed`` writes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **named)
    return buffer.getvalue()


class Escape:
    """Makes a folder when it is unpickled: what a hostile checkpoint would do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.mkdir, (str(self.folder),)


def torch_file(content: Any) -> bytes:
    """What ``torch.save`` writes."""
    import torch

    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def with_pickle(program: bytes) -> bytes:
    """A checkpoint of torch's container with another pickle program inside."""
    source = io.BytesIO(torch_file({"a": np.float64(1.0).item()}))
    with zipfile.ZipFile(source) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    return zipped(
        [(name, program if name.endswith("data.pkl") else body) for name, body in members]
    )


def pickled(value: Any) -> bytes:
    """A pickle of the oldest kind, without torch's container."""
    return pickle.dumps(value, protocol=2)
