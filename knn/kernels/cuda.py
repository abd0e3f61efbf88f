"""The engine of a CUDA device: the CPU's functions for what is kept on the host, and the kernels of the device."""

from numba import cuda
from numba.cuda import config

from knn.kernels import cpu
from knn.kernels.cpu import *  # noqa: F403
from knn.kernels.cuda_halves import halving
from knn.kernels.cuda_rank import ranking
from knn.kernels.cuda_rows import taking
from knn.kernels.cuda_screen import screening
from knn.registry import install

# Few queries make few blocks, which Numba would warn of at each launch.
config.CUDA_LOW_OCCUPANCY_WARNINGS = 0

__all__ = [*cpu.__all__, "halving", "ranking", "require_device", "screening", "taking"]


def require_device() -> None:
    """Raises ValueError with the remedy where no CUDA device answers; the simulator counts as one."""
    if not cuda.is_available():
        raise ValueError(
            "device='cuda' needs a CUDA device, and none answers here: use one of ('cpu',), or NVIDIA's driver and "
            f"{install('cuda')}"
        )
