"""Bulk answers: millions of images on Ray Data, streamed into a folder of Parquet files."""
