"""No name leads out of a folder or an archive."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.exchange.sources import inside, open_source

FILES = {"b/2.png": b"two", "a.png": b"one", ".DS_Store": b"x", "__MACOSX/a.png": b"x"}


def _folder(path: Path) -> Path:
    for name, content in FILES.items():
        (path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (path / "f" / name).write_bytes(content)
    return path / "f"


def _zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path / "f.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path / "f.zip"


def _tar(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path / "f.tar.gz", "w:gz") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path / "f.tar.gz"


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_the_same_files_whatever_holds_them(tmp_path: Path, kind: str) -> None:
    path = {
        "folder": lambda: _folder(tmp_path),
        "zip": lambda: _zip(tmp_path, FILES),
        "tar": lambda: _tar(tmp_path, [(tarfile.TarInfo(n), c) for n, c in FILES.items()]),
    }[kind]()
    source = open_source(path)
    assert source.names == ("a.png", "b/2.png")
    assert source.hidden == 2
    assert [source.read(name) for name in source.names] == [b"one", b"two"]


@pytest.mark.parametrize("name", ["../a.png", "a/../../b.png", "/etc/passwd", "C:/a.png", "a\\b"])
def test_members_that_lead_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="leads out of it"):
        open_source(_tar(tmp_path, [(tarfile.TarInfo(name), b"x")]))
    with pytest.raises(UserError, match="leads out of it"):
        inside(name, tmp_path)
    if "\\" not in name:
        with pytest.raises(UserError, match="leads out of it"):
            open_source(_zip(tmp_path, {name: b"x"}))


def test_links(tmp_path: Path) -> None:
    member = tarfile.TarInfo("a.png")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with pytest.raises(UserError, match="link or a device"):
        open_source(_tar(tmp_path, [(member, b"")]))
    folder = _folder(tmp_path)
    (tmp_path / "secret").write_text("")
    (folder / "c.png").symlink_to(tmp_path / "secret")
    with pytest.raises(UserError, match=r"'c\.png', which is a link that leads out"):
        open_source(folder)


def test_what_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is nothing at"):
        open_source(tmp_path / "nowhere")
    (tmp_path / "file").write_text("text")
    with pytest.raises(UserError, match="neither a folder"):
        open_source(tmp_path / "file")
