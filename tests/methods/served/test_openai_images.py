"""``openai-images`` against a real server: fields, seeds, faults, refusals, resumption."""

from __future__ import annotations

import hashlib
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spatialbench.errors import UserError
from spatialbench.executors.local import LocalExecutor
from spatialbench.plugins import GenerationSettings, NoImage
from spatialbench.runs.status import status
from spatialbench.stages.generate import generate
from tests.methods.served.runs import method, missing, opened, ran, requests
from tests.methods.served.servers import (
    PAGE,
    Asked,
    Reply,
    drawn,
    images,
    openai_like,
    png,
    serving,
)
from tests.stages.fakes import Log, snapshot

SGLANG = {
    "model_path": "org/model",
    "pipeline_class": "QwenImagePipeline",
    "dit_precision": "bf16",
    "vae_precision": "fp32",
    "pid": 4711,
}

FAULTS: dict[str, Callable[[], Reply]] = {
    "429": lambda: Reply({"error": {"code": "rate_limit_exceeded"}}, 429, {"Retry-After": "1"}),
    "500": lambda: Reply({"detail": "engine"}, 500),
    "503 as a page": lambda: Reply(PAGE, 503),
    "no answer": lambda: Reply(how="hang"),
    "an answer without its end": lambda: Reply({"data": ["x" * 1000]}, how="cut"),
    "dropped": lambda: Reply(how="drop"),
    "no JSON": lambda: Reply(b'{"data": [{"b64_js'),
    "no image": images,
    "half an image": lambda: images(png(drawn("a", 1))[:200]),
    "no base64": lambda: Reply({"data": [{"b64_json": "?!"}]}),
}


def faulty(share: float) -> Callable[[Asked], Reply | None]:
    """Fails in that share of the requests, in all ways, the same whenever it is asked the same."""
    ways = list(FAULTS.values())

    def fault(asked: Asked) -> Reply | None:
        text = f"{asked.content['prompt']}/{asked.content['seed']}/{asked.before}"
        first, second, *_ = hashlib.sha256(text.encode()).digest()
        return ways[second % len(ways)]() if first < share * 256 else None

    return fault


def test_images_are_those_of_prompt_and_seed_in_order() -> None:
    together = threading.Barrier(3, timeout=60)

    def wait(asked: Asked) -> None:
        # Nobody is answered before three have asked.
        if asked.content["prompt"] in ("a circle", "a square", "two"):
            together.wait()

    with serving(openai_like(wait)) as server:
        served = method("openai-images", url=server.url, concurrency=3)
        served.load()
        asked = requests("a circle", "a square", "two", "three", "four")
        found = served.generate(asked)
    for request, image in zip(asked, found, strict=True):
        assert not isinstance(image, NoImage)
        assert np.array_equal(np.asarray(image), np.asarray(drawn(request.prompt.text, 7)))
    assert server.most_at_once == 3
    sent = server.posts()[0].content
    assert sent == {
        "prompt": sent["prompt"],
        "model": "org/model",
        "n": 1,
        "seed": 7,
        "response_format": "b64_json",
        "output_format": "png",
        "generator_device": "cpu",
    }


