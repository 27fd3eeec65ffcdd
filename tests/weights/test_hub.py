"""Repository names and failed downloads; the network is never asked."""

from __future__ import annotations

import math
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spatialbench.backbones.named import resolve
from spatialbench.errors import UserError
from spatialbench.files import downloads
from spatialbench.weights.hub import (
    HubSource,
    Unreachable,
    fetch,
    first_cached,
    locate,
    parse_source,
    snapshot_folder,
)
from spatialbench.weights.patterns import FilePatterns
from spatialbench.weights.repository import ask

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SOURCE = HubSource("org/model", COMMIT)
FILES = FilePatterns(allow=("*.json", "*.safetensors"), ignore=("*.fp16.*",))


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_parse() -> None:
    assert parse_source(f"org/model@{COMMIT}") == SOURCE
    assert str(SOURCE) == f"org/model@{COMMIT}"
    for text in ("model", "", "a/b/c", "/abs", "org/", "sd1.4", f"model@{COMMIT}"):
        assert parse_source(text) is None
    for text in ("org/model", "org/model@", "org/model@main", f"org/model@{COMMIT.upper()}"):
        with pytest.raises(UserError, match=r"not pinned .* org/model@<40 hex digits>"):
            parse_source(text)


def test_the_cache_is_where_the_hub_keeps_it(cache: Path) -> None:
    from huggingface_hub import snapshot_download

    folder = snapshot_folder(SOURCE)
    assert first_cached([SOURCE]) is None
    folder.mkdir(parents=True)
    assert first_cached([HubSource("other/model", COMMIT), SOURCE]) == SOURCE
    theirs = snapshot_download(
        SOURCE.repo, revision=COMMIT, local_files_only=True, cache_dir=str(cache)
    )
    assert Path(theirs) == folder
    assert locate(SOURCE, FILES, offline=True, fetch_name="model") == folder


@pytest.mark.usefixtures("cache")
def test_absent_while_offline_says_what_to_type() -> None:
    for name, command in (("m", "'spatialbench fetch m' first"), (None, "without --offline")):
        with pytest.raises(UserError, match=command):
            locate(SOURCE, FILES, offline=True, fetch_name=name)


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, int]]]:
    """A Hub whose port refuses every connection; the connections that were tried."""
    # Held without listening, so that nobody else gets it meanwhile.
    nobody = socket.socket()
    nobody.bind(("127.0.0.1", 0))
    port = nobody.getsockname()[1]
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setattr("spatialbench.weights.hub._silent", {})
    monkeypatch.setattr("spatialbench.weights.hub._QUIET_S", math.inf)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    tried: list[tuple[str, int]] = []
    connect = socket.create_connection

    def counted(address: tuple[str, int], *arguments: Any, **named: Any) -> socket.socket:
        tried.append(address)
        return connect(address, *arguments, **named)

    monkeypatch.setattr(socket, "create_connection", counted)
    yield tried
    nobody.close()


@pytest.mark.usefixtures("cache")
def test_a_hub_that_cannot_be_reached_is_told_after_one_try(
    attempts: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail(f"waits {seconds} s"))
    with pytest.raises(Unreachable, match=r"http://127.0.0.1:\d+ cannot be reached .* copy the "):
        fetch(SOURCE, FILES)
    assert len(attempts) == 1
    # Nor is a mirror asked, which lies on the same Hub.
    with pytest.raises(Unreachable):
        resolve("sd2.1-base").weights.fetch()
    assert len(attempts) == 2
    with pytest.raises(UserError, match="not in the local cache"):
        locate(SOURCE, FILES, offline=True, fetch_name=None)
    assert len(attempts) == 2


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("error", [OSError("disk full"), RuntimeError(""), ValueError("a\nb")])
def test_whatever_fails_in_a_download_is_told(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> str:
        raise error

    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    monkeypatch.setattr("spatialbench.weights.hub._require_hub", lambda source: None)
    with pytest.raises(UserError, match=r"cannot fetch org/model@.*type the command again") as e:
        fetch(SOURCE, FILES)
    assert "\n" not in str(e.value)


def test_a_name_server_that_never_answers_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = threading.Event()
    monkeypatch.setattr(downloads, "CONNECT_S", 0.01)
    monkeypatch.setattr("urllib.request.getproxies", dict)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: over.wait())
    with pytest.raises(TimeoutError, match="no name server answers for nowhere"):
        downloads.require_name("https://nowhere.example/file")
    # A proxy looks names up itself.
    monkeypatch.setattr("urllib.request.getproxies", lambda: {"https": "http://proxy:1"})
    downloads.require_name("https://nowhere.example/file")
    over.set()


def test_a_name_that_nobody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> None:
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr("urllib.request.getproxies", dict)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(OSError, match="not known"):
        downloads.require_name("https://nowhere.example/file")


def test_a_hub_that_was_silent_is_not_asked_again_at_once(
    attempts: list[tuple[str, int]], cache: Path
) -> None:
    for _ in range(3):
        with pytest.raises(Unreachable, match="cannot fetch org/model: "):
            ask("org/model")
    with pytest.raises(Unreachable, match=f"cannot fetch org/model@{COMMIT}: "):
        fetch(SOURCE, FILES)
    assert len(attempts) == 1
