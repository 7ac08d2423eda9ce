"""What was asked of a training that has no meaning for the files that it learns from."""

from __future__ import annotations

from beholder.data.folders.how import refuse_other_options, refuse_other_seconds
from beholder.data.sounds.rules import SoundRules
from beholder.data.source import Source
from beholder.errors import DataError, UsageError
from beholder.sessions.request import TrainRequest
from beholder.training.augmentation import Augmentation, SoundAugmentation, augmentation
from beholder.training.settings import Initial


def check_kind(request: TrainRequest, source: Source, initial: Initial | None) -> None:
    """Refuse options of images for sounds, and the other way round, and a network to start from that takes others.

    Raises:
        UsageError: the first such option, or sounds that were opened to be cut otherwise.
        DataError: the network of `initial` takes files of another kind.
    """
    how = None if request.augmentation is None else augmentation(request.augmentation)
    refuse_other_options(
        source.name,
        source.file_kind,
        {
            "colour": request.colour != "auto",
            "fit": request.fit is not None,
            "mirror": request.mirror is not None,
            f"augmentation {request.augmentation}": isinstance(how, Augmentation),
        },
        {
            "seconds": request.seconds is not None,
            f"augmentation {request.augmentation}": isinstance(how, SoundAugmentation),
        },
    )
    if request.seconds is not None and source.sound is not None and source.sound.seconds != request.seconds:
        if initial is not None:
            raise UsageError(
                f"The network of {initial.source!r} takes clips of {source.sound.seconds:g} s; leave --seconds out."
            )
        refuse_other_seconds(source.name, source.sound, request.seconds)
    if initial is not None:
        _check_start(initial, source)


def _check_start(initial: Initial, source: Source) -> None:
    takes = "images" if initial.sound is None else "sounds"
    known_size = None not in (initial.height, initial.width)
    if source.kind == "image" and initial.sound is None:
        return
    if source.sound is not None and initial.sound == source.sound.to_json():
        return
    if source.sound is not None and initial.sound is None and not initial.class_names:  # a file of the person's own
        shape = source.sound.shape
        if initial.channels == 1 and (not known_size or (initial.height, initial.width) == shape[:2]):
            return
        raise DataError(
            f"The network of {initial.source!r} takes images of {initial.channels} channels"
            f"{f', {initial.height} x {initial.width}' if known_size else ''}, and sounds become grey ones of "
            f"{shape[0]} x {shape[1]}; give one that takes these."
        )
    if source.sound is not None and initial.sound is not None:
        told = SoundRules.from_json(initial.sound)
        raise DataError(
            f"The network of {initial.source!r} takes {told.in_words()}; open "
            f"{source.name!r} like that, or give its path."
        )
    raise DataError(
        f"The network of {initial.source!r} takes {takes}, and {source.name!r} holds {source.file_kind.plural}; give "
        f"{takes}."
    )
