"""The two methods that GenEval 2's script has beside Soft-TIFA: VQAScore and TIFA.

Source: ``evaluation.py`` of facebookresearch/GenEval2 @ a6e82d2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spatialbench.plugins import share
from spatialbench.plugins.judge import Question
from spatialbench.prompts import Prompt
from spatialbench.scoring.rules.asked import AskedPlugin, whole_prompt

from .prompts import questions_of


def _first_words(prompt: Prompt) -> Sequence[Question]:
    """The questions of the prompt; the likeliest first word is right or not."""
    return [replace(Question.of(one), first=True) for one in questions_of(prompt)]


VQASCORE = AskedPlugin(
    "geneval2-vqascore",
    "VQAScore as GenEval 2's script asks it: does the image show its prompt?",
    (share("VQAScore", "mean probability that the image shows its prompt", "score"),),
    whole_prompt('Does this image show "{text}"? Answer the question with Yes or No.'),
    "asks in the words of GenEval 2's script, which are not those of VQAScore's authors",
)
TIFA = AskedPlugin(
    "geneval2-tifa",
    "TIFA as GenEval 2's script asks it: is the likeliest first word the answer?",
    (share("TIFA", "mean over images of the share of questions that are answered right", "score"),),
    _first_words,
    "gives each question 1 or 0 as GenEval 2's script does; the means over questions and images "
    "are TIFA's",
    "the prompts of GenEval 2",
)
