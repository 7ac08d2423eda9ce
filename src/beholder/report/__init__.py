"""The self-contained HTML report of a run."""

from beholder.data.cache_folder import keep_in_cache

keep_in_cache()  # before a module of this package imports Matplotlib
