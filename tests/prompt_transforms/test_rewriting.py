"""TORE and swap on single prompts: what is rewritten, what is left, and why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.errors import UserError
from spatialbench.plugins import Outcome
from spatialbench.plugins.prompt_transform import Rewriting
from spatialbench.prompt_transforms import transform_of
from spatialbench.prompt_transforms.clauses import parse
from spatialbench.prompt_transforms.phrases import OPPOSITE, PHRASES
from spatialbench.prompt_transforms.rewriting import SWAP, TORE, TORE_EXTENDED, PhraseTransform
from spatialbench.prompt_transforms.rewriting import SWAP_PHRASE_KEPT as KEPT
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation


def rewritten(transform: PhraseTransform, text: str) -> Rewriting:
    """What a transform does to a text alone."""
    return transform.apply(Prompt("0", text, ""))[1]


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        # The three that the one public re-implementation gets wrong.
        ("A dog to the right of a tree", "A tree to the left of a dog"),
        ("a bicycle on the bottom of a chicken", "a chicken on the top of a bicycle"),
        ("a photo of a bird below a skateboard", "a photo of a skateboard above a bird"),
        ("a picture of a bird below a skateboard", "a picture of a skateboard above a bird"),
        # Every form of the benchmarks.
        ("an apple right of a bench", "a bench left of an apple"),
        ("a man on the right of a girl", "a girl on the left of a man"),
        ("a dog behind a desk", "a desk in front of a dog"),
        (
            "The green plant was on the right of the white wall.",
            "The white wall was on the left of the green plant.",
        ),
        # Prefixes stay in front, scenes and tails at the end, case where it was.
        (
            "A realistic photo of an owl below the moon in a city",
            "A realistic photo of the moon above an owl in a city",
        ),
        ("In a park, a dog behind a bench.", "In a park, a bench in front of a dog."),
        (
            "there is a cup to the right of an egg, 4k, sharp",
            "there is an egg to the left of a cup, 4k, sharp",
        ),
        ("a Siamese cat below Big Ben", "Big Ben above a Siamese cat"),
        ("Two dogs are below a cat", "A cat is above two dogs"),
        ("a cat is located directly below two dogs", "two dogs are located directly above a cat"),
        ("a  dog   to  the right   of a cat", "a cat   to the left of a  dog"),
        # Two relations: clause by clause, the strong one left alone.
        (
            "a dog to the right of a cat and a bird above a car",
            "a cat to the left of a dog and a bird above a car",
        ),
        (
            "A dog below a cat; a bird behind a car.",
            "A cat above a dog; a car in front of a bird.",
        ),
        (
            "a dog to the right of a cat and below a bird",
            "a cat to the left of a dog and a bird above the dog",
        ),
        ("a dog below a cat, and a bird below a cat", "a cat above a dog, and a cat above a bird"),
        (
            "a dog above a cat and Big Ben below a bird",
            "a dog above a cat and a bird above Big Ben",
        ),
        # A scene, and not one of the two things, stands before "with" and "where".
        ("a street with a bus behind a taxi", "a street with a taxi in front of a bus"),
        (
            "A photo of a busy city street at night with a bus behind a taxi.",
            "A photo of a busy city street at night with a taxi in front of a bus.",
        ),
        (
            "a kitchen where a cup is right of a plate",
            "a kitchen where a plate is left of a cup",
        ),
        ("a beach scene: a dog below a kite", "a beach scene: a kite above a dog"),
        (
            "on a street there is a bus behind a taxi",
            "on a street there is a taxi in front of a bus",
        ),
        ("an image with a dog behind a cat", "an image with a cat in front of a dog"),
        (
            "a black and white photo of a dog behind a cat",
            "a black and white photo of a cat in front of a dog",
        ),
        (
            "a dog behind a cat with mountains in the background",
            "a cat in front of a dog with mountains in the background",
        ),
        # Phrases that the benchmarks do not have.
        ("a dog on bottom of a cat", "a cat on top of a dog"),
        ("a bus at the back of a taxi", "a taxi in front of a bus"),
        ("a bus at back of a taxi", "a taxi in front of a bus"),
        ("a dog in the back of a cat", "a cat in front of a dog"),
        ("a dog at the rear of a cat", "a cat in front of a dog"),
        ("a dog hidden behind a cat", "a cat in front of a dog"),
        ("a dog on the right-hand side of a cat", "a cat on the left-hand side of a dog"),
        ("a dog to the right hand side of a cat", "a cat to the left hand side of a dog"),
        ("a dog on right of a cat", "a cat on left of a dog"),
        ("a dog far to the right of a cat", "a cat far to the left of a dog"),
        # A thing whose name begins with a word for the whole image.
        ("a dog on the right of the picture frame", "the picture frame on the left of a dog"),
        ("a dog to the right of the canvas bag", "the canvas bag to the left of a dog"),
        ("a dog right of the photographer", "the photographer left of a dog"),
        ("a dog right of an image", "an image left of a dog"),
    ],
)
def test_rewritten(text: str, sent: str) -> None:
    done = rewritten(TORE, text)
    assert done.text == sent
    assert done.outcome is Outcome.REWRITTEN
    assert done.changed
    assert rewritten(TORE, sent) == type(done)(sent, Outcome.UNCHANGED)


@pytest.mark.parametrize(
    "text",
    [
        "a dog to the left of a cat",
        "a dog above a cat",
        "a dog in front of a cat",
        "a dog next to a cat",
        "a dog on side of a cat",
        "two dogs and a cat",
        "a photo of a copyright officer",
        "a bright of mind dog",
        "a dog hidden by a cat",
        "a dog under a table",
        # A place in the image, or in a thing, relates no two objects.
        "a dog on the right of the image",
        "a dog at the bottom of this photograph, sharp",
        "A dog is to the right of the picture.",
        "a dog on the right-hand side of the canvas and a cat on the left of the frame",
        "a dog in the lower right of the scene",
        "a dog right of the center",
        "a dog at the back of the photo with a hat",
        "a dog in the back of a truck",
        "a house at the bottom of the hill",
        "a dog on the left-hand side of a cat",
        "a dog at the front of a cat",
        "",
    ],
)
def test_unchanged(text: str) -> None:
    assert rewritten(TORE, text).outcome is Outcome.UNCHANGED
    assert rewritten(TORE, text).text == text


@pytest.mark.parametrize(
    "text",
    [
        "a dog below",
        "below a cat",
        "a below the",
        "to the right of a tree, a dog",
        # Operands that are joined or shared: exchanging them changes the reading.
        "a dog and a cat to the right of a bird",
        "a dog to the right of a cat and a bird",
        "a dog to the right of a cat below a bird",
        "a dog below a cat and it is above a car",
        "a man to the right of his dog",
        "a dog behind another dog",
        "a dog sitting to the right of a chair",
        "a dog or a cat below a bird",
        "a dog and a cat right of a bird and below a car",
        "a dog to the right of a cat and below it",
        "a dog below and right of a cat",
        # Whose is it, after a comma alone, or before another thing?
        "a dog below a cat, left of a bird",
        "a dog below a cat and to the right of a bird, a car",
        "a dog below a dog and right of a cat",
        "a dog to the right of a cat. Below a bird",
        # No scene: the hat may be behind the dog.
        "a man with a hat behind a dog",
        "a man on a street with a bus behind a taxi",
        "a woman with a picture of a dog behind a cat",
        # A place and a relation: what was at the bottom would not be.
        "a dog behind a cat on the right of the image",
        "a dog at the bottom of the image behind a cat",
        # Longer phrases than are known.
        "a dog to the upper right of a cat",
        "a dog behind of a cat",
    ],
)
def test_left_as_it_is_and_counted(text: str) -> None:
    done = rewritten(TORE, text)
    assert done.outcome is Outcome.UNPARSED
    assert done.text == text
    assert not done.changed


def test_our_own_flips_are_optional() -> None:
    extended = TORE_EXTENDED
    assert rewritten(extended, "a dog hidden by a cat").text == "a cat in front of a dog"
    assert rewritten(extended, "a dog under a table").text == "a table above a dog"
    assert rewritten(extended, "a dog below a table") == rewritten(TORE, "a dog below a table")


@pytest.mark.parametrize(
    ("text", "swapped", "kept"),
    [
        ("A dog to the right of an egg", "An egg to the left of a dog", "to the right of"),
        ("A dog to the left of an egg", "An egg to the right of a dog", "to the left of"),
        ("a photo of a dog above a cat", "a photo of a cat below a dog", "above"),
        ("a man on the bottom of a car", "a car on the top of a man", "on the bottom of"),
        ("a dog in front of a cat", "a cat behind a dog", "in front of"),
        ("a dog hidden by a cat", "a cat in front of a dog", "hidden by"),
        ("a dog next to a cat", "a cat next to a dog", "next to"),
    ],
)
def test_swap_keeps_the_meaning_or_the_phrase(text: str, swapped: str, kept: str) -> None:
    assert rewritten(SWAP, text).text == swapped
    parsed = parse(swapped)
    assert parsed is not None
    (clause,) = parsed.clauses
    assert rewritten(KEPT, text).text == swapped.replace(clause.phrase, kept)


@pytest.mark.parametrize("transform", [SWAP, KEPT])
def test_what_swap_leaves_alone(transform: PhraseTransform) -> None:
    assert rewritten(transform, "a dog and a cat").outcome is Outcome.UNCHANGED
    assert rewritten(transform, "a dog next to a dog").outcome is Outcome.UNCHANGED
    assert rewritten(transform, "a dog above").outcome is Outcome.UNPARSED


def test_every_phrase_has_an_opposite_that_says_the_same_backwards() -> None:
    assert OPPOSITE.keys() == PHRASES.keys()
    for phrase, other in OPPOSITE.items():
        assert PHRASES[other] is PHRASES[phrase].inverse


def test_the_prompt_sent_says_what_its_text_says() -> None:
    prompt = Prompt(
        "7",
        "a dog below a cat",
        "below",
        Triplet("dog", Relation.BELOW, "cat"),
        ("dog", "cat"),
        {"words": ("dog", "cat")},
    )
    sent, done = TORE.apply(prompt)
    assert done.rule == "below -> above"
    assert sent.triplet == Triplet("cat", Relation.ABOVE, "dog")
    assert sent.objects == ("cat", "dog")
    assert (sent.id, sent.task, sent.facts) == ("7", "below", prompt.facts)
    sent, _ = KEPT.apply(prompt)
    assert (sent.text, sent.triplet) == ("a cat below a dog", Triplet("cat", Relation.BELOW, "dog"))
    sent, _ = SWAP.apply(prompt)
    assert (sent.text, sent.triplet) == ("a cat above a dog", Triplet("cat", Relation.ABOVE, "dog"))
    unknown = Prompt("8", "a dog, and lower down a cat", "above", prompt.triplet)
    assert TORE.apply(unknown)[0] is unknown
    assert TORE.apply(unknown)[1].outcome is Outcome.UNPARSED
    assert TORE.apply(Prompt("9", "a dog", "single"))[1].outcome is Outcome.UNCHANGED


def test_two_relations_flip_one_by_one() -> None:
    several = (Triplet("dog", Relation.RIGHT, "cat"), Triplet("bird", Relation.ABOVE, "car"))
    text = "a dog to the right of a cat and a bird above a car"
    prompt = Prompt("0", text, "two", several[0], facts={"triplets": several})
    sent, _ = TORE.apply(prompt)
    assert sent.facts["triplets"] == (Triplet("cat", Relation.LEFT, "dog"), several[1])


def test_names() -> None:
    assert transform_of("tore") is transform_of("tore/2") is TORE
    with pytest.raises(UserError, match="unknown prompt transform 'tor': did you mean tore"):
        transform_of("tor")


nouns = st.sampled_from(["dog", "hot dog", "traffic light", "old oak", "stop sign", "TV"])
articles = st.sampled_from(["a ", "the ", "two ", ""])
operands = st.builds(lambda article, noun: article + noun, articles, nouns)
prefixes = st.sampled_from(["", "a photo of ", "there is ", "On a beach, "])
suffixes = st.sampled_from(["", ".", " in a city", ", oil on canvas", " at night!"])


@given(prefixes, operands, st.sampled_from(sorted(PHRASES)), operands, suffixes)
def test_any_sentence_of_the_template_comes_apart_and_together(
    prefix: str, first: str, phrase: str, second: str, suffix: str
) -> None:
    text = f"{prefix}{first} {phrase} {second}{suffix}"
    sentence = parse(text)
    assert sentence is not None
    (clause,) = sentence.clauses
    assert str(sentence) == text
    assert (clause.prefix, clause.first, clause.known, clause.second, clause.suffix) == (
        prefix,
        first,
        phrase,
        second,
        suffix,
    )
    assert str(clause.exchanged().exchanged()).lower() == text.lower()
    for transform in (TORE, TORE_EXTENDED, SWAP, KEPT):
        done = rewritten(transform, text)
        assert done.outcome is not Outcome.UNPARSED
        if transform not in (SWAP, KEPT):
            assert rewritten(transform, done.text).text == done.text


pieces = st.sampled_from([*"abtA,.; ", " below ", " right of ", " behind", " and ", " is ", "the "])


@given(st.lists(pieces, max_size=14).map("".join))
def test_any_text_at_all(text: str) -> None:
    once = rewritten(TORE, text)
    assert rewritten(TORE, once.text).text == once.text
    assert (once.text == text) == (not once.changed)
    sentence = parse(text)
    assert sentence is None or str(sentence) == text
