"""TORE on every prompt of the benchmarks: it parses back, half changes, twice equals once.

The prompts are read back by the benchmarks' own templates (a plain pattern for VISOR and GenEval,
the scorer's parser for T2I-CompBench), not by the parser that TORE itself uses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest

from spatialbench import plugins
from spatialbench.benchmarks.t2i_compbench.template import parse_complex, parse_simple
from spatialbench.plugins import Outcome
from spatialbench.prompt_transforms import count_outcomes
from spatialbench.prompt_transforms.rewriting import SWAP, TORE, TORE_EXTENDED
from spatialbench.prompt_transforms.rewriting import SWAP_PHRASE_KEPT as KEPT
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import PHRASES, Relation
from tests.reference_data import t2i_compbench_files

WEAK = {Relation.RIGHT, Relation.BELOW, Relation.BEHIND}
Read = Callable[[str], Triplet | None]

_TEMPLATE = re.compile(
    r"(?:a photo of )?an? (?P<a>[a-z ]+?) (?P<phrase>(?:to the )?(?:left|right) of|above|below) "
    r"an? (?P<b>[a-z ]+)"
)


def _plain(text: str) -> Triplet | None:
    match = _TEMPLATE.fullmatch(text)
    return match and Triplet(match["a"], PHRASES[match["phrase"]], match["b"])


def _official(text: str) -> Triplet | None:
    found = parse_simple(text) or parse_complex(text)
    return found and Triplet(found.first, PHRASES[found.phrase], found.second)


def _equivalent(one: Triplet, other: Triplet) -> bool:
    return other in (one, Triplet(one.object, one.relation.inverse, one.subject))


def _hold(prompts: Sequence[Prompt], read: Read, weak_phrases: Callable[[str], bool]) -> int:
    """Every property at once; returns how many prompts changed."""
    changed = 0
    for number, prompt in enumerate(prompts):
        assert prompt.triplet is not None
        assert read(prompt.text) == prompt.triplet, prompt.text
        sent, done = TORE.apply(prompt)
        assert done.outcome is not Outcome.UNPARSED, prompt.text
        said = read(sent.text)
        assert said is not None, sent.text
        assert _equivalent(prompt.triplet, said), (prompt.text, sent.text)
        assert sent.triplet == said
        weak = prompt.triplet.relation in WEAK and weak_phrases(prompt.text)
        assert done.changed is weak, prompt.text
        assert (sent.text != prompt.text) is weak
        assert TORE.apply(sent)[0] == sent
        changed += done.changed
        if number % 7:
            continue  # the other transforms on a share of them: every relation, and less time
        asked = prompt.triplet
        subject, relation, object_ = asked.subject, asked.relation, asked.object
        swapped, _ = SWAP.apply(prompt)
        assert read(swapped.text) == swapped.triplet == Triplet(object_, relation.inverse, subject)
        contrary, _ = KEPT.apply(prompt)
        assert read(contrary.text) == contrary.triplet == Triplet(object_, relation, subject)
    return changed


def _every(text: str) -> bool:
    return True


def test_all_of_visor() -> None:
    prompts = plugins.load("benchmark", "visor").prompts("relational")
    assert len(prompts) == 25_280
    assert _hold(prompts, _plain, _every) == 12_640


def test_geneval_position() -> None:
    prompts = plugins.load("benchmark", "geneval").prompts("position")
    assert len(prompts) == 100
    weak = sum(p.triplet is not None and p.triplet.relation in WEAK for p in prompts)
    assert _hold(prompts, _plain, _every) == weak > 0
    assert count_outcomes(TORE, prompts) == {
        Outcome.REWRITTEN: weak,
        Outcome.UNCHANGED: 100 - weak,
        Outcome.UNPARSED: 0,
    }


@pytest.mark.parametrize(("subset", "count"), [("2d", 300), ("3d", 300), ("complex", 58)])
def test_t2i_compbench(subset: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    t2i_compbench_files(monkeypatch)
    prompts = plugins.load("benchmark", "t2i-compbench").prompts(subset)
    assert len(prompts) == count
    assert _hold(prompts, _official, lambda text: "hidden by" not in text) > 0
    extended = TORE_EXTENDED
    for prompt in prompts:
        if "hidden by" in prompt.text:
            sent, done = extended.apply(prompt)
            assert done.changed
            assert prompt.triplet is not None
            official = _official(sent.text)
            assert official is not None
            assert _equivalent(prompt.triplet, official)


def test_prompts_without_a_relation_stay_as_they_are() -> None:
    for bench, subset in (("visor", "and"), ("visor", "single"), ("geneval", "counting")):
        prompts = plugins.load("benchmark", bench).prompts(subset)
        assert count_outcomes(TORE, prompts)[Outcome.UNCHANGED] == len(prompts)
