"""PNG files of 16 bits per channel with more than one channel: Pillow reads only the upper 8 bits of those.

PNG filters work on bytes, each against the byte at the same place in the neighbouring pixels. So the n-th bytes of all
pixels form an 8-bit grey picture with the same filter types, and Pillow decodes those.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {2: 3, 4: 2, 6: 4}
"""Colour type -> channels: RGB, grey + alpha, RGB + alpha."""
HEADER = struct.Struct(">IIBBBBB")
"""Width, height, bits, colour type, compression, filter, interlacing."""


def is_deep(data: bytes) -> bool:
    """Whether a file that begins so is a PNG that Pillow would cut to 8 bits; interlaced ones are not read here."""
    if not data.startswith(SIGNATURE) or data[12:16] != b"IHDR" or len(data) < 16 + HEADER.size:
        return False
    _, _, bits, colour_type, _, _, interlacing = HEADER.unpack_from(data, 16)
    return bits == 16 and colour_type in CHANNELS and interlacing == 0


def read_deep(data: bytes) -> Any:
    """The 16-bit values of a PNG of which `is_deep` says yes, without its alpha channel.

    Returns:
        uint16, H x W (grey) or H x W x 3.

    Raises:
        ValueError, zlib.error, struct.error: damaged.
    """
    import numpy as np

    width, height, _, colour_type, *_ = HEADER.unpack_from(data, 16)
    size = 2 * CHANNELS[colour_type]
    wanted = height * (1 + width * size)
    packed = b"".join(content for kind, content in _chunks(data) if kind == b"IDAT")
    unpacked = zlib.decompressobj().decompress(packed, wanted)
    if len(unpacked) != wanted:
        raise ValueError(f"{len(unpacked)} bytes of pixels where {wanted} should be")
    rows = np.frombuffer(unpacked, np.uint8).reshape(height, 1 + width * size)
    filters, bytes_HWS = rows[:, :1], rows[:, 1:].reshape(height, width, size)
    planes = [
        _decode(np.concatenate([filters, bytes_HWS[:, :, place]], axis=1), width, height) for place in range(size)
    ]
    high, low = np.stack(planes[::2], axis=-1), np.stack(planes[1::2], axis=-1)
    values_HWC = high.astype(np.uint16) << 8 | low
    return values_HWC[:, :, 0] if colour_type == 4 else values_HWC[:, :, :3]


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, content) of each chunk, up to the last."""
    place = len(SIGNATURE)
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        content = data[place + 8 : place + 8 + length]
        if len(content) != length:
            raise ValueError("the file ends early")
        if kind == b"IDAT" and zlib.crc32(kind + content) != struct.unpack_from(">I", data, place + 8 + length)[0]:
            raise ValueError("a checksum is wrong")
        yield kind, content
        place += length + 12


def _decode(filtered: Any, width: int, height: int) -> Any:
    """H x W bytes of filtered rows (the first column is the type of the filter) as an 8-bit grey picture."""
    import numpy as np
    from PIL import Image

    parts = [
        (b"IHDR", HEADER.pack(width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(np.ascontiguousarray(filtered).tobytes(), 0)),
        (b"IEND", b""),
    ]
    file = SIGNATURE + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in parts
    )
    with Image.open(io.BytesIO(file), formats=("PNG",)) as picture:
        return np.asarray(picture)
