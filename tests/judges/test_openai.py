"""A judge at a server: the official answers from listed tokens, faults, keys, refusals."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from math import exp
from typing import Any

import pytest
import torch
from PIL import Image

from spatialbench.errors import UserError
from spatialbench.judges.openai import first_word
from spatialbench.judges.openai.plugin import PLUGIN, ServedJudge
from spatialbench.methods.served.faults import Fault
from spatialbench.plugins import NoAnswer
from spatialbench.plugins.judge import UNKNOWN_WEIGHTS, Near, Question
from spatialbench.plugins.records import checked_answers
from tests.judges.chat_server import Shares, chat, completion, question_of
from tests.judges.test_vlm import BLANK, QWEN, token_cases
from tests.methods.served.servers import PAGE, Asked, Reply, Server, serving

RED = Image.new("RGB", (8, 6), "red")


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def no_wait(seconds: float) -> None:
    """For no time."""


def judge_at(server: Server, options: str = "") -> ServedJudge:
    judge = PLUGIN.configure(f"some/model@{server.url}{options}", "cpu", False)
    assert isinstance(judge, ServedJudge)
    judge.manner = replace(judge.manner, pause=no_wait)
    return judge


def qwen_texts() -> dict[int, str]:
    """Tokens of Qwen's vocabulary that are answers, as a server writes them."""
    texts = {BLANK: " ", **{15 + digit: str(digit) for digit in range(10)}}
    for word, ids in QWEN.items():
        forms = (word, word.capitalize(), f" {word}", f" {word.capitalize()}")
        texts |= dict(zip(ids, forms, strict=True))
    return texts


def case_question(case: dict[str, Any], first: bool = False) -> Question:
    counting = case["question"].startswith("How many")
    return Question(case["question"], case["answer"] if counting else "yes", first)


def test_official_answers_are_met_as_far_as_the_tokens_are_listed() -> None:
    texts, exact = qwen_texts(), 0
    untold: list[tuple[float, str]] = []
    for case in token_cases():
        logits = torch.full((case["vocab"],), case["every_other_logit"])
        for token, value in case["logits"].items():
            logits[int(token)] = value
        shares = logits.softmax(-1)
        top = shares.topk(20)
        told = {
            texts.get(token, f"token {token}"): share
            for share, token in zip(top.values.tolist(), top.indices.tolist(), strict=True)
        }
        wanted = case["official"]
        try:
            found = first_word.answer(told, case_question(case), "it")
        except Fault as fault:
            untold.append((wanted["soft"], str(fault)))
            continue
        within = found.within if isinstance(found, Near) else 0.0
        assert found == pytest.approx(wanted["soft"], rel=1e-3, abs=5e-5 + within), case
        exact += within < 1e-4
        hard = first_word.answer(told, case_question(case, True), "it")
        assert hard == wanted["tifa_hard"], case
    assert exact > 30
    # Nothing of the answer is listed, or too little of it: it is not taken for a 0.
    assert all(share < 0.1 or "lists too few words" in reason for share, reason in untold)


@pytest.mark.parametrize(
    ("shares", "question", "value", "within"),
    [
        # Three of the four forms are as likely as the least that is listed, at most.
        ({"Yes": 0.7, "No": 0.2, "A": 1e-6}, "is it?", 0.7, 3e-6),
        ({"Yes": 0.7, "yes": 0.2, " Yes": 0.05, " yes": 0.03, "No": 0.01}, "is it?", 0.98, 0),
        # No form is listed: what is left for four of them is the answer, and no 0.
        ({"No": 0.999, "no": 1e-5}, "is it?", 4e-5, 4e-5),
        ({"No": 1.0}, "is it?", 1e-6, 1e-6),
        ({"2": 0.6, " ": 0.1, "three": 0.2, "x": 1e-9}, "how many? -> two", 0.7, 5e-9),
        ({"YES": 0.6, "Yes": 0.3, "x": 1e-9}, "is it? -> first yes", 1.0, 0),
        ({"No": 0.6, "Yes": 0.3}, "is it? -> first yes", 0.0, 0),
    ],
)
def test_what_is_not_listed_is_a_bound(
    shares: Shares, question: str, value: float, within: float
) -> None:
    found = first_word.answer(shares, Question.of(question), "it")
    assert found == pytest.approx(value)
    assert getattr(found, "within", 0) == pytest.approx(within)


@pytest.mark.parametrize(
    ("shares", "question", "said"),
    [
        ({"The": 0.6, "I": 0.3}, "is it?", "neither yes nor no: its likeliest first words are 'Th"),
        ({"YES": 1.0}, "is it?", "neither yes nor no"),
        ({"Many": 0.9}, "how many? -> two", "answered no number"),
        ({"Yes": 0.4, "No": 0.2}, "is it?", "it is from 0.4 to 0.8"),
        ({"The": 0.6}, "is it? -> first yes", "neither yes nor no"),
    ],
)
def test_what_is_no_answer_is_no_0(shares: Shares, question: str, said: str) -> None:
    with pytest.raises(Fault, match=said):
        first_word.answer(shares, Question.of(question), "it")


