"""The points that searches are timed on: MNIST, image-like rows of 3072 bytes, a manifold of dimension 16 in 128."""

from __future__ import annotations

import gzip
import itertools
import os
from pathlib import Path

import numpy as np

#: Rows made together.
ROWS = 10_000
CHANNELS, SIDE = 3, 32
#: Pixels after which a field comes again: four frames.
CANVAS = 128


def idx_images(path: Path) -> np.ndarray:
    """The rows of an IDX file of images, float32 (n, pixels)."""
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=16).reshape(-1, 784).astype(np.float32)


def mnist(folder: Path, queries: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(X, queries to tune on, queries to score on); drawn at random, for the first half of the test set is easier."""
    X = idx_images(folder / "train-images-idx3-ubyte.gz")
    Q = idx_images(folder / "t10k-images-idx3-ubyte.gz")
    order = np.random.default_rng(0).permutation(len(Q))
    return X, Q[order[queries : 2 * queries]], Q[order[:queries]]


def natural(n: int, rng: np.random.Generator) -> np.ndarray:
    """Image-like rows (n, 3072) of whole numbers 0 … 255, float32: the spectrum of natural images, and their contrasts.

    Each colour is a window of a wide Gaussian field whose amplitude falls as f^−1.2 (Tolhurst, Tadmor & Chao 1992: 1.2
    ± 0.13 over 135 photographs), averaged over each pixel, nine tenths of it common to all three; contrasts are
    log-normal. A field that has the frame for its period has no slopes across it, and far too flat a spectrum (part
    `spectrum` of benchmarks/search_ratios.py). What photographs have besides, edges and objects, is missing.
    """
    root = _window_root()
    out = np.empty((n, CHANNELS * SIDE * SIDE), np.float32)
    for start in range(0, n, ROWS):
        count = min(ROWS, n - start)
        noise = rng.standard_normal((count, CHANNELS + 1, SIDE * SIDE), np.float32)
        fields = (noise.reshape(-1, SIDE * SIDE) @ root).reshape(noise.shape)
        colours = np.float32(np.sqrt(0.9)) * fields[:, :1] + np.float32(np.sqrt(0.1)) * fields[:, 1:]
        contrast = 60 * np.exp(0.4 * rng.standard_normal((count, 1, 1), np.float32))
        out[start : start + count] = np.clip(np.rint(120 + contrast * colours), 0, 255).reshape(count, -1)
    return out


def _window_root() -> np.ndarray:
    """R float32 (1024, 1024) with RᵀR the covariance of a field's pixels in the window, of mean variance 1.

    The power of a pixel's average at f is that of the field times sinc², summed over the frequencies that alias to f.
    """
    f = np.fft.fftfreq(CANVAS)
    power = np.zeros((CANVAS, CANVAS))
    for aliases in itertools.product((-1, 0, 1), repeat=2):
        across, down = np.meshgrid(*(f + alias for alias in aliases))
        radius = np.hypot(across, down)
        seen = (np.sinc(across) * np.sinc(down)) ** 2
        power += np.where(radius > 0, np.maximum(radius, 1 / CANVAS) ** -2.4, 0.0) * seen
    correlation = np.fft.ifft2(power).real
    down, across = (places.ravel() for places in np.indices((SIDE, SIDE)))
    covariance = correlation[down[:, None] - down, across[:, None] - across] / correlation[0, 0]
    energies, directions = np.linalg.eigh(covariance)
    return (np.sqrt(np.maximum(energies, 0.0))[:, None] * directions.T).astype(np.float32)


def photographs(n: int, rng: np.random.Generator) -> np.ndarray:
    """n windows of 32 × 32 pixels, as rows of 3072, of the photographs in scikit-learn, reduced 2 to 4 times."""
    from sklearn.datasets import load_sample_images

    rows = []
    for picture in load_sample_images().images:
        for factor in (2, 3, 4):
            height, width = (size // factor for size in picture.shape[:2])
            cut = picture[: height * factor, : width * factor].astype(np.float32)
            small = cut.reshape(height, factor, width, factor, CHANNELS).mean(axis=(1, 3))
            tops, lefts = rng.integers(0, height - SIDE + 1, n // 6 + 1), rng.integers(0, width - SIDE + 1, n // 6 + 1)
            rows += [small[top : top + SIDE, left : left + SIDE].ravel() for top, left in zip(tops, lefts, strict=True)]
    return np.array(rows[:n])


def cifar(folder: Path) -> np.ndarray | None:
    """CIFAR-10's binary training batches as rows, float32 (50000, 3072), or None where they are not."""
    files = sorted(folder.glob("**/data_batch_*.bin"))
    if not files:
        return None
    parts = [np.frombuffer(file.read_bytes(), np.uint8).reshape(-1, 3073)[:, 1:] for file in files]
    return np.concatenate(parts).astype(np.float32)


def manifold(n: int, *, width: int = 128, dimension: int = 16, seed: int = 0) -> np.ndarray:
    """n points of a curved surface of dimension 16 in 128: x = sin(zA + b)B with z uniform in the cube, float32."""
    rng = np.random.default_rng(seed)
    A, b = rng.standard_normal((dimension, 64)) / np.sqrt(dimension), rng.uniform(0, 2 * np.pi, 64)
    B = rng.standard_normal((64, width)) / 8
    z = rng.uniform(-1, 1, (n, dimension))
    return (np.sin(z @ A + b) @ B).astype(np.float32)


def default_folder() -> Path:
    """Where the user keeps data sets."""
    return Path(os.environ.get("IMPLICITBENCH_DATA", "."))
