"""The artifact: a `model/` folder that joins training and answering, and cannot drift from either."""
