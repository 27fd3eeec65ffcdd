"""The probability of an answer of one word, from the likeliest first tokens that a server lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp
from typing import Any

from spatialbench.methods.served.faults import Fault, Refusal, record, records
from spatialbench.plugins.judge import YES, Near, Question

from ..one_word import DIGITS, forms, is_first

NO = "no"
WIDEST = 0.1
"""An answer that is known less exactly than this is none."""

_BLANK = " "
"""The first token of a blank and a digit, in the vocabularies of Qwen and GPT."""
_ROUNDING = 1e-6
"""Of what a server computes in float32."""
_TOLERANCE = 1e-3
_UNLIKELY = -9999.0
"""What servers write for a logarithm that they do not tell."""
_SHOWN = 3


class NoLogprobs(Fault):
    """The server answers, and does not tell how likely the words are."""


def listed(content: Any, what: str) -> Mapping[str, float]:
    """The probability of each first token that an answer lists, likeliest first.

    Args:
        content: the JSON of a chat completion.
        what: whom it is from, for the errors.

    Raises:
        Refusal: a content filter's.
        NoLogprobs: it has none.
        Fault: no whole answer, or numbers that are no logarithms of probabilities.
    """
    choice = record(next(iter(records(record(content).get("choices"))), None))
    if not choice:
        raise Fault(f"{what} gave an answer without its end or without a choice", sent=True)
    refusal = record(choice.get("message")).get("refusal")
    if choice.get("finish_reason") == "content_filter" or refusal:
        raise Refusal(refusal if isinstance(refusal, str) else "content_filter")
    if not isinstance(choice.get("logprobs"), dict):
        raise NoLogprobs(f"{what} gave no logprobs", again=False, sent=True)
    places = records(choice["logprobs"].get("content"))
    if not places:
        raise NoLogprobs(f"{what} gave no logprobs of a first word", again=False, sent=True)
    first = record(places[0])
    tokens = list(map(record, records(first.get("top_logprobs"))))
    if first.get("token") not in [one.get("token") for one in tokens]:
        tokens.append(first)
    shares: dict[str, float] = {}
    for one in tokens:
        token: Any = one.get("token")
        logprob: Any = one.get("logprob")
        if not (isinstance(token, str) and _is_logarithm(logprob)):
            raise Fault(f"{what} gave the logprob {logprob!r} of {token!r}", sent=True)
        if logprob > _UNLIKELY:
            shares[token] = shares.get(token, 0.0) + exp(logprob)
    if not shares or sum(shares.values()) > 1 + _TOLERANCE:
        raise Fault(f"{what} gave logprobs that are those of no probabilities", sent=True)
    return dict(sorted(shares.items(), key=lambda pair: -pair[1]))


def _is_logarithm(value: Any) -> bool:
    """Whether it is a number that a probability has as its logarithm; not NaN."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return bool(number and value <= _TOLERANCE)


def answer(shares: Mapping[str, float], question: Question, what: str) -> float:
    """The probability of the expected answer: the sum of its forms that are listed.

    What is not listed is at most as likely as the least that is, and all of it together at most
    what is left of 1. Where no form is listed, that bound is the answer: it is not 0.

    Raises:
        Fault: the listed words are neither the expected answer nor another one, or leave the answer
            open by more than ``WIDEST``.
    """
    top = list(shares)[:_SHOWN]
    wanted, others = _forms(question.expected), _others(question.expected)
    if others is not None and not any(word in wanted or word in others for word in shares):
        words = "no number" if question.expected.lower() in DIGITS else "neither yes nor no"
        raise Fault(
            f"{what} answered {words}: its likeliest first words are {', '.join(map(repr, top))}",
            again=False,
        )
    if question.first:
        return float(is_first(top[0], question.expected))
    found = [word for word in wanted if word in shares]
    value = sum(shares[word] for word in found)
    left = max(0.0, 1 - sum(shares.values())) + _ROUNDING
    within = min((len(wanted) - len(found)) * min(shares.values()), left)
    if within > WIDEST:
        raise Fault(
            f"{what} lists too few words to tell the answer: it is from {value:.2g} to "
            f"{value + within:.2g}",
            again=False,
        )
    value = min(value if found else within, 1.0)
    return Near(value, within) if within else value


def _forms(expected: str) -> Sequence[str]:
    own = forms(expected)
    return (*own, _BLANK) if expected.lower() in DIGITS else own


def _others(expected: str) -> frozenset[str] | None:
    """The other answers to such a question; None for one that may have any."""
    word = expected.lower()
    if word in (YES, NO):
        return frozenset(forms(NO if word == YES else YES))
    if word in DIGITS:
        numbers = {form for number in ("zero", *DIGITS) for form in forms(number)}
        digits = {f"{blank}{n}" for n in range(100) for blank in ("", " ")}
        return frozenset(numbers | digits | {_BLANK, "None", "none"})
    return None
