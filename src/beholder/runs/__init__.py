"""A RUN folder: what was asked for, on which machine and data, and everything that happened."""
