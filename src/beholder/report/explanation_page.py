"""The page that leads a newcomer through an explanation: one HTML file beside its figures; it asks no network."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from beholder import files

_STYLE = """
section figure img { display: block; border-radius: .5rem; }
section figure + figure { margin-top: 1.5rem; }
table.answers { width: 100%; max-width: 30rem; }
table.answers th.text { white-space: normal; max-width: none; }
"""

_SECTIONS = {
    "answer": "Answer",
    "input": "Input",
    "windows": "Windows",
    "sliding": "Sliding window",
    "layers": "Layer by layer",
    "where": "Where it looked",
}

# One sentence a layer type, for somebody who meets it for the first time.
_WORDS = {
    "Rescaling": "Pixel values as decimal numbers, scaled; the image stays the same.",
    "AveragePooling2D": "Averaged down: of each small square only the mean stays.",
    "Clean": "Grey, the middle of the image, standardised: brightness and contrast no longer matter.",
    "PatchWhitening": "A small window that is computed rather than trained: it takes apart what neighbouring pixels "
    "have in common.",
    "Conv2D": "Convolution: each map shows where one window found the pattern that it looks for.",
    "Convolution3x3": "Convolution: each map shows where one window found the pattern that it looks for.",
    "Convolution": "Convolution: each map shows where one of the random windows happens to fit.",
    "DepthwiseConv2D": "Depthwise convolution: each window slides over one map alone, so that maps are not mixed yet.",
    "SeparableConv2D": "A window slides over each map alone, then the maps are mixed place by place: two cheap steps "
    "in the place of one convolution.",
    "Conv2DTranspose": "A convolution backwards: each value is spread over a window's places, so that maps grow.",
    "BiasReLU": "Bias + ReLU: a constant is added to each map, then all that is below zero becomes zero (black).",
    "ReLU": "ReLU: all that is below zero becomes zero (black).",
    "Activation": "Activation: what is below zero is silenced, so that only what was found stays.",
    "MaxPooling2D": "Max-pooling: of each small square only the largest value stays; maps shrink, and a shift by a "
    "pixel hardly matters.",
    "LocalResponseNormalization": "Normalisation: where many maps are strong at one place, each is turned down.",
    "BatchNormalization": "Normalisation: each map is brought to the range that the next layer learned to expect.",
    "GlobalMaxPooling2D": "Of each map only its largest value stays: whether a pattern was found, no longer where.",
    "GlobalAveragePooling2D": "Of each map only its mean stays: how much of a pattern was found, no longer where.",
    "LayerNormalization": "Normalisation: at each place the values of all maps are brought to one range.",
    "GroupNormalization": "Normalisation: groups of maps are brought to one range, image by image.",
    "ZeroPadding2D": "A frame of zeros around each map, so that windows reach the edge.",
    "Cropping2D": "The edges of each map are cut off.",
    "Resizing": "Each map is made larger or smaller, as a photograph is.",
    "UpSampling2D": "Each value is repeated, so that maps grow.",
    "Add": "Two ways through the network meet: their maps are added, place by place.",
    "Multiply": "Each map is turned up or down, by a number that another way through the network found.",
    "Concatenate": "The maps of several ways through the network, one after the other; nothing is computed.",
    "Reshape": "The same values in another order; nothing is computed.",
    "Softmax": "From numbers to probabilities: all above zero, and together one.",
    "Flatten": "All values in one row; nothing is computed.",
    "Dropout": "While training, some values are silenced by chance; while answering it does nothing.",
    "SpatialDropout2D": "While training, some maps are silenced by chance; while answering it does nothing.",
    "Dense": "Fully connected: each number is a weighted sum of all numbers before it.",
}


def layer_in_words(kind: str) -> str:
    """What a layer of type `kind` does, in one sentence; empty where there is none."""
    return _WORDS.get(kind, "")


def write_page(path: Path, document: dict[str, Any]) -> None:
    """Write the page of the explanation `document` to `path`, beside the figures that the document names.

    Args:
        path: the HTML file.
        document: as `explain.json`.

    Raises:
        StorageError: the disk is full or may not be written to.
    """
    style = (Path(__file__).parent / "report.css").read_text(encoding="utf-8") + _STYLE
    title = f"{document['label']}, {_percent(document['probability'])}"
    sections = (_answers, _input, _windows, _sliding, _layers, _where)
    shown = "".join(section(document) for section in sections)
    nav = "".join(f'<li><a href="#{key}">{name}</a></li>' for key, name in _SECTIONS.items() if f'id="{key}"' in shown)
    html = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}: an explanation</title>
<style>
{style}</style>
</head>
<body>
<header>
<p class="eyebrow">Beholder: what the network saw</p>
<h1>{escape(title)}</h1>
<p class="muted">{escape(_source(document))}</p>
<nav aria-label="Sections"><ul>{nav}</ul></nav>
</header>
<main>
{shown}</main>
</body>
</html>
"""
    # A file name may hold bytes that are no text; they are shown as question marks.
    files.write_bytes(path, html.encode("utf-8", "replace"))


