"""Nearest-neighbour searches that a user would install instead of `knn`: one library a file."""
