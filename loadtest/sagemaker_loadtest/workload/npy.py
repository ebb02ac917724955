"""NumPy's .npy files, cut along the first axis without NumPy.

Source of the format: "NPY format" of NumPy's documentation, versions 1.0 to 3.0.
"""

import ast
import math
import re
import struct
from collections.abc import Iterator

_MAGIC = b"\x93NUMPY"


def rows_of(content: bytes, rows: int) -> Iterator[tuple[bytes, int]]:
    """Files of at most `rows` rows each, with the number of their first row (from 1). Raises ValueError for what is no
    plain array of at least one axis.
    """
    kind, shape, start = _header(content)
    item = re.fullmatch(r"[<>|=]?[biufcSV](\d+)", kind)
    if not item:
        raise ValueError("only C-ordered arrays of numbers can be cut into rows")
    if not shape:
        raise ValueError("an array without an axis has no rows")
    size = int(item[1]) * math.prod(shape[1:])
    if len(content) - start != size * shape[0]:
        raise ValueError(f"{shape[0]} rows of {size} bytes were announced, {len(content) - start} bytes are there")
    for first in range(0, shape[0], rows):
        number = min(rows, shape[0] - first)
        data = content[start + first * size : start + (first + number) * size]
        yield _written(kind, (number, *shape[1:])) + data, first + 1


def _header(content: bytes) -> tuple[str, tuple[int, ...], int]:
    """Type, shape and where the data begins; an empty type when it cannot be cut."""
    if content[:6] != _MAGIC or len(content) < 12:
        raise ValueError("it does not begin as .npy files do")
    wide = content[6] >= 2
    length = struct.unpack_from("<I" if wide else "<H", content, 8)[0]
    start = (12 if wide else 10) + length
    try:
        header = ast.literal_eval(content[start - length : start].decode("utf-8"))
        shape = header["shape"]
        if not all(isinstance(n, int) and n >= 0 for n in shape):
            raise ValueError("the shape is no list of lengths")
        return "" if header["fortran_order"] else str(header["descr"]), tuple(shape), start
    except (SyntaxError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError("its header cannot be read") from error


def _written(kind: str, shape: tuple[int, ...]) -> bytes:
    header = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
    padding = -(len(_MAGIC) + 4 + len(header) + 1) % 64
    text = (header + " " * padding + "\n").encode()
    return _MAGIC + b"\x01\x00" + struct.pack("<H", len(text)) + text