def _answers(document: dict[str, Any]) -> str:
    rows = "".join(
        f'<tr><th class="text" scope="row">{escape(answer["label"])}</th>'
        f'<td class="bar" style="--share: {100 * answer["probability"]:.1f}%">'
        f"{_percent(answer['probability'])}</td></tr>"
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
    words += "".join(f" {note}" for note in document.get("notes", []))
    alt = f"The image as decoded, {width} × {height} pixels"
    for step in document["seen"]:
        alt += f"; then {step['name']}, {step['shape'][1]} × {step['shape'][0]}"
        words += f" {_WORDS.get(step['type'], '')}"
    return _section("input", "What comes in", words, _figure("input.png", alt))


def _windows(document: dict[str, Any]) -> str:
    if not document["windows"]:
        return ""
    kind = "random" if document["random"] else "trained"
    words = "A window is a small pattern of weights that the network looks for everywhere in the image. " + (
        "These were drawn by chance: even they find edges and spots, but they were never told what to look for."
        if document["random"]
        else "These were learned: stripes find edges of their direction, blobs find spots."
    )
    strongest = ", ".join(str(window["number"]) for window in document["windows"][:3])
    alt = f"{len(document['windows'])} {kind} windows as small images; the strongest on this image: {strongest}"
    return _section("windows", "What it looks for", words, _figure("windows.png", alt))


def _sliding(document: dict[str, Any]) -> str:
    sliding = document["sliding"]
    if sliding is None:
        return ""
    (height, width), (rows, columns) = sliding["size"], sliding["shape"]
    pixels = "one pixel" if sliding["stride"] == 1 else f"{sliding['stride']} pixels"
    words = (
        f"Convolution is only this: the window moves over the image, {pixels} at a time, and at each place its "
        "weights times the pixels under it are added up. Each sum is one pixel of the output, "
        f"{columns} × {rows} in all."
    )
    alt = (
        f"Animation: window {sliding['window']}, {width} × {height} pixels, slides over the image while the output "
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
        figures += _figure(layer["file"], alt, _WORDS.get(layer["type"], ""))
    return _section("layers", "Layer by layer", words, figures)


def _where(document: dict[str, Any]) -> str:
    where = document["where"]
    if where["method"] == "occlusion":
        words = (
            "Cover a part of the image and ask again: where the answer suffers most, the network had looked. "
            "It glows there."
        )
    else:
        words = (
            "In this network the answer is a sum over places of the last maps, so each place's share is known. It "
            "glows where a place speaks for this answer rather than the others."
        )
    alt = f"The image, and the same in grey with heat on it. {where['text']}"
    return _section("where", "Where it looked", words, _figure("where.png", alt))


def _section(key: str, title: str, words: str, content: str) -> str:
    return f'<section id="{key}">\n<h2>{title}</h2>\n<p>{escape(words.strip())}</p>\n{content}\n</section>\n'


def _figure(name: str, alt: str, caption: str = "") -> str:
    said = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure>{said}<a href="{escape(name)}"><img src="{escape(name)}" alt="{escape(alt)}"></a></figure>\n'


def _source(document: dict[str, Any]) -> str:
    path = document["path"]
    return "An image without a file name" if path == "-" else str(path)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"
