"""A judge and a rule that needs its answers: cheap and honest about batches, as the other fakes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from spatialbench.executors import Executor
from spatialbench.executors.local import LocalExecutor
from spatialbench.plugins import Evidence, Judge, Rule, Verdict
from spatialbench.prompts import Prompt
from spatialbench.runs.progress import Progress
from spatialbench.scoring.judging import Judging
from spatialbench.scoring.summary import Summary
from spatialbench.stages.plan import WHOLE, Shard
from spatialbench.stages.whole import Work, run_all
from tests.stages.fakes import Log, Painter, Shapes, open_shapes


class AskingRule(Rule):
    """Right where the judge says yes to both questions."""

    name = "asking/1"
    threshold = 0.3
    needs: tuple[str, ...] = ("answers",)

    def questions(self, prompt: Prompt) -> Sequence[str]:
        return [f"is there a {name}?" for name in prompt.objects]

    def judge_evidence(self, prompt: Prompt, evidence: Evidence, threshold: float) -> Verdict:
        worst = min(evidence.answers[question] for question in self.questions(prompt))
        return Verdict(worst > threshold, worst, f"{prompt.id}: {worst}", {"found": worst > 0})


@dataclass
class Asker(Judge):
    """Answers made of the first pixels, shifted by the batch's size and the place."""

    seconds: float = 0.0
    loads: int = 0
    word: str = "asker@w1"

    def identity(self) -> dict[str, Any]:
        return {"class": "Asker"}

    def signature(self) -> str:
        return self.word

    def load(self) -> None:
        self.loads += 1

    def answer(
        self, images: Sequence[Image.Image], questions: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        time.sleep(self.seconds)
        found = []
        for place, (image, asked) in enumerate(zip(images, questions, strict=True)):
            pixels = np.asarray(image)[0, : len(asked), 0].astype(float)
            found.append(((pixels + len(images) + place) / 300).tolist())
        return found


def asked_run(
    folder: Path,
    judge: Judge | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    shard: Shard = WHOLE,
    prompts: int = 12,
) -> Summary | None:
    """Make the images, ask about them, judge the answers."""
    run = open_shapes(folder, Shapes(prompts, 2))
    judging = Judging(AskingRule())
    doing = executor or LocalExecutor()
    work = Work(Painter(), None, doing, 4, judging, shard, [judge or Asker()])
    return run_all(run, work, progress or Log())
