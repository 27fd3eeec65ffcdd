"""The prompts of T2I-CompBench: relations, numbers, attributes and actions.

Source: ``examples/dataset`` of Karine-Huang/T2I-CompBench @ 1b70949, read by ``sources``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from spatialbench.errors import UserError, unknown_name
from spatialbench.files.shown_text import counted
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import PHRASES

from . import sources
from .attribute_rule import questions_of
from .complex_prompts import whole_prompt
from .counting import wanted_objects
from .judging import NON_SPATIAL, SPATIAL_PART, WHOLE
from .position import depth_word_of, locality_of
from .tagged import as_person
from .template import Sentence, is_depth_phrase, parse_complex, parse_simple, words_of

SUBSETS: dict[str, str] = {
    "2d": "the 300 prompts of spatial_val.txt: two objects in the plane",
    "3d": "the 300 prompts of 3d_spatial_val.txt: in front of, behind, hidden by; needs depth maps",
    "numeracy": "the 300 prompts of numeracy_val.txt: how many of each",
    "complex": "the 58 spatial prompts of the category complex, their spatial part only",
    "complex-whole": "the 300 prompts of complex_val.txt: attributes, relations and actions; needs "
    "a detector and two judges",
    "color": "the 300 prompts of color_val.txt: what colour each object has; needs a judge",
    "shape": "the 300 prompts of shape_val.txt: what shape each object has; needs a judge",
    "texture": "the 300 prompts of texture_val.txt: what each object is made of; needs a judge",
    NON_SPATIAL: "the 300 prompts of non_spatial_val.txt: who does what; needs a judge",
}
"""The categories, each a prompt set of its own."""


NAMES: dict[str, str] = {"complex": WHOLE, "complex-spatial": SPATIAL_PART}
"""What users type for the categories that runs keep under another name."""

TABLE: dict[str, str] = {
    "T2I_color": "color",
    "T2I_shape": "shape",
    "T2I_texture": "texture",
    "T2I_2D": "2d",
    "T2I_3D": "3d",
    "T2I_numeracy": "numeracy",
    "T2I_non_spatial": NON_SPATIAL,
    "T2I_complex_3in1": WHOLE,
}
"""The category of each column of the papers' table, by the key of its metric."""


@dataclass(frozen=True, slots=True)
class Category:
    """The official file of a category, and how it is read."""

    file: str
    read: Callable[[str, str], Prompt | None]


def prompts(subset: str) -> tuple[Prompt, ...]:
    """The prompts of a category in the order of its file.

    ``Prompt.id`` is ``2d_0``, ``3d_17``, ...: category and line from 0. ``facts`` holds what the
    rules need: ``category``, ``line``, and ``words`` (the two words to look up; for numeracy all
    words of the sentence) and ``locality`` (the relation word, or None); an attribute's prompts
    have ``questions`` instead, and non-spatial ones neither.

    Raises:
        UserError: an unknown category, a file that is missing or not the pinned one, or a line
            outside the template.
    """
    if subset not in SUBSETS:
        raise unknown_name("T2I-CompBench prompt set", subset, SUBSETS)
    return read_prompts(subset, sources.lines(CATEGORIES[subset].file))


def read_prompts(subset: str, lines: Iterable[str]) -> tuple[Prompt, ...]:
    """Prompts from the lines of a file of that category.

    Raises:
        UserError: lines outside the template, each listed with its number.
    """
    found: list[Prompt] = []
    strange: list[str] = []
    for number, text in enumerate(lines):
        prompt = CATEGORIES[subset].read(f"{subset}_{number}", text)
        if prompt is None:
            strange.append(f"line {number + 1}: {text!r}")
        else:
            found.append(prompt)
    if strange:
        raise UserError(
            f"{len(strange)} prompt(s) are outside the template of T2I-CompBench's {subset} "
            f"prompts ({'; '.join(strange[:20])}{'; ...' if len(strange) > 20 else ''}): expected "
            f"sentences like {_EXAMPLES[subset]!r}; correct those lines."
        )
    return tuple(found)


