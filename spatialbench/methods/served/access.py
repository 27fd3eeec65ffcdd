"""Where a server is, and the key that it wants: from the environment, and shown to nobody."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ...errors import UserError

NO_KEY = "none"

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_KEY = re.compile(r"(?<![A-Za-z0-9])(?:sk|pk|rk|hf|gsk|xai|key|r8)[-_][A-Za-z0-9_-]{16,}")
"""What keys of the usual services look like."""
_PRINTABLE = re.compile(r"[!-~]+")


Spelling = Callable[[str, str], str]
"""How a user gives a parameter, from its name and value; the value may be empty."""


def by_set(name: str, value: str) -> str:
    """As a method's user does: ``--set url=http://127.0.0.1:8000``."""
    return f"--set {name}={value}"


@dataclass(frozen=True, slots=True)
class Address:
    """A server; ``root`` is such as ``http://127.0.0.1:8000``, ``path`` is ``/v1`` or empty."""

    root: str
    path: str

    @property
    def host(self) -> str:
        """Name and port, such as ``127.0.0.1:8000``."""
        return self.root.partition("://")[2]

    @property
    def name(self) -> str:
        """The name without the port."""
        return urlsplit(self.root).hostname or ""

    @property
    def loopback(self) -> bool:
        """Whether it is this machine."""
        if self.name == "localhost" or self.name.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.name).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return self.root + self.path


def address_of(url: str, example: str, spelling: Spelling = by_set) -> Address:
    """Read a url; nothing of one that may hold a key is repeated.

    Raises:
        UserError: no http or https address, or one with a user, a query or a key in it.
    """
    try:
        parts = urlsplit(url.strip())
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        fine = fine and not re.search(r"[\s\x00-\x1f]", url.strip())
    except ValueError:
        fine = False
    if not fine:
        raise UserError(f"url is no address of a server: give {spelling('url', example)}.")
    if "@" in parts.netloc or parts.query or parts.fragment or _KEY.search(url):
        raise UserError(
            "the url holds a user, a query or a key, which would stand in the run's files: give "
            f"the address alone, such as {spelling('url', example)}, and put the key in the "
            f"environment, in a variable that {spelling('key_env', 'NAME')} names."
        )
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port is None else f":{parts.port}"
    return Address(f"{parts.scheme}://{host}{port}", parts.path.rstrip("/"))


@dataclass(frozen=True, slots=True)
class Key:
    """Where a key is found. The object holds no key, so that it may be sent to other processes.

    Attributes:
        variable: the environment variable; None for no key.
        needed: whether it must be set.
        spelling: how its user names another variable.
    """

    variable: str | None
    needed: bool = False
    spelling: Spelling = by_set

    def value(self) -> str | None:
        """The key itself, or None.

        Raises:
            UserError: it is not set though it must be, or has characters that no key has.
        """
        if self.variable is None:
            return None
        found = os.environ.get(self.variable, "").strip()
        if not found:
            if self.needed:
                raise UserError(
                    f"the environment variable {self.variable} with the key is not set: type "
                    f"'export {self.variable}=...', or name another with "
                    f"{self.spelling('key_env', 'NAME')}."
                )
            return None
        if not _PRINTABLE.fullmatch(found):
            raise UserError(
                f"the key in the environment variable {self.variable} has spaces, line breaks or "
                "letters that no key has: set it again."
            )
        return found

    def clean(self, text: str) -> str:
        """A text without the key, should somebody have put it there."""
        found = os.environ.get(self.variable or "", "").strip()
        return text.replace(found, "[key]") if found else text


def key_of(given: str, usual: str, needed: bool, spelling: Spelling = by_set) -> Key:
    """The key that the parameter ``key_env`` means.

    Args:
        given: a variable, ``none``, or empty for the usual one.
        usual: the variable that is looked at where none is given; empty for none.
        needed: whether the server answers nobody without a key.

    Raises:
        UserError: not the name of a variable. It may be the key itself, and is not repeated.
    """
    if given.lower() == NO_KEY:
        return Key(None, spelling=spelling)
    if not given:
        return Key(usual or None, needed and bool(usual), spelling)
    if not _VARIABLE.fullmatch(given):
        raise UserError(
            "key_env is not the name of an environment variable (capitals, digits and _): put the "
            f"key into one and give its name, such as {spelling('key_env', 'OPENAI_API_KEY')}."
        )
    return Key(given, True, spelling)


def refuse_exposed(address: Address, key: Key, given: str, parameters: Mapping[str, Any]) -> None:
    """Refuse a key that would be readable: in a parameter, or on the network.

    Raises:
        UserError: says where it is, and not what it is.
    """
    value = key.value() if not key.needed or os.environ.get(key.variable or "") else None
    if value is None:
        return
    for name, text in parameters.items():
        if value in str(text):
            raise UserError(
                f"{name} holds the key, which would stand in the run's files: leave it out; it is "
                f"taken from the environment variable {key.variable}."
            )
    if not given and address.root.startswith("http:") and not address.loopback:
        raise UserError(
            f"the key in {key.variable} would go to {address.host} unencrypted: give an https "
            f"address, {key.spelling('key_env', key.variable or '')} to send it all the same, or "
            f"{key.spelling('key_env', NO_KEY)} to send none."
        )