def test_answers_come_side_by_side_and_are_what_was_asked() -> None:
    with serving(chat(lambda asked: {"Yes": 0.7, "No": 0.29, "x": 1e-9})) as server:
        judge = judge_at(server, ",concurrency=3")
        questions = [["is it red?", "is it so? Say Yes or No. => yes"], [], ["is it?"]]
        answers = judge.answer([RED] * 3, questions)
        assert [checked_answers(*pair) for pair in zip(questions, answers, strict=True)] == [
            pytest.approx([0.7] * len(row)) for row in questions
        ]
        assert sorted(map(question_of, server.posts())) == [
            "is it red? Answer in one word.",
            "is it so? Say Yes or No.",
            "is it? Answer in one word.",
        ]
        assert judge.identity() == judge_at(server).identity()
        assert pickle.loads(pickle.dumps(judge)).signature() == judge.signature()
        first = answers[0][0]
        assert isinstance(first, Near)
        near = pickle.loads(pickle.dumps(first))
        assert (near, near.within) == (first, first.within)


def once(reply: Reply) -> Callable[[Asked], Reply | None]:
    return lambda asked: None if asked.before else reply


NAN = completion({"Yes": 0.7, "No": 0.3}).content
NAN["choices"][0]["logprobs"]["content"][0]["top_logprobs"][0]["logprob"] = float("nan")
ABOVE = completion({"Yes": 1.5, "No": 0.3})
BLIND = completion({"Yes": 0.7}, logprobs=None)
EMPTY = completion({"Yes": 0.7}, logprobs={"content": []})
FAULTS = {
    "busy": (Reply({"error": "busy"}, 503, {"retry-after": "3"}), True, "answered 503"),
    "dropped": (Reply(how="drop"), True, "broke off"),
    "cut": (Reply(completion({"Yes": 0.7}).content, how="cut"), True, "broke off"),
    "no json": (Reply(b"{"), True, "without its end"),
    "nan": (Reply(NAN), True, "gave the logprob nan of 'Yes'"),
    "above 1": (ABOVE, True, "gave the logprob 0.4"),
    "no choice": (Reply({"choices": []}), True, "without a choice"),
    "blind": (BLIND, False, "gave no logprobs"),
    "empty": (EMPTY, False, "no logprobs of a first word"),
    "neither": (completion({"Maybe": 0.7, "Well": 0.2}), False, "neither yes nor no"),
    "filtered": (completion({"I": 1.0}, finish_reason="content_filter"), False, "refused"),
    "refused": (completion({"I": 1.0}, message={"refusal": "I cannot"}), False, "I cannot"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_asked_again_and_then_is_no_answer(name: str) -> None:
    reply, passes, said = FAULTS[name]
    with serving(chat(fault=once(reply))) as server:
        ((first,),) = judge_at(server).answer([RED], [["is it?"]])
        assert isinstance(first, NoAnswer) is not passes
        assert len(server.posts()) == 1 + passes
    with serving(chat(fault=lambda asked: reply)) as server:
        judge = judge_at(server, ",retries=1")
        ((last,),) = judge.answer([RED], [["is it?"]])
        assert isinstance(last, NoAnswer)
        assert said in last.reason


def test_what_concerns_every_request_keeps_the_answers_before_it() -> None:
    def gone(asked: Asked) -> Reply | None:
        return None if "first" in question_of(asked) else Reply({"error": {"message": "key"}}, 401)

    with serving(chat(fault=gone)) as server:
        judge = judge_at(server, ",concurrency=1")
        ((first, second),) = judge.answer([RED], [["is it first?", "is it?"]])
        assert isinstance(first, float)
        assert isinstance(second, NoAnswer)
        with pytest.raises(UserError, match="put the right one into the environment variable that"):
            judge.answer([RED], [["is it first?"]])
        with pytest.raises(UserError, match="answered 401"):
            judge_at(server).answer([RED], [["is it?"]])


def test_ten_questions_in_a_row_without_an_answer_stop_it() -> None:
    neither = completion({"Maybe": 0.7})
    with serving(chat(fault=lambda asked: neither)) as server:
        judge = judge_at(server, ",concurrency=1")
        with pytest.raises(UserError, match="10 questions in a row got no answer, the last becau"):
            judge.answer([RED], [[f"is it {n}?" for n in range(20)]])
        assert len(server.posts()) == 10


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (BLIND, "gave no logprobs; nothing was made"),
        (EMPTY, "gave no logprobs of a first word"),
        (completion({"Yes": 1.0}), "lists one word where 20 were asked for"),
        (Reply({"error": {"message": "no such model"}}, 404), "check --judge openai:MODEL@URL and"),
        (
            Reply({"error": {"message": "wrong key"}}, 401),
            "--judge openai:MODEL@URL,key_env= names",
        ),
        (Reply(PAGE), "without a choice"),
        (Reply({"error": "logprobs are not supported"}, 400), "logprobs are not supported"),
    ],
)
def test_a_server_that_cannot_judge_is_refused_before_the_first_image(
    reply: Reply, said: str
) -> None:
    with serving(chat(fault=lambda asked: reply)) as server:
        (missing,) = [
            one.missing for one in judge_at(server, ",retries=1").requirements() if one.missing
        ]
        assert said in missing


