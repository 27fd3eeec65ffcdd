"""The restricted unpickler: equal to ``pickle.loads`` where it reads, and it reads plain values."""

from __future__ import annotations

import copyreg
import io
import pickle
import pickletools
import resource
import struct
from collections import OrderedDict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.serve import plain_pickle
from spatialbench.serve.pickled_names import NotPlain
from spatialbench.serve.plain_pickle import load

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64) + 1, 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
)
plain = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text("ab\n\\é☃"), inner) | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@given(value=plain, protocol=st.sampled_from(list(PROTOCOLS)))
def test_plain_values_come_back_as_pickle_reads_them(value: Any, protocol: int) -> None:
    content = pickle.dumps(value, protocol)
    assert load(content) == pickle.loads(content) == value
    assert _kinds(load(content)) == _kinds(value)


def _kinds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _kinds(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value), [_kinds(one) for one in value]
    return type(value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "scalar",
    [
        *(np.dtype(code).type(3) for code in "bhilqBHILQefdFD"),
        np.bool_(True),
        np.bool_(False),
        np.str_("a☃"),
        np.str_(""),
        np.bytes_(b"ab"),
        np.float64("nan"),
    ],
    ids=repr,
)
def test_numpy_scalars_become_plain(scalar: Any, protocol: int) -> None:
    found = load(pickle.dumps({"count": scalar, "again": [scalar]}, protocol))
    expected = scalar.item()
    assert type(found["count"]) is type(expected)
    assert found["count"] == expected or expected != expected
    assert found["again"] == [expected] or expected != expected


def test_byte_orders_are_read() -> None:
    for order in "<>":
        dtype = np.dtype(f"{order}i4")
        scalar = np.frombuffer(np.array([7], dtype).tobytes(), dtype)[0]
        assert load(pickle.dumps(scalar)) == 7
    big = pickle.dumps(np.float64(1.5)).replace(b"\x8c\x01<", b"\x8c\x01>")
    with pytest.raises(NotPlain):
        load(b"\x80\x09N.")
    assert load(big) == struct.unpack(">d", struct.pack("<d", 1.5))[0]


def test_sets_and_shared_values() -> None:
    shared = ["x"]
    assert load(pickle.dumps([{1, 2}, frozenset({"a"}), shared, shared], 4))[2:] == [["x"], ["x"]]


class _Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('it ran')",)


_dotted = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x8c\x04true\x85R."


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (pickle.dumps(_Hostile()), "builtins.exec"),
        (pickle.dumps(_Hostile(), 0), "__builtin__.exec"),
        (_dotted, "os.system"),
        (b"cos\nsystem\n(S'true'\ntR.", "os.system"),
        (pickle.dumps(OrderedDict(a=1)), "collections.OrderedDict"),
        (pickle.dumps(date(2026, 1, 1)), "datetime.date"),
        (pickle.dumps(np.zeros(3)), "numpy"),
        (pickle.dumps(np.datetime64("2026-01-01")), "M8"),
        (pickle.dumps(np.array([(1, 2)], dtype="i4,i4")[0]), "V8"),
        (pickle.dumps(Path("x")), "pathlib"),
        (pickle.dumps(len), "builtins.len"),
        (pickle.dumps(dict, 2), "__builtin__.dict"),
        (b"(ios\nsystem\n.", "INST"),
        (b"(cos\nsystem\no.", "os.system"),
        (b"\x80\x02\x82\x01.", "EXT1"),
        (b"\x80\x02\x83\x01\x00.", "EXT2"),
        (b"\x80\x02\x84\x01\x00\x00\x00.", "EXT4"),
        (b"Pperson\n.", "PERSID"),
        (b"N\x80\x02Q.", "BINPERSID"),
        (b"\x80\x05\x97.", "NEXT_BUFFER"),
        (b"\x80\x05C\x01a\x98.", "READONLY_BUFFER"),
        (b"S'old'\n.", "STRING"),
        (b"N2.", "DUP"),
        (b"}}b.", "sets the state"),
        (b"]N\x85R.", "calls what is no function"),
        (b"\x8c\x05numpy\x8c\x05dtype\x93.", "something else"),
        (b"(.", "something else"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_everything_else_is_refused_by_name(content: bytes, named: str) -> None:
    with pytest.raises(NotPlain, match=named.replace(".", r"\.")):
        load(content)


def test_an_extension_of_this_process_is_not_looked_up() -> None:
    copyreg.add_extension("spatialbench.errors", "UserError", 240)
    try:
        from spatialbench.errors import UserError

        with pytest.raises(NotPlain, match="EXT1"):
            load(pickle.dumps(UserError, 2))
    finally:
        copyreg.remove_extension("spatialbench.errors", "UserError", 240)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b".",
        b"N",
        b"NN.",
        b'{"images": []}',
        b"\x80",
        b"\x80\x04\x95\xff\xff",
        b"0.",
        b"a.",
        b"]a.",
        b"h\x05.",
        b"t.",
        b"NNs.",
        b"}(Nu.",
        b"(Nd.",
        b"I1_\n.",
        b"Fnope\n.",
        b"\x8c\x02\xff\xff.",
        b"\xff" * 50,
        b"L" + b"9" * 5000 + b"L\n.",
        b"\x8bzzzz.",
        pickle.dumps("\ud800"),
        pickle.dumps(2**64),
        pickle.dumps({1.5: 1}),
        pickle.dumps({(1, 2): 1}),
        pickle.dumps({2**40: 1}),
    ],
)
def test_broken_pickles_are_not_plain(content: bytes) -> None:
    with pytest.raises(NotPlain):
        load(content)


