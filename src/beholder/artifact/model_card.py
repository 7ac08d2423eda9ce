"""The model card: what a model is, what it learned from, how good it is, and what it must not be trusted with."""

from __future__ import annotations

import textwrap
from pathlib import Path

from beholder import files
from beholder.artifact.manifest import Manifest
from beholder.data.decoding import Rules, kind_of
from beholder.data.groups.rule import GroupRule
from beholder.data.sounds.rules import SoundRules
from beholder.evaluation.fold_words import accuracy_in_words, whose_in_words
from beholder.evaluation.point_words import promises_in_words
from beholder.evaluation.shares import as_said

_SEEN = {"crop": "scaled and cropped to", "pad": "scaled and padded to", "stretch": "stretched to"}


def write_model_card(folder: Path, manifest: Manifest) -> None:
    """Write the card of the model that `manifest` is of into its `folder`, as README.md."""
    files.write_bytes(folder / "README.md", model_card(manifest).encode("utf-8", "backslashreplace"))


def model_card(manifest: Manifest) -> str:
    """The artifact's README: what it is, what it learned from, how good, and what it must not be trusted with."""
    names = ", ".join(name.replace("\n", " ") for name in manifest.class_names[:20])
    more = f" and {len(manifest.class_names) - 20} more" if len(manifest.class_names) > 20 else ""
    parameters = sum(layer["parameters"] for layer in manifest.layers)
    kind, honesty = kind_of(manifest.image), _honesty(manifest)
    return f"""# {kind.with_article.capitalize()} classifier made by Beholder

- Network: `{manifest.model}`, {parameters:,} parameters; made {manifest.created}.
- It puts {kind.with_article}, {_seen(manifest.image)}, into one of {len(manifest.class_names)} classes: {names}{more}.
- Learned from: {manifest.data["name"]}{_origin(manifest)}.{_groups(manifest)}
{_figures(manifest)}
{_int8_line(manifest)}
It knows its own classes only: {kind.with_article} of anything else gets one of their names all the same.{honesty}

`beholder predict` answers with it. `sha256sum --check SHA256SUMS` tells whether a byte changed.
"""


def _seen(rules: Rules) -> str:
    if isinstance(rules, SoundRules):
        return f"in {rules.in_words()}"
    height, width, _ = rules.shape
    return f"{_SEEN[rules.fit]} {height} × {width} pixels"


def _figures(manifest: Manifest) -> str:
    """How good it is."""
    told, plural = manifest.validation, kind_of(manifest.image).plural
    if "folds" in told:
        sentence = f"- {accuracy_in_words(told)} {whose_in_words(told)}"
        return textwrap.fill(sentence, 118, subsequent_indent="  ")
    return (
        f"- Validation set: accuracy {told['accuracy']:.4f} on {told['count']} {plural}. For\n  figures on {plural} "
        "that no choice was made on, see `evaluation.json` of its run, once `beholder evaluate` made it."
    )


def _origin(manifest: Manifest) -> str:
    earlier = manifest.data.get("started_from")
    return "" if earlier is None else f", starting from the weights of {earlier['name']} (SHA-256 {earlier['sha256']})"


def _groups(manifest: Manifest) -> str:
    """By what rule images that belong together stayed in one set."""
    groups = manifest.data.get("groups")
    if groups is None:
        return ""
    rule = GroupRule(groups["by"], groups["rule"])
    files = kind_of(manifest.image).plural.capitalize()
    return f"\n  {files} are grouped by {rule}; of the sets that were made no two share a group."


def _honesty(manifest: Manifest) -> str:
    """What its probabilities are worth, and what it is unsure of."""
    folds = "folds" in manifest.validation
    where = "out of fold" if folds else "on the validation set"
    calibrated = f"are calibrated {where} (temperature {manifest.temperature:.3f})"
    kind = kind_of(manifest.image)
    few = f"there are too few {kind.plural}" if folds else "the validation set is too small"
    uncalibrated = f"are not calibrated: {few} for that"
    lines = [f"Its probabilities {uncalibrated if manifest.temperature == 1 else calibrated}."]
    lines += promises_in_words(manifest.point, manifest.risk)
    if manifest.familiar is not None:
        share = as_said(manifest.familiar["share"])
        judged = f"{kind.plural} judged out of fold" if folds else f"validation {kind.plural}"
        lines.append(
            f"{kind.with_article.capitalize()} whose features are less familiar than those of all but {share} of the "
            f"{judged} is called unlike anything that it was trained on, and its answer unsure; "
            f"{kind.plural} of a class near to its own may pass for one of these."
        )
    return "\n" + "\n".join(textwrap.fill(line, 118) for line in lines)


def _int8_line(manifest: Manifest) -> str:
    if manifest.int8 is None:
        return ""
    return (
        f"- `{manifest.int8['file']}` is the same network in 8-bit integers: accuracy {manifest.int8['accuracy']:.4f} "
        "there. It answers where\n  the processor is made for that, unless one asks for the exact network.\n"
    )
