"""Each trainer's protocol: what it asks, what it is answered, and how it is told of errors."""

from __future__ import annotations

import base64
import json
import pickle
import re
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from spatialbench.serve.limits import Limits
from spatialbench.serve.own_json import ErrorReply, RewardReply, RewardRequest

from .fakes import (
    IDENTITY,
    RULES,
    UNJUDGED,
    UNKNOWN,
    FakeScorer,
    Running,
    expected,
    flow_factory,
    flow_grpo,
    own,
    picture,
    serving,
    verl_omni,
)

DOCS = Path(__file__).parents[2] / "docs"
_SCORER = FakeScorer()


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serving(_SCORER, Limits(batch_size=2)) as server:
        yield server


def test_flow_grpo(running: Running) -> None:
    texts, levels = ["a", "bbb", "cc", "d", "e"], [1, 2, 250, 4, 5]
    status, value = running.post("/", flow_grpo(texts, levels, only_strict=False))
    assert status == 200
    assert value == {"scores": list(map(expected, texts, levels)), "only_strict": False}


def test_a_reply_is_pickled_by_protocol_4(running: Running) -> None:
    content = running.ask("POST", "/", flow_grpo(["a"], [1]))[1]
    assert content == pickle.dumps({"scores": [expected("a", 1)], "only_strict": True}, 4)


def test_verl_omni(running: Running) -> None:
    assert running.post("/", verl_omni("ab", 9)) == (200, {"scores": [expected("ab", 9)]})


def test_every_pickle_protocol_and_numpy_are_read(running: Running) -> None:
    request = pickle.loads(flow_grpo(["a"], [3]))
    request["only_strict"] = np.bool_(True)
    request["meta_datas"][0]["count"] = np.int64(3)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        status, value = running.post("/", pickle.dumps(request, protocol))
        assert (status, value["scores"]) == (200, [expected("a", 3)])


def test_flow_factory(running: Running) -> None:
    texts, levels = ["a", "bbb", "cc"], [1, 2, 250]
    reply = running.post("/compute", flow_factory(texts, levels))
    assert reply == (200, {"rewards": list(map(expected, texts, levels))})


def test_own_json_tells_of_every_image(running: Running) -> None:
    entries: list[dict[str, Any]] = [
        {"level": 1, "prompt": "abc"},
        {"level": 2, "prompt_id": "17"},
        {"level": 3, "prompt_id": 18},
        {"level": 4, "metadata": {"prompt": "line"}},
        {"level": 5, "prompt": UNKNOWN},
        {"level": 6, "prompt": UNJUDGED},
        {"level": 7},
    ]
    body = own(entries)
    RewardRequest.model_validate_json(body)
    status, value = running.post("/v1/rewards", body)
    assert status == 200
    RewardReply.model_validate(value)
    assert value["identity"] == IDENTITY
    good, bad = value["rewards"][:4], value["rewards"][4:]
    names = ["abc", "17", "18", "line"]
    for entry, name, level in zip(good, names, (1, 2, 3, 4), strict=True):
        assert entry == {
            "prompt_id": name,
            "verdict": True,
            "reason": f"level {level}",
            "score": expected(name, level),
            "reward": expected(name, level),
        }
    assert [sorted(entry) for entry in bad] == [["error", "retry"]] * 3
    assert [entry["retry"] for entry in bad] == [False] * 3
    assert [entry["error"] for entry in bad] == [
        f"unknown prompt {UNKNOWN!r}",
        "no rule judges it",
        "one of prompt_id, metadata and prompt is needed",
    ]


def test_the_schemas_are_those_of_the_protocol() -> None:
    forms: dict[str, type[BaseModel]] = {"request": RewardRequest, "reply": RewardReply}
    for name, form in forms.items():
        schema = json.loads((DOCS / "schemas" / "serve" / f"{name}.schema.json").read_text())
        assert schema.pop("$schema").endswith("2020-12/schema")
        assert schema == form.model_json_schema()


