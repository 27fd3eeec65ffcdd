"""The one thread that looks at images: it takes what waits, whichever requests it belongs to."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from ..errors import UserError
from ..executors.attempts import in_one_line
from ..weights.memory import Pieces, is_out_of_memory
from .asked import Ready, Refused, Reward
from .image_queue import Answer, ImageQueue, TryLater, Waiting

_log = logging.getLogger("spatialbench")

Score = Callable[[Sequence[Ready], Sequence[str]], Sequence[Reward | Refused]]
"""See ``Rewarder.reward``."""

_DEVICE_LOST = (
    "cuda error",
    "hip error",
    "device-side assert",
    "illegal memory access",
    "unspecified launch failure",
    "cudnn_status_execution_failed",
    "cublas_status_execution_failed",
)
"""In messages after which a process can use its device no more."""


def device_is_lost(error: BaseException) -> bool:
    """Whether an exception says that the device answers nothing more in this process."""
    if not isinstance(error, RuntimeError) or is_out_of_memory(error):
        return False
    text = str(error).lower()
    return any(sign in text for sign in _DEVICE_LOST)


class ScoringThread:
    """Scores what waits, batch by batch, until the queue is closed and empty.

    A batch at which the model fails is tried image by image, so that one request's image spoils no
    other request's. An image at which it fails alone is refused; where it was memory that ran out,
    its client may try again.

    Args:
        queue: where the images come from.
        score: looks at images and judges them; called by this thread alone.
        batch_size: images at a time.
        ended: told why the thread cannot go on, once; everything that waited has its answer then.
    """

    def __init__(
        self,
        queue: ImageQueue,
        score: Score,
        batch_size: int,
        ended: Callable[[BaseException], None],
    ) -> None:
        self._queue = queue
        self._score = score
        self._batch_size = batch_size
        self._ended = ended
        self._pieces = Pieces()
        self._thread = threading.Thread(target=self._run, name="serve-scoring", daemon=True)
        self.images = self.batches = 0

    def start(self) -> None:
        """Begin to take images."""
        self._thread.start()

    def join(self) -> None:
        """Wait until the queue is closed and everything in it is answered."""
        self._thread.join()

    def _run(self) -> None:
        while batch := self._queue.take(self._batch_size):
            begun = time.monotonic()
            try:
                answers = self._answers(batch)
            except BaseException as error:
                why = f"the server is ending, because its model failed ({in_one_line(error)})"
                for job, place in batch:
                    self._queue.answered(job, place, TryLater(why, seconds=30))
                self._queue.close(why, drop=True)
                self._ended(error)
                return
            self.images += len(batch)
            self.batches += 1
            self._queue.took(len(batch), time.monotonic() - begun)
            for (job, place), answer in zip(batch, answers, strict=True):
                self._queue.answered(job, place, answer)
            # Nothing of a batch is held while the next one is waited for.
            del batch, answers, job, answer

    def _answers(self, batch: Sequence[Waiting]) -> list[Answer]:
        try:
            return self._pieces.call(self._scored, batch)
        except Exception as error:
            lost = next((one for one in _chain(error) if device_is_lost(one)), None)
            if lost is not None:
                raise lost from error
            if len(batch) == 1:
                return [_failure(error)]
            _log.warning("a batch failed, its images are tried one by one: %s", in_one_line(error))
        return [answer for one in batch for answer in self._answers([one])]

    def _scored(self, batch: Sequence[Waiting]) -> list[Answer]:
        images = [image for job, place in batch if (image := job.images[place]) is not None]
        rules = tuple(dict.fromkeys(name for job, _ in batch for name in job.rules))
        answers = list(self._score(images, rules))
        if len(answers) != len(batch):
            raise ValueError(f"{len(batch)} images were given and {len(answers)} came back")
        for number, (job, _) in enumerate(batch):
            if isinstance(answers[number], Refused) and job.rules != rules:
                # It may be another request's rule that refuses it.
                (answers[number],) = self._score([images[number]], job.rules)
        return [_finite(answer) for answer in answers]


def _finite(answer: Reward | Refused) -> Reward | Refused:
    if isinstance(answer, Refused):
        return answer
    scores = [answer.reward, answer.verdict.score, *(v.score for v in answer.verdicts.values())]
    if all(math.isfinite(score) for score in scores):
        return answer
    return Refused(
        f"the rule gives no finite score for this image of prompt {answer.prompt_id}, so that it "
        f"has no reward: {answer.verdict.reason}"
    )


def _failure(error: Exception) -> Refused | TryLater:
    """What a client is told of an image at which the model fails alone."""
    if isinstance(error, Refused | TryLater):
        return error
    if any(is_out_of_memory(one) for one in _chain(error)):
        return TryLater("the server is out of memory with this image alone: try again later")
    _log.warning("an image cannot be scored: %s", in_one_line(error))
    told = str(error) if isinstance(error, UserError) else in_one_line(error)
    return Refused(f"the image cannot be scored: {told}")


def _chain(error: BaseException | None) -> Iterable[BaseException]:
    """An exception and what it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__
