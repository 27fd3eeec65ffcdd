"""Whatever a server answers ends in an image, a reason, or a sentence for the user."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spatialbench.errors import UserError
from spatialbench.methods.served import comfyui, flavours, openai_images
from spatialbench.methods.served.access import Address, Key
from spatialbench.methods.served.faults import Answer, Fault, Refusal
from spatialbench.methods.served.http_client import Client
from tests.methods.served.runs import method
from tests.methods.served.test_comfyui import nodes, saved

NAMES = """
data b64_json url error message code type param detail loc msg finish_reason prompt_id id0 outputs 9
images filename status status_str messages completed node_errors errors queue_running queue_pending
model_path id owned_by root class_type
"""
KEYS = NAMES.split()
TEXTS = st.sampled_from(
    [*KEYS, "error", "execution_error", "data:,x", "http://x/", "AAAA", "\ud800"]
)
LEAVES = st.none() | st.booleans() | st.integers(-1, 9) | st.floats() | TEXTS
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4)
BINARY = st.binary(max_size=40)


def bodies(*shaped: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """Bodies of which most are right on the outside."""
    found = st.one_of(*shaped, *shaped, *shaped, OBJECTS, JSON)
    return BINARY | found.map(lambda value: json.dumps(value).encode())


IMAGES = st.builds(lambda one: {"data": [one]}, OBJECTS)
ERRORS = st.builds(
    lambda one, other: {"error": one, "node_errors": {"9": one, "errors": {"errors": [other]}}},
    OBJECTS,
    JSON,
) | st.builds(lambda one: {"detail": [one]}, OBJECTS)
HISTORY = st.one_of(
    st.builds(lambda one: {"id0": {"outputs": {"9": one}, "status": {}}}, OBJECTS),
    st.builds(lambda one: {"id0": {"outputs": {"9": {"images": one}}}}, JSON),
    st.builds(lambda one: {"id0": {"status": {"status_str": "error", "messages": one}}}, JSON),
    st.builds(
        lambda one: {
            "id0": {"status": {"status_str": "error", "messages": [["execution_error", one]]}}
        },
        OBJECTS,
    ),
)
QUEUE = st.builds(lambda one: {"queue_running": one, "queue_pending": [one]}, JSON)
STATUSES = st.sampled_from([200, 200, 200, 200, 302, 400, 400, 404, 422, 999])
HEADERS = st.dictionaries(st.sampled_from(["retry-after", "location", "x-should-retry"]), TEXTS)


def answers(*shaped: st.SearchStrategy[Any]) -> st.SearchStrategy[Answer]:
    return st.builds(Answer, STATUSES, HEADERS, bodies(*shaped))


QUICK = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Scripted(Client):
    """A client that is given the next of some answers, and the last again and again."""

    answers: list[Answer]

    def _ask(self, *arguments: Any) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def scripted(answers: list[Answer]) -> Scripted:
    client = Scripted(Address("http://127.0.0.1:9", "/v1"), Key(None), 0.0)
    object.__setattr__(client, "answers", list(answers))
    return client


def ends_in_a_sentence(ask: Callable[[], object]) -> None:
    """It raises what is meant for the caller, with words; nothing that comes here is an image."""
    try:
        ask()
    except (Fault, Refusal, UserError) as error:
        said = str(error)
    assert said.strip()


@QUICK
@given(answers(IMAGES, ERRORS))
def test_openai_images(answer: Answer) -> None:
    served = method("openai-images", url="http://127.0.0.1:9", flavour="compatible", model="m")
    assert isinstance(served, openai_images.OpenAIImages)
    served._client = scripted([answer])
    ends_in_a_sentence(lambda: served.answer("a circle", 1, 0))


@QUICK
@given(st.lists(answers(IMAGES, OBJECTS), min_size=1))
def test_looks(answers: list[Answer]) -> None:
    try:
        found = flavours.found(scripted(answers), None, "")
    except UserError:
        return
    assert all(isinstance(name, str) for name in found.models)
    json.dumps(dict(found.model))


QUEUED = Answer(200, {}, b'{"prompt_id": "id0"}')


@QUICK
@given(
    st.lists(answers(ERRORS), min_size=1, max_size=1)
    | st.tuples(st.just(QUEUED), answers(HISTORY), answers(QUEUE), answers(HISTORY)).map(list)
)
def test_comfyui(tmp_path: Path, answers: list[Answer]) -> None:
    served = method("comfyui", workflow=saved(tmp_path, nodes()))
    assert isinstance(served, comfyui.ComfyUI)
    served.manner = type(served.manner)(1, 0.0, 0, False)
    served._client = scripted(answers)
    ends_in_a_sentence(lambda: served.answer("a circle", 1, 0))