def test_faults_in_a_third_of_the_requests_change_no_image(tmp_path: Path) -> None:
    with serving(openai_like()) as server:
        ran(method("openai-images", url=server.url), tmp_path / "whole")
        usual = len(server.posts())
    waits: list[float] = []
    with serving(openai_like(faulty(0.35))) as server:
        served = method("openai-images", url=server.url, timeout=2.0, pause=waits.append)
        assert not ran(served, tmp_path / "run").partial
        asked = server.posts()
    # Twelve prompts of two images, and three that tell about seeds.
    assert usual == 27
    assert len(asked) > usual + 8
    assert len(waits) == len(asked) - usual
    assert snapshot(tmp_path / "run") == snapshot(tmp_path / "whole")
    assert all(wait <= 8 for wait in waits)
    assert 1.0 in waits


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_prompt_that_always_fails_is_missing_and_named(
    tmp_path: Path, fault: Callable[[], Reply]
) -> None:
    def fails(asked: Asked) -> Reply | None:
        return fault() if asked.content["prompt"].endswith("number 2") else None

    log = Log()
    with serving(openai_like(fails)) as server:
        timeout = 2.0 if fault is FAULTS["no answer"] else 60.0
        served = method("openai-images", url=server.url, timeout=timeout, retries=1, probe=False)
        summary = ran(served, tmp_path, prompts=3, log=log)
        asked = [one for one in server.posts() if one.content["prompt"].endswith("number 2")]
        assert len(asked) == 4
    assert (summary.images, summary.images_expected, summary.partial) == (4, 6, True)
    (told,) = status(opened(served, tmp_path, prompts=3)).given_up
    assert told.startswith("generate gave up 2 image(s), 2/0, 2/1: the server at 127.0.0.1:")
    assert told.endswith(", 2 times")
    # The next command asks again, and finds the server well.
    with serving(openai_like()) as server:
        again = method("openai-images", url=server.url, probe=False)
        assert not ran(again, tmp_path, prompts=3).partial
        assert len(server.posts()) == 2
    assert status(opened(served, tmp_path, prompts=3)).given_up == []


REFUSALS = {
    "moderation": Reply({"error": {"message": "no", "code": "moderation_blocked"}}, 400),
    "by its words": Reply({"error": {"message": "blocked by our safety system"}}, 400),
    "of the prompt": Reply({"detail": [{"loc": ["body", "prompt"], "msg": "too long"}]}, 422),
    "filtered": Reply({"data": [{"b64_json": None, "finish_reason": "content_filter"}]}),
    "with status 200": Reply({"error": {"message": "no", "code": "content_filter"}}),
    "wrong, and others are not": Reply({"detail": "cannot do that"}, 400),
}


