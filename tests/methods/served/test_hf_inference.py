"""``hf-inference``: an endpoint on this machine through huggingface_hub's own client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spatialbench.errors import UserError
from spatialbench.plugins import GenerationSettings, NoImage
from spatialbench.runs.status import status
from tests.methods.served.runs import method, missing, opened, ran, requests
from tests.methods.served.servers import PAGE, SIZE, Asked, Reply, drawn, png, serving

pytest.importorskip("huggingface_hub")


def endpoint(asked: Asked) -> Reply:
    if asked.method == "GET":
        return Reply({"ok": True})
    given = asked.content
    if "above" in given["inputs"] and asked.before == 0:
        return Reply({"error": "Model is overloaded"}, 503)
    size = given["parameters"].get("width", SIZE[0]), given["parameters"].get("height", SIZE[1])
    return Reply(png(drawn(given["inputs"], given["parameters"]["seed"], size)))


def test_a_run_on_an_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_NobodyMaySeeThis0123456789")
    settings = GenerationSettings(steps=4, guidance_scale=1.5, width=16, height=8)
    with serving(endpoint) as server:
        served = method("hf-inference", settings, url=server.url, model="org/model")
        assert missing(served) == []
        assert server.posts() == []
        assert not ran(served, tmp_path, prompts=3).partial
        sent = [one.content for one in server.posts()]
        # Three prompts of two images, three about seeds, and two that were overloaded.
        assert len(sent) == 6 + 3 + 2
        assert server.posts()[0].headers["authorization"] == "Bearer hf_NobodyMaySeeThis0123456789"
    assert sent[-1]["parameters"] == {
        "seed": sent[-1]["parameters"]["seed"],
        "num_inference_steps": 4,
        "guidance_scale": 1.5,
        "width": 16,
        "height": 8,
    }
    run = opened(served, tmp_path, prompts=3)
    assert status(run).server["seeds"] == "honoured"
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"NobodyMaySee" in content for content in files)


def test_the_image_is_that_of_prompt_and_seed() -> None:
    with serving(endpoint) as server:
        served = method("hf-inference", url=server.url, model="org/model")
        served.load()
        (found,) = served.generate(requests("a circle"))
        assert not isinstance(found, NoImage)
        assert np.array_equal(np.asarray(found), np.asarray(drawn("a circle", 7)))
        # No key of 'hf auth login' goes to an address.
        assert server.posts()[0].headers["authorization"] == "Bearer none"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(PAGE), "gave no image"),
        (Reply(b"\x89PNG broken"), "gave no image"),
        (Reply(how="drop"), "gave no image"),
        (Reply({"error": "boom"}, 500), r"answered 500 \(boom\)"),
        (Reply(how="hang"), "gave no answer in 2 s"),
    ],
)
def test_faults_are_tried_again_and_named(reply: Reply, said: str) -> None:
    # Whoever is answered has time, however slow the machine is.
    timeout = 2.0 if reply.how == "hang" else 60.0
    with serving(lambda asked: reply) as server:
        served = method("hf-inference", url=server.url, model="a/b", retries=1, timeout=timeout)
        served.load()
        (found,) = served.generate(requests("a circle"))
        assert len(server.posts()) == 2
    assert isinstance(found, NoImage)
    assert not found.refused
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(found.reason)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply({"error": "Invalid username or password."}, 401), "the key is missing, wrong"),
        (Reply({"error": "You have exceeded your monthly included credits"}, 402), "no quota left"),
        (Reply(png(drawn("a", 1, (9, 9)))), "9 x 9 pixels where 16 x 8 were asked for"),
    ],
)
def test_what_concerns_every_request_stops(reply: Reply, said: str) -> None:
    with serving(lambda asked: reply) as server:
        settings = GenerationSettings(width=16, height=8)
        served = method("hf-inference", settings, url=server.url, model="org/model")
        served.load()
        with pytest.raises(UserError, match=said):
            served.generate(requests("a circle"))
        assert len(server.posts()) == 1


def test_an_endpoint_may_stand_for_the_model() -> None:
    with serving(endpoint) as server:
        for name in ("model", "url"):
            given: dict[str, Any] = {name: server.url}
            served = method("hf-inference", **given)
            served.load()
            assert not isinstance(served.generate(requests("a circle"))[0], NoImage)
            assert served.identity()["backbone"] == {"name": "endpoint"}


def test_refusals() -> None:
    with serving(lambda asked: Reply({"error": "NSFW content"}, 400)) as server:
        served = method("hf-inference", url=server.url, model="org/model")
        served.load()
        (found,) = served.generate(requests("a circle"))
    assert found == NoImage("refused: NSFW content")


@pytest.mark.parametrize(
    ("settings", "parameters", "said"),
    [
        ({}, {"provider": "auto", "model": "a/b"}, "the provider auto may be another one"),
        ({}, {}, "which model"),
        ({}, {"model": "http://u:p@127.0.0.1"}, "the url holds a user"),
        ({"steps": 3}, {"provider": "nscale", "model": "a/b"}, "leave --steps out"),
        ({"offline": True}, {"model": "a/b"}, "--offline"),
    ],
)
def test_wrong_settings_are_refused(
    settings: dict[str, Any], parameters: dict[str, Any], said: str
) -> None:
    asked = GenerationSettings(**settings)
    with pytest.raises(UserError, match=said):
        method("hf-inference", asked, **parameters)


def test_a_provider_that_nobody_knows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_x")
    served = method("hf-inference", provider="nobody", model="a/b")
    served.load()
    with pytest.raises(
        UserError, match=r"the provider nobody cannot be asked.*check --set provider="
    ):
        served.generate(requests("a circle"))


def test_an_offline_process_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="leave --executor ray out"):
        method("hf-inference", model="a/b").load()
