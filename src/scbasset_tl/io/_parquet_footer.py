"""The footer of a Parquet file, read without pyarrow, which ends the process on some damaged files.

It is a struct of Thrift's compact protocol, as parquet.thrift declares it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from scbasset_tl._reading import check_growth

if TYPE_CHECKING:
    from pathlib import Path

_MAGIC: Final = b"PAR1"
_ROW_GROUPS, _COLUMNS, _ABOUT, _N_VALUES, _N_BYTES, _N_PACKED = 4, 1, 3, 5, 6, 7  # numbers of fields


def check_footer(path: Path) -> None:
    """Refuse, inside :func:`scbasset_tl._reading.reading`, a footer that is damaged, or columns too large for the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        begin = file.read(4)
        file.seek(max(0, size - 8))
        tail = file.read(8)
        length = int.from_bytes(tail[:4], "little")
        if begin != _MAGIC or tail[4:] != _MAGIC or length > size - 12:
            message = "it does not begin and end as Parquet files do"
            raise ValueError(message)
        file.seek(size - 8 - length)
        compact = _Compact(file.read(length))
    footer = compact.struct()
    if compact.at != length:
        message = "its footer is longer than what it says"
        raise ValueError(message)
    n_bytes = 0
    for group in footer.get(_ROW_GROUPS, []):
        for column in group[_COLUMNS]:
            n_values, in_memory, packed = (column[_ABOUT][field] for field in (_N_VALUES, _N_BYTES, _N_PACKED))
            if min(n_values, in_memory, packed) < 0 or packed > size:
                message = "a column is larger than the file"
                raise ValueError(message)
            n_bytes += max(4 * n_values, in_memory)
    check_growth(n_bytes, path)


class _Compact:
    """Values of Thrift's compact protocol, one after the other; structs are dicts by the numbers of their fields."""

    def __init__(self, content: bytes) -> None:
        self._content, self.at = content, 0

    def struct(self) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            number = number + step if step else self._integer()
            fields[number] = kind == 1 if kind in (1, 2) else self._value(kind)
        return fields

    def _value(self, kind: int) -> Any:
        if kind in (1, 2, 3):  # truth values in lists, and bytes
            return self._byte()
        if kind in (4, 5, 6):
            return self._integer()
        if kind in (7, 8):
            return self._take(8 if kind == 7 else self._varint())
        if kind in (9, 10):
            head = self._byte()
            size, inner = head >> 4, head & 15
            return [self._value(inner) for _ in range(self._varint() if size == 15 else size)]
        if kind == 12:
            return self.struct()
        message = f"its footer has a value of the unknown kind {kind}"
        raise ValueError(message)

    def _byte(self) -> int:
        return self._take(1)[0]

    def _take(self, n_bytes: int) -> bytes:
        taken = self._content[self.at : self.at + n_bytes]
        if len(taken) < n_bytes:
            message = "its footer is cut off"
            raise ValueError(message)
        self.at += n_bytes
        return taken

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                message = "its footer has a number of more than 64 bits"
                raise ValueError(message)

    def _integer(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)
