"""The images or sounds in a request: its raw body, or the fields `file` of a multipart form."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from beholder.answering.given import UNNAMED
from beholder.data.kinds import Kind, named
from beholder.server.guard.request_limits import Limits

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_FIELD = "file"
_MEDIA = {"image": (b"image/",), "sound": (b"audio/", b"application/ogg")}

# It warns of each damaged form, of which a stranger can send as many as the log has room for.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


class Upload(NamedTuple):
    """One image or sound file: its name as given (text, never a path to open) and its bytes."""

    name: str
    content: bytes


async def read_uploads(request: Request, limits: Limits, kind: Kind) -> list[Upload]:
    """The images or sounds of `request`, at least one.

    Args:
        request: raw bytes with a Content-Type of `image/…` or `audio/…`, as `kind` is, or `application/octet-stream`
            (or none), or a multipart form with one or many fields `file`.
        limits: how many it may hold.
        kind: what is wanted.

    Raises:
        HTTPException: 400 for a damaged or an empty request, 413 for too many, 415 for another kind of body.
    """
    media, options = parse_options_header(request.headers.get("content-type", "application/octet-stream"))
    if media == b"multipart/form-data":
        boundary = options.get(b"boundary", b"")
        return await run_in_threadpool(_read_form, await request.body(), boundary, limits, kind)
    if not media.startswith(_MEDIA[kind]) and media != b"application/octet-stream":
        raise HTTPException(
            415,
            f"Expected Content-Type {_MEDIA[kind][0].decode()}…, application/octet-stream or multipart/form-data, for "
            f"this classifier answers {kind}s. Received: {media.decode('latin-1')!r}.",
        )
    content = await request.body()
    if not content:
        raise HTTPException(400, f"The request is empty; send the bytes of {named(kind).with_article} file.")
    return [Upload(UNNAMED, content)]


def _read_form(body: bytes, boundary: bytes, limits: Limits, kind: Kind) -> list[Upload]:
    form = _Form(limits, kind)
    try:
        parser = MultipartParser(boundary, form.callbacks)
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise HTTPException(400, f"The multipart form is damaged ({error}); send it again.") from error
    if not form.complete:
        raise HTTPException(400, "The multipart form is cut short; send it again.")
    if not form.uploads:
        names = ", ".join(sorted(form.others)) or "none"
        raise HTTPException(
            400, f"Expected {named(kind).with_article} in one or more form fields {_FIELD!r}. Received fields: {names}."
        )
    return form.uploads


class _Form:
    """Collects what the parser finds: a part's head in pieces, then its data in pieces."""

    def __init__(self, limits: Limits, kind: Kind) -> None:
        self.limits = limits
        self.kind = kind
        self.uploads: list[Upload] = []
        self.others: set[str] = set()
        self.complete = False
        self.head = [bytearray(), bytearray()]  # a header's name and value
        self.disposition = b""
        self.pieces: list[bytes] = []
        self.callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._field,
            "on_header_value": self._value,
            "on_header_end": self._header_end,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        self.disposition, self.pieces = b"", []

    def _field(self, data: bytes, start: int, end: int) -> None:
        self.head[0] += data[start:end]

    def _value(self, data: bytes, start: int, end: int) -> None:
        self.head[1] += data[start:end]

    def _header_end(self) -> None:
        name, value = self.head
        if name.lower() == b"content-disposition":
            self.disposition = bytes(value)
        self.head = [bytearray(), bytearray()]

    def _data(self, data: bytes, start: int, end: int) -> None:
        self.pieces.append(data[start:end])

    def _end(self) -> None:
        _, options = parse_options_header(self.disposition)
        field = options.get(b"name", b"").decode("utf-8", "replace")
        if field != _FIELD:
            self.others.add(repr(field[:40]))
            return
        if len(self.uploads) == self.limits.images:
            raise HTTPException(413, f"The request holds more than {self.limits.images} {self.kind}s; send fewer.")
        name = options.get(b"filename", b"").decode("utf-8", "replace")
        self.uploads.append(Upload(name or UNNAMED, b"".join(self.pieces)))

    def _finish(self) -> None:
        self.complete = True
