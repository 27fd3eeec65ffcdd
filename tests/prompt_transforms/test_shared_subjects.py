"""Clauses that share a subject: ``a dog below a cat and right of a bird``.

What is sent is read back by a reader of this test's own, which knows nothing but the words of the
drawn prompts, and by the parser.
"""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.lab.captions import OTHER_NAMES
from spatialbench.lora_training.training_prompts import draw_prompts
from spatialbench.plugins import Outcome
from spatialbench.prompt_transforms.clauses import parse
from spatialbench.prompt_transforms.phrases import PHRASES
from spatialbench.prompt_transforms.rewriting import (
    SWAP,
    SWAP_PHRASE_KEPT,
    TORE,
    TORE_EXTENDED,
    PhraseTransform,
)
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation

WEAK = {Relation.RIGHT, Relation.BELOW, Relation.BEHIND}

_WORDS = {
    "left": Relation.LEFT,
    "right": Relation.RIGHT,
    "above": Relation.ABOVE,
    "top": Relation.ABOVE,
    "below": Relation.BELOW,
    "bottom": Relation.BELOW,
}
_RELATED = re.compile(
    r"(?:(.*?) )?(?:to |on )?(?:the )?(left|right|above|below|top|bottom)(?: of)? (.*)"
)


_CALLED = {other: name for name, other in OTHER_NAMES.items()}


def name_of(operand: str) -> str:
    """As the lab calls it, without its article."""
    name = re.sub("^(an?|the) ", "", operand)
    return _CALLED.get(name, name)


def plain(text: str) -> list[Triplet]:
    """What a drawn prompt says, and what its rewriting says."""
    said: list[Triplet] = []
    for part in text.removeprefix("a photo of ").split(" and "):
        match = _RELATED.fullmatch(part)
        assert match is not None, text
        first, word, second = match.groups()
        subject = said[-1].subject if first is None else name_of(first)
        said.append(Triplet(subject, _WORDS[word], name_of(second)))
    return said


def parsed(text: str) -> list[Triplet]:
    """The same by the parser."""
    sentence = parse(text)
    assert sentence is not None
    assert str(sentence) == text
    names = [name_of(operand) for c in sentence.clauses for operand in (c.subject, c.second)]
    relations = [PHRASES[clause.known] for clause in sentence.clauses]
    return [Triplet(a, r, b) for a, r, b in zip(names[::2], relations, names[1::2], strict=True)]


def equivalent(asked: Triplet, said: Triplet) -> bool:
    return said in (asked, Triplet(asked.object, asked.relation.inverse, asked.subject))


