"""Official files: fetched once, checked, or explained."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pooch
import pytest

from spatialbench.errors import UserError
from spatialbench.weights.official_file import OfficialFile

CONTENT = b"weights"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OfficialFile:
    """A file at an address pooch can read without a network."""
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path / "cache"))
    downloads: list[str] = []

    def retrieve(
        url: str, known_hash: None, fname: str, path: Path, downloader: object = None
    ) -> str:
        downloads.append(url)
        if url.endswith("absent"):
            raise OSError("no route")
        path.mkdir(parents=True, exist_ok=True)
        (path / fname).write_bytes(CONTENT)
        return str(path / fname)

    monkeypatch.setattr("pooch.retrieve", retrieve)
    return OfficialFile("eye", "eye.pth", "the zoo", "https://zoo/eye.pth", DIGEST[:8])


def test_a_download_is_checked_and_kept(served: OfficialFile) -> None:
    chosen = served
    assert chosen.digest() == DIGEST[:8]
    level = pooch.get_logger().level
    path = chosen.locate(offline=False)
    assert pooch.get_logger().level == level
    assert path == served.path
    assert path.read_bytes() == CONTENT
    assert [file.name for file in path.parent.iterdir()] == ["eye.pth"]
    assert chosen.locate(offline=True) == path
    assert chosen.digest() == DIGEST[:8]


def test_another_content_is_not_believed(served: OfficialFile) -> None:
    other = OfficialFile("eye", "eye.pth", "the zoo", served.url, "00000000")
    with pytest.raises(UserError, match="does not begin with 00000000"):
        other.locate(offline=False)
    assert not other.path.exists()


def test_a_failed_download_says_where_the_file_belongs(served: OfficialFile) -> None:
    gone = OfficialFile("eye", "eye.pth", "the zoo", "https://zoo/absent", DIGEST[:8])
    with pytest.raises(UserError, match=r"spatialbench fetch eye.*put the file at .*eye\.pth"):
        gone.locate(offline=False)


def test_what_has_no_address_must_be_given(served: OfficialFile, tmp_path: Path) -> None:
    unhashed = OfficialFile("eye", "eye.pth", "the zoo")
    for ask in (unhashed.digest, lambda: unhashed.locate(offline=False)):
        with pytest.raises(UserError, match=r"get eye\.pth from the zoo and give it as"):
            ask()
    given = tmp_path / "mine.pth"
    with pytest.raises(UserError, match="there is no checkpoint"):
        unhashed.at(str(given)).locate(offline=False)
    given.write_bytes(CONTENT)
    assert unhashed.at(str(given)).locate(offline=True) == given
    assert unhashed.at(str(given)).digest() == DIGEST[:8]
