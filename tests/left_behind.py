"""No test depends on those before it: which they are, in one process, differs from run to run.

One that leaves the process otherwise than it found it fails itself, and not some test after it.
Random numbers that nobody seeded are the same ones for every test.
"""

from __future__ import annotations

import functools
import logging
import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from _pytest.compat import NOTSET

_SIGNALS = (signal.SIGALRM, signal.SIGPIPE, signal.SIGHUP)
"""Not those that Ray takes when a process is connected, and keeps."""

_first: dict[tuple[int, str], tuple[Any, str, Any]] = {}
"""What each patched attribute and item was before the first patch of this test."""


def _noting(change: Callable[..., None], kept: str) -> Callable[..., None]:
    @functools.wraps(change)
    def noting(patch: pytest.MonkeyPatch, *arguments: Any, **options: Any) -> None:
        change(patch, *arguments, **options)
        for owner, name, before in getattr(patch, kept)[-1:]:
            _first.setdefault((id(owner), name), (owner, name, before))

    return noting


_always = pytest.MonkeyPatch()
_CHANGES = {
    "setattr": "_setattr",
    "delattr": "_setattr",
    "setitem": "_setitem",
    "delitem": "_setitem",
}
for _name, _kept in _CHANGES.items():
    _always.setattr(pytest.MonkeyPatch, _name, _noting(getattr(pytest.MonkeyPatch, _name), _kept))


@pytest.fixture(autouse=True)
def _leaves_nothing_behind() -> Iterator[None]:
    """By its name the first of a test's fixtures, and so the last that ends."""
    _seed()
    _first.clear()
    before, variables = _state(), dict(os.environ)
    yield
    after = _state()
    # Put back and not told: a library may change them when it is first imported, in whatever test.
    # New ones stay with it.
    variables.pop("PYTEST_CURRENT_TEST", None)
    os.environ.update(variables)
    told = [f"another {name}" for name in before if before[name] != after.get(name)]
    told += [
        f"another {name} of {type(owner).__name__} {getattr(owner, '__name__', '')}"
        for owner, name, was in _first.values()
        if _now(owner, name, was) is not was
    ]
    _first.clear()
    if told:
        pytest.fail("this test left behind, for the tests after it: " + "; ".join(told))


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> None:
    """What several tests share is made from the same random numbers, whichever is the first."""
    if fixturedef.scope != "function":
        _seed()


def _seed() -> None:
    random.seed(0)
    if (numpy := sys.modules.get("numpy.random")) is not None:
        numpy.seed(0)
    if (torch := sys.modules.get("torch")) is not None:
        torch.default_generator.manual_seed(0)  # of the processor alone: it is called often


def _now(owner: Any, name: str, was: object) -> object:
    """What stands there of its own, or is found where none of its own was before."""
    if owner is os.environ:  # it gives a new text each time
        now = owner.get(name, NOTSET)
        return was if now == was else now
    held = owner if isinstance(owner, dict) else getattr(owner, "__dict__", {})
    if name in held or was is NOTSET or isinstance(owner, dict):
        return held.get(name, NOTSET)
    return getattr(owner, name, NOTSET)


def _state() -> dict[str, Any]:
    mask = os.umask(0)
    os.umask(mask)
    log = logging.getLogger("spatialbench")
    told: dict[str, Any] = {
        f"handler of {number.name}": signal.getsignal(number) for number in _SIGNALS
    }
    told |= {
        "working folder": os.getcwd(),
        "umask": mask,
        "log": (log.level, list(log.handlers)),
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        told["number of torch's threads"] = torch.get_num_threads()
        told["state of torch's gradients"] = torch.is_grad_enabled()
        told["default dtype of torch"] = torch.get_default_dtype()
    return told
