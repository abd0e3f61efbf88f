"""IDX files: what is not one, or not whole, is refused by name, in little memory."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from reports.datasets.idx import MAX_BYTES, read_idx
from reports.datasets.source import DataError


def header(*words, magic=b"\0\0\x08\x03"):
    return magic + struct.pack(f">{len(words)}I", *words)


BAD = {
    "empty": (b"", "header"),
    "half a header": (header(2)[:6], "header"),
    "wrong magic": (header(1, 2, 2, magic=b"\0\0\x08\x01") + bytes(4), "not an IDX file"),
    "floats": (header(1, 2, 2, magic=b"\0\0\x0d\x03") + bytes(16), "not an IDX file"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(64), "not an IDX file"),
    "truncated": (header(2, 2, 2) + bytes(7), "declares 8 entries and holds only 7"),
    "too long": (header(2, 2, 2) + bytes(9), "declares 8 entries and holds more"),
    "no rows": (header(0, 28, 28), "declares 0 × 28 × 28"),
    "absurd sizes": (header(*[2**32 - 1] * 3) + bytes(64), "which no such file holds"),
    "sizes whose product wraps to a small number": (header(2**16, 2**16, 2**32 - 1), "which no such file holds"),
    "truncated gzip": (gzip.compress(header(9, 28, 28) + bytes(9 * 784))[:-9], "cannot be read"),
    "corrupt gzip": (gzip.compress(b"")[:10] + b"\xff" * 30, "cannot be read"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_refused_with_its_name_and_the_remedy(kind, tmp_path):
    content, expected = BAD[kind]
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(DataError, match=expected) as caught:
        read_idx(path, ndim=3, remedy="fetch it again")
    assert str(path) in str(caught.value)
    assert "fetch it again" in str(caught.value)


def test_a_header_cannot_make_the_reader_allocate(tmp_path):
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(header(MAX_BYTES // 784, 28, 28) + bytes(100))
    tracemalloc.start()
    with pytest.raises(DataError, match="only 100"):
        read_idx(path, ndim=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20  # two blocks of a MiB and the reader's own buffers, of a GiB declared


def test_a_gzip_bomb_is_read_no_further_than_declared(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(header(1, 28, 28) + bytes(64 << 20), 9))
    tracemalloc.start()
    with pytest.raises(DataError, match="holds more"):
        read_idx(path, ndim=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_random_bytes_are_refused_or_read_as_declared(tmp_path):
    rng = np.random.default_rng(1)
    path = tmp_path / "x"
    refused = 0
    for _ in range(300):
        body = bytearray(header(2, 3, 2) + bytes(12))
        for _ in range(rng.integers(1, 4)):
            body[rng.integers(len(body))] = rng.integers(256)
        path.write_bytes(body[: rng.integers(1, len(body) + 1)] if rng.random() < 0.3 else body)
        try:
            array = read_idx(path, ndim=3)
        except DataError:
            refused += 1
        else:
            assert array.size == path.stat().st_size - 16
    assert refused > 100
