"""What an audit can find, in words: a title and a sentence for each kind, in the order in which people should look."""

from __future__ import annotations

from dataclasses import dataclass

from beholder.data.checks.findings import Kind


@dataclass(frozen=True)
class Words:
    """A kind of finding for people.

    Attributes:
        title: above its findings, and in the terminal's table.
        sentence: what it means, and what to think about.
        decisions: whether a person can decide about its images.
    """

    title: str
    sentence: str
    decisions: bool = True


KINDS: dict[Kind, Words] = {
    "exact_duplicate": Words(
        "Equal images",
        "The same pixels more than once. Copies in several sets make test figures too good: the network has "
        "seen the answer. Where their labels differ, one of them is wrong.",
    ),
    "near_duplicate": Words(
        "Nearly equal images",
        "The same image encoded again, resized, mirrored, shifted, cropped, or made brighter or darker. Across sets "
        "these make test figures too good as well.",
    ),
    "wrong_label": Words(
        "Labels in doubt",
        "Networks that were trained without these images are confident of another class. Hard images are among "
        "them: look before you decide.",
    ),
    "inseparable": Words(
        "Classes that look the same",
        "Pairs of classes that the networks cannot tell apart. If one mirrors the other, train with --no-mirror; if "
        "not, join them, or bring images that show the difference.",
        decisions=False,
    ),
    "few_images": Words(
        "Classes with few images", "Too few to learn from, or to judge by. Bring more.", decisions=False
    ),
    "imbalance": Words(
        "Uneven classes",
        "Some classes have many more images than others, and a network learns to prefer them.",
        decisions=False,
    ),
    "unreadable": Words(
        "Unreadable files", "No image can be read from them. Training leaves them out by itself.", decisions=False
    ),
    "low_information": Words("Almost blank", "Images of almost one colour."),
    "outlier": Words("Unlike all others", "Images that are far from every other. Do they belong here at all?"),
    "dark": Words("Very dark", "Images that are almost black."),
    "light": Words("Very light", "Images that are almost white."),
    "blurred": Words("Blurred", "Images without any sharp edge."),
    "odd_size": Words("Oddly sized", "Images that are much larger, smaller, wider or taller than the others."),
    "wrong_format": Words(
        "Named as another format", "Files whose content is not what their name says. Beholder reads them all the same."
    ),
    "exif_orientation": Words(
        "Turned by EXIF alone",
        "Stored on their side, with a note that says how to turn them. Beholder turns them; other programs may not.",
    ),
}
