"""A gray H.264 video of any size and length, as an MP4 that a player opens.

The first frame is coded, all others repeat it: a minute in 4K takes 60 kB.
See ISO/IEC 14496-10 for the frames and ISO/IEC 14496-12 for the boxes.
"""

from __future__ import annotations

import struct

FRAMES_A_SECOND = 24
_BLOCK = 16
_TIMESCALE = 1000 * FRAMES_A_SECOND
_BASELINE, _LEVEL = 66, 52
# A macroblock of one gray: Intra 16x16 with the DC prediction, no coefficients; just one byte.
_GRAY = 0b00100111
_FRAME_NUMBERS = 16
_MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


class _Bits:
    """Writes the syntax elements of H.264."""

    def __init__(self) -> None:
        self._text: list[str] = []

    def u(self, bits: int, value: int) -> _Bits:
        """Add an unsigned number of `bits` bits."""
        self._text.append(f"{value:0{bits}b}")
        return self

    def ue(self, *values: int) -> _Bits:
        """Add unsigned Exp-Golomb codes."""
        for value in values:
            code = f"{value + 1:b}"
            self._text.append("0" * (len(code) - 1) + code)
        return self

    def unit(self, header: int) -> bytes:
        """Add the stop bit, and return the NAL unit with emulation prevention."""
        text = "".join([*self._text, "1"])
        text += "0" * (-len(text) % 8)
        raw = int(text, 2).to_bytes(len(text) // 8, "big")
        safe, zeros = bytearray([header]), 0
        for byte in raw:
            if zeros >= 2 and byte <= 3:
                safe.append(3)
                zeros = 0
            safe.append(byte)
            zeros = zeros + 1 if byte == 0 else 0
        return bytes(safe)


def make(width: int, height: int, seconds: float) -> bytes:
    """Return the video.

    Args:
        width: Pixels, an even number.
        height: Pixels, an even number.
        seconds: Its length.
    """
    columns, rows = -(-width // _BLOCK), -(-height // _BLOCK)
    sequence = _sequence(width, height, columns, rows)
    # Entropy coding CAVLC, one slice group, one reference, no deblocking control.
    picture = _Bits().ue(0, 0).u(2, 0).ue(0, 0, 0).u(3, 0).ue(0, 0, 0).u(3, 0).unit(0x68)
    frames = [_first(columns * rows)]
    number = max(1, round(seconds * FRAMES_A_SECOND))
    frames += [_repeated(place, columns * rows) for place in range(1, number)]
    samples = [struct.pack(">I", len(frame)) + frame for frame in frames]
    kind = _box(b"ftyp", b"isom", struct.pack(">I", 512), b"isomiso2avc1mp41")
    # The length of `moov` does not depend on the offset that is written in it.
    before = len(kind) + len(_movie(width, height, sequence, picture, samples, 0)) + 8
    movie = _movie(width, height, sequence, picture, samples, before)
    return kind + movie + _box(b"mdat", *samples)


def _sequence(width: int, height: int, columns: int, rows: int) -> bytes:
    """Return the sequence parameter set: size, and frames in the order of their numbers."""
    bits = _Bits().u(8, _BASELINE).u(8, 0xC0).u(8, _LEVEL).ue(0)
    bits.ue(0, 2, 1).u(1, 0).ue(columns - 1, rows - 1).u(2, 0b11)
    right, bottom = columns * _BLOCK - width, rows * _BLOCK - height
    bits.u(1, int(bool(right or bottom)))
    if right or bottom:
        bits.ue(0, right // 2, 0, bottom // 2)
    return bits.u(1, 0).unit(0x67)


def _first(blocks: int) -> bytes:
    # first_mb, slice type I, parameter set, frame_num, idr_pic_id, no marking, QP delta.
    bits = _Bits().ue(0, 7, 0).u(4, 0).ue(0).u(2, 0).ue(0)
    for _ in range(blocks):
        bits.u(8, _GRAY)
    return bits.unit(0x65)


def _repeated(place: int, blocks: int) -> bytes:
    # Slice type P, frame_num, no changes of references, no marking, QP delta, all blocks skipped.
    bits = _Bits().ue(0, 5, 0).u(4, place % _FRAME_NUMBERS).u(3, 0).ue(0, blocks)
    return bits.unit(0x41)


def _box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _full(kind: bytes, *parts: bytes, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", flags), *parts)


def _movie(
    width: int, height: int, sequence: bytes, picture: bytes, samples: list[bytes], offset: int
) -> bytes:
    each = _TIMESCALE // FRAMES_A_SECOND
    length = len(samples) * each
    header = struct.pack(">5IH10x", 0, 0, _TIMESCALE, length, 0x10000, 0x0100)
    track = struct.pack(">5I8x4H", 0, 0, 1, 0, length, 0, 0, 0, 0)
    media = struct.pack(">4I2H", 0, 0, _TIMESCALE, length, 0x55C4, 0)
    handler = struct.pack(">I4s12x", 0, b"vide") + b"video\0"
    table = _box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1), _entry(width, height, sequence, picture)),
        _full(b"stts", struct.pack(">3I", 1, len(samples), each)),
        _full(b"stss", struct.pack(">2I", 1, 1)),
        _full(b"stsc", struct.pack(">4I", 1, 1, len(samples), 1)),
        _full(b"stsz", struct.pack(f">{2 + len(samples)}I", 0, len(samples), *map(len, samples))),
        _full(b"stco", struct.pack(">2I", 1, offset)),
    )
    reference = _full(b"dref", struct.pack(">I", 1), _full(b"url ", flags=1))
    information = _box(b"minf", _full(b"vmhd", bytes(8), flags=1), _box(b"dinf", reference), table)
    return _box(
        b"moov",
        _full(b"mvhd", header, _MATRIX, bytes(24), struct.pack(">I", 2)),
        _box(
            b"trak",
            _full(b"tkhd", track, _MATRIX, struct.pack(">2I", width << 16, height << 16), flags=3),
            _box(b"mdia", _full(b"mdhd", media), _full(b"hdlr", handler), information),
        ),
    )


def _entry(width: int, height: int, sequence: bytes, picture: bytes) -> bytes:
    sets = struct.pack(">BH", 0xE1, len(sequence)) + sequence
    sets += struct.pack(">BH", 1, len(picture)) + picture
    configuration = _box(b"avcC", bytes([1, *sequence[1:4], 0xFF]), sets)
    shape = struct.pack(">6xH16x2H2I4xH32xHh", 1, width, height, 0x480000, 0x480000, 1, 24, -1)
    return _box(b"avc1", shape, configuration)
