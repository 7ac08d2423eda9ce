"""CIFAR-10 and CIFAR-100 as their authors pack them, and the cleaning of the chapter."""
