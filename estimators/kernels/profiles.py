"""Kernels of the distance by number, as the compiled loops know them."""

DISTANCE, GAUSSIAN, LAPLACE, IMQ = range(4)
