"""The points that searches are timed on: MNIST, image-like rows of 3072 bytes, a manifold of dimension 16 in 128."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np

#: Rows made together.
ROWS = 10_000
CHANNELS, SIDE = 3, 32


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

    Each colour is a Gaussian field of power ∝ 1/f² (Field 1987), nine tenths of it common to all three; contrasts are
    log-normal and means vary, as in photographs. What photographs have besides, edges and objects, is missing.
    """
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    amplitude = np.where(f > 0, 1 / np.maximum(f, 1 / SIDE), 0.0)
    out = np.empty((n, CHANNELS * SIDE * SIDE), np.float32)
    for start in range(0, n, ROWS):
        count = min(ROWS, n - start)
        noise = rng.standard_normal((count, CHANNELS + 1, SIDE, SIDE))
        fields = np.fft.ifft2(np.fft.fft2(noise) * amplitude).real
        fields /= fields.std()
        colours = np.sqrt(0.9) * fields[:, :1] + np.sqrt(0.1) * fields[:, 1:]
        contrast = 50 * np.exp(0.4 * rng.standard_normal((count, 1, 1, 1)))
        pixels = 120 + 35 * rng.standard_normal((count, 1, 1, 1)) + contrast * colours
        out[start : start + count] = np.clip(np.rint(pixels), 0, 255).reshape(count, -1)
    return out


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
