"""Are the answers honest? Calibration, promised risk, and strange images, on the shared images.

usage: python bench/trust.py [RUN] [--budget 5m] [--near]

Trains `fast` within the budget, or takes a RUN of these images, and prints for the float32 network and its int8 model:
the expected calibration error on the test set (15 equal-width bins) with and without the temperature; coverage and
risk on the test set for thresholds fitted on the validation set to promise 1, 2 and 5 %; and how well strange
images are told from the test set (AUROC), with the share of them that is called unlike: digits, noise, plain
colours, text. First it draws validation sets with known risk and counts how often the promise is broken. `--near`
trains on eight classes and counts the other two, which it never saw, as strange.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import images
import numpy as np
from fine_tuning import of_classes, source
from matplotlib import font_manager
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from beholder.answering.classifier import Classifier
from beholder.api.train import train
from beholder.artifact.graph import Answers
from beholder.artifact.store import Artifact
from beholder.artifact.validation_answers import open_validation
from beholder.cli.values import Duration
from beholder.data.dataset import Dataset
from beholder.data.decoding import image_rules
from beholder.data.images.decode import ImageRules, decode_array
from beholder.data.opening import open_source
from beholder.data.split import Split
from beholder.evaluation.abstention import risk_threshold
from beholder.evaluation.calibration import expected_calibration_error, softmax
from beholder.evaluation.familiarity import feature_measures

COUNT = 500  # strange images of each kind
DRAWS = 1000  # validation sets with known risk
KNOWN, UNSEEN = range(8), range(8, 10)  # classes that the network of `--near` learns, and ships and trucks

Images = NDArray[np.uint8]


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--budget", type=lambda text: Duration().convert(text, None, None), default=300.0)
    parser.add_argument("--near", action="store_true")
    arguments = parser.parse_args()
    simulate()
    opened = open_source(images.archive())
    sets = Split(opened, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        run = arguments.run
        if run is None:
            run = train(opened, budget=arguments.budget, out=Path(folder) / "run", seed=0).run
        validation = validation_of(run, sets)
        for exact in (True, False):
            report(Classifier.load(run, exact=exact).artifact, validation, sets.test())
        if arguments.near:
            near(sets, Path(folder), arguments.budget)


def simulate() -> None:
    """How often a promise is broken whose truth is known: right answers are drawn with their own probability."""
    spread = (np.arange(100_000) + 0.5) / 100_000  # quantiles of the confidences, 1 - (1 - u) ** 4 above one half
    world = 1 - 0.5 * spread**4
    for risk in (0.02, 0.05):
        broken = promised = 0
        for seed in range(DRAWS):
            random = np.random.default_rng(seed)
            confidences = (1 - 0.5 * random.random(4500) ** 4).astype(np.float32)
            threshold = risk_threshold(confidences, random.random(4500) < confidences, risk)
            if threshold is not None:
                promised += 1
                broken += float((1 - world[world >= threshold]).mean()) > risk
        print(
            f"simulated, risk {risk:.0%}: {promised} promises of {DRAWS} draws, {broken} broken (1 % may be)",
            flush=True,
        )


def validation_of(run: Path, sets: Split) -> Dataset:
    """The images that the run was judged on, by their names: another version may have split otherwise."""
    kept = open_validation(run)
    names = set() if kept is None else set(kept.names)
    every = (sets.train(), sets.validation())
    both = [dataset.select(np.flatnonzero([name in names for name in dataset.names])) for dataset in every]
    many, labels = (np.concatenate([getattr(dataset, name) for dataset in both]) for name in ("images", "labels"))
    return Dataset(many, labels, both[0].class_names, [*both[0].names, *both[1].names])


def report(artifact: Artifact, validation: Dataset, test: Dataset) -> None:
    """All figures of one network."""
    own, new = answered(artifact, validation.images[:]), answered(artifact, test.images[:])
    right = new.logits.argmax(axis=1) == test.labels
    raw, shown = (softmax(new.logits, t).max(axis=1) for t in (1.0, artifact.manifest.temperature))
    before, after = (expected_calibration_error(one, right) for one in (raw, shown))
    print(
        f"{artifact.precision}: accuracy {right.mean():.1%} on {len(test):,} test images, temperature "
        f"{artifact.manifest.temperature}, expected calibration error {before:.2%} before and {after:.2%} with it"
    )
    own_right = own.logits.argmax(axis=1) == validation.labels
    for risk in (0.01, 0.02, 0.05):
        threshold = risk_threshold(own.probabilities.max(axis=1), own_right, risk)
        if threshold is None:
            print(f"  risk {risk:.0%}: cannot be promised")
            continue
        given = new.probabilities.max(axis=1) >= threshold
        print(f"  risk {risk:.0%}: {given.mean():.1%} answered, {(~right[given]).mean():.2%} of these wrong")
    for name, strange in strange_images(image_rules(artifact.manifest.image)).items():
        print(f"  {told(artifact, new, name, answered(artifact, strange))}", flush=True)


def told(artifact: Artifact, familiar: Answers, name: str, strange: Answers) -> str:
    """How well `strange` images are told from those of the test set."""
    known = artifact.familiarity
    if known is None:
        return f"{name}: this model cannot tell"
    scores = [known.scores(feature_measures(answers.features, known.prototypes)) for answers in (familiar, strange)]
    truth = np.repeat([1, 0], [len(scores[0]), len(scores[1])])
    area = roc_auc_score(truth, np.concatenate(scores))
    sure = [answers.probabilities.max(axis=1) for answers in (familiar, strange)]
    alone = roc_auc_score(truth, np.concatenate(sure))
    flagged = [(one < known.threshold) for one in scores]
    unsure = [(flags | (one < (artifact.unsure_below or 0))).mean() for flags, one in zip(flagged, sure, strict=True)]
    return (
        f"{name}: AUROC {area:.3f} (of the probability {alone:.3f}); {flagged[1].mean():.0%} called unlike and "
        f"{unsure[1]:.0%} unsure, of the test set {flagged[0].mean():.1%} and {unsure[0]:.0%}"
    )


def near(sets: Split, folder: Path, budget: float) -> None:
    """Two classes that the network never saw, against the eight that it knows."""
    chosen = {name: of_classes(dataset(), KNOWN) for name, dataset in (("train", sets.train), ("own", sets.validation))}
    run = train(source("eight classes", chosen["train"], chosen["own"]), budget=budget, out=folder / "near", seed=0).run
    test = sets.test()
    known = of_classes(test, KNOWN)
    artifact = Classifier.load(run).artifact
    seen = answered(artifact, known.images[:])
    print(f"eight classes, accuracy {(seen.logits.argmax(axis=1) == known.labels).mean():.1%}")
    for label in UNSEEN:
        unseen = answered(artifact, test.images[test.labels == label])
        print(f"  {told(artifact, seen, f'{test.class_names[label]}, never seen', unseen)}", flush=True)


def answered(artifact: Artifact, many: Images) -> Answers:
    """What the network says of `many` images."""
    answers = [artifact.graph(many[start : start + 1024]) for start in range(0, len(many), 1024)]
    return Answers(*(np.concatenate([getattr(one, name) for one in answers]) for name in Answers.__dataclass_fields__))


def strange_images(rules: ImageRules) -> dict[str, Images]:
    """500 images of each kind that no classifier of photographs has seen."""
    random = np.random.default_rng(0)
    shape = (COUNT, rules.height, rules.width, 3)
    digits = np.stack([decode_array((one * 255 / 16).astype(np.uint8), rules) for one in load_digits().images[:COUNT]])
    coarse = random.integers(0, 256, (COUNT, 4, 4, 3), dtype=np.uint8)
    return {
        "digits, white on black": digits,
        "digits, black on white": 255 - digits,
        "noise, uniform": random.integers(0, 256, shape, dtype=np.uint8),
        "noise, normal": np.clip(random.normal(127, 50, shape), 0, 255).astype(np.uint8),
        "noise, enlarged": np.stack([decode_array(one, rules) for one in coarse]),
        "plain colours": np.broadcast_to(random.integers(0, 256, (COUNT, 1, 1, 3), dtype=np.uint8), shape).copy(),
        "text": np.stack([decode_array(page_of_text(random), rules) for _ in range(COUNT)]),
    }


def page_of_text(random: np.random.Generator) -> Images:
    """Some words of this file's own description, in a random letter, size and pair of colours."""
    words = (__doc__ or "").split()
    side, size = int(random.integers(32, 200)), int(random.integers(8, 24))
    paper, ink = (tuple(int(value) for value in random.integers(low, low + 76, 3)) for low in (180, 0))
    if random.random() < 0.3:
        paper, ink = ink, paper
    image = Image.new("RGB", (side, side), paper)
    family = str(random.choice(["DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono"]))
    letter = ImageFont.truetype(font_manager.findfont(family), size)
    for top in range(2, side, int(size * 1.3)):
        ImageDraw.Draw(image).text((2, top), " ".join(random.choice(words, 6)), fill=ink, font=letter)
    return np.asarray(image)


if __name__ == "__main__":
    main()
