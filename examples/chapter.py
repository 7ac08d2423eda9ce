"""The chapter on convolutional networks as a notebook: CIFAR-10 from the archive to what a trained network looks at.

usage: CHAPTER_ARCHIVE=FOLDER python examples/chapter.py     (or open it as a notebook: each `# %%` begins a cell)

Set in the environment, all optional:
    CHAPTER_ARCHIVE     the folder that the archive "python version" unpacks to; cifar-10-batches-py by default
    CHAPTER_OUT         a new folder for figures and runs; chapter by default
    CHAPTER_IMAGES      learn from so many images; from all by default
    CHAPTER_EPOCHS      times that each is seen; 10 by default, which takes some ten minutes on two cores
"""

# %%
import os
import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

import beholder
from beholder.answering.convolution import convolve, max_pool
from beholder.figures.maps import maps_sheet, windows_sheet
from beholder.figures.sheet import contact_sheet, save
from beholder.report.drawing import LIGHT, Palette, chart_png, plain_axes
from beholder.runs.events import read_events

ARCHIVE = Path(os.environ.get("CHAPTER_ARCHIVE", "cifar-10-batches-py"))
OUT = Path(os.environ.get("CHAPTER_OUT", "chapter"))
IMAGES = int(os.environ["CHAPTER_IMAGES"]) if "CHAPTER_IMAGES" in os.environ else None
EPOCHS = int(os.environ.get("CHAPTER_EPOCHS", "10"))

if not (ARCHIVE / "data_batch_1").exists():
    sys.exit(f"There is no data_batch_1 in {str(ARCHIVE)!r}; name the archive's folder in CHAPTER_ARCHIVE.")
if OUT.exists():
    sys.exit(f"{str(OUT)!r} is there already; name a new folder in CHAPTER_OUT.")


def show(figure: Image.Image, name: str) -> Image.Image:
    """Save a figure; a notebook shows what a cell's last line returns."""
    save(figure, OUT / name)
    return figure


# %% [markdown]
# ## Reading
# A batch of the archive is a pickled dictionary. A row of `data` is one image: 1,024 values of red, then 1,024 of
# green, then 1,024 of blue. `unpickle` reads it without running anything that is in the file.

# %%
batch = beholder.chapter.unpickle(ARCHIVE / "data_batch_1")
print("a batch holds", ", ".join(sorted(batch)))
print("images and values of each:", batch["data"].shape, batch["data"].dtype)

# %% [markdown]
# ## Cleaning
# The first network gets less than the whole image: the mean of the three colours, the middle 24 × 24 pixels, and
# each image with mean 0 and deviation 1, so that a dark photograph and a bright one look alike to it. `read_data`
# does this for all batches.

# %%
names, data, labels = beholder.chapter.read_data(ARCHIVE)
print(f"{len(data):,} cleaned images of {data.shape[1]} values, {len(names)} classes: {', '.join(names)}")
print(f"the first has mean {abs(data[0].mean()):.3f} and deviation {data[0].std():.3f}")

# %% [markdown]
# ## Looking
# Look before you compute: sixteen random images, each with its label, then as many after cleaning.

# %%
show(beholder.look(ARCHIVE, seed=1), "raw.png")

# %%
chosen = np.random.default_rng(1).choice(len(data), 16, replace=False)
cleaned = list(data[chosen].reshape(-1, 24, 24))
show(contact_sheet(cleaned, [names[label] for label in labels[chosen]], columns=4), "cleaned.png")

# %% [markdown]
# ## Why a window needs so few parameters
# A neuron that is connected to every pixel has a weight for every pixel, so a larger image means more weights. A
# window has weights for the pixels under it alone, and uses the same ones wherever it stands.

# %%
for side in (256, 300):
    print(f"{side} × {side}: {side * side * 10:,} weights to 10 neurons; {5 * 5 * 64:,} in 64 windows of 5 × 5")

# %% [markdown]
# ## Convolution by hand
# Put the window on the image, multiply each weight with the pixel under it, add all up: one pixel of the output.
# Move on, and do it again. Here are 32 windows of random weights, and one of them slid over an image with two loops.

# %%
random = np.random.default_rng(0)
image = data[chosen[0]].reshape(24, 24)
windows = random.standard_normal((32, 5, 5, 1), np.float32)
by_hand = np.zeros((20, 20), np.float32)
for row in range(20):
    for column in range(20):
        under_window = image[row : row + 5, column : column + 5]
        by_hand[row, column] = (under_window * windows[0, :, :, 0]).sum()
show(contact_sheet([image, by_hand], ["image, 24 × 24", "output, 20 × 20"], columns=2), "by_hand.png")

# %% [markdown]
# At the edge a window of 5 × 5 has no room, which cost four pixels. With two zeros on each side the output keeps the
# image's size. The same with all 32 windows at once; in the middle it gives what the loops gave.