def test_drawn_prompts_with_two_relations() -> None:
    prompts = draw_prompts(400, complex_share=1)
    weak = rewritten = 0
    for prompt in prompts:
        asked = prompt.facts["triplets"]
        assert plain(prompt.text) == parsed(prompt.text) == list(asked)
        is_weak = any(triplet.relation in WEAK for triplet in asked)
        weak += is_weak
        sent, done = TORE.apply(prompt)
        assert done.outcome is (Outcome.REWRITTEN if is_weak else Outcome.UNCHANGED)
        rewritten += done.changed
        said = plain(sent.text)
        assert said == parsed(sent.text) == list(sent.facts["triplets"])
        assert all(map(equivalent, asked, said))
        assert sent.triplet == said[0]
        assert not WEAK & {triplet.relation for triplet in said}
        named = [name for triplet in said for name in (triplet.subject, triplet.object)]
        assert sent.objects == tuple(dict.fromkeys(named))
        assert TORE.apply(sent)[0] == sent
        for transform in (SWAP, SWAP_PHRASE_KEPT):
            turned, _ = transform.apply(prompt)
            assert plain(turned.text) == list(turned.facts["triplets"])
            meant = [equivalent(*pair) for pair in zip(asked, plain(turned.text), strict=True)]
            assert meant == [transform is SWAP] * 2
    assert (weak, rewritten) == (298, 298)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        (
            "a dog below a cat and right of a bird",
            "a cat above a dog and a bird left of the dog",
        ),
        # A strong clause has its subject said again where the one before was turned,
        (
            "a dog to the right of a cat and above a bird",
            "a cat to the left of a dog and the dog above a bird",
        ),
        # and stays as it is where nothing before it changed.
        (
            "a dog above a cat and left of a bird and behind a car",
            "a dog above a cat and left of a bird and a car in front of the dog",
        ),
        (
            "a dog above a cat, right of a bird, and left of a car",
            "a dog above a cat, a bird left of the dog, and the dog left of a car",
        ),
        (
            "Two dogs are below a cat and also right of a bird in a city.",
            "A cat is above two dogs and a bird is left of the two dogs in a city.",
        ),
        (
            "A dog is below a cat but is directly above a bird.",
            "A cat is above a dog but the dog is directly above a bird.",
        ),
        (
            "there is a dog behind some cats and right below the moon",
            "there is some cats in front of a dog and the moon right above the dog",
        ),
        (
            "Big Ben above a cat and right of a bird",
            "Big Ben above a cat and a bird left of Big Ben",
        ),
        (
            "a park with a dog below a cat and right of a bird",
            "a park with a cat above a dog and a bird left of the dog",
        ),
        (
            "a dog near a cat and right of a bird, and a car below a bus",
            "a dog near a cat and a bird left of the dog, and a bus above a car",
        ),
    ],
)
def test_rewritten(text: str, sent: str) -> None:
    done = TORE.apply(Prompt("0", text, ""))[1]
    assert done.text == sent
    assert done.outcome is Outcome.REWRITTEN
    assert TORE.apply(Prompt("0", sent, ""))[1].outcome is Outcome.UNCHANGED


def test_of_two_phrases_for_a_relation_only_the_one_that_is_turned_changes_its_triplet() -> None:
    asked = (Triplet("dog", Relation.BELOW, "cat"), Triplet("dog", Relation.BELOW, "bird"))
    prompt = Prompt(
        "0",
        "a dog under a cat and below a bird",
        "",
        asked[0],
        ("dog", "cat", "bird"),
        {"triplets": asked},
    )
    sent, _ = TORE.apply(prompt)
    assert sent.text == "a dog under a cat and a bird above the dog"
    assert sent.facts["triplets"] == (asked[0], Triplet("bird", Relation.ABOVE, "dog"))
    assert sent.triplet == asked[0]
    assert sent.objects == ("dog", "cat", "bird")


nouns = st.permutations(["dog", "hot dog", "old oak", "stop sign"])
articles = st.sampled_from(["a ", "the ", ""])
phrases = st.lists(st.sampled_from(sorted(PHRASES)), min_size=2, max_size=3)
links = st.sampled_from(["", "is ", "also ", "is directly ", "just "])


@given(nouns, articles, phrases, links, st.sampled_from([" and ", ", and ", " but "]))
def test_any_list_of_relations_comes_apart_and_says_the_same_again(
    names: list[str], article: str, said: list[str], link: str, separator: str
) -> None:
    subject, *others = [article + name for name in names]
    verb = " is" if link.startswith("is") else ""
    parts = [f"{phrase} {other}" for phrase, other in zip(said, others, strict=False)]
    text = f"{subject}{verb} {f'{separator}{link}'.join(parts)}"
    asked = [
        Triplet(names[0], PHRASES[phrase], other)
        for phrase, other in zip(said, names[1:], strict=False)
    ]
    assert parsed(text) == asked
    same: list[PhraseTransform] = [TORE, TORE_EXTENDED, SWAP]
    for transform, start in product(same, (text, text.capitalize())):
        facts = {"triplets": tuple(asked)}
        objects = tuple(names[: len(asked) + 1])
        sent, done = transform.apply(Prompt("0", start, "", asked[0], objects, facts))
        assert done.outcome is not Outcome.UNPARSED
        told = [Triplet(t.subject.lower(), t.relation, t.object) for t in parsed(sent.text.lower())]
        assert all(map(equivalent, asked, told))
        assert list(sent.facts["triplets"]) == told
        if transform is not SWAP:
            assert transform.apply(sent)[0] == sent
