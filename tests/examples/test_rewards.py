"""examples/rewards: each asks a server in its trainer's own form, and prints the reward."""

from __future__ import annotations

import http.server
import json
import re
import runpy
import shlex
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click
import pytest

from spatialbench.cli import root
from spatialbench.serve.five_fields import five_fields, rules_of_fields
from spatialbench.serve.limits import Limits
from spatialbench.serve.pickled import Pickled
from spatialbench.serve.rewarder import Rewarder
from tests.serve.fakes import Running, opened
from tests.serve.recorded import RecordedDetector, image_of

EXAMPLES = Path(__file__).parents[2] / "examples" / "rewards"
TEXT = "a photo of a cat left of a dog"
LINE = {
    "tag": "position",
    "include": [
        {"class": "dog", "count": 1},
        {"class": "cat", "count": 1, "position": ["left of", 0]},
    ],
    "prompt": TEXT,
}
WRONG_SIDE = {
    "boxes": {"dog": [[0, 0, 4, 8, 0.9]], "cat": [[12, 0, 16, 8, 0.9]]},
    "colors": {"dog": ["red"], "cat": ["red"]},
}


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Running, Path, RecordedDetector]]:
    folder = tmp_path_factory.mktemp("rewards")
    metadata = folder / "train_metadata.jsonl"
    metadata.write_text(json.dumps(LINE) + "\n")
    detector = RecordedDetector()
    for number, kind in enumerate(("JPEG", "PNG")):
        image = detector.record(image_of(number, kind=kind), WRONG_SIDE)
        (folder / f"image.{kind.lower()}").write_bytes(image)
    rewarder = Rewarder.of("geneval", detector=detector, device="cpu", metadata=metadata)
    rewarder.load()
    pickled = Pickled(rules_of_fields(rewarder), partial(five_fields, rewarder))
    with opened(rewarder, pickled, Limits()) as running:
        yield running, folder, detector


def _run(name: str, url: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setenv("REWARD_SERVER", url)
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


@pytest.mark.parametrize(
    ("name", "kind", "asked", "printed"),
    [
        ("flow_grpo.py", "jpeg", json.dumps(LINE), "reward 0.75 strict 0.0\n"),
        ("verl_omni.py", "jpeg", TEXT, "reward 0.75\n"),
        ("verl_omni.py", "jpeg", json.dumps(LINE), "reward 0.75\n"),
        ("flow_factory.py", "png", TEXT, "reward 0.75\n"),
    ],
)
def test_a_trainer_is_answered(
    served: tuple[Running, Path, RecordedDetector],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    kind: str,
    asked: str,
    printed: str,
) -> None:
    running, folder, _ = served
    image = str(folder / f"image.{kind}")
    _run(name, f"http://127.0.0.1:{running.port}", monkeypatch, image, asked)
    assert capsys.readouterr().out == printed


def test_any_trainer_asks_by_id_and_is_told_why(
    served: tuple[Running, Path, RecordedDetector],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    running, folder, detector = served
    url = f"http://127.0.0.1:{running.port}"
    made = folder / "one.png"
    bench = detector.record(
        image_of(7), {"boxes": {"bench": [[1, 1, 9, 9, 0.9]]}, "colors": {"bench": ["red"]}}
    )
    made.write_bytes(bench)
    _run("any_trainer.py", url, monkeypatch, str(made), "00000")
    assert capsys.readouterr().out.startswith("reward 1.0: ")
    _run("any_trainer.py", url, monkeypatch, str(made), "99999")
    assert "no prompt has the id '99999'" in capsys.readouterr().out


def test_any_trainer_waits_while_the_server_is_busy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked: list[str] = []

    class Busy(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(self.path)
            self.send_response(503 if len(asked) == 1 else 400)
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(json.dumps({"error": "not like this"}).encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Busy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        (tmp_path / "x.png").write_bytes(b"x")
        with pytest.raises(SystemExit, match="not like this"):
            _run(
                "any_trainer.py",
                f"http://127.0.0.1:{server.server_port}",
                monkeypatch,
                str(tmp_path / "x.png"),
                "1",
            )
        server.shutdown()
        thread.join()
    assert asked == ["/v1/rewards"] * 2


def test_the_commands_in_them_are_right() -> None:
    scripts = sorted(EXAMPLES.glob("*.py"))
    assert len(scripts) == 4
    for script in scripts:
        (command,) = re.findall(r"^    spatialbench (serve .*)$", script.read_text(), re.MULTILINE)
        verb, *arguments = shlex.split(command)
        found = root.get_command(click.Context(root), verb)
        assert found is not None
        with found.make_context(verb, list(arguments)) as context:
            assert context.params["port"] == 18085
        assert f"python examples/rewards/{script.name} " in script.read_text()