def official_text(subset: str) -> bytes:
    """A category's official prompt file, byte for byte. Raises UserError as ``prompts`` does."""
    if subset not in SUBSETS:
        raise unknown_name("T2I-CompBench prompt set", subset, SUBSETS)
    return sources.content(CATEGORIES[subset].file)


def category_of(prompt: Prompt) -> str:
    """One of ``SUBSETS``."""
    return str(prompt.facts["category"])


def pair_prompt(
    category: str, prompt_id: str, text: str, words: tuple[str, str] | None, sentence: Sentence
) -> Prompt:
    """A prompt about two objects. ``words`` are what the rule looks up; None for nothing."""
    words = None if words is None else (as_person(words[0]), as_person(words[1]))
    locality = depth_word_of(text) if category == "3d" else locality_of(text)
    return Prompt(
        id=prompt_id,
        text=text,
        task=sentence.phrase,
        triplet=Triplet(sentence.first, PHRASES[sentence.phrase], sentence.second),
        objects=(sentence.first, sentence.second),
        facts={"category": category, "words": words, "locality": locality},
    )


def count_prompt(prompt_id: str, text: str, words: Sequence[str]) -> Prompt:
    """A numeracy prompt of any words; the official reading of them may fail when it is scored."""
    try:
        names = wanted_objects(words, sources.plurals())[0]
    except (IndexError, ValueError):
        names = []
    return Prompt(
        id=prompt_id,
        text=text,
        task=counted(len(names), "kind"),
        objects=tuple(dict.fromkeys(names)),
        facts={"category": "numeracy", "words": tuple(words), "locality": None},
    )


def _plane(prompt_id: str, text: str) -> Prompt | None:
    sentence = parse_simple(text)
    if sentence is None or is_depth_phrase(sentence.phrase):
        return None
    return pair_prompt("2d", prompt_id, text, sentence.words, sentence)


def _depth(prompt_id: str, text: str) -> Prompt | None:
    sentence = parse_simple(text)
    if sentence is None or not is_depth_phrase(sentence.phrase):
        return None
    return pair_prompt("3d", prompt_id, text, sentence.words, sentence)


def _numbers(prompt_id: str, text: str) -> Prompt | None:
    prompt = count_prompt(prompt_id, text, words_of(text))
    return prompt if prompt.objects else None


def _complex(prompt_id: str, text: str) -> Prompt | None:
    sentence = parse_complex(text)
    if sentence is None:
        return None
    return pair_prompt("complex", prompt_id, text, sentence.words, sentence)


def _attribute(prompt_id: str, text: str) -> Prompt:
    category, _, number = prompt_id.partition("_")
    questions = questions_of(category, int(number), text)
    return Prompt(
        id=prompt_id,
        text=text,
        task=counted(len(questions), "noun phrase"),
        facts={"category": category, "questions": questions},
    )


def _whole(prompt_id: str, text: str) -> Prompt:
    return Prompt(id=prompt_id, text=text, task=NON_SPATIAL, facts={"category": NON_SPATIAL})


CATEGORIES: dict[str, Category] = {
    "2d": Category(sources.SPATIAL, _plane),
    "3d": Category(sources.SPATIAL_3D, _depth),
    "numeracy": Category(sources.NUMERACY, _numbers),
    "complex": Category(sources.COMPLEX, _complex),
    "complex-whole": Category(sources.COMPLEX_WHOLE, whole_prompt),
    "color": Category(sources.COLOR, _attribute),
    "shape": Category(sources.SHAPE, _attribute),
    "texture": Category(sources.TEXTURE, _attribute),
    NON_SPATIAL: Category(sources.NON_SPATIAL, _whole),
}

_EXAMPLES = {
    "2d": "a dog on the left of a cat",
    "3d": "a dog in front of a cat",
    "numeracy": "two dogs and three cats",
    "complex": "The red hat was on top of the brown coat.",
}
