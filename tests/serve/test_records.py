"""Recorded requests of the official clients, and the cases, over HTTP: the official replies."""

from __future__ import annotations

import json
import pickle
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from spatialbench.serve.five_fields import five_fields, rules_of_fields
from spatialbench.serve.flow_factory import FlowFactory
from spatialbench.serve.limits import Limits
from spatialbench.serve.pickled import Pickled
from spatialbench.serve.plain_pickle import load
from spatialbench.serve.protocol import from_base64
from spatialbench.serve.rewarder import Rewarder

from .fakes import PATIENCE, Running, opened
from .recorded import Json, RecordedDetector, cases, image_of, servers

ONE_BATCH = 256
SPLIT = 3


@contextmanager
def _serving(
    detector: RecordedDetector, batch_size: int, metadata: Path | None = None
) -> Iterator[Running]:
    rewarder = Rewarder.of("geneval", detector=detector, device="cpu", metadata=metadata)
    rewarder.load()
    pickled = Pickled(rules_of_fields(rewarder), partial(five_fields, rewarder))
    with opened(rewarder, pickled, Limits(batch_size=batch_size)) as running:
        yield running


def _folders(pattern: str) -> list[Path]:
    place = servers()
    found = sorted(path.parent for path in place.rglob(f"{pattern}/*request*.body"))
    return list(dict.fromkeys(found))


def _folder(name: str) -> Path:
    found = next(servers().rglob(f"{name}/expected.json"), None)
    if found is None:
        pytest.skip(f"{servers()} has no {name}")
    return found.parent


def _sent_again(running: Running, head: bytes, body: bytes) -> tuple[int, bytes]:
    """Status and body of the reply to bytes that went over another socket before."""
    with closing(
        socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE)
    ) as connection:
        connection.sendall(head + body)
        received = b""
        while piece := connection.recv(1 << 16):
            received += piece
    start, _, content = received.partition(b"\r\n\r\n")
    return int(start.split()[1]), content


@pytest.mark.parametrize("batch_size", [ONE_BATCH, SPLIT], ids=["one batch", "split"])
def test_recorded_requests_get_the_recorded_replies(batch_size: int) -> None:
    folders = _folders("flow_grpo_[0-9]*")
    assert folders
    detector = RecordedDetector()
    with _serving(detector, batch_size) as running:
        for folder in folders:
            returned: dict[str, Any] = {}
            bodies = sorted(one for one in folder.glob("request_*.body") if "." not in one.stem)
            for path in bodies:
                body = path.read_bytes()
                number = path.stem.removeprefix("request_")
                told = json.loads((folder / f"expected_{number}.json").read_text())
                images = load(body)["images"]
                for image, seen in zip(images, told["detections"], strict=True):
                    detector.record(image, {name: seen[name] for name in ("boxes", "colors")})
                detector.passes.clear()
                status, content = _sent_again(running, path.with_suffix(".head").read_bytes(), body)
                assert status == 200
                assert pickle.loads(content) == told["reply"]
                # Key order and protocol too: byte by byte what the official server sent.
                assert content == (folder / f"reply_{number}.body").read_bytes()
                assert (len(detector.passes) > 1) == (batch_size < len(images))
                assert max(detector.passes) <= batch_size
                _joined(returned, pickle.loads(content))
            client = json.loads((folder / "client.json").read_text())
            assert returned == client["client_returns"]


def _joined(whole: dict[str, Any], reply: dict[str, Any]) -> None:
    """As the official client puts the replies to its batches together."""
    for name, values in reply.items():
        if isinstance(values, dict):
            _joined(whole.setdefault(name, {}), values)
        else:
            whole.setdefault(name, []).extend(values)


def test_the_same_requests_by_another_python() -> None:
    detector = RecordedDetector()
    found = [path for one in _folders("flow_grpo_[0-9]*") for path in one.glob("*.protocol5.body")]
    with _serving(detector, SPLIT) as running:
        for path in found:
            told = json.loads((path.parent / "expected_0.json").read_text())
            body = path.read_bytes()
            for image, seen in zip(load(body)["images"], told["detections"], strict=True):
                detector.record(image, {name: seen[name] for name in ("boxes", "colors")})
            assert running.post("/", body) == (200, told["reply"])


def test_recorded_errors_are_permanent_and_no_500() -> None:
    requests = [path for one in _folders("flow_grpo_errors") for path in one.glob("*.body")]
    with _serving(RecordedDetector(), SPLIT) as running:
        for path in requests:
            status, value = running.post("/", path.read_bytes())
            assert (status, list(value)) == (400, ["error"]), path.name
        assert running.ask("GET", "/")[0] == 405


CASES = range(100_000)


