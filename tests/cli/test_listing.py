"""``list``, ``prompts``, ``fetch`` and ``doctor``."""

from __future__ import annotations

import hashlib
import http.server
import json
import re
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from spatialbench import plugins
from spatialbench.errors import UserError
from spatialbench.files.downloads import RemoteFile, retrieve

from .conftest import Command


def test_list_names_every_kind(spatialbench: Command) -> None:
    listed = json.loads(spatialbench("list", "--format", "json").out)
    assert list(listed) == [
        *("methods", "detectors", "judges", "benchmarks", "backbones", "rules"),
        *("metrics", "prompt-transforms", "layouts"),
    ]
    names = {kind: {entry["name"] for entry in entries} for kind, entries in listed.items()}
    assert {"painter", "sd", "infsplign"} <= names["methods"]
    assert {"colour-blobs", "owlvit", "lab-owlvit"} <= names["detectors"]
    assert {"squares", "visor"} <= names["benchmarks"]
    assert {"lab", "sd1.4", "sd1.5", "sd2.1-base", "sd2.1", "sdxl"} <= names["backbones"]
    metrics = {entry["name"]: entry["summary"] for entry in listed["metrics"]}
    assert metrics["RIGHT"] == "squares: images with both on the asked sides"
    assert {"VISOR_cond", "T2I_2D", "overall", "R1_strict"} <= metrics.keys()
    rules = {(entry["benchmark"], entry["name"]) for entry in listed["rules"]}
    assert {("visor", "official"), ("squares", "centre")} <= rules


def test_every_parameter_of_a_method_is_listed(spatialbench: Command) -> None:
    every = spatialbench("list", "methods").out
    document = json.loads(spatialbench("list", "methods", "--format", "json").out)
    listed = {one["name"]: one for one in document}
    for name in plugins.names("method"):
        declared = plugins.load("method", name).parameters
        found = listed[name]["parameters"]
        assert [(one["name"], one["default"]) for one in found] == [
            (key, one.default) for key, one in declared.items()
        ]
        assert all(one.help in every for one in declared.values())
    alone = spatialbench("list", "painter").out
    assert "painter: --set NAME=VALUE" in alone
    (line,) = [line for line in alone.splitlines() if line.startswith("skill ")]
    declared = plugins.load("method", "painter").parameters
    assert line.split()[1] == f"{declared['skill'].default:g}"
    assert declared["skill"].help in line
    assert "infsplign" not in alone
    assert "benchmarks" in spatialbench("list", "squares").out


@pytest.mark.parametrize("form", ["table", "md", "csv"])
def test_list_in_text(spatialbench: Command, form: str) -> None:
    outcome = spatialbench("list", "detectors", "--format", form)
    assert "finds squares by their colour" in outcome.out
    assert "visor" not in outcome.out.split()


