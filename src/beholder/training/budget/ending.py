"""What a person must know of how a run on a budget ended: with far fewer steps than planned, or long before its end."""

from __future__ import annotations

BUSY_SHARE = 0.5  # of the planned steps: with fewer it is another run than the one that was planned
FEW_STEPS = 50  # a network needs some hundred to learn anything
EARLY_SHARE = 0.25  # of the seconds of training were left over


def ending_in_words(done: int, planned: int, most: int, *, left: float, seconds: float) -> str | None:
    """One sentence about a run that ended by its budget; None where it went as planned.

    It had `done` steps of those `planned` as it began, and never has more than the `most` on these images. Of all its
    `seconds` for training some were `left`.
    """
    if done < BUSY_SHARE * planned:
        return (
            f"This machine was busy: the time was enough for {done:,} of {planned:,} planned steps; expect a worse "
            "network, and train again when it is quiet or with a longer --budget."
        )
    if done < min(FEW_STEPS, most):
        steps = "one step" if done == 1 else f"{done} steps"
        return (
            f"The time was enough for {steps} of training, and a network needs some hundred; "
            "expect little of it, or give a longer --budget."
        )
    if planned < done == most and left > EARLY_SHARE * seconds:
        return (
            f"This machine was faster than planned: the run ended {left:.0f} s before its time, since more epochs "
            "would only memorise the training set."
        )
    return None
