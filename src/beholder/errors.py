"""Every error that Beholder raises on purpose, on one page.

    BeholderError                 the person must change something: one sentence, exit status 2
    ├── UsageError                an argument or a combination of arguments
    ├── DataError                 a data set, archive, folder or image
    │   ├── ImageError            one image
    │   │   └── SoundError        one sound, which is to become an image
    │   └── DownloadError         a named archive that is not here and could not be fetched
    ├── RunError                  a RUN folder
    ├── ArtifactError             a model/ folder: damaged, of another version, or not one
    │   └── ReplacedError         one that training replaced since it was opened
    ├── StorageError              a disk that is full or may not be written to
    ├── ClusterError              a Ray cluster, or processes that train, not there or ended
    └── BusyError                 a server that has more to do than it can: come back later

A message is one sentence: what, which value, what to do. Anything else that escapes is a fault of ours: exit status 1.
"""

from __future__ import annotations


class BeholderError(Exception):
    """The person must change something; `str(error)` is the whole sentence to show."""


class UsageError(BeholderError):
    """An argument, or a combination of arguments, that cannot work."""


class DataError(BeholderError):
    """A data set, archive or folder that cannot be used as it is."""


class ImageError(DataError):
    """One image that cannot be decoded."""


class SoundError(ImageError):
    """One sound that cannot be decoded."""


class DownloadError(DataError):
    """A named archive, or the weights of a named network, that are not on the disk and could not be fetched."""


class RunError(BeholderError):
    """A RUN folder that is missing, taken, in use or of another version."""


class ArtifactError(BeholderError):
    """A model folder that is damaged, of another version, or not one of ours."""


class ReplacedError(ArtifactError):
    """A model folder that is another one than when it was opened."""


class StorageError(BeholderError):
    """A disk that is full or may not be written to."""


class ClusterError(BeholderError):
    """A cluster or a process that cannot be joined, or that ended while it was needed."""


class BusyError(BeholderError):
    """A server that has more to do than it can.

    Attributes:
        retry_after: seconds after which asking again makes sense.
    """

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