@pytest.mark.parametrize("batch_size", [ONE_BATCH, SPLIT], ids=["one batch", "split"])
def test_cases_get_the_official_replies(batch_size: int) -> None:
    detector = RecordedDetector()
    numbers = iter(CASES)
    answered = refused = 0
    with _serving(detector, batch_size) as running:
        for case in cases():
            images = [
                detector.record(
                    image_of(next(numbers), kind="JPEG"),
                    {name: one[name] for name in ("boxes", "colors")},
                )
                for one in case["images"]
            ]
            official = case["official"]
            lines = [one["metadata"] for one in case["images"]]
            if case["kind"] == "error:fewer_metadata_than_images":
                lines = lines[: len(official["scores"])]
            status, value = running.post("/", _request(images, lines, case["only_strict"]))
            # The official server itself fails at no image; the case is of its rule alone.
            if "error" in official or not images:
                assert (status, list(value)) == (400, ["error"]), case["case"]
                refused += 1
                continue
            assert (status, value) == (200, official), case["case"]
            answered += 1
        told = [line for line in running.lines if "metadata lines: the reply is about" in line]
    assert answered > 9 * refused > 0
    assert len(told) == sum("fewer_metadata" in case["kind"] for case in cases())


def _request(images: list[bytes], lines: list[Json], only_strict: Any) -> bytes:
    return pickle.dumps({"images": images, "meta_datas": lines, "only_strict": only_strict})


def _left_of(text: str) -> Json:
    """What GenEval asks of such a text."""
    subject, _, target = text.removeprefix("a photo of a ").partition(" left of a ")
    include = [
        {"class": target.split()[0], "count": 1},
        {"class": subject, "count": 1, "position": ["left of", 0]},
    ]
    return {"tag": "position", "include": include, "prompt": text}


def _wrong_side(text: str) -> Json:
    """Both found once, the subject on the right: a partial score of 3/4."""
    dog, cat = (one["class"] for one in _left_of(text)["include"])
    return {
        "boxes": {dog: [[0, 0, 4, 8, 0.9]], cat: [[12, 0, 16, 8, 0.9]]},
        "colors": {dog: ["red"], cat: ["red"]},
    }


def _metadata(folder: Path, texts: list[str]) -> Path:
    path = folder / "train_metadata.jsonl"
    path.write_text("".join(json.dumps(_left_of(text)) + "\n" for text in texts))
    return path


def test_flow_factory_gets_its_recorded_reply(tmp_path: Path) -> None:
    folder = _folder("flow_factory_compute")
    told = json.loads((folder / "expected.json").read_text())
    detector = RecordedDetector()
    metadata = _metadata(tmp_path, told["prompts"])
    with _serving(detector, SPLIT, metadata) as running:
        for name in ("compute_pil", "compute_tensor"):
            body = (folder / f"{name}.body").read_bytes()
            request = json.loads(body)
            for text, image in zip(request["prompt"], request["image"], strict=True):
                detector.record(from_base64(image), _wrong_side(text))
            status, content = _sent_again(running, (folder / f"{name}.head").read_bytes(), body)
            expected = told["reply_compute_pil"]["rewards"][: len(request["prompt"])]
            assert (status, json.loads(content)) == (200, {"rewards": expected})
        status, content = _sent_again(running, (folder / "health.head").read_bytes(), b"")
        assert status == 200
        assert json.loads(content).items() >= told["reply_health"].items()
    with _serving(detector, SPLIT) as running:
        status, value = running.post(FlowFactory.path, body)
        assert (status, list(value)) == (200, ["error"])
        assert "--metadata" in value["error"]


def test_verl_omni_gets_its_recorded_reply(tmp_path: Path) -> None:
    folder = _folder("verl_omni_http_scorer")
    told = json.loads((folder / "expected.json").read_text())
    body = (folder / "request.body").read_bytes()
    detector = RecordedDetector()
    request = load(body)
    text = told["prompts"][0]
    detector.record(request["images"][0], _wrong_side(text))
    head = (folder / "request.head").read_bytes()
    with _serving(detector, SPLIT, _metadata(tmp_path, told["prompts"])) as running:
        status, content = _sent_again(running, head, body)
        assert (status, pickle.loads(content)) == (200, told["reply"])
        assert content == (folder / "reply.body").read_bytes()
    with _serving(detector, SPLIT) as running:
        # The metadata line may stand where its data set has the text; without it, the text says
        # nothing.
        line = {**request, "prompts": [json.dumps(_left_of(text))]}
        assert running.post("/", pickle.dumps(line)) == (200, told["reply"])
        status, value = running.post("/", body)
        assert (status, list(value)) == (400, ["error"])