def test_the_reply_in_the_docs_is_one() -> None:
    page = (DOCS / "serve.md").read_text()
    (shown,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    RewardReply.model_validate_json(shown)
    (request,) = re.findall(r"--data \\\n +'(.*)'\n", page)
    RewardRequest.model_validate_json(request)


def test_own_json_takes_data_urls_and_refuses_what_is_no_image(running: Running) -> None:
    png = base64.b64encode(picture(9, "PNG")).decode()
    images: list[Any] = [
        {"image": f"data:image/png;base64,{png}", "prompt": "a"},
        {"image": png + "!", "prompt": "a"},
        {"image": png},
        {"image": 5, "prompt": "a"},
        {"image": png, "prompt": "a", "seed": 1},
        "text",
    ]
    value = running.post("/v1/rewards", json.dumps({"images": images}).encode())[1]
    assert value["rewards"][0]["reward"] == expected("a", 9)
    errors = [entry["error"] for entry in value["rewards"][1:]]
    for error, told in zip(
        errors,
        ["base64", "prompt_id", "image: Input should be a valid string", "seed", "top: "],
        strict=True,
    ):
        assert told in error


def test_the_rules_of_a_request_are_its_own(running: Running) -> None:
    """One request's further rules refuse no image of another that is in the same batch."""
    text = f"not by {'+'.join(RULES)}"
    _SCORER.go.clear()
    _SCORER.started.clear()
    replies: dict[str, Any] = {}

    def ask(path: str, body: bytes) -> None:
        replies[path] = running.post(path, body)

    first = threading.Thread(target=running.post, args=("/", verl_omni("blocks", 1)))
    first.start()
    _SCORER.started.wait()
    others = [
        threading.Thread(target=ask, args=("/", flow_grpo([text], [1]))),
        threading.Thread(target=ask, args=("/compute", flow_factory([text], [1]))),
    ]
    for thread in others:
        thread.start()
    running.until(3)
    _SCORER.go.set()
    for thread in (first, *others):
        thread.join()
    assert replies["/"] == (400, {"error": "no rule judges it"})
    assert replies["/compute"] == (200, {"rewards": [expected(text, 1)]})


GOOD = picture(1)


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ([1], "no dict but list"),
        ({}, "neither 'meta_datas'"),
        ({"images": [GOOD]}, "neither 'meta_datas'"),
        ({"images": [], "meta_datas": [], "only_strict": True}, "no images"),
        ({"images": [GOOD], "meta_datas": [{}]}, "no 'only_strict'"),
        ({"images": [GOOD], "meta_datas": [{}], "only_strict": "no"}, "'only_strict' is 'no'"),
        ({"meta_datas": [{}], "only_strict": True}, "'images' has to be"),
        ({"images": GOOD, "meta_datas": [{}], "only_strict": True}, "'images' has to be"),
        ({"images": [GOOD], "meta_datas": [], "only_strict": True}, "'meta_datas' is empty"),
        ({"images": [GOOD], "meta_datas": {}, "only_strict": True}, "'meta_datas' has to be"),
        ({"images": [GOOD], "meta_datas": ["a"], "only_strict": True}, "line 1 of"),
        ({"images": ["text"], "meta_datas": [{}], "only_strict": True}, "not bytes but str"),
        ({"images": [GOOD], "meta_datas": [{}], "only_strict": True}, "unknown prompt"),
        ({"images": [GOOD], "prompts": [], "metadata": {}}, "one prompt per image"),
        ({"images": [GOOD], "prompts": "a", "metadata": {}}, "one prompt per image"),
        ({"images": [GOOD], "prompts": [5], "metadata": {}}, "prompt 1 is 5: expected text"),
        ({"images": [GOOD], "prompts": [UNKNOWN], "metadata": {}}, "unknown prompt"),
        ({"images": [GOOD], "prompts": [UNJUDGED], "metadata": {}}, "no rule judges it"),
        ({"error": "x"}, "a reply"),
        ({"images": [np.zeros(3)], "prompts": ["a"]}, "names numpy"),
    ],
)
def test_pickled_requests_that_will_never_work(running: Running, request_: Any, told: str) -> None:
    status, value = running.post("/", pickle.dumps(request_))
    assert status == 400
    assert list(value) == ["error"]
    assert told in value["error"]


PNG = base64.b64encode(picture(1, "PNG")).decode()


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ([1], "JSON object"),
        ({}, "'prompt' and 'image'"),
        ({"prompt": "a", "image": [PNG]}, "have to be lists"),
        ({"prompt": ["a"], "image": None}, "have to be lists"),
        ({"prompt": ["a"], "image": [PNG] * 2}, "1 prompts and 2 images"),
        ({"prompt": [], "image": []}, "no images"),
        ({"prompt": ["a"], "image": [None]}, "this is NoneType"),
        ({"prompt": ["a"], "image": ["%"]}, "no base64"),
        ({"prompt": [None], "image": [PNG]}, "prompt 1 is None: expected text"),
        ({"prompt": ["a"], "image": [PNG], "video": ["x"]}, "'video' was sent"),
        ({"prompt": ["a"], "image": [PNG], "condition_images": [[PNG]]}, "'condition_images'"),
        ({"prompt": ["a", UNKNOWN], "image": [PNG] * 2}, "image 2 of 2: unknown prompt"),
        ({"prompt": [UNJUDGED], "image": [PNG]}, "no rule judges it"),
    ],
)
def test_json_that_will_never_work_is_no_lost_connection(
    running: Running, request_: Any, told: str
) -> None:
    status, value = running.post("/compute", json.dumps(request_).encode())
    assert status == 200
    assert list(value) == ["error"]
    assert told in value["error"]


@pytest.mark.parametrize("path", ["/compute", "/v1/rewards"])
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"[" + b"[]," * 200_000 + b"1]", b'{"images": 1}'],
    ids=lambda value: repr(value[:12]),
)
def test_json_that_is_none(running: Running, path: str, content: bytes) -> None:
    status, value = running.post(path, content)
    assert status == (200 if path == "/compute" else 400)
    assert list(value) == ["error"]
    if path == "/v1/rewards":
        ErrorReply.model_validate(value)


def test_no_score_that_is_not_finite_becomes_a_reward() -> None:
    for score in (float("nan"), float("inf")):
        with serving(FakeScorer(score=partial(max, score))) as running:
            for path, body in {
                "/": flow_grpo(["a"], [1]),
                "/compute": flow_factory(["a"], [1]),
            }.items():
                status, value = running.post(path, body)
                assert status == (400 if path == "/" else 200)
                assert "no finite score" in value["error"]
            status, value = running.post("/v1/rewards", own([{"level": 1, "prompt": "a"}]))
            assert list(value["rewards"][0]) == ["error", "retry"]
