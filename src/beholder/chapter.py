"""The functions that the chapter on convolutional networks has its reader write, on the folder of a CIFAR archive."""

from beholder.data.cifar.archive import read_data
from beholder.data.cifar.clean import clean
from beholder.data.cifar.pickles import unpickle

__all__ = ["clean", "read_data", "unpickle"]
