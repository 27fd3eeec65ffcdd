"""What a server's answer means: a refusal, a fault that may pass, or the end of the run."""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import UserError
from .access import Spelling, by_set

LONGEST_WAIT_S = 120.0
"""What a server may ask to wait before the run ends, as with OpenAI's own client."""

_QUOTA = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "account_deactivated",
    "access_terminated",
}
_REFUSALS = {
    "moderation_blocked",
    "content_policy_violation",
    "content_filter",
    "content_filtered",
    "responsibleaipolicyviolation",
}
_REFUSAL_WORDS = re.compile(
    r"safety system|safety filter|content[ _](?:policy|filter|moderation)|content management "
    r"policy|moderation|nsfw",
    re.IGNORECASE,
)
_QUOTA_WORDS = re.compile(
    r"exceeded your (?:current quota|monthly included credits)|billing hard limit", re.IGNORECASE
)
_AGAIN = {408, 409, 425, 429}
_LONGEST_TEXT = 200


class Fault(Exception):
    """There is no image this time.

    Attributes:
        again: whether the same request may succeed.
        wait: seconds that the server asks to wait; None where it does not say.
        sent: whether the request had reached the server, so that it may have been charged.
        wrong: whether the server found the request itself wrong. Where others like it were right,
            it is the prompt that is not taken.
    """

    def __init__(
        self,
        reason: str,
        *,
        again: bool = True,
        wait: float | None = None,
        sent: bool = False,
        wrong: bool = False,
    ) -> None:
        super().__init__(reason)
        self.again = again
        self.wait = wait
        self.sent = sent
        self.wrong = wrong


class Refusal(Exception):
    """The server makes no image of this prompt, and would not another time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the headers by lower-case name, the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body's value; None for what is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def is_page(self) -> bool:
        """Whether it is a web page."""
        start = self.body[:200].lstrip().lower()
        return start.startswith((b"<!doctype html", b"<html"))


@dataclass(frozen=True, slots=True)
class Told:
    """What an error's body says; empty texts for what it does not."""

    message: str
    code: str = ""
    field: str = ""

    @property
    def refuses(self) -> bool:
        """Whether a content filter says it."""
        return self.code.lower() in _REFUSALS or bool(_REFUSAL_WORDS.search(self.message))


def told(answer: Answer) -> Told:
    """The message, code and field of an error, in any of the servers' forms."""
    if answer.is_page:
        return Told("a web page")
    found = answer.json()
    if not isinstance(found, dict):
        return Told(_short(answer.body.decode("utf-8", "replace")))
    error = found.get("error", found)
    if isinstance(error, str):
        return Told(_short(error))
    if not isinstance(error, dict):
        error = found
    detail = error.get("detail")
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        places = [str(one) for one in records(detail[0].get("loc")) if one != "body"]
        return Told(_short(f"{'.'.join(places)}: {detail[0].get('msg', '')}"), "", ".".join(places))
    message = error.get("message") or detail or ""
    codes = (error.get("code"), error.get("type"))
    code = next((str(one) for one in codes if isinstance(one, str) and _known(one)), "")
    return Told(
        _short(message if isinstance(message, str) else json.dumps(message)),
        code or str(error.get("code") or ""),
        str(error.get("param") or ""),
    )


def failure(
    answer: Answer, what: str, now: float | None = None, spelling: Spelling = by_set
) -> Exception:
    """What to raise for an answer without an image.

    Args:
        answer: of any status but 200.
        what: whom it is from, such as ``the server at 127.0.0.1:8000``.
        now: seconds since 1970, for a date to wait until; None for the clock's.
        spelling: how the user gives a parameter.

    Returns:
        A ``Refusal``, a ``Fault``, or a ``UserError`` where every other request would fail alike.
    """
    status, said = answer.status, told(answer)
    shown = f"{what} answered {status}" + (f" ({said.message})" if said.message else "")
    code = said.code.lower()
    if 300 <= status < 400:
        return UserError(
            f"{shown}: it leads elsewhere{_elsewhere(answer)}, and no key is sent to another "
            f"address unasked; give the address that answers itself, with {spelling('url', '')}."
        )
    if code in _QUOTA or status == 402 or _QUOTA_WORDS.search(said.message):
        return UserError(
            f"{shown}: the account has no quota left; what is finished is kept, and the same "
            "command goes on when there is some."
        )
    if 400 <= status < 500 and status != 429:
        if said.refuses:
            return Refusal(said.message or said.code)
        if said.field == "prompt" or status in (413, 414):
            return Refusal(f"{shown}; the prompt is not taken")
    if status in (401, 403):
        return UserError(
            f"{shown}: the key is missing, wrong, or may not do this; put the right one into the "
            f"environment variable that {spelling('key_env', '')} names."
        )
    if status in (404, 405, 410):
        return UserError(f"{shown}: check {spelling('url', '')} and {spelling('model', '')}.")
    wait = retry_after(answer.headers, time.time() if now is None else now)
    again = status in _AGAIN or status >= 500
    again = {"true": True, "false": False}.get(answer.headers.get("x-should-retry", ""), again)
    if again and wait is not None and wait > LONGEST_WAIT_S:
        return UserError(
            f"{shown} and asks to wait {wait:.0f} seconds: give the same command again then; what "
            "is finished is kept."
        )
    return Fault(shown, again=again, wait=wait, wrong=not again and status < 500)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that a server asks to wait, as a number or a date; None for nothing sound."""
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        try:
            seconds = float(text) / scale
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        date = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
    except (TypeError, ValueError):
        return None
    return max(date.timestamp() - now, 0.0)


def record(value: Any) -> dict[str, Any]:
    """A JSON object; an empty one for anything else that a server may send in its place."""
    return value if isinstance(value, dict) else {}


def records(value: Any) -> list[Any]:
    """A JSON array; an empty one for anything else."""
    return value if isinstance(value, list) else []


def _known(code: str) -> bool:
    return code.lower() in _QUOTA | _REFUSALS


def _elsewhere(answer: Answer) -> str:
    """Where to, without a query, which may hold a key."""
    place = answer.headers.get("location", "").partition("?")[0].partition("#")[0]
    return f" ({_short(place.rpartition('@')[2])})" if place else ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_TEXT else f"{line[:_LONGEST_TEXT]}..."
