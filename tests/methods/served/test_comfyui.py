"""``comfyui``: workflows that are refused, and a server that queues, works, fails and forgets."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from spatialbench.errors import UserError
from spatialbench.methods.served.workflow import Workflow
from spatialbench.plugins import GenerationSettings, NoImage
from spatialbench.runs.status import status
from tests.methods.served.runs import method, missing, opened, ran, requests
from tests.methods.served.servers import SIZE, Asked, Reply, drawn, png, serving

Nodes = dict[str, Any]


def nodes(**changes: Any) -> Nodes:
    """Such a workflow as 'Export (API)' saves, with placeholders."""
    found: Nodes = {
        "3": {
            "class_type": "KSampler",
            "inputs": {"seed": "{seed}", "steps": 20, "model": ["4", 0], "positive": ["6", 0]},
        },
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd/v1-5.ckpt"}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "photo: {prompt}, sharp"}},
        "9": {
            "class_type": "SaveImage",
            "inputs": {"filename_prefix": "ComfyUI", "images": ["8", 0]},
            "_meta": {"title": "Save"},
        },
    }
    return found | changes


def saved(folder: Path, content: object) -> str:
    path = folder / "workflow.json"
    path.write_text(json.dumps(content))
    return str(path)


class Comfy:
    """ComfyUI as far as a client sees it: a history after some looks, and images with text in."""

    def __init__(self, looks: int = 1) -> None:
        self.looks = looks
        self.queued: dict[str, Nodes] = {}
        self.seen: dict[str, int] = {}
        self.run: set[str] = set()
        self.forgets = False
        self.error: dict[str, Any] | None = None
        self.images: Callable[[str], dict[str, Any]] = lambda name: {
            "9": {"images": [{"filename": f"{name}.png", "subfolder": "a b", "type": "output"}]}
        }
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Reply:
        with self._lock:
            return self._answer(asked)

    def _answer(self, asked: Asked) -> Reply:
        path = urlsplit(asked.path)
        if asked.method == "POST" and path.path == "/prompt":
            return self._queue(asked.content["prompt"])
        if path.path == "/queue":
            waiting = [[0, name, {}] for name in self.queued if self.seen[name] < self.looks]
            return Reply({"queue_running": waiting[:1], "queue_pending": waiting[1:]})
        if path.path.startswith("/history/"):
            return self._history(path.path.removeprefix("/history/"))
        if path.path == "/view":
            query = parse_qs(path.query)
            assert (query["subfolder"], query["type"]) == (["a b"], ["output"])
            inputs = self.queued[query["filename"][0].removesuffix(".png")]
            text, seed = inputs["6"]["inputs"]["text"], inputs["3"]["inputs"]["seed"]
            assert isinstance(seed, int)
            return Reply(png(drawn(text, seed)))
        return Reply({}, 404)

    def _queue(self, content: Nodes) -> Reply:
        if content["3"]["inputs"]["seed"] == 13:
            errors = [{"message": "Value not in list", "details": "ckpt_name: 'x'"}]
            node = {"class_type": "CheckpointLoaderSimple", "errors": errors}
            return Reply({"error": {"message": "invalid"}, "node_errors": {"4": node}}, 400)
        name = f"id{len(self.queued)}"
        self.queued[name], self.seen[name] = content, 0
        return Reply({"prompt_id": name, "number": 1, "node_errors": {}})

    def _history(self, name: str) -> Reply:
        self.seen[name] += 1
        if self.forgets and len(self.queued) == 1:
            return Reply({})
        if self.seen[name] <= self.looks:
            return Reply({})
        if self.error is not None:
            return Reply({name: {"outputs": {}, "status": self.error}})
        # An identical workflow is not run again, and shows nothing.
        same = json.dumps(self.queued[name], sort_keys=True)
        outputs = {} if same in self.run else self.images(name)
        self.run.add(same)
        done = {"status_str": "success", "completed": True, "messages": []}
        return Reply({name: {"outputs": outputs, "status": done}})


def test_a_run_is_of_prompt_and_seed(tmp_path: Path) -> None:
    comfy = Comfy()
    with serving(comfy) as server:
        workflow = saved(tmp_path, nodes())
        served = method("comfyui", url=server.url, workflow=workflow)
        assert missing(served) == []
        assert server.posts() == []
        assert not ran(served, tmp_path / "run", prompts=2).partial
        run = opened(served, tmp_path / "run", prompts=2)
        assert status(run).server["seeds"] == "honoured"
        served.load()
        text = run.expected.prompts[0].text
        (found,) = served.generate(requests(text))
        assert not isinstance(found, NoImage)
        expected = drawn(f"photo: {text}, sharp", 7)
        assert np.array_equal(np.asarray(found), np.asarray(expected))
        # What the server has run before is asked for under another file name.
        (again,) = served.generate(requests(text))
        assert not isinstance(again, NoImage)
        assert again.tobytes() == found.tobytes()
        names = {one["9"]["inputs"]["filename_prefix"] for one in comfy.queued.values()}
        assert "ComfyUI" in names
        assert len(names) > 1


def test_prompts_are_never_read_as_placeholders(tmp_path: Path) -> None:
    workflow = Workflow.read(saved(tmp_path, nodes()))
    text = 'a {seed} "quoted" %prompt% {{width}} \\ cat'
    filled = workflow.filled({"prompt": text, "seed": 5})
    assert filled["6"]["inputs"]["text"] == f"photo: {text}, sharp"
    assert filled["3"]["inputs"]["seed"] == 5
    assert workflow.filled({"prompt": text, "seed": 6}, "-x")["9"]["inputs"] == {
        "filename_prefix": "ComfyUI-x",
        "images": ["8", 0],
    }
    assert workflow.nodes == nodes()


@pytest.mark.parametrize("form", ["{{prompt}} {{seed}}", "{{ prompt }} {seed}", "%prompt% %seed%"])
def test_forms_of_placeholders(tmp_path: Path, form: str) -> None:
    changed = nodes()
    changed["3"]["inputs"]["seed"] = 1
    changed["6"]["inputs"]["text"] = form
    workflow = Workflow.read(saved(tmp_path, changed))
    assert workflow.filled({"prompt": "x", "seed": 5})["6"]["inputs"]["text"] == "x 5"


def test_the_identity_is_the_workflow(tmp_path: Path) -> None:
    def identity(content: Nodes, **parameters: Any) -> dict[str, Any]:
        return method("comfyui", workflow=saved(tmp_path, content), **parameters).identity()

    plain = identity(nodes())
    assert plain["backbone"] == {"name": "v1-5", "revision": plain["workflow"]}
    assert plain["marks"] == ["unpinned"]
    assert identity(dict(reversed(nodes().items())), url="http://127.0.0.1:1") == plain
    titled = nodes()
    titled["9"]["_meta"] = {"title": "another"}
    assert identity(titled) == plain
    steps = nodes()
    steps["3"]["inputs"]["steps"] = 30
    assert identity(steps)["workflow"] != plain["workflow"]
    assert identity(nodes(), revision="ab12")["backbone"]["revision"] == "ab12"


PREVIEW = {"class_type": "PreviewImage", "inputs": {"images": ["8", 0]}}


@pytest.mark.parametrize(
    ("content", "parameters", "said"),
    [
        ({"nodes": [], "links": []}, {}, "as ComfyUI's editor saves it"),
        ([], {}, "is no workflow of ComfyUI"),
        ({"3": {"inputs": {}}}, {}, "its node 3 has no class_type and inputs"),
        (nodes(**{"6": PREVIEW}), {}, "no placeholder for the prompt: write {prompt} as the text"),
        (nodes(**{"3": PREVIEW}), {}, "no placeholder for the seed: write {seed}"),
        (nodes(**{"10": PREVIEW}), {}, "at the nodes 9, 10: say which .* --set output=9"),
        (nodes(), {"output": "77"}, "no node 77: its nodes are 3, 4, 6, 9"),
        (nodes(), {"negative_prompt": "ugly"}, "no placeholder for negative_prompt"),
        (nodes(), {"retries": 1000}, "retries from 0 to 100"),
    ],
)
def test_workflows_that_are_refused(
    tmp_path: Path, content: object, parameters: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        method("comfyui", workflow=saved(tmp_path, content), **parameters)


def test_the_size_needs_its_placeholders(tmp_path: Path) -> None:
    sized = GenerationSettings(width=SIZE[0], height=SIZE[1])
    with pytest.raises(UserError, match="no placeholders for --width and --height"):
        method("comfyui", sized, workflow=saved(tmp_path, nodes()))
    latents = {
        "class_type": "EmptyLatentImage",
        "inputs": {"width": "{width}", "height": "%height%"},
    }
    workflow = saved(tmp_path, nodes(**{"5": latents}))
    with pytest.raises(UserError, match="give --width and --height"):
        method("comfyui", workflow=workflow)
    with serving(comfy := Comfy()) as server:
        served = method("comfyui", sized, workflow=workflow, url=server.url)
        served.load()
        assert not isinstance(served.generate(requests("a circle"))[0], NoImage)
    assert comfy.queued["id0"]["5"]["inputs"] == {"width": SIZE[0], "height": SIZE[1]}
    assert (served.identity()["width"], served.identity()["height"]) == SIZE
    with pytest.raises(UserError, match="leave --steps out"):
        method("comfyui", GenerationSettings(steps=4), workflow=workflow)
    with pytest.raises(UserError, match="cannot be read"):
        method("comfyui", workflow=str(tmp_path / "absent.json"))
    with pytest.raises(UserError, match="which workflow"):
        method("comfyui")


def _failing(message: str) -> dict[str, Any]:
    told = {"node_id": "3", "node_type": "KSampler", "exception_message": message}
    return {"status_str": "error", "completed": False, "messages": [["execution_error", told]]}


def test_a_node_that_fails_is_named_and_the_image_is_missing(tmp_path: Path) -> None:
    comfy = Comfy()
    comfy.error = _failing("out of\nmemory")
    with serving(comfy) as server:
        served = method("comfyui", url=server.url, workflow=saved(tmp_path, nodes()))
        served.load()
        (found,) = served.generate(requests("a circle"))
    assert isinstance(found, NoImage)
    assert not found.refused
    assert found.reason.endswith("KSampler (node 3) failed: out of memory")
    assert len(comfy.queued) == 1


def test_a_workflow_that_the_server_refuses_ends_the_run(tmp_path: Path) -> None:
    refused = nodes()
    refused["3"]["inputs"] |= {"seed": 13, "noise_seed": "{seed}"}
    with serving(Comfy()) as server:
        served = method("comfyui", url=server.url, workflow=saved(tmp_path, refused))
        with pytest.raises(
            UserError, match=r"CheckpointLoaderSimple \(node 4\): Value not in list"
        ):
            ran(served, tmp_path / "run")
        assert len(server.posts()) == 1


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ({"9": {"images": [{"filename": "a"}] * 4}}, "the node 9 gives 4 images"),
        (
            {"1": {"images": [{"filename": "a"}]}, "2": {"images": [{"filename": "b"}]}},
            "images at the nodes 1, 2: say which one counts, with --set output=1",
        ),
    ],
)
def test_several_images_are_nobodys(tmp_path: Path, outputs: dict[str, Any], said: str) -> None:
    comfy = Comfy()
    comfy.images = lambda name: outputs
    custom = nodes(**{"9": {"class_type": "MySave", "inputs": {"images": ["8", 0]}}})
    with serving(comfy) as server:
        served = method("comfyui", url=server.url, workflow=saved(tmp_path, custom))
        served.load()
        with pytest.raises(UserError, match=said):
            served.generate(requests("a circle"))


def test_what_a_server_forgot_is_queued_again(tmp_path: Path) -> None:
    comfy = Comfy(looks=0)
    comfy.forgets = True
    with serving(comfy) as server:
        served = method("comfyui", url=server.url, workflow=saved(tmp_path, nodes()))
        served.load()
        assert not isinstance(served.generate(requests("a circle"))[0], NoImage)
    assert len(comfy.queued) == 2


def test_no_comfyui_is_said_before_the_first_image(tmp_path: Path) -> None:
    with serving(lambda asked: Reply(b"hello")) as server:
        served = method("comfyui", url=server.url, workflow=saved(tmp_path, nodes()))
        assert missing(served) == [
            f"the server at {server.url[7:]} is not ComfyUI: check --set url=."
        ]
    (said,) = missing(served)
    assert said is not None
    assert "cannot be reached" in said
