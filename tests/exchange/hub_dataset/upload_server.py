"""A server that speaks what the client of the Hugging Face Hub needs for an upload."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from huggingface_hub import close_session, constants

TOKEN = "hf_of_the_test"


@dataclass
class Hub:
    """What it was asked for, and what it holds.

    Attributes:
        fails: how many commits it answers with 500 before it takes one.
        large: files that it wants by the large-file protocol instead of in the commit.
    """

    address: str = ""
    datasets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    commits: int = 0
    fails: int = 0
    large: str = "never"
    foreign: set[str] = field(default_factory=set)
    """Owners that the token may not write to."""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        match [method, *path.strip("/").split("/")]:
            case ["GET", "api", "whoami-v2"]:
                return 200, {"name": "me", "type": "user"}
            case ["POST", "api", "validate-yaml"]:
                assert json.loads(body)["repoType"] == "dataset"
                return 200, {"errors": [], "warnings": []}
            case ["POST", "api", "repos", "create"]:
                return self._create(json.loads(body))
            case ["GET", "api", "datasets", owner, name, "tree", *_]:
                files = self.datasets[f"{owner}/{name}"]
                return 200, [
                    {"type": "file", "path": path, "size": len(content), "oid": _oid(content)}
                    for path, content in files.items()
                ]
            case ["GET", "api", "datasets", owner, name, *_]:
                return 200, {
                    "id": f"{owner}/{name}",
                    "sha": f"{self.commits:040x}",
                    "cardData": self._front_matter(f"{owner}/{name}"),
                }
            case ["POST", "api", "datasets", owner, name, "preupload", "main"]:
                return self._preupload(f"{owner}/{name}", json.loads(body))
            case ["POST", "api", "datasets", owner, name, "commit", "main"]:
                return self._commit(f"{owner}/{name}", body)
            case ["POST", "datasets", _, _, "info", "lfs", "objects", "batch"]:
                wanted = json.loads(body)["objects"]
                return 200, {"objects": [self._upload(one) for one in wanted]}
            case ["PUT", "objects", oid]:
                assert hashlib.sha256(body).hexdigest() == oid
                self.objects[oid] = body
                return 200, {}
        return 404, {"error": "no such page"}

    def _create(self, told: dict[str, Any]) -> tuple[int, Any]:
        repo = f"{told['organization']}/{told['name']}"
        assert told["type"] == "dataset"
        if told["organization"] in self.foreign:
            return 403, {"error": "you may not"}
        if repo in self.datasets:
            return 409, {"error": "there is one", "url": f"{self.address}/datasets/{repo}"}
        self.datasets[repo] = {".gitattributes": b"*.png filter=lfs\n"}
        if told.get("visibility") == "private" or told.get("private"):
            self.private.add(repo)
        return 200, {"url": f"{self.address}/datasets/{repo}"}

    def _preupload(self, repo: str, told: dict[str, Any]) -> tuple[int, Any]:
        held = self.datasets[repo]
        return 200, {
            "files": [
                {
                    "path": one["path"],
                    "uploadMode": "lfs" if one["path"].endswith(self.large) else "regular",
                    "shouldIgnore": False,
                    "oid": _oid(held[one["path"]]) if one["path"] in held else None,
                }
                for one in told["files"]
            ]
        }

    def _front_matter(self, repo: str) -> Any:
        text = self.datasets[repo].get("README.md", b"").decode()
        return yaml.safe_load(text.split("---")[1]) if text.startswith("---") else None

    def _commit(self, repo: str, body: bytes) -> tuple[int, Any]:
        if self.fails:
            self.fails -= 1
            return 400, {"error": "not now"}
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            match line["key"]:
                case "file":
                    self.datasets[repo][value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    self.datasets[repo][value["path"]] = self.objects[value["oid"]]
                case "deletedFile":
                    del self.datasets[repo][value["path"]]
        self.commits += 1
        oid = f"{self.commits:040x}"
        return 200, {"commitUrl": f"{self.address}/datasets/{repo}/commit/{oid}", "commitOid": oid}

    def _upload(self, one: dict[str, Any]) -> dict[str, Any]:
        if one["oid"] in self.objects:
            return {**one, "actions": None}
        return {**one, "actions": {"upload": {"href": f"{self.address}/objects/{one['oid']}"}}}


def _oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def use(monkeypatch: pytest.MonkeyPatch, address: str, token: str = TOKEN) -> None:
    """Have this process take an address for the Hub's, whatever its environment says."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "spatialbench_offline"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setenv("HF_TOKEN", token)


@contextmanager
def running() -> Iterator[Hub]:
    """A server on a free port of this machine."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            hub.requests.append(f"{self.command} {path}")
            stored = path.startswith("/objects/")
            if not stored and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, told = 401, {"error": "who are you"}
            else:
                status, told = hub.answer(self.command, path.replace(".git/", "/"), body)
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_HEAD = _any

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield hub
    finally:
        # A connection that is kept may be taken for one to the next server on the same port.
        close_session()
        server.shutdown()
        thread.join()
        server.server_close()
