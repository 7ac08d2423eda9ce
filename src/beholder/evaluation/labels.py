"""Labels that are probably wrong, and classes that the data cannot tell apart, by out-of-fold probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beholder.data.checks.findings import Finding
from beholder.data.pool import Pool
from beholder.evaluation.metrics import wilson_interval
from beholder.evaluation.mirror_images import Mirroring, shares_on_own_side
from beholder.evaluation.nearest import neighbour_names
from beholder.evaluation.shares import as_whole_percent

# Times as probable as the given class the likely one must be. cleanlab's rule alone tells of more, most of it hard
# images with right labels (docs/lab-notebook.md).
TIMES = 8.0
# Of the images most like one, how many at most may have its label, and how many at least the likely one, where the
# nearest are asked too; as shares
_OWN_SHARE, _LIKELY_SHARE = 0.1, 0.4
SEPARATE = 0.75  # of the images of two classes that fall on their own side; 0.5 is chance
MOST_PAIRS = 20  # of classes that are told


def wrong_labels(
    pool: Pool,
    probabilities: NDArray[np.float32],
    neighbours: NDArray[np.int64],
    *,
    known: NDArray[np.bool_] | None = None,
    strict: bool = False,
) -> list[Finding]:
    """Findings `wrong_label`, the surest first.

    How many labels are in doubt, and which, is confident learning as cleanlab has it; of these the findings are about
    those where another class is several times as probable. A score is 1 less the probability of the given class.
    Source: Northcutt, Jiang and Chuang, Confident learning: estimating uncertainty in dataset labels (JAIR 2021).

    `probabilities` (N, K) are of networks that did not learn from the image, `neighbours` (N, n) rows of those like it.
    Labels are judged where `known` (N,) has it, where networks that did not learn from the image learned its class.
    Where `strict`, these have to doubt the label too: hardly one has it, and several have the likely one.

    Raises:
        ImportError: cleanlab is not installed.
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    labels, names = pool.dataset.labels, pool.dataset.class_names
    probabilities = probabilities.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    # One process: a fork of one that TensorFlow runs in may hang.
    issues = np.ones(len(labels), bool) if known is None else known.copy()
    issues[issues] = find_label_issues(labels[issues], probabilities[issues], filter_by="low_self_confidence", n_jobs=1)
    quality = get_label_quality_scores(labels, probabilities, method="self_confidence")
    issues &= probabilities.max(axis=1) >= TIMES * quality
    if strict:
        issues &= (labels[neighbours] == labels[:, np.newaxis]).mean(axis=1) <= _OWN_SHARE
        issues &= (labels[neighbours] == probabilities.argmax(axis=1)[:, np.newaxis]).mean(axis=1) >= _LIKELY_SHARE
    findings = []
    for row in np.flatnonzero(issues)[np.argsort(quality[issues], kind="stable")].tolist():
        likely, given = names[int(probabilities[row].argmax())], names[labels[row]]
        findings.append(
            Finding(
                "wrong_label",
                (pool.dataset.names[row],),
                (str(pool.sets[row]),),
                float(1 - quality[row]),
                (given,),
                likely,
                f"Labelled {given!r}; a network that did not learn from it says {likely!r} "
                f"({as_whole_percent(probabilities[row].max())}, and "
                f"{as_whole_percent(probabilities[row, labels[row]])} for {given!r}).",
                neighbour_names(pool, neighbours[row]),
            )
        )
    return findings


def inseparable(
    pool: Pool,
    probabilities: NDArray[np.float32],
    mirroring: Mirroring | None = None,
    *,
    known: NDArray[np.bool_] | None = None,
    mirrored: bool = False,
    told_mirror: bool | None = None,
) -> list[Finding]:
    """Findings `inseparable`, one a pair of classes, the worst first.

    Two classes count as such where fewer than three quarters of their images fall on the side of their own class, the
    mean of both classes, and that is no accident (the upper end of Wilson's 95 % interval). The score is 0 where three
    quarters do and 1 where no more than half, as by chance.

    `probabilities` (N, K) are of networks that did not learn from the image, but where `known` (N,) has it from its
    class. Where these learned from `mirrored` images too, they may be blind to what tells two classes apart, unless a
    person told that a mirrored image means the same (`told_mirror`).
    """
    labels, names = pool.dataset.labels, pool.dataset.class_names
    if known is not None:
        labels, probabilities = labels[known], probabilities[known]
    classes = np.arange(len(names))
    shares, counts = shares_on_own_side(probabilities, labels), np.bincount(labels, minlength=len(names))
    blind = mirrored and not told_mirror and (mirroring is None or mirroring.same is not True)
    found = []
    for one, other in np.argwhere((shares < SEPARATE) & (classes[:, None] < classes)).tolist():
        share, count = float(shares[one, other]), 2 * min(int(counts[one]), int(counts[other]))
        if wilson_interval(round(share * count), count)[1] < SEPARATE:
            found.append((share, names[one], names[other]))
    return [
        Finding(
            "inseparable",
            (),
            (),
            min(1.0, (SEPARATE - share) / (SEPARATE - 0.5)),
            suggestion=f"{one}, {other}",
            sentence=f"{one!r} and {other!r}: networks name the right one for {as_whole_percent(share)} of their "
            f"{pool.dataset.file_kind.plural}, where guessing gets 50 %; {_advice((one, other), mirroring, blind)}",
        )
        for share, one, other in sorted(found)[:MOST_PAIRS]
    ]


def _advice(pair: tuple[str, str], mirroring: Mirroring | None, blind: bool) -> str:
    """What to do about two classes that look the same to networks that may be `blind` to it, the end of a sentence."""
    join = "merge them, or add some that show the difference."
    if mirroring is not None and pair in mirroring.pairs:
        return "each looks like the other one mirrored, so do not merge them: train with --no-mirror."
    if blind:
        return (
            "the networks learned from mirrored images too, so if these classes mirror each other, train with "
            f"--no-mirror; if not, {join}"
        )
    return join