@pytest.mark.parametrize("reply", REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_stored_and_asked_for_once(tmp_path: Path, reply: Reply) -> None:
    def refuses(asked: Asked) -> Reply | None:
        return reply if asked.content["prompt"].endswith("number 1") else None

    with serving(openai_like(refuses)) as server:
        served = method("openai-images", url=server.url)
        assert ran(served, tmp_path, prompts=3).images == 4
        assert len(server.posts()) == 3 + 6
        ran(served, tmp_path, prompts=3)
        assert len(server.posts()) == 3 + 6
        found = status(opened(served, tmp_path, prompts=3))
        assert found.refused == 2
        assert found.given_up[0].startswith("generate gave up 2 image(s), 1/0, 1/1: refused: ")
        ran(served, tmp_path, prompts=3, retry_refused=True)
        assert len(server.posts()) == 3 + 8


def test_a_request_that_is_always_wrong_is_no_refusal(tmp_path: Path) -> None:
    wrong = Reply({"detail": "no such size"}, 400)
    with serving(openai_like(lambda asked: wrong)) as server:
        served = method("openai-images", url=server.url)
        with pytest.raises(UserError, match=r"answered 400 \(no such size\); nothing was made"):
            ran(served, tmp_path)
        assert len(server.posts()) == 1
        blind = method("openai-images", url=server.url, probe=False)
        with pytest.raises(UserError, match="10 prompts in a row got no image"):
            ran(blind, tmp_path)
    assert status(opened(served, tmp_path)).refused == 0


STOPS = {
    "401": (Reply({"error": {"message": "Incorrect API key"}}, 401), "the key is missing, wrong"),
    "403": (Reply({"error": {"message": "verify"}}, 403), "the key is missing, wrong"),
    "404": (Reply({"error": {"message": "no model x"}}, 404), "check --set url= and --set model="),
    "quota": (Reply({"error": {"code": "insufficient_quota"}}, 429), "no quota left"),
    "quota as a type": (Reply({"error": {"type": "insufficient_quota"}}, 429), "no quota left"),
    "limit": (Reply({"error": {"code": "billing_hard_limit_reached"}}, 400), "no quota left"),
    "redirect": (
        Reply(status=307, headers={"Location": "https://evil.example/v1?key=1"}),
        r"leads elsewhere \(https://evil.example/v1\)",
    ),
    "a long wait": (Reply({}, 429, {"Retry-After": "600"}), "asks to wait 600 seconds"),
    "size": (images(png(drawn("a", 1, (8, 8)))), "8 x 8 pixels where 32 x 24 were asked for"),
}


@pytest.mark.parametrize(("reply", "said"), STOPS.values(), ids=STOPS)
def test_what_concerns_every_request_stops_the_run_at_once(
    tmp_path: Path, reply: Reply, said: str
) -> None:
    settings = GenerationSettings(width=32, height=24)
    with serving(openai_like(lambda asked: reply)) as server:
        served = method("openai-images", settings, url=server.url, concurrency=1)
        run = opened(served, tmp_path)
        with pytest.raises(UserError, match=said):
            generate(run, served, 8, LocalExecutor(), Log())
        assert len(server.posts()) == 1
    assert run.directory.finished_images(lambda text: None) == {}
    assert not (tmp_path / "quarantine.jsonl").exists()


def test_images_that_were_paid_for_are_kept_when_the_quota_ends(tmp_path: Path) -> None:
    def ends(asked: Asked) -> Reply | None:
        return STOPS["quota"][0] if "number 5" in asked.content["prompt"] else None

    with serving(openai_like(ends)) as server:
        served = method("openai-images", url=server.url, probe=False, concurrency=2)
        run = opened(served, tmp_path)
        with pytest.raises(UserError, match="no quota left"):
            generate(run, served, 24, LocalExecutor(), Log())
        made = len(run.directory.finished_images(lambda text: None))
        ended = sum("number 5" in one.content["prompt"] for one in server.posts())
        assert 0 < made == len(server.posts()) - ended


def test_a_server_that_dies_ends_the_run(tmp_path: Path) -> None:
    posts: list[None] = []

    def dies(asked: Asked) -> Reply | None:
        posts.append(None)
        return Reply({}, 500) if len(posts) > 8 else None

    with serving(openai_like(dies)) as server:
        served = method("openai-images", url=server.url, probe=False, retries=4, concurrency=1)
        run = opened(served, tmp_path, prompts=40)
        with pytest.raises(UserError, match="10 prompts in a row got no image"):
            generate(run, served, 8, LocalExecutor(), Log())
    # Five tries for each image of two prompts and the first of a third, and then one for each.
    assert len(posts) == 8 + 5 * 5 + 1 + 6 * 2 + 1
    found = status(opened(served, tmp_path, prompts=40))
    assert (found.images, found.partial) == (8, True)
    assert " 13 image(s)" in found.given_up[1]


@pytest.mark.parametrize(
    ("heeds", "word"), [(True, "honoured"), (False, "ignored")], ids=["heeds", "does not"]
)
def test_seeds_are_asked_about_once_and_recorded(tmp_path: Path, heeds: bool, word: str) -> None:
    with serving(openai_like(heeds_seeds=heeds)) as server:
        ran(method("openai-images", url=server.url), tmp_path, 2)
        assert len(server.posts()) == 7
        served = method("openai-images", url=server.url)
        (tmp_path / "images" / "0" / "0.png").unlink()
        ran(served, tmp_path, 2)
        assert len(server.posts()) == 8
    assert status(opened(served, tmp_path, 2)).server == {
        "address": server.url.removeprefix("http://"),
        "flavour": "vllm-omni",
        "model": "org/model",
        "seeds": word,
    }


def test_without_seeds_nothing_is_asked_and_it_is_unknown() -> None:
    with serving(openai_like(models=("gpt-image-2",), owner="openai")) as server:
        served = method("openai-images", url=server.url, model="gpt-image-2")
        served.load()
        assert served.found_out([])["seeds"] == "unknown"
        assert server.posts() == []
        served.generate(requests("a circle"))
        sent = server.posts()[0].content
    assert sent == {
        "prompt": "a circle",
        "model": "gpt-image-2",
        "n": 1,
        "size": "1024x1024",
        "output_format": "png",
    }
    assert served.identity()["parameters"]["seed"] == "not sent"
    assert "cannot be made a second time" in served.about_prompts([])[0]


def test_what_is_sent_and_told_is_in_the_identity_and_the_host_is_not() -> None:
    settings = GenerationSettings(steps=20, guidance_scale=4.0, width=64, height=32)

    def sglang(asked: Asked) -> Reply:
        if asked.path == "/models":
            return Reply(SGLANG)
        return openai_like()(asked)

    identities = []
    for _ in range(2):
        with serving(sglang) as server:
            served = method("openai-images", settings, url=f"{server.url}/v1/", revision="abc")
            identities.append(served.identity())
    assert identities[0] == identities[1]
    assert identities[0] == {
        "method": "openai-images",
        "version": 1,
        "backbone": {"name": "org/model", "revision": "abc"},
        "parameters": {
            "flavour": "sglang",
            "seed": "sent",
            "num_inference_steps": 20,
            "guidance_scale": 4.0,
            "always": {
                "response_format": "b64_json",
                "output_format": "png",
                "generator_device": "cpu",
            },
        },
        "server": {name: value for name, value in SGLANG.items() if name != "pid"},
        "width": 64,
        "height": 32,
        "marks": ["unpinned"],
    }


def test_a_method_travels_to_other_processes_without_its_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-0123456789")
    with serving(openai_like()) as server:
        served = method("openai-images", url=server.url)
        served.manner = type(served.manner)(*(4, 60.0, 8, True))
        assert served.found_out([])["seeds"] == "honoured"
        sent = pickle.dumps(served)
        assert b"secret" not in sent
        there = pickle.loads(sent)
        there.load()
        assert not isinstance(there.generate(requests("a circle"))[0], NoImage)
        assert server.posts()[0].headers["authorization"] == "Bearer sk-very-secret-0123456789"


def test_looks_at_a_failing_server_are_repeated_and_never_change_the_run() -> None:
    replies = [Reply({}, 503), Reply(how="drop"), Reply(b"{"[:0], 429)]

    def shaky(asked: Asked) -> Reply:
        if asked.method == "GET" and asked.before < 3:
            return replies[asked.before]
        return Reply(SGLANG) if asked.path == "/models" else openai_like()(asked)

    with serving(shaky) as server:
        found = method("openai-images", url=server.url).identity()
        assert found["parameters"]["flavour"] == "sglang"

    def broken(asked: Asked) -> Reply:
        return Reply({}, 503) if asked.path == "/models" else openai_like()(asked)

    with serving(broken) as server, pytest.raises(UserError, match="answered 503 at /models"):
        method("openai-images", url=server.url).identity()


def test_a_server_that_makes_nothing_is_not_asked_for_long(tmp_path: Path) -> None:
    with serving(openai_like(lambda asked: Reply(PAGE))) as server:
        served = method("openai-images", url=server.url)
        with pytest.raises(
            UserError, match=r"no image at all: generate gave up 6 image\(s\), 0/0, .*a web page"
        ):
            ran(served, tmp_path, prompts=3)
        # Nine times for the seeds, then once for each image.
        assert len(server.posts()) == 9 + 6


def test_an_image_at_an_open_address_elsewhere_is_not_fetched() -> None:
    reply = Reply({"data": [{"url": "http://images.example/1.png"}]})
    with serving(openai_like(lambda asked: reply)) as server:
        served = method("openai-images", url=server.url)
        served.load()
        (found,) = served.generate(requests("a circle"))
        assert len(server.posts()) == 1
    assert isinstance(found, NoImage)
    assert found.reason.endswith("names an image at an address that is not opened")


def test_models_are_named_or_asked_for() -> None:
    with serving(openai_like(models=("a/one", "b/two"), owner="somebody")) as server:
        with pytest.raises(UserError, match=r"lists a/one, b/two\)\? Give --set model=NAME"):
            method("openai-images", url=server.url).identity()
        named = method("openai-images", url=server.url, model="b/two").identity()
        assert named["backbone"] == {"name": "b/two"}
        assert named["parameters"]["flavour"] == "compatible"
    with serving(openai_like()) as server:
        assert method("openai-images", url=server.url, model="model").identity()
        with pytest.raises(UserError, match="serves org/model and not other"):
            method("openai-images", url=server.url, model="other").identity()


def test_a_server_that_is_not_there_is_named_before_anything() -> None:
    with serving(openai_like()) as server:
        served = method("openai-images", url=server.url)
        served.identity()
        assert missing(served) == []
        assert server.posts() == []
    (said,) = missing(served)
    assert said is not None
    assert said.startswith(f"the server at {server.url[7:]} cannot be reached (Connection refused)")
    with pytest.raises(UserError, match="cannot be reached"):
        method("openai-images", url=server.url).identity()
    with (
        serving(lambda asked: Reply(PAGE)) as pages,
        pytest.raises(UserError, match="shows a web page at /v1/models"),
    ):
        method("openai-images", url=pages.url).identity()


@pytest.mark.parametrize(
    ("settings", "parameters", "said"),
    [
        ({}, {"url": "ftp://x"}, "url is no address"),
        ({}, {"url": ""}, "url is no address"),
        ({}, {"concurrency": 0}, "takes concurrency from 1 to 256"),
        ({}, {"retries": -1}, "takes retries from 0"),
        ({}, {"flavour": "vllm"}, "did you mean vllm-omni"),
        ({}, {"extra": "[1]"}, "extra is no JSON object"),
        ({}, {"extra": '{"seed": 1}'}, "extra sets seed"),
        ({}, {"true_cfg_scale": "many"}, "true_cfg_scale takes a number"),
        ({"width": 64}, {}, "give --width and --height"),
        ({"scheduler": "ddim"}, {}, "leave --scheduler out"),
        ({"dtype": "float16"}, {}, "leave --dtype out"),
        ({"backbone": "sd1.4"}, {}, "--set model="),
        ({"offline": True}, {"url": "https://images.example/v1"}, "leave --offline out"),
    ],
)
def test_wrong_settings_are_refused(
    settings: dict[str, Any], parameters: dict[str, Any], said: str
) -> None:
    asked = GenerationSettings(**settings)
    with pytest.raises(UserError, match=said):
        method("openai-images", asked, **{"url": "http://127.0.0.1:9", **parameters})


def test_fields_that_a_server_lacks_are_refused_before_an_image() -> None:
    served = method(
        "openai-images",
        GenerationSettings(steps=20),
        url="http://127.0.0.1:9",
        flavour="openai",
        model="gpt-image-2",
    )
    with pytest.raises(UserError, match="flavour openai has no field num_inference_steps"):
        served.identity()


def test_images_of_two_sizes_are_refused(tmp_path: Path) -> None:
    def grows(asked: Asked) -> Reply | None:
        odd = asked.content["prompt"].endswith("number 2")
        return images(png(drawn("a", 1, (16, 16)))) if odd else None

    with serving(openai_like(grows)) as server:
        served = method("openai-images", url=server.url, concurrency=1)
        with pytest.raises(UserError, match="16 x 16 pixels and the first one had 32 x 24"):
            ran(served, tmp_path)


def test_a_bomb_and_an_endless_answer_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spatialbench.files.images.MOST_PIXELS", 100)
    with serving(openai_like()) as server:
        served = method("openai-images", url=server.url, retries=0)
        served.load()
        (found,) = served.generate(requests("a circle"))
        assert isinstance(found, NoImage)
        assert "at most 100 are read" in found.reason
        monkeypatch.setattr("spatialbench.methods.served.http_client.MOST_BYTES", 1000)
        with pytest.raises(UserError, match="answers with more than"):
            served.generate(requests("a circle"))


def test_an_image_may_stand_at_an_address_and_get_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "a-key-of-mine-0123456789")
    file = png(drawn("a", 1), "JPEG")
    with serving(lambda asked: Reply(file)) as store:
        reply = Reply({"data": [{"url": f"{store.url}/1.jpg"}]})
        with serving(openai_like(lambda asked: reply)) as server:
            served = method("openai-images", url=server.url, key_env="MY_KEY")
            served.load()
            (found,) = served.generate(requests("a circle"))
            assert "authorization" in server.posts()[0].headers
        assert "authorization" not in store.asked[0].headers
    assert not isinstance(found, NoImage)
    assert found.mode == "RGB"
