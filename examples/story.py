"""The main street in one file: look at handwritten digits, train, evaluate, and answer images.

usage: python examples/story.py FOLDER     (a new folder; `make demo` runs it into demo/)
"""

import sys
from pathlib import Path

from PIL import Image

import beholder
from beholder.cli.console import screen
from beholder.cli.training_progress import listener_on
from beholder.figures.sheet import save


def main(folder: Path) -> None:
    # Look: random labelled images.
    save(beholder.look("digits"), folder / "digits.png")

    # Train: on the training set, judged on the validation set.
    with screen() as shown:
        trained = beholder.train("digits", out=folder / "run", listener=listener_on(shown, "bar"))
    print(f"Trained in {trained.seconds:.0f} s: validation accuracy {trained.validation_accuracy:.1%}")

    # Evaluate: the test set, opened once.
    figures = beholder.evaluate(trained.run)
    low, high = figures.interval
    print(f"Test accuracy {figures.accuracy:.1%} (95 % interval {low:.1%} to {high:.1%}, {figures.count} images)")

    # Answer: images as files, as anybody would bring them.
    test = beholder.Split(beholder.open_source("digits"), seed=0).test()
    for number, image in enumerate(test.images[:5]):
        path = folder / "images" / f"{number}-is-{test.class_names[test.labels[number]]}.png"
        save(Image.fromarray(image[:, :, 0]), path)
    for answer in beholder.predict(trained.run, sorted((folder / "images").iterdir())):
        print(f"{Path(answer.path).name}: {answer.label} ({answer.probability:.1%})")

    print(f"Look at {folder / 'digits.png'} and read the report: {trained.run / 'report.html'}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
