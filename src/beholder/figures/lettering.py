"""One line of text in an image, whatever it holds: cleaned, in a font that has its letters, cut to fit."""

from __future__ import annotations

import unicodedata
from functools import cache

from PIL import ImageFont

# Pillow's own font, which is always there, has little beyond ASCII. Where a title needs more, the first of these that
# the machine has and that draws most of the title is taken: nothing is bundled and nothing is fetched.
_SYSTEM_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "Arial Unicode.ttf",
    "Arial.ttf",
    "segoeui.ttf",
    "NotoSansCJK-Regular.ttc",
    "PingFang.ttc",
    "msyh.ttc",
    "NotoSansArabic-Regular.ttf",
)
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def one_line(text: str) -> str:
    """`text` without line breaks, control characters and bytes that are no text (which Python keeps as surrogates)."""
    words = " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
    return "".join(character for character in unicodedata.normalize("NFC", words) if character.isprintable())


def font_for(text: str, size: int) -> Font:
    """The font of `size` pixels that draws most of `text`: Pillow's own wherever it suffices."""
    best, missing = _pillow_font(size), _missing(text, _pillow_font(size))
    for name in _SYSTEM_FONTS if missing else ():
        font = _system_font(name, size)
        if font is not None and (still_missing := _missing(text, font)) < missing:
            best, missing = font, still_missing
        if not missing:
            break
    return best


def fit_text(text: str, font: Font, width: float) -> str:
    """`text` on one line of at most `width` pixels, cut with an ellipsis; letters the font lacks lose their accents."""
    # A line of this width holds far fewer characters than this, so a very long title costs no more than a long one.
    text = "".join(_drawable(character, font) for character in one_line(text)[: int(width)])
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text.rstrip() + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


@cache
def _pillow_font(size: int) -> Font:
    return ImageFont.load_default(size)


@cache
def _system_font(name: str, size: int) -> Font | None:
    try:
        return ImageFont.truetype(name, size)
    except OSError:  # the machine has no such font
        return None


@cache
def _has(character: str, font: Font) -> bool:
    """Whether `font` draws `character`, told by comparing it with a code point that no font has."""
    return character.isspace() or bytes(font.getmask(character)) != bytes(font.getmask("\U0010ffff"))


def _missing(text: str, font: Font) -> int:
    return sum(not _has(character, font) for character in set(one_line(text)))


def _drawable(character: str, font: Font) -> str:
    plain = unicodedata.normalize("NFKD", character)[0]
    return plain if not _has(character, font) and _has(plain, font) else character