def _with_limit(content: bytes) -> None:
    """Read it in a memory that a length which is believed does not fit into."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), before[1]))
    try:
        with pytest.raises(NotPlain) as raised:
            load(content)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert "MemoryError" not in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [
        b"B" + struct.pack("<I", 2**32 - 1) + b"x.",
        b"\x8e" + struct.pack("<Q", 2**40) + b"x.",
        b"\x96" + struct.pack("<Q", 2**40) + b"x.",
        b"X" + struct.pack("<I", 2**32 - 1) + b"x.",
        b"\x8d" + struct.pack("<Q", 2**40) + b"x.",
        b"\x8b" + struct.pack("<i", 2**31 - 1) + b"x.",
        b"\x95" + struct.pack("<Q", 2**62) + b"N",
        b"Nr" + struct.pack("<I", 2**32 - 1) + b"q\x00j\x01\x00\x00\x00.",
        b"(" * (plain_pickle.MOST_OPCODES + 10),
        b"}" * (plain_pickle.MOST_OPCODES + 10),
    ],
    ids=lambda value: repr(value[:6]),
)
def test_lengths_are_not_believed(content: bytes) -> None:
    _with_limit(content)


def test_a_value_that_grows_when_it_is_read_is_refused() -> None:
    doubling = (
        b"]"
        + b"q\x00"
        + b"".join(
            b"(h" + bytes([n]) + b"h" + bytes([n]) + b"lq" + bytes([n + 1]) for n in range(28)
        )
    )
    assert len(doubling) < 300
    with pytest.raises(NotPlain, match=r"values|deeper"):
        load(doubling + b".")
    value: Any = "end"
    for _ in range(20):
        value = [value] * 2
    with pytest.raises(NotPlain, match="more than 250,000 values"):
        load(pickle.dumps(value))


@pytest.mark.parametrize(
    ("one", "again"),
    [
        (
            b"c_codecs\nencode\nq\x00\x8c\x06latin1q\x01X"
            + struct.pack("<I", 10**6)
            + b"x" * 10**6,
            b"h\x00h\x02h\x01\x86R",
        ),
        (
            b"cnumpy._core.multiarray\nscalar\nq\x00cnumpy\ndtype\n\x8c\x08S1000000\x89\x88\x87Rq\x01B"
            + struct.pack("<I", 10**6)
            + b"x" * 10**6,
            b"h\x00h\x01h\x02\x86R",
        ),
    ],
    ids=["bytes of old protocols", "numpy text"],
)
def test_a_text_is_not_converted_over_and_over(one: bytes, again: bytes) -> None:
    whole = b"\x80\x02" + one + b"q\x02" + again
    _with_limit(whole + again * 1000 + b".")


def test_deep_and_circular_values_are_refused() -> None:
    circular: list[Any] = []
    circular.append(circular)
    with pytest.raises(NotPlain, match="holds itself"):
        load(pickle.dumps(circular))
    deep: Any = None
    for _ in range(plain_pickle.DEEPEST):
        deep = {"in": deep}
    assert load(pickle.dumps(deep)) == deep
    with pytest.raises(NotPlain, match="nested deeper"):
        load(pickle.dumps([deep]))
    with pytest.raises(NotPlain, match="nested deeper"):
        load(b"]" * 100_000 + b"a" * 99_999 + b".")


def test_a_request_of_the_largest_batch_fits() -> None:
    line = {
        "tag": "position",
        "include": [
            {"class": "dog", "count": 1},
            {"class": "cat", "count": 1, "position": ["left of", 0], "color": "red"},
        ],
        "exclude": [{"class": "cat", "count": 2}],
        "prompt": "a photo of a red cat left of a dog",
    }
    request = {
        "images": [b"x" * 10_000] * 64,
        "meta_datas": [dict(line) for _ in range(64)],
        "only_strict": True,
    }
    for protocol in PROTOCOLS:
        content = pickle.dumps(request, protocol)
        assert load(content) == request
        if protocol >= 4:
            opcodes = sum(1 for _ in pickletools.genops(io.BytesIO(content)))
            assert opcodes < plain_pickle.MOST_OPCODES / 30