def test_a_broken_plugin_is_listed_with_the_reason(
    spatialbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "broken_thing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-thing\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[spatialbench.detectors]\nodd = nowhere:PLUGIN\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    outcome = spatialbench("list", "detectors")
    assert outcome.status == 0
    (line,) = [line for line in outcome.out.splitlines() if line.startswith("odd ")]
    assert "BROKEN" in line
    assert "broken-thing" in line


def test_prompts_as_text_and_as_records(spatialbench: Command) -> None:
    benchmark = plugins.load("benchmark", "squares")
    prompts = benchmark.prompts("sideways")
    text = spatialbench("prompts", "--bench", "squares", "--set", "sideways")
    assert text.out.splitlines() == [prompt.text for prompt in prompts]
    lines = spatialbench("prompts", "--bench", "squares", "--format", "jsonl").out.splitlines()
    assert json.loads(lines[1]) == {
        "prompt_id": "1",
        "text": "a red square right of a green square",
        "task": "right",
        "objects": ["red square", "green square"],
        "relation": "right",
        "subject": "red square",
        "object": "green square",
    }
    assert len(lines) == 48


def test_limited_prompts_are_those_a_limited_run_takes(spatialbench: Command) -> None:
    squares = ("--bench", "squares", "--limit", "6")
    lines = spatialbench("prompts", *squares, "--format", "jsonl").out.splitlines()
    asked = {json.loads(line)["prompt_id"] for line in lines}
    spatialbench("run", "--method", "painter", *squares, "--out", "here")
    assert asked == {folder.name for folder in Path("here/images").iterdir()}
    assert spatialbench("prompts", *squares, "--format", "official").status == 2
    assert spatialbench("prompts", "--bench", "squares", "--limit", "0").status == 2


def test_visors_official_file_is_byte_for_byte(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    from spatialbench.cli import main

    command = ["prompts", "--bench", "visor", "--set", "all", "--format", "official"]
    assert main(command) == 0
    written = capfdbinary.readouterr().out
    assert (
        hashlib.sha256(written).hexdigest()
        == "ebe9b1199fd3c00aeb32f04b17d947319f40eb6edb87e97621277e5b61379048"
    )


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A web server on this machine with one file."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "prompts.txt").write_bytes(b"a dog left of a cat\n")
    handler = partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/prompts.txt"
        server.shutdown()


def _file(url: str, content: bytes = b"a dog left of a cat\n") -> RemoteFile:
    return RemoteFile("prompts.txt", url, hashlib.sha256(content).hexdigest())


def test_fetch_downloads_checks_and_keeps(
    spatialbench: Command, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path / "cache"))
    benchmark = plugins.load("benchmark", "squares")
    monkeypatch.setattr(benchmark, "files", [_file(address)], raising=False)
    outcome = spatialbench("fetch", "squares")
    path = Path(outcome.out.strip())
    assert path == tmp_path / "cache" / "squares" / "prompts.txt"
    assert path.read_bytes() == b"a dog left of a cat\n"
    # From here on the cache answers: the address leads nowhere.
    assert retrieve(_file("http://127.0.0.1:1/"), "squares", offline=True) == path


def test_fetch_refuses_another_content(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="is not the file it was"):
        retrieve(_file(address, b"something else"), "squares")
    assert not (tmp_path / "squares" / "prompts.txt").exists()


def test_no_network_and_offline_say_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path))
    nowhere = _file("http://127.0.0.1:1/prompts.txt")
    with pytest.raises(UserError, match=r"cannot download .* 'spatialbench fetch squares' again"):
        retrieve(nowhere, "squares")
    with pytest.raises(UserError, match="'spatialbench fetch squares' first"):
        retrieve(nowhere, "squares", offline=True)


def test_fetch_of_what_needs_nothing_says_so(spatialbench: Command) -> None:
    outcome = spatialbench("fetch", "visor")
    assert (outcome.status, outcome.out) == (0, "")
    assert "visor needs no download" in outcome.err


def test_doctor_reports_and_fails_on_what_is_broken(
    spatialbench: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from coloured_squares.blobs import ColourBlobs

    def fails(self: ColourBlobs) -> str:
        raise UserError("sees no red in a red image; install it again.")

    monkeypatch.setattr(ColourBlobs, "self_test", fails, raising=False)
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path / "cache"))
    for name in ("empty", "full"):
        (tmp_path / "cache" / name).mkdir(parents=True)
    (tmp_path / "cache" / "full" / "file").write_bytes(bytes(2000))
    shown = spatialbench("doctor")
    assert shown.status == 2
    first, *_, last = shown.out.splitlines()
    assert re.fullmatch(r"NOT SOUND: 1 broken,.* \d+ absent, \d+ ok", first)
    assert last.startswith("broken")
    assert "sees no red" in last
    assert re.search(r"^ok +backbone lab is here +lab@", shown.out, re.MULTILINE)
    assert re.search(r"^absent +\d+ backbones that are not here .*sdxl", shown.out, re.MULTILINE)
    assert re.findall(r"files of (\S+) in the cache", shown.out) == ["full"]
    outcome = spatialbench("doctor", "--format", "json")
    found = {finding["what"]: finding for finding in json.loads(outcome.out)}
    assert outcome.status == 2
    assert found["torch"]["state"] == "ok"
    assert found["benchmark visor"]["state"] == "ok"
    assert found["detector colour-blobs, self-test"]["state"] == "broken"
    assert "sees no red" in found["detector colour-blobs, self-test"]["detail"]
