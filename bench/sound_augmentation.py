"""What varying sounds is worth to speakers whom the network never heard: spoken digits, one line a run.

    .venv/bin/python bench/sound_augmentation.py [--budget 60] [--speakers 1,3,5] [--seeds 1] [--only NAME[,NAME]]

Each run learns from three speakers and is judged by a fourth, its validation set; the fifth, its test set, is never
opened. In the variants of `VARIANTS` one thing is left out of the default, or is weaker or stronger. Each variant is a
run of `--budget` seconds a speaker and seed; their mean follows it.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

import images
import numpy as np

import beholder

SPEAKERS = (1, 2, 3, 4, 5)
VARIANTS = {
    "none": None,
    "sound": "sound",
    "no shift": "sound,shift=0",
    "no stretch": "sound,stretch=0",
    "no pitch": "sound,pitch=0",
    "no level": "sound,level=0",
    "no noise": "sound,noise=0",
    "no mask": "sound,mask=0",
    "pitch 0.1": "sound,pitch=0.1",
    "pitch 0.35": "sound,pitch=0.35",
    "stretch 0.1": "sound,stretch=0.1",
    "mask 0.2": "sound,mask=0.2",
    "level 12": "sound,level=12",
    "noise 0.6": "sound,noise=0.6",
}


def sets(heldout: int) -> Path:
    """`bench/work/spoken-sets/<speaker>/{train,validation,test}/<digit>/*.wav`; the test speaker is the next one."""
    target = images.WORK / "spoken-sets" / str(heldout)
    if not target.exists():
        building = target.with_name(f"{heldout}.building")
        shutil.rmtree(building, ignore_errors=True)
        set_of = {heldout: "validation", SPEAKERS[heldout % len(SPEAKERS)]: "test"}
        for path in images.spoken().glob("*/*.wav"):
            place = building / set_of.get(int(path.name[1]), "train") / path.parent.name / path.name
            place.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, place)
        building.rename(target)
    return target


def main() -> None:
    """Train, and print what each run came to on the speaker that it did not hear."""
    options = argparse.ArgumentParser()
    options.add_argument("--budget", type=float, default=60.0)
    options.add_argument("--epochs", type=float, help="in the place of a budget, to try this script")
    options.add_argument("--speakers", default="1,3,5")
    options.add_argument("--seeds", type=int, default=1)
    options.add_argument("--only", default=",".join(VARIANTS))
    given = options.parse_args()
    runs = images.WORK / "sound-augmentation-runs"
    for name in given.only.split(","):
        reached = []
        for speaker in map(int, given.speakers.split(",")):
            for seed in range(given.seeds):
                run = runs / f"{name.replace(' ', '-')}-{speaker}-{seed}"
                shutil.rmtree(run, ignore_errors=True)
                length = {"budget": given.budget} if given.epochs is None else {"epochs": given.epochs}
                how = {"augment": False} if VARIANTS[name] is None else {"augmentation": VARIANTS[name]}
                trained = beholder.train(
                    sets(speaker), model="fast", seed=seed, out=run, progress=False, **length, **how
                )
                reached.append(trained.validation_accuracy)
                print(
                    f"{name}: speaker {speaker}, seed {seed}: validation {trained.validation_accuracy:.1%}, "
                    f"{trained.seconds:.0f} s",
                    flush=True,
                )
                shutil.rmtree(run, ignore_errors=True)
        print(f"{name}: mean {np.mean(reached):.2%} of {len(reached)} runs", flush=True)


if __name__ == "__main__":
    main()
