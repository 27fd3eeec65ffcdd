"""A small Hub on this machine: the part of its HTTP interface that ``huggingface_hub`` asks."""

from __future__ import annotations

import hashlib
import http.server
import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from huggingface_hub import close_session

_PATIENCE = 600.0


@dataclass
class Repo:
    """The commits of one repository: files by path, the newest last."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: bool = False
    base: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def newest(self) -> str:
        return list(self.commits)[-1]


class Hub:
    """Repositories by name, and what was asked: ``GET /org/name/resolve/...``."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.asked: list[str] = []
        self.down = False
        self.address = ""

    def put(self, name: str, files: Path | dict[str, bytes], **about: Any) -> str:
        """A new commit, of a folder's files or of these; its 40 digits."""
        if isinstance(files, Path):
            folder = files
            files = {
                path.relative_to(folder).as_posix(): path.read_bytes()
                for path in sorted(folder.rglob("*"))
                if path.is_file()
            }
        repo = self.repos.setdefault(name, Repo(**about))
        commit = _digest(f"{name} {len(repo.commits)}".encode())
        repo.commits[commit] = files
        return commit

    def files_asked(self) -> list[str]:
        """The files that were downloaded, in order."""
        return [
            one.rpartition("/resolve/")[2].partition("/")[2]
            for one in self.asked
            if "GET" in one and "/resolve/" in one
        ]


class _Handler(http.server.BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""

    def _answer(self, *, body: bool) -> None:
        self.hub.asked.append(f"{self.command} {self.path}")
        status, headers, content = self._reply()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _reply(self) -> tuple[int, dict[str, str], bytes]:
        if self.hub.down:
            return 503, {}, b"down"
        address = urlsplit(self.path)
        words = [unquote(word) for word in address.path.strip("/").split("/")]
        api = words[:2] == ["api", "models"]
        name = "/".join(words[2:4] if api else words[:2])
        repo = self.hub.repos.get(name)
        if repo is None:
            return 404, {"X-Error-Code": "RepoNotFound"}, b"{}"
        revision = words[3] if not api else words[5] if len(words) > 5 else "main"
        commit = repo.newest if revision == "main" else revision
        if commit not in repo.commits:
            return 404, {"X-Error-Code": "RevisionNotFound"}, b"{}"
        files = repo.commits[commit]
        if api:
            return (
                200,
                {"Content-Type": "application/json"},
                json.dumps(self._told(words, name, commit, address.query)).encode(),
            )
        path = "/".join(words[4:])
        if repo.gated:
            return 403, {"X-Error-Code": "GatedRepo", "X-Repo-Commit": commit}, b"{}"
        if path not in files:
            return 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit}, b"{}"
        digest = _digest(files[path])
        headers = {"ETag": f'"{digest}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        content = files[path]
        if wanted := self.headers.get("Range"):
            start, _, end = wanted.removeprefix("bytes=").partition("-")
            stop = int(end) + 1 if end else len(content)
            headers["Content-Range"] = f"bytes {start}-{min(stop, len(content)) - 1}/{len(content)}"
            return 206, headers, content[int(start) : stop]
        return 200, headers, content

    def _told(self, words: list[str], name: str, commit: str, query: str) -> Any:
        repo = self.hub.repos[name]
        files = repo.commits[commit]
        sizes = {path: len(content) for path, content in files.items()}
        if words[4:5] == ["tree"]:
            return [
                {"type": "file", "path": path, "size": size, "oid": _digest(files[path])}
                for path, size in sizes.items()
            ]
        blobs = "blobs" in parse_qs(query)
        return {
            "id": name,
            "sha": commit,
            "gated": "auto" if repo.gated else False,
            "siblings": [
                {"rfilename": path, **({"size": size} if blobs else {})}
                for path, size in sizes.items()
            ],
            "tags": list(repo.tags),
            "cardData": {"base_model": repo.base} if repo.base else {},
        }


def _digest(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


class _Server(http.server.ThreadingHTTPServer):
    # A client of many threads has more connections at once than the five of the standard library;
    # one that is turned away comes again after a second, then after three, then after seven.
    request_queue_size = 128


@contextmanager
def served() -> Iterator[Hub]:
    """A Hub with no repository yet, on a port of its own."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        # A connection that is kept may be taken for one to the next server on the same port.
        close_session()
        server.shutdown()
        thread.join()
        server.server_close()


def use(monkeypatch: pytest.MonkeyPatch, address: str, cache: Path) -> None:
    """Have this process take a Hub for the real one, with a cache of its own."""
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "HF_HUB_OFFLINE",
        "SPATIALBENCH_OFFLINE",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    constants = "huggingface_hub.constants"
    monkeypatch.setattr(f"{constants}.ENDPOINT", address)
    template = "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(f"{constants}.HUGGINGFACE_CO_URL_TEMPLATE", address + template)
    monkeypatch.setattr(f"{constants}.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(f"{constants}.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("spatialbench.weights.hub._silent", {})
    # However busy the machine, nothing here is too slow for a Hub.
    monkeypatch.setattr("spatialbench.weights.hub.PATIENCE", (_PATIENCE,) * 4)
    monkeypatch.setattr("spatialbench.weights.repository.PATIENCE", (_PATIENCE,) * 4)
    monkeypatch.setattr("spatialbench.files.downloads.CONNECT_S", _PATIENCE)
    monkeypatch.setattr(f"{constants}.HF_HUB_ETAG_TIMEOUT", _PATIENCE)
    monkeypatch.setattr(f"{constants}.HF_HUB_DOWNLOAD_TIMEOUT", _PATIENCE)
    # What was silent stays so, however long a command takes here.
    monkeypatch.setattr("spatialbench.weights.hub._QUIET_S", math.inf)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A Hub that this process takes for the real one; its cache is ``tmp_path / "hub"``."""
    with served() as found:
        use(monkeypatch, found.address, tmp_path / "hub")
        yield found
