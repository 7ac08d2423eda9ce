"""The same image more than once: exact copies and near duplicates."""
