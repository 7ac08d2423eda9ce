"""A figure with words above it: what it shows, in letters that are still legible at half the size, on a phone."""

from __future__ import annotations

from PIL import Image, ImageDraw

from beholder.figures.lettering import fit_text, font_for, one_line
from beholder.figures.sheet import INK, PAPER

MARGIN = 20
MUTED = (104, 104, 100)
_NARROWEST = 420  # pixels; narrower figures stand at the left of so much paper, for the words' sake
_TITLE, _TEXT = 24, 19  # pixels


def under_heading(figure: Image.Image, title: str, text: str) -> Image.Image:
    """`figure` (RGB, on paper, without a margin of its own) under a title and a sentence or two, with a margin around.

    Args:
        figure: what is shown.
        title: one line, cut where it is too long.
        text: broken into as many lines as it needs.

    Returns:
        An RGB image.
    """
    width = max(figure.width, _NARROWEST)
    lines = wrapped(text, _TEXT, width)
    top = MARGIN + _TITLE + 10 + len(lines) * (_TEXT + 6) + 10
    page = Image.new("RGB", (width + 2 * MARGIN, top + figure.height + MARGIN), PAPER)
    draw = ImageDraw.Draw(page)
    font = font_for(title, _TITLE)
    draw.text((MARGIN, MARGIN + _TITLE), fit_text(title, font, width), fill=INK, font=font, anchor="ls")
    font = font_for(text, _TEXT)
    for index, line in enumerate(lines):
        foot = MARGIN + _TITLE + 10 + index * (_TEXT + 6) + _TEXT
        draw.text((MARGIN, foot), fit_text(line, font, width), fill=MUTED, font=font, anchor="ls")
    page.paste(figure, (MARGIN, top))
    return page


def wrapped(text: str, size: int, width: float) -> list[str]:
    """`text` in lines of at most `width` pixels at a letter size of `size` pixels; a longer word has its own line."""
    font = font_for(text, size)
    lines: list[str] = []
    for word in one_line(text).split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