# %%
convolved = convolve(image[:, :, np.newaxis], windows)  # (24, 24, 32)
print(f"largest difference from the loops: {np.abs(convolved[2:22, 2:22, 0] - by_hand).max():.6f}")
order = np.arange(32)
strengths = np.abs(convolved).mean(axis=(0, 1), dtype=np.float32)
show(windows_sheet(windows, order, strengths, "Random windows", "A bar shows how strongly one answers."), "windows.png")

# %%
show(maps_sheet(convolved, order, "Convolution", "What each window makes of the image."), "convolution.png")

# %% [markdown]
# ## Bias and ReLU
# Each output gets a number of its own added, the bias, and what is below zero becomes zero. Without such a bend between
# them, two layers could do no more than one.

# %%
bias = random.standard_normal(32, np.float32)
rectified = np.maximum(convolved + bias, 0)
show(maps_sheet(rectified, order, "Bias and ReLU", "Black: nothing of the kind is there."), "relu.png")

# %% [markdown]
# ## Max pooling
# Of each 2 × 2 pixels the largest stays: whether something was found matters more than on which pixel. The image has
# half the width and height, and the next layer a quarter of the work.

# %%
pooled = max_pool(rectified)  # (12, 12, 32)
show(maps_sheet(pooled, order, "Max pooling", "Half as wide and half as high."), "pooling.png")

# %% [markdown]
# ## Training
# Now the weights are no longer drawn but learned. `book` is the chapter's network: convolution, ReLU, pooling and
# normalisation, twice, then a wide layer. First without dropout, as the chapter begins. A tenth of the training set is
# set aside for validation: images that the network is judged on and never learns from.

# %%
trained = beholder.train(ARCHIVE, model="book", dropout=0, epochs=EPOCHS, images=IMAGES, out=OUT / "first")
print(f"validation accuracy {trained.validation_accuracy:.1%} after {trained.seconds:.0f} s")


# %% [markdown]
# ## Overfitting
# The two accuracies tell two stories. While both rise, the network learns something about the world; once only the
# training accuracy rises, it learns its own images by heart.


# %%
def curves(runs: dict[str, Path], name: str) -> Image.Image:
    """Train (full line) and validation accuracy (broken line) of each run, a colour a run."""

    def draw(figure: Figure, colours: Palette) -> None:
        axes: Axes = plain_axes(figure, colours)
        for colour, (title, run) in zip(colours.series, runs.items(), strict=False):
            epochs = [event for event in read_events(run / "events.jsonl") if event["event"] == "epoch"]
            for set_name, line in (("train", "-"), ("validation", "--")):
                accuracy = [100 * epoch[f"{set_name}_accuracy"] for epoch in epochs]
                numbers = range(1, len(epochs) + 1)
                axes.plot(numbers, accuracy, line, marker="o", color=colour, label=f"{title}, {set_name}")
        axes.set_xlabel("epoch")
        axes.set_ylabel("accuracy, %")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)

    (OUT / name).write_bytes(chart_png(draw, LIGHT, 5, 3.6))
    return Image.open(OUT / name)


curves({"book without dropout": trained.run}, "overfitting.png")

# %% [markdown]
# ## Comparing
# In a fully connected network nothing knows that neighbouring pixels belong together, and every place has weights of
# its own: it memorises. `book` has fewer weights; half of its wide layer is now silenced in each step (dropout), which
# makes it harder to learn by heart. With all images it generalises further; with few, no network can.

# %%
sizes = None if IMAGES is None else [IMAGES]
table = beholder.compare(ARCHIVE, models=("dense", "book"), epochs=EPOCHS, images=sizes, out=OUT / "compared")
for line in table.models:
    print(
        f"{line.model:6} {line.parameters:>10,} parameters  train {line.train_accuracy:.1%}  "
        f"validation {line.validation_accuracy:.1%}  gap {100 * line.gap:.1f} points"
    )

# %%
curves({line.model: line.run for line in table.models}, "compared.png")

# %% [markdown]
# ## Answering
# The test set was closed until now, so no choice leant on it. One look gives the figure to report, with its interval.

# %%
best = table.models[0].run
figures = beholder.evaluate(best)
low, high = figures.interval
print(f"test accuracy {figures.accuracy:.1%} (95 % interval {low:.1%} to {high:.1%})")

# %%
test = beholder.Split(beholder.open_source(ARCHIVE)).test()
[answer] = beholder.predict(best, test.images[0])
print(f"labelled {test.class_names[test.labels[0]]}; answered {answer.label} ({answer.probability:.1%})")

# %% [markdown]
# ## What it sees
# The same image on its way through the trained network, layer by layer, with a window sliding over it. The page
# leads through the figures; this one shows where the network looked.

# %%
book = next(line.run for line in table.models if line.model == "book")
explanation = beholder.explain(book, test.images[0], out=OUT / "explanation")
print(f"open {explanation.out / 'index.html'}")
Image.open(OUT / "explanation" / "where.png")
