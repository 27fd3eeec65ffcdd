"""Reading a pickle from a stranger: plain values come out of it, and nothing is imported or called.

``pickle.loads`` runs what a pickle says. Here its opcodes are read one by one
(``pickletools.genops``, which allocates no more than the bytes that are there) and only those that
plain values are made of are followed: dict, list, tuple, set, bytes, text, numbers, booleans and
None, in every protocol from 0 to 5. A few names are known and stand for a fixed conversion: those
by which numpy's scalars are pickled, which become plain numbers or text, and those by which the
protocols 0 to 2 write bytes. Any other name, an extension, a persistent id or an out-of-band buffer
is refused.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterable
from typing import Any

from ..executors.attempts import in_one_line
from .pickled_names import ADMITTED, NotPlain, is_known, known, set_order

MOST_OPCODES = 250_000
"""A request of 64 images has about 4,000."""

MOST_VALUES = 250_000
"""Values in the result, one that stands at two places counted twice."""

DEEPEST = 32
MOST_BITS = 64
HIGHEST_PROTOCOL = 5


class _Mark:
    """What MARK puts on the stack."""


_MARK = _Mark()


def load(content: bytes) -> Any:
    """The plain value in a pickle, in memory that the size of the pickle bounds.

    Numpy scalars come back as Python's numbers and text, a bytearray as bytes.

    Raises:
        NotPlain: no whole pickle, or one that holds or asks for anything else; a number of more
            than 64 bits; keys that are neither text, bytes nor small whole numbers; more opcodes
            than ``MOST_OPCODES``; a nesting deeper than ``DEEPEST``; a value that holds itself.
    """
    reader = _Reader(len(content))
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(content)):
            if count >= MOST_OPCODES:
                raise NotPlain(f"the pickle has more than {MOST_OPCODES:,} opcodes")
            if opcode.name == "STOP":
                break
            reader.follow(opcode.name, argument)
        value = reader.result()
        _require_plain(value)
    except NotPlain:
        raise
    except Exception as error:  # pickletools and the stack raise whatever the bytes lead to.
        raise NotPlain(f"the body is no whole pickle ({in_one_line(error):.120})") from error
    return value


class _Reader:
    """A pickle machine with a stack and a memo, without the opcodes that make objects."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def result(self) -> Any:
        """What is left at STOP."""
        (value,) = self._stack
        return value

    def follow(self, name: str, argument: Any) -> None:
        """Do what one opcode says. Raises NotPlain, or anything at a pickle that is broken."""
        stack = self._stack
        match name:
            case "FRAME":
                pass
            case "PROTO":
                if argument > HIGHEST_PROTOCOL:
                    raise NotPlain(f"the pickle's protocol is {argument}: 0 to 5 are read")
            case "INT" | "BININT" | "BININT1" | "BININT2" | "LONG" | "LONG1" | "LONG4":
                if argument.bit_length() > MOST_BITS:
                    raise NotPlain(f"the pickle holds a number of more than {MOST_BITS} bits")
                stack.append(argument)
            case "FLOAT" | "BINFLOAT":
                stack.append(argument)
            case "UNICODE" | "SHORT_BINUNICODE" | "BINUNICODE" | "BINUNICODE8":
                stack.append(argument)
            case "SHORT_BINBYTES" | "BINBYTES" | "BINBYTES8" | "BYTEARRAY8":
                stack.append(bytes(argument))
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[name])
            case "MARK":
                stack.append(_MARK)
            case "POP":
                stack.pop()
            case "POP_MARK":
                self._to_mark()
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = stack[-1]
            case "MEMOIZE":
                self._memo[len(self._memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(self._memo[argument])
            case "GLOBAL":
                stack.append(known(argument))
            case "STACK_GLOBAL":
                attribute, module = stack.pop(), stack.pop()
                stack.append(known(f"{module} {attribute}"))
            case "REDUCE":
                arguments, function = stack.pop(), stack.pop()
                if not is_known(function):
                    raise NotPlain(f"the pickle calls what is no function: {ADMITTED}")
                stack.append(self._made(function(*arguments)))
            case "BUILD":
                state = stack.pop()
                set_order(stack[-1], state)
            case _:
                self._container(name)

    def _container(self, name: str) -> None:
        stack = self._stack
        match name:
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_TUPLE":
                stack.append(())
            case "EMPTY_SET":
                stack.append(set())
            case "APPEND":
                value = stack.pop()
                _of(list, stack[-1]).append(value)
            case "APPENDS":
                values = self._to_mark()
                _of(list, stack[-1]).extend(values)
            case "LIST":
                stack.append(self._to_mark())
            case "TUPLE":
                stack.append(tuple(self._to_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                size = int(name[-1])
                values = [stack.pop() for _ in range(size)]
                stack.append(tuple(reversed(values)))
            case "DICT":
                stack.append(_filled({}, self._to_mark()))
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                _filled(_of(dict, stack[-1]), [key, value])
            case "SETITEMS":
                values = self._to_mark()
                _filled(_of(dict, stack[-1]), values)
            case "ADDITEMS":
                values = self._to_mark()
                _of(set, stack[-1]).update(map(_key, values))
            case "FROZENSET":
                stack.append(frozenset(map(_key, self._to_mark())))
            case _:
                raise NotPlain(f"the pickle has the opcode {name}: {ADMITTED}")

    def _made(self, value: Any) -> Any:
        """What a conversion gave; all texts together are no longer than the pickle."""
        if isinstance(value, str | bytes):
            self._left -= len(value)
            if self._left < 0:
                raise NotPlain("the pickle converts the same text many times")
        return value

    def _to_mark(self) -> list[Any]:
        """What lies above the last mark, which is taken away with it."""
        values = []
        while (value := self._stack.pop()) is not _MARK:
            values.append(value)
        values.reverse()
        return values


def _of(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise NotPlain(f"the pickle fills a {type(value).__name__} as if it were a {kind.__name__}")
    return value


def _key(value: Any) -> Any:
    """A key whose hash is quick and that cannot be made to collide with many others."""
    if isinstance(value, str | bytes):
        return value
    if isinstance(value, int) and value.bit_length() < 32:
        return value
    raise NotPlain(
        f"the pickle has a key of type {type(value).__name__}: text, bytes and small whole numbers "
        "are read"
    )


def _filled(target: dict[Any, Any], values: list[Any]) -> dict[Any, Any]:
    for key, value in zip(values[::2], values[1::2], strict=True):
        target[_key(key)] = value
    return target


def _require_plain(value: Any) -> None:
    """Refuse what is not plain, too deep, or too much; containers may be shared, not circular."""
    left = MOST_VALUES
    pending = [(value, 0)]
    while pending:
        one, depth = pending.pop()
        left -= 1
        if left < 0:
            raise NotPlain(f"the pickle holds more than {MOST_VALUES:,} values")
        if type(one) is str:
            if not one.isascii():
                one.encode()  # Half a surrogate pair is no text.
            continue
        if one is None or type(one) in (bytes, int, float, bool, complex):
            continue
        if type(one) not in (dict, list, tuple, set, frozenset):
            raise NotPlain(f"the pickle holds something else: {ADMITTED}")
        if depth >= DEEPEST:
            raise NotPlain(f"the pickle is nested deeper than {DEEPEST}, or holds itself")
        if len(one) > left:
            raise NotPlain(f"the pickle holds more than {MOST_VALUES:,} values")
        inside: Iterable[Any] = [*one, *one.values()] if type(one) is dict else one
        pending.extend((each, depth + 1) for each in inside)
