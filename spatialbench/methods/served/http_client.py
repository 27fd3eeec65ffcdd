"""One request and its answer: bounded in size and time, through no redirect."""

from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit

from ... import __version__
from ...errors import UserError
from .access import Address, Key
from .faults import Answer, Fault

MOST_BYTES = 96 << 20
"""Of an answer: an image of 4096 x 4096 as PNG, in base64, with room to spare."""

LOOK_S = 10.0
"""Seconds for a connection, and for an answer that needs no image to be made."""

_PIECE = 1 << 16

_FAILING = frozenset({408, 425, 429, 500, 502, 503, 504})
_WAITS_S = (0.1, 0.3, 1.0, 2.0)
"""Between looks at a server that fails."""


@dataclass(frozen=True, slots=True)
class Client:
    """Whom to ask, and with which key. Picklable: the key is read when it is sent."""

    address: Address
    key: Key
    timeout: float

    @property
    def what(self) -> str:
        """``the server at 127.0.0.1:8000``."""
        return f"the server at {self.address.host}"

    def get(self, place: str, timeout: float = LOOK_S) -> Answer:
        """GET a place below the server's root, such as ``/v1/models``; raises as ``post``."""
        return self._ask(self.address.root + place, None, timeout, self._authorized())

    def look(self, place: str) -> Answer:
        """GET what costs nothing, a few times where the server is there and fails.

        Raises:
            Fault: it is not there, or fails each time.
            UserError: as ``post``.
        """
        for wait in (*_WAITS_S, None):
            try:
                answer = self.get(place)
                if answer.status not in _FAILING:
                    return answer
                fault = Fault(f"{self.what} answered {answer.status} at {place}", sent=True)
            except Fault as broken:
                fault = broken
            if wait is None or not fault.sent:
                raise fault
            time.sleep(wait)
        raise AssertionError("the last try returns or raises")

    def told(self, place: str) -> Any:
        """The JSON at a place, where the server has some; None where it has not."""
        return self.plain(self.look(place))

    def plain(self, answer: Answer) -> Any:
        """An answer's JSON without the key; None of another status than 200."""
        text = self.key.clean(answer.body.decode("utf-8", "replace")).encode()
        return Answer(answer.status, {}, text).json() if answer.status == 200 else None

    def fetch(self, url: str) -> Answer:
        """GET an image from wherever the server says it is; no key is sent there.

        Raises:
            Fault: as ``post``; it is neither encrypted nor at the server's own host.
        """
        parts = urlsplit(url)
        here = parts.scheme == "http" and parts.hostname == self.address.name
        if not here and parts.scheme != "https":
            raise Fault(f"{self.what} names an image at an address that is not opened", again=False)
        return self._ask(url, None, self.timeout, {})

    def post(self, place: str, content: Mapping[str, Any], timeout: float | None = None) -> Answer:
        """POST JSON to a place below the server's root.

        Raises:
            Fault: no connection, none in time, or no whole answer.
            UserError: a certificate that is not trusted, or an answer of no bounded size.
        """
        body = json.dumps(content).encode()
        headers = {"Content-Type": "application/json", **self._authorized()}
        return self._ask(self.address.root + place, body, timeout or self.timeout, headers)

    def _authorized(self) -> dict[str, str]:
        key = self.key.value()
        return {} if key is None else {"Authorization": f"Bearer {key}"}

    def _ask(
        self, url: str, body: bytes | None, timeout: float, headers: Mapping[str, str]
    ) -> Answer:
        own = {"Accept": "application/json, image/*", "User-Agent": f"spatialbench/{__version__}"}
        request = urllib.request.Request(url, body, {**own, **headers})
        deadline = time.monotonic() + timeout
        try:
            with _opener(url, self.address).open(request, timeout=timeout) as response:
                content = self._read(response, deadline, timeout)
                found = {name.lower(): value for name, value in response.headers.items()}
                if response.status != 200:
                    found = {name: self.key.clean(value) for name, value in found.items()}
                    content = self.key.clean(content.decode("utf-8", "replace")).encode()
                return Answer(response.status, found, content)
        except URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                raise UserError(
                    f"{self.what} has a certificate that is not trusted "
                    f"({error.reason.verify_message}): check {self.key.spelling('url', '')}."
                ) from None
            raise Fault(f"{self.what} cannot be reached ({_why(error.reason)})") from None
        except TimeoutError:
            raise Fault(f"{self.what} gave no answer in {timeout:g} s", sent=True) from None
        except (OSError, http.client.HTTPException) as error:
            raise Fault(f"{self.what} broke off ({_why(error)})", sent=True) from None

    def _read(self, response: Any, deadline: float, timeout: float) -> bytes:
        pieces, size = [], 0
        while piece := response.read1(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > MOST_BYTES:
                raise UserError(
                    f"{self.what} answers with more than {MOST_BYTES >> 20} MB: check "
                    f"{self.key.spelling('url', '')} and the size asked for."
                )
            if time.monotonic() > deadline:
                raise Fault(f"{self.what} gave no whole answer in {timeout:g} s", sent=True)
        if response.length:
            raise Fault(f"{self.what} broke off (an answer without its end)", sent=True)
        return b"".join(pieces)


class _Quick(http.client.HTTPConnection):
    """A connection that is there soon or not at all, whatever the answer may take."""

    def connect(self) -> None:
        patience, self.timeout = self.timeout, min(self.timeout or LOOK_S, LOOK_S)
        super().connect()
        self.sock.settimeout(patience)


class _QuickSecure(_Quick, http.client.HTTPSConnection):
    """The same, encrypted."""


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Quick, req)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_QuickSecure, req, context=ssl.create_default_context())


def _opener(url: str, address: Address) -> urllib.request.OpenerDirector:
    """Neither redirects nor statuses are acted upon; proxies are those of the environment."""
    opener = urllib.request.OpenerDirector()
    here = address.loopback and url.startswith(address.root)
    opener.add_handler(urllib.request.ProxyHandler({} if here else None))
    opener.add_handler(_Http())
    opener.add_handler(_Https())
    return opener


def _why(error: object) -> str:
    """An error without a request's content, which the text of some holds."""
    if isinstance(error, TimeoutError):
        return "no connection in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "no whole answer" if isinstance(error, Exception) else str(error)
