"""Ogg pages checked and sorted (RFC 3533): the Vorbis streams of a file, one after the other, without their comments.

What decodes them, stb_vorbis, believes every length that it reads, and a flipped bit in a comment ends the process.
Here each page has to match its checksum, other streams beside the sound (a film's, a cover's) fall away, and the
comments, which are no sound, are replaced by none.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from beholder.data.images.headers import RefusedError

_MARK, _HEAD, _MOST_STREAMS = b"OggS", 27, 64
_CONTINUED, _FIRST, _LAST = 1, 2, 4
# Comment header (Vorbis I, 5.2.1): type 3, no vendor, no comments, the framing bit.
_NO_COMMENTS = b"\x03vorbis" + bytes(8) + b"\x01"
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass
class _Page:
    flags: int
    granule: bytes
    serial: bytes
    lacing: bytes
    body: bytes


def vorbis_streams(content: bytes) -> list[bytes]:
    """Each Vorbis stream of an Ogg file as a file of its own, in their order; there is at least one.

    Raises:
        RefusedError: no Vorbis stream begins before the first page that is damaged, or they are of several kinds.
    """
    streams: dict[bytes, list[_Page]] = {}
    order: list[list[_Page]] = []
    for page in _pages(content):
        if page.flags & _FIRST:
            streams.pop(page.serial, None)
            if page.body.startswith(b"\x01vorbis"):
                streams[page.serial] = []
                order.append(streams[page.serial])
        if page.serial in streams:
            streams[page.serial].append(page)
    if not order:
        raise RefusedError("it is damaged, or holds no Vorbis sound; get a complete copy, or save it as WAV or FLAC")
    if len({pages[0].body[11:16] for pages in order}) > 1:  # channels and rate
        raise RefusedError("it holds sounds of several rates one after another; save it as WAV or FLAC")
    if len(order) > _MOST_STREAMS:
        raise RefusedError(f"it holds more than {_MOST_STREAMS} sounds one after another; cut it")
    return [_without_comments(pages) for pages in order]


def ends_early(content: bytes) -> bool:
    """Whether an Ogg file stops at a page that is cut, damaged, or not marked as the last of its stream."""
    last = None
    for last in _pages(content):  # noqa: B007  the last is wanted
        pass
    return last is None or not last.flags & _LAST


def _pages(content: bytes) -> Iterator[_Page]:
    """Each page up to the first that is damaged; of one that is cut what is there, not marked as the last."""
    place = content.find(_MARK)
    while 0 <= place <= len(content) - _HEAD:
        flags, granule, serial, told, segments = struct.unpack_from("<B8s4s4xIB", content, place + 5)
        lacing = content[place + _HEAD : place + _HEAD + segments]
        end = place + _HEAD + segments + sum(lacing)
        page = content[place:end]
        body = page[_HEAD + segments :]
        if end > len(content):
            whole = int(np.searchsorted(np.cumsum(np.frombuffer(lacing, np.uint8)), len(body), "right"))
            yield _Page(flags & ~_LAST, granule, serial, lacing[:whole], body[: sum(lacing[:whole])])
            return
        if checksum(page[:22] + bytes(4) + page[26:]) != told:
            return
        yield _Page(flags, granule, serial, lacing, body)
        place = content.find(_MARK, end)  # what is between pages is nothing


def _without_comments(pages: list[_Page]) -> bytes:
    """The pages of one stream again, the second packet without comments; packets of the header end with their page."""
    headers: list[bytes] = []
    packet = b""
    for number, page in enumerate(pages):
        place = 0
        for index, length in enumerate(page.lacing):
            packet += page.body[place : place + length]
            place += length
            if length < 255:
                headers.append(packet)
                packet = b""
                if len(headers) == 3:
                    return _rebuilt(headers, page, index + 1, page.body[place:], pages[number + 1 :])
    raise RefusedError("it is cut short; get a complete copy, or remove it")


def _rebuilt(headers: list[bytes], page: _Page, segments: int, rest: bytes, following: list[_Page]) -> bytes:
    serial = page.serial
    made = [_paged(_FIRST, serial, [headers[0]]), _paged(0, serial, [_NO_COMMENTS, headers[2]])]
    if len(page.lacing) > segments:  # sound in the page of the headers, which should not be
        made.append([_Page(page.flags & _LAST, page.granule, serial, page.lacing[segments:], rest)])
    made.append(following)
    numbered = enumerate(one for part in made for one in part)
    return b"".join(_written(one, number) for number, one in numbered)


def _paged(flags: int, serial: bytes, packets: list[bytes]) -> list[_Page]:
    """Packets as pages of at most 255 segments."""
    lacing, body = b"", b""
    for packet in packets:
        lacing += b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])
        body += packet
    pages, place = [], 0
    for start in range(0, len(lacing), 255):
        part = lacing[start : start + 255]
        continued = _CONTINUED if start and lacing[start - 1] == 255 else 0
        pages.append(_Page(flags | continued, bytes(8), serial, part, body[place : place + sum(part)]))
        place += sum(part)
    return pages


def _written(page: _Page, number: int) -> bytes:
    start = struct.pack("<4sBB8s4sI", _MARK, 0, page.flags, page.granule, page.serial, number)
    rest = bytes([len(page.lacing)]) + page.lacing + page.body
    return start + struct.pack("<I", checksum(start + bytes(4) + rest)) + rest


def checksum(page: bytes) -> int:
    """The CRC-32 of RFC 3533, which takes bits from the other end than zlib's and begins with 0."""
    other_end = zlib.crc32(page.translate(_REVERSED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int.from_bytes(other_end.to_bytes(4, "little").translate(_REVERSED), "big")
