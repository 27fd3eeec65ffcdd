"""How much the pages of a Parquet file unpack to, by the pages' own headers.

The end of the file tells it too, but whoever wrote the file could write anything there; and a
reader makes room for what the header of each page says. The headers are structures of Thrift's
compact protocol, described in the Parquet format's ``parquet.thrift``.
"""

from __future__ import annotations

from typing import Any

_UNPACKED, _PACKED = 2, 3
"""Fields of a page header: bytes of the page unpacked, and as it lies in the file."""

_BOOLEANS = (1, 2)
_BYTE, _INTEGERS, _DOUBLE, _BINARY, _LISTS, _STRUCT = 3, (4, 5, 6), 7, 8, (9, 10), 12

_DEEPEST = 8
_LONGEST = 10
"""Bytes of a number of 64 bits."""


def unpacked_bytes(content: bytes, metadata: Any) -> int:
    """The sum over all pages of all columns, in bytes.

    Args:
        content: the whole file.
        metadata: its ``pyarrow.parquet.FileMetaData``.

    Raises:
        ValueError: pages that do not fill their column, or headers that are none.
    """
    total = 0
    for group in range(metadata.num_row_groups):
        for place in range(metadata.num_columns):
            column = metadata.row_group(group).column(place)
            start = column.data_page_offset
            if column.has_dictionary_page:
                start = min(start, column.dictionary_page_offset)
            end = start + column.total_compressed_size
            if not 0 <= start <= end <= len(content):
                raise ValueError("a column lies outside of it")
            total += _of_column(content, start, end)
    return total


def _of_column(content: bytes, at: int, end: int) -> int:
    total = 0
    while at < end:
        header = _Header(content, at, end)
        fields = header.fields()
        unpacked, packed = fields.get(_UNPACKED, -1), fields.get(_PACKED, -1)
        at = header.at + packed
        if unpacked < 0 or packed < 0 or at > end:
            raise ValueError("a page does not fit into its column")
        total += unpacked
    return total


class _Header:
    """One structure of numbers and other structures, read from ``at`` on and never past ``end``."""

    def __init__(self, content: bytes, at: int, end: int) -> None:
        self._content = content
        self.at = at
        self._end = end

    def fields(self, depth: int = 0) -> dict[int, int]:
        """The numbers by the numbers of their fields; other values are passed over."""
        if depth > _DEEPEST:
            raise ValueError("a page header is nested too deeply")
        found: dict[int, int] = {}
        field = 0
        while head := self._byte():
            kind, step = head & 15, head >> 4
            field = field + step if step else self._number()
            if kind in _INTEGERS:
                found[field] = self._number()
            else:
                self._pass_over(kind, depth)
        return found

    def _pass_over(self, kind: int, depth: int) -> None:
        if kind == _STRUCT:
            self.fields(depth + 1)
        elif kind == _BINARY:
            length = self._unsigned()
            self.at += length
        elif kind in (_BYTE, _DOUBLE):
            self.at += 1 if kind == _BYTE else 8
        elif kind in _LISTS:
            head = self._byte()
            length = head >> 4 if head >> 4 < 15 else self._unsigned()
            for _ in range(min(length, self._end)):
                self._element(head & 15, depth)
        elif kind not in _BOOLEANS:
            raise ValueError("a page header has a value of no kind")

    def _element(self, kind: int, depth: int) -> None:
        if kind in _INTEGERS:
            self._number()
        elif kind in _BOOLEANS:
            self._byte()
        else:
            self._pass_over(kind, depth + 1)

    def _byte(self) -> int:
        if not 0 <= self.at < self._end:
            raise ValueError("a page header is cut off")
        self.at += 1
        return self._content[self.at - 1]

    def _unsigned(self) -> int:
        value = 0
        for place in range(_LONGEST):
            byte = self._byte()
            value |= (byte & 127) << 7 * place
            if byte < 128:
                return value
        raise ValueError("a page header has a number of no end")

    def _number(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
