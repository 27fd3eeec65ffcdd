"""Rules that ask about every image: the words, the mean, and what is missing."""

from __future__ import annotations

from spatialbench import plugins
from spatialbench.benchmarks.geneval2 import PLUGIN as GENEVAL2
from spatialbench.plugins import Evidence
from spatialbench.plugins.judge import Question
from spatialbench.prompts import Prompt
from spatialbench.scoring.rules import catalogue
from spatialbench.scoring.rules.asked import AskedRule

TEXT = 'two "big" {dogs}'
PROMPT = Prompt(
    "0", TEXT, "3", None, (), facts={"questions": ("Are there dogs?", "How many dogs? -> two")}
)


def built(name: str) -> AskedRule:
    rule = catalogue.build(plugins.load("rule", name), GENEVAL2, None, {})
    assert isinstance(rule, AskedRule)
    return rule


def test_the_words_are_those_of_the_sources() -> None:
    for name, words in (
        ("vqascore", f'Does this figure show "{TEXT}"? Please answer yes or no.'),
        (
            "geneval2-vqascore",
            f'Does this image show "{TEXT}"? Answer the question with Yes or No.',
        ),
    ):
        (asked,) = built(name).questions(PROMPT)
        question = Question.of(asked)
        # Nothing is added by the judge, whatever it says to other questions.
        assert question.said("{question} Answer in one word.") == words
        assert (question.expected, question.first) == ("yes", False)
    assert list(built("geneval2-tifa").questions(PROMPT)) == [
        "Are there dogs? -> first yes",
        "How many dogs? -> first two",
    ]


def test_the_score_is_the_mean_and_right_means_all() -> None:
    rule = built("geneval2-tifa")
    for answers, mean, right in (((1, 1), 1, True), ((1, 0), 0.5, False), ((0, 0), 0, False)):
        asked = dict(zip(rule.questions(PROMPT), map(float, answers), strict=True))
        verdict = rule.judge_evidence(PROMPT, Evidence(PROMPT, answers=asked), 0.5)
        assert (verdict.score, verdict.correct, verdict.facts["questions"]) == (mean, right, 2)
