"""The page that leads a newcomer through an explanation: one HTML file beside its figures; it asks no network."""

from __future__ import annotations

import json
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from beholder import files
from beholder.data.kinds import IMAGES, SOUNDS, FileKind
from beholder.report.templates import read_resource
from beholder.report.words import percent

_SECTIONS = {
    "answer": "Answer",
    "input": "Input",
    "windows": "Windows",
    "sliding": "Sliding window",
    "layers": "Layer by layer",
    "where": "Where it looked",
}


def layer_in_words(kind: str) -> str:
    """What a layer of type `kind` does, in one sentence; empty where there is none."""
    return str(_layer_words().get(kind, ""))


@cache
def _layer_words() -> dict[str, str]:
    """One sentence a layer type, for somebody who meets it for the first time."""
    words: dict[str, str] = json.loads(read_resource("layer_words.json"))
    return words


def write_page(path: Path, document: dict[str, Any]) -> None:
    """Write the page of the explanation `document` to `path`, beside the figures that the document names.

    Args:
        path: the HTML file.
        document: as `explain.json`.

    Raises:
        StorageError: the disk is full or may not be written to.
    """
    title = f"{document['label']}, {percent(document['probability'])}"
    sections = (_answers, _input, _windows, _sliding, _layers, _where)
    shown = "".join(section(document) for section in sections)
    names = _SECTIONS | ({} if document["clip"] is None else {"where": "Where it listened"})
    nav = "".join(f'<li><a href="#{key}">{name}</a></li>' for key, name in names.items() if f'id="{key}"' in shown)
    one = _kind(document).with_article.capitalize()
    source = f"{one} without a file name" if document["path"] == "-" else str(document["path"])
    html = Template(read_resource("explanation.html")).substitute(
        title=escape(title), style=read_resource("report.css"), source=escape(source), nav=nav, sections=shown
    )
    # A file name may hold bytes that are no text; they are shown as question marks.
    files.write_bytes(path, html.encode("utf-8", "replace"))


def _kind(document: dict[str, Any]) -> FileKind:
    return IMAGES if document["clip"] is None else SOUNDS


def _answers(document: dict[str, Any]) -> str:
    rows = "".join(
        f'<tr><th class="text" scope="row">{escape(answer["label"])}</th>'
        f'<td class="bar" style="--share: {100 * answer["probability"]:.1f}%">'
        f"{percent(answer['probability'])}</td></tr>"
        for answer in document["top"]
    )
    words = "The network never says a name: it gives each class a probability, and the most probable one is the answer."
    table = (
        '<table class="answers"><thead><tr><th class="text" scope="col">class</th><th scope="col">probability</th></tr>'
        f"</thead><tbody>{rows}</tbody></table>"
    )
    return _section("answer", "The answer", words, table)


def _input(document: dict[str, Any]) -> str:
    height, width, _ = document["shape"]
    words = f"This is all that the network gets: {width} × {height} pixels, whatever the size of the file."
    if document["clip"] is not None:
        words = _clip_in_words(document["clip"], width, height)
    words += "".join(f" {note}" for note in document.get("notes", []))
    alt = f"The {_kind(document).drawn} as decoded, {width} × {height} pixels"
    for step in document["seen"]:
        alt += f"; then {step['name']}, {step['shape'][1]} × {step['shape'][0]}"
        words += f" {layer_in_words(step['type'])}"
    return _section("input", "What comes in", words, _figure("input.png", alt))


def _clip_in_words(clip: dict[str, Any], width: int, height: int) -> str:
    words = (
        "This is all that the network gets: the sound as an image of time, to the right, and pitch, upwards, bright "
        f"where it is loud; {width} × {height} pixels, a column every hundredth of a second."
    )
    if clip["start"] < 0:
        words += f" It lies in the middle of {clip['seconds']:g} s, and silence is black."
    if clip["count"] > 1:
        words += (
            f" The sound is longer: this is clip {clip['number']} of {clip['count']}, from {clip['start']:.2f} s on, "
            "which speaks most for the answer."
        )
    return words


def _windows(document: dict[str, Any]) -> str:
    if not document["windows"]:
        return ""
    kind, shown = "random" if document["random"] else "trained", _kind(document).drawn
    words = f"A window is a small pattern of weights that the network looks for everywhere in the {shown}. " + (
        "These were drawn by chance: even they find edges and spots, but they were never told what to look for."
        if document["random"]
        else "These were learned: stripes find edges of their direction, blobs find spots."
    )
    strongest = ", ".join(str(window["number"]) for window in document["windows"][:3])
    alt = f"{len(document['windows'])} {kind} windows as small images; the strongest on this {shown}: {strongest}"
    return _section("windows", "What it looks for", words, _figure("windows.png", alt))


def _sliding(document: dict[str, Any]) -> str:
    sliding = document["sliding"]
    if sliding is None:
        return ""
    (height, width), (rows, columns) = sliding["size"], sliding["shape"]
    shown = _kind(document).drawn
    pixels = "one pixel" if sliding["stride"] == 1 else f"{sliding['stride']} pixels"
    words = (
        f"Convolution is only this: the window moves over the {shown}, {pixels} at a time, and at each place its "
        "weights times the pixels under it are added up. Each sum is one pixel of the output, "
        f"{columns} × {rows} in all."
    )
    alt = (
        f"Animation: window {sliding['window']}, {width} × {height} pixels, slides over the {shown} while the output "
        "grows beside it"
    )
    # Who asked for calm gets the last frame, where all is computed.
    image = (
        '<figure><picture><source media="(prefers-reduced-motion: reduce)" srcset="sliding.png">'
        f'<img src="sliding.gif" alt="{escape(alt)}"></picture></figure>'
    )
    return _section("sliding", "How it looks", words, image)


def _layers(document: dict[str, Any]) -> str:
    words = (
        "Each small image is one map: bright where the layer says much, black where it says little or the opposite. "
        "Layers that work on each map by itself keep the order of the convolution before them, so that a map can be "
        "followed by its place."
    )
    figures = ""
    for layer in document["layers"]:
        height, width, count = layer["shape"]
        maps = "one map" if count == 1 else f"{count} maps"
        alt = f"Output of {layer['name']}: {maps} of {width} × {height}"
        figures += _figure(layer["file"], alt, layer_in_words(layer["type"]))
    return _section("layers", "Layer by layer", words, figures)


def _where(document: dict[str, Any]) -> str:
    where, shown = document["where"], _kind(document).drawn
    if where["method"] == "occlusion":
        words = (
            f"Cover a part of the {shown} and ask again: where the answer suffers most, the network had looked. "
            "It glows there."
        )
    else:
        words = (
            "In this network the answer is a sum over places of the last maps, so each place's share is known. It "
            "glows where a place speaks for this answer rather than the others."
        )
    alt = f"The {shown}, and the same in grey with heat on it. {where['text']}"
    title = "Where it looked" if document["clip"] is None else "Where it listened"
    listened = where.get("listened")
    if listened:
        words += (
            f" It listened most at {listened['start']:.2f} to {listened['end']:.2f} s, {listened['low']:,} to "
            f"{listened['high']:,} Hz."
        )
    return _section("where", title, words, _figure("where.png", alt))


def _section(key: str, title: str, words: str, content: str) -> str:
    return f'<section id="{key}">\n<h2>{title}</h2>\n<p>{escape(words.strip())}</p>\n{content}\n</section>\n'


def _figure(name: str, alt: str, caption: str = "") -> str:
    said = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure>{said}<a href="{escape(name)}"><img src="{escape(name)}" alt="{escape(alt)}"></a></figure>\n'
