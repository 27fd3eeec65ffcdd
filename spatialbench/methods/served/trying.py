"""Requests to a server: several at the same time, and each again after faults that may pass."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ...errors import UserError
from .course import Course
from .faults import Fault, Refusal
from .manner import Manner, own_wait

T = TypeVar("T")


class InVain(Exception):
    """What was asked for was not had; the text says why, and ``refused`` as for ``NoImage``."""

    def __init__(self, reason: str, *, refused: bool) -> None:
        super().__init__(reason)
        self.refused = refused


class _Abandoned(Exception):
    """The run ends, and what failed so far is not asked for again."""


def side_by_side(
    count: int, at_once: int, do: Callable[[int, threading.Event], T]
) -> Iterator[tuple[int, T]]:
    """``do(place, over)`` for each place below ``count``, with the places, each when it is there.

    Args:
        at_once: how many at the same time.
        do: ``over`` is set when there is no use in going on.

    Raises:
        BaseException: the first that ``do`` raises. What was begun before is waited for, and given,
            because it may be charged.
    """
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    answers: queue.SimpleQueue[tuple[int, Any] | None] = queue.SimpleQueue()
    over = threading.Event()
    for place in range(count):
        todo.put(place)

    def work() -> None:
        try:
            while not over.is_set():
                place = todo.get_nowait()
                answers.put((place, do(place, over)))
        except (queue.Empty, _Abandoned):
            pass
        except BaseException as error:
            over.set()
            answers.put((-1, error))
        finally:
            answers.put(None)

    at_work = min(at_once, count)
    for _ in range(at_work):
        # Daemons, so that Ctrl-C does not wait for answers.
        threading.Thread(target=work, daemon=True).start()
    first: BaseException | None = None
    try:
        while at_work:
            found = answers.get()
            if found is None:
                at_work -= 1
            elif isinstance(found[1], BaseException):
                first = first or found[1]
            else:
                yield found
    finally:
        over.set()
    if first is not None:
        raise first


def tried(
    ask: Callable[[int], T],
    text: str,
    where: str,
    course: Course,
    manner: Manner,
    over: threading.Event | None,
) -> T:
    """What ``ask(attempt)`` gives, again and again as ``manner`` says; ``attempt`` is from 0.

    Args:
        text: what is asked for; things of one text count once where many fail in a row.
        where: what to call it in messages.
        over: None for a first request, by which one learns whether the server works at all.

    Raises:
        InVain: it was not had.
        UserError: nothing can be had.
    """
    attempt = 0
    while True:
        try:
            return ask(attempt)
        except Refusal as refusal:
            course.answered()
            raise InVain(f"refused: {refusal}", refused=True) from None
        except Fault as fault:
            if over is None and not fault.again:
                raise UserError(f"{fault}; nothing was made.") from None
            attempt += 1
            if not fault.again or attempt > course.tries(manner.retries):
                times = f", {attempt} times" if attempt > 1 else ""
                works = course.failed(text, f"{fault}{times}")
                if fault.wrong and works:
                    said = f"refused: {fault}, as it did not for other {course.asked}"
                    raise InVain(said, refused=True) from None
                raise InVain(f"{fault}{times}", refused=False) from None
            wait = fault.wait or own_wait(attempt)
            course.tell(fault, where, wait, attempt, manner.retries)
            if manner.pause is not None:
                manner.pause(wait)
            else:
                (over or threading.Event()).wait(wait)
            if over is not None and over.is_set():
                raise _Abandoned from None