def test_no_redirect_is_followed_and_no_server_is_said() -> None:
    with serving(chat()) as elsewhere:
        moved = Reply({}, 307, {"location": f"{elsewhere.url}/v1/chat/completions"})
        with serving(chat(fault=lambda asked: moved)) as server:
            judge = judge_at(server)
            assert "leads elsewhere" in str(judge.requirements()[1].missing)
            url = server.url
        assert elsewhere.asked == []
    gone = PLUGIN.configure(f"some/model@{url}", "cpu", False)
    assert "cannot be reached" in str(gone.requirements()[1].missing)


def test_the_key_goes_into_the_header_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-secret-0123456789abcdef"
    monkeypatch.setenv("MY_KEY", key)
    with serving(chat()) as server:
        judge = judge_at(server, ",key_env=MY_KEY")
        judge.answer([RED], [["is it?"]])
        assert server.posts()[0].headers["authorization"] == f"Bearer {key}"
        assert key not in json.dumps(judge.identity()) + judge.signature()
        assert key.encode() not in pickle.dumps(judge)
    for text, said in (
        (f"model@https://u:{key}@host/v1", "the url holds a user"),
        (f"{key}@http://127.0.0.1:1,key_env=MY_KEY", "MODEL holds the key"),
        (f"model@http://127.0.0.1:1,key_env={key}", "not the name of an environment variable"),
    ):
        with pytest.raises(UserError, match=said) as caught:
            PLUGIN.configure(text, "cpu", False)
        assert key not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "give --judge openai:MODEL@http://127.0.0.1:8000/v1"),
        ("model@http://h,timeout", "'timeout' behind the url of --judge is no option"),
        ("model@http://h,timeout=soon", "not 'soon': give --judge openai:MODEL@URL,timeout=120.0"),
        ("model@http://h,listed=1", "listed from 2 to 20"),
        ("model@http://h,tiemout=1", "did you mean timeout"),
        ("model@http://h,concurrency=0", "concurrency from 1 to 256"),
        ("model@http://,retries=1", "url is no address of a server: give --judge openai:MODEL@"),
    ],
)
def test_what_is_no_judge_is_refused(text: str | None, said: str) -> None:
    with pytest.raises(UserError, match=said.replace("(", r"\(")):
        PLUGIN.configure(text, "cpu", False)


def test_identity_and_signature_say_that_the_weights_are_unknown() -> None:
    judge = PLUGIN.configure("org/vision-8b@http://127.0.0.1:8000", "cpu", True)
    same = PLUGIN.configure("org/vision-8b@http://127.0.0.1:9000/v1,timeout=5", "cpu", True)
    assert judge.identity() == same.identity()
    assert judge.identity()["marks"] == [UNKNOWN_WEIGHTS]
    assert judge.signature().startswith(f"openai-vision-8b@{UNKNOWN_WEIGHTS}-")
    others = ("org/vision-7b@http://127.0.0.1", "org/vision-8b@https://h.org", "org/vision-8b")
    with pytest.raises(UserError, match=r"--offline, and the answers are to come from h\.org"):
        PLUGIN.configure(others[1], "cpu", True)
    texts = {PLUGIN.configure(text, "cpu", False).signature() for text in others}
    assert len(texts | {judge.signature()}) == 4
    openai = PLUGIN.configure("gpt-4o", "cpu", False)
    assert "OPENAI_API_KEY" in str(openai.requirements()[0].missing)


def test_the_self_test_needs_a_server_that_sees() -> None:
    with serving(chat()) as server:
        assert judge_at(server).self_test() == "answers differ between two plain images"
    blind = chat(lambda asked: {"Yes": 0.5, "No": 0.49, "x": 1e-9})
    with serving(blind) as server, pytest.raises(UserError, match="does not look at them"):
        judge_at(server).self_test()


def test_logarithms_are_those_of_probabilities() -> None:
    content = completion({"Yes": 0.5, "No": 0.25}).content
    listing = content["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
    listing.append({"token": "!", "logprob": -9999.0})
    assert first_word.listed(content, "it") == pytest.approx({"Yes": 0.5, "No": 0.25})
    content["choices"][0]["logprobs"]["content"][0]["token"] = "Sure"
    content["choices"][0]["logprobs"]["content"][0]["logprob"] = -2.0
    assert first_word.listed(content, "it")["Sure"] == pytest.approx(exp(-2))
