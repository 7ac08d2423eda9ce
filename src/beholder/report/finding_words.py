"""What an audit can find, in words: a title and a sentence for each kind, in the order in which people should look."""

from __future__ import annotations

from dataclasses import dataclass, replace

from beholder.data.checks.findings import Kind
from beholder.data.kinds import Kind as FileKind


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
        "The same image encoded again, resized, mirrored, shifted, cropped, or made brighter or darker: laid over each "
        "other, their details agree. Across sets these also make test figures too good. The most certain come first.",
    ),
    "group_across_sets": Words(
        "Groups in several sets",
        "Images that belong together (of a patient, a video, a product) lie in several sets, which makes test figures "
        "too good: the network has seen the group. Put each group into one set.",
        decisions=False,
    ),
    "wrong_label": Words(
        "Labels in doubt",
        "A classifier that did not learn from these images is confident of another class. Some are hard images with "
        "correct labels: look before you decide.",
    ),
    "inseparable": Words(
        "Classes that look the same",
        "Pairs of classes that the classifier which judged the labels cannot tell apart. If one mirrors the other, "
        "train with --no-mirror; if not, merge them, or add images that show the difference.",
        decisions=False,
    ),
    "few_images": Words("Classes with few images", "Too few to learn from, or to judge by. Add more.", decisions=False),
    "imbalance": Words(
        "Uneven classes",
        "Some classes have many more images than others, and a network learns to prefer them.",
        decisions=False,
    ),
    "unreadable": Words(
        "Unreadable files", "No image can be read from them. Training leaves them out by itself.", decisions=False
    ),
    "silent": Words("Silent", "Sounds that are silent or nearly so: a network can only learn to guess by them."),
    "clipped": Words(
        "Clipped", "Sounds whose loudest moments are cut off, which adds overtones that were not there. Listen to them."
    ),
    "too_short": Words("Very short", "Sounds that are far shorter than the others. Are they whole?"),
    "mains_hum": Words(
        "Mains hum",
        "The mains' 50 or 60 Hz and their multiples are in these sounds all the time. Where one class was recorded "
        "with hum, a network learns the hum.",
    ),
    "other_rate": Words(
        "Of another rate",
        "Sounds with another number of samples a second than most. Beholder brings all to one rate; what a slow one "
        "lacks stays lacking, and a network may tell a class by that.",
    ),
    "low_information": Words("Almost blank", "Images of almost one colour."),
    "outlier": Words("Unlike all others", "Images that are far from all others. Do they belong here at all?"),
    "dark": Words("Very dark", "Images that are almost black."),
    "light": Words("Very light", "Images that are almost white."),
    "blurred": Words("Blurred", "Images without any sharp edge."),
    "odd_size": Words("Oddly sized", "Images that are much larger, smaller, wider or taller than the others."),
    "wrong_format": Words(
        "Named as another format", "Files with another format than their name says. Beholder reads them all the same."
    ),
    "exif_orientation": Words(
        "Turned by EXIF alone",
        "Stored on their side, with a note in EXIF on how to turn them. Beholder turns them; other programs may not.",
    ),
}
_SOUND_SENTENCES: dict[Kind, str] = {
    "exact_duplicate": "The same sound more than once. Copies in several sets make test figures too good: the network "
    "has heard the answer. Where their labels differ, one of them is wrong.",
    "near_duplicate": "The same recording encoded again, cut, made louder or softer, or at another rate: laid over "
    "each other in time, their details agree. Across sets these also make test figures too good. The most certain come "
    "first.",
    "group_across_sets": "Sounds that belong together (of a speaker, a machine, a place) lie in several sets, which "
    "makes test figures too good: the network has heard the group. Put each group into one set.",
    "inseparable": "Pairs of classes that the classifier which judged the labels cannot tell apart. Merge them, or add "
    "sounds that show the difference.",
}


def words_of(kind: Kind, files: FileKind) -> Words:
    """What a finding of `kind` is called where the data are `files` of this kind, images or sounds."""
    words = KINDS[kind]
    if files == "image":
        return words
    sentence = _SOUND_SENTENCES.get(kind, words.sentence.replace("image", "sound"))
    return replace(words, title=words.title.replace("images", "sounds"), sentence=sentence)
