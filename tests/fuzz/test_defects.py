"""Inputs that once ended in a traceback, in a hang, or in more memory than there is."""

from __future__ import annotations

import ast
import io
import json
import os
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.exchange import sources
from spatialbench.exchange.sources import open_source
from spatialbench.runs.journal import Journal
from spatialbench.runs.timing import NAME, read_pace

from . import formats
from .readers import readers
from .survival import Trial

DEEP = b"[" * 100_000
SOUND = {
    "zip": readers()["zip"].seeds[0],
    "pth": readers()["pth"].seeds[0],
    "scores": readers()["scores"].seeds[0],
}
REFUSED = {
    "nested records": ("visor detections", b'{"prompt_id":' + DEEP),
    "nested gate": ("gate", DEEP),
    "nested canary": ("canary", DEEP),
    "nested label space": ("label space", DEEP),
    "nested pipeline": ("pipeline folder", DEEP),
    "nested identity": ("detector identity", DEEP),
    "a corner beyond every float": (
        "visor detections",
        b'{"prompt_id": "0", "index": 0, "width": 9, "height": 9, "boxes": [[1, 2, 3, 1%s]], '
        b'"scores": [0.5], "labels": ["dog"]}' % (b"0" * 400),
    ),
    "an index beyond 64 bits": (
        "visor detections",
        b'{"prompt_id": "0", "index": 1%s, "width": 9, "height": 9, "boxes": [], "scores": [], '
        b'"labels": []}' % (b"0" * 30),
    ),
    "a label that is a list": (
        "geneval detections",
        b'{"prompt_id": "00400", "index": 0, "width": 9, "height": 9, "boxes": [[1, 2, 3, 4]], '
        b'"scores": [0.5], "labels": [["dog"]]}',
    ),
    "an image without width": (
        "t2i detections",
        b'{"prompt_id": "2d_0", "index": 0, "width": 0, "height": 9, "boxes": [[1, 2, 3, 4]], '
        b'"scores": [0.5], "labels": ["dog"]}',
    ),
    "a width beyond every float": (
        "canary",
        b'{"version": 1, "found": [%s]}'
        % b", ".join(
            [
                b'{"width": 1%s, "height": 9, "boxes": [[1, 2, 3, 4]], "scores": [0.5], '
                b'"labels": ["dog"]}' % (b"0" * 400)
            ]
            * 4
        ),
    ),
    "a position of three": (
        "geneval detections",
        b'{"prompt_id": "x", "index": 0, "width": 9, "height": 9, "boxes": [], "scores": [], '
        b'"labels": [], "metadata": {"tag": "t", "prompt": "p", "include": [{"class": "dog", '
        b'"count": 1, "position": ["above", 0, 0]}]}}',
    ),
    "a signature of another folder": ("detector identity", b'{"signature": "../x"}'),
    "an infinite identity": (
        "detector identity",
        b'{"signature": "finder@w1", "identity": -Infinity}',
    ),
    "a class name that is a list": ("pipeline folder", b'{"_class_name": [{}]}'),
    "an empty name in a zip": ("zip", formats.zipped([("", b"")])),
    "half a zip": ("zip", SOUND["zip"][: len(SOUND["zip"]) // 2] + SOUND["zip"][-22:]),
    "half a tar": ("tar", readers()["tar"].seeds[0][:700]),
    "a table in another encoding": ("images.csv", b"file,prompt_id,index\n\xb2"),
    "a box of nearly infinite size": (
        "kept images",
        readers()["kept images"].seeds[0].replace(b"30.0", b"1e308"),
    ),
    "a training set without boxes": (
        "kept images",
        readers()["kept images"].seeds[0].replace(b'"boxes"', b'"boxen"'),
    ),
    "an infinite rank": ("training record", b'{"settings": {"rank": Infinity}}'),
    "a cell without end": ("images.csv", b'file,prompt_id,index\n"' + b"x" * 140_000),
    "an empty pickle": ("pth", formats.with_pickle(b"\x80\x02.")),
    "a pickle that pops too much": ("pth", formats.with_pickle(b"\x80\x02000.")),
    "a depth map like a thread": ("depth map", formats.png(1, 60_000, 8, 0, ())),
    "a depth map with a torn chunk": ("depth map", formats.png(2, 2, 8, 0, [(b"fcTL", b"x")])),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_refused_in_a_sentence(case: str, tmp_path: Path) -> None:
    name, content = REFUSED[case]
    assert Trial(readers()[name], tmp_path / "trial").read(content) is not None


@pytest.mark.parametrize("name", ["summary", "scores"])
@pytest.mark.parametrize("content", [b"", DEEP, b"{}", b"[]", b"\xff\xfe{}"])
def test_what_scoring_writes_it_can_write_again(name: str, content: bytes, tmp_path: Path) -> None:
    assert Trial(readers()[name], tmp_path / "trial").read(content) is None


@pytest.mark.parametrize("odd", [b"Infinity", b"[" * 300 + b"]" * 300])
def test_another_rules_summary_that_somebody_changed(odd: bytes, tmp_path: Path) -> None:
    """It could not be written again, and is not set aside."""
    reader = readers()["summary"]
    changed = json.dumps(json.loads(reader.seeds[0]) | {"rule": "other/1", "inputs": 0})
    content = changed.encode().replace(b'"inputs": 0', b'"inputs": ' + odd)
    trial = Trial(reader, tmp_path / "trial")
    assert trial.read(content) is None
    assert not list((tmp_path / "trial").glob("work/run/rules/*/summary.json"))


def test_a_summary_of_old_by_a_rule_of_a_very_long_name(tmp_path: Path) -> None:
    reader = readers()["summary"]
    old = json.loads(reader.seeds[0]) | {"rule": "other/" + "1" * 300}
    del old["summary_sha256"]
    assert Trial(reader, tmp_path / "trial").read(json.dumps(old).encode()) is None
    (kept,) = (tmp_path / "trial").glob("work/run/rules/*/summary.json")
    assert json.loads(kept.read_bytes()) == old


@pytest.mark.parametrize("name", ["detector identity", "training record"])
@pytest.mark.parametrize("depth", [450, 700, 950])
def test_a_depth_that_json_still_reads(name: str, depth: int, tmp_path: Path) -> None:
    content = b'{"a":' * depth + b"1" + b"}" * depth
    assert Trial(readers()[name], tmp_path / "trial").read(content) is not None


def test_a_prompt_in_capitals(tmp_path: Path) -> None:
    text = b"The red hat was on top oF the brown coat.\n"
    assert Trial(readers()["prompt file"], tmp_path / "trial").read(text) is None


def test_a_time_of_a_million_million_images(tmp_path: Path) -> None:
    line = b'{"images": 1000000000000, "seconds": 1, "batch_size": 1, "device": "d"}\n'
    (tmp_path / NAME).write_bytes(line)
    assert read_pace(tmp_path) is None


def test_a_line_without_end_takes_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "images.jsonl"
    with path.open("wb") as file:
        file.truncate(1 << 28)
    tracemalloc.start()
    with pytest.raises(UserError, match="is corrupt"):
        list(Journal(path).records(print))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 26


def test_an_archive_that_unpacks_to_more_than_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it is or says it is, no more than the limit is unpacked."""
    monkeypatch.setattr(sources, "LARGEST", 1 << 20)
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("0_0.png", "w") as member,
    ):
        for _ in range(32):
            member.write(bytes(1 << 20))
    tracemalloc.start()
    with pytest.raises(UserError, match="is larger than 1 MB"):
        open_source(path).read("0_0.png")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 23


def test_a_folder_with_a_pipe_or_a_circle(tmp_path: Path) -> None:
    for make in (
        lambda path: os.mkfifo(path),
        lambda path: path.symlink_to(path),
        lambda path: path.symlink_to("nowhere"),
    ):
        path = tmp_path / "0_0.png"
        make(path)
        with pytest.raises(UserError, match="regular file"):
            open_source(tmp_path)
        path.unlink()


def test_an_archive_of_links(tmp_path: Path) -> None:
    buffer = io.BytesIO(formats.tarred([("0_0.png", tarfile.LNKTYPE, b"")]))
    (tmp_path / "a.tar").write_bytes(buffer.getvalue())
    with pytest.raises(UserError, match="link or a device"):
        open_source(tmp_path / "a.tar")


def test_no_checkpoint_runs_code(tmp_path: Path) -> None:
    """A pickle that makes a folder when it is loaded, in every container."""
    escape = formats.Escape(tmp_path / "escaped")
    for number, content in enumerate((formats.torch_file(escape), formats.pickled(escape))):
        assert Trial(readers()["pth"], tmp_path / str(number)).read(content) is not None
    assert not (tmp_path / "escaped").exists()


def test_nothing_in_the_program_unpickles_or_evaluates() -> None:
    root = Path(__file__).parents[2]
    forbidden = {"eval", "exec", "pickle.load", "pickle.loads", "joblib.load", "yaml.load"}
    loads = 0
    tops = (root / top for top in ("spatialbench", "benchmarks", "detectors", "judges"))
    for path in (path for top in tops for path in top.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            options = {word.arg: ast.unparse(word.value) for word in node.keywords}
            assert name not in forbidden, (path, name)
            assert options.get("trust_remote_code", "False") == "False", path
            assert options.get("allow_pickle", "False") == "False", path
            if name == "torch.load":
                loads += 1
                assert options.get("weights_only") == "True", path
    assert loads
