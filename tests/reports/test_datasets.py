"""Data sets: what is loaded is what was published, and everything else is refused by name."""

import gzip
import hashlib
import http.server
import re
import struct
import threading

import numpy as np
import pytest

from reports.datasets.digits import Digits
from reports.datasets.mnist import MnistFiles
from reports.datasets.source import DataError, data_folders, datasets

SHAPES = {
    "train-images-idx3-ubyte": (7, 28, 28),
    "train-labels-idx1-ubyte": (7,),
    "t10k-images-idx3-ubyte": (3, 28, 28),
    "t10k-labels-idx1-ubyte": (3,),
}


def idx_bytes(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def files():
    rng = np.random.default_rng(0)
    return {name: idx_bytes(rng.integers(0, 10, shape, dtype=np.uint8)) for name, shape in SHAPES.items()}


@pytest.fixture
def tiny(files, tmp_path, monkeypatch):
    """A data set laid out as MNIST, of ten images, with nothing on disk yet."""
    monkeypatch.setenv("IMPLICITBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("reports.datasets.source.user_cache_path", lambda _: tmp_path / "cache")
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    return MnistFiles(name="tiny", about="ten images", source="a test", url="http://127.0.0.1:1", md5=md5)


@pytest.fixture
def server(files):
    """A web server on the loopback; `.requests` lists (path, Range), `.cut` shortens its answers."""
    content = {f"/{name}.gz": gzip.compress(body, mtime=0) for name, body in files.items()}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.requests.append((self.path, self.headers.get("Range")))
            if self.path not in content:
                self.send_error(404)
                return
            body = content[self.path]
            wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
            start = int(wanted[1]) if wanted and self.server.ranges else 0
            if start >= len(body):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            end = len(body) if self.server.cut is None else self.server.cut
            self.wfile.write(body[start:end])

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.requests, httpd.cut, httpd.ranges, httpd.content = [], None, True, content
        httpd.url = f"http://127.0.0.1:{httpd.server_address[1]}"
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield httpd
        httpd.shutdown()
        thread.join()


def write(folder, files, *, zipped=True):
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        if zipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(body))
        else:
            (folder / name).write_bytes(body)


def test_every_registered_data_set_says_what_and_where_it_is():
    assert {"digits", "mnist", "fashion-mnist"} <= set(datasets)
    for name, dataset in datasets.items():
        status = dataset.status()
        assert status.name == name == dataset.name
        assert re.fullmatch("[0-9a-f]{32}", status.checksum)
        assert status.found == (not status.remedy)
        assert dataset.about
        assert dataset.source


def test_every_data_set_that_is_found_keeps_the_laws_of_a_data_set():
    for name, dataset in datasets.items():
        if not dataset.status().found:
            continue
        X, y = dataset.load("test")
        assert X.dtype == np.float32, name
        assert y.dtype == np.int64, name
        assert X.shape == (len(y), np.prod(dataset.image_shape))
        if dataset.image_shape[0] > 1:
            assert X.min() >= 0
            assert X.max() <= 1
        assert set(y) == set(range(dataset.n_classes))
        with pytest.raises(ValueError, match="split"):
            dataset.load("validation")


def test_the_splits_of_digits_share_no_row_and_lose_none():
    (train, _), (test, _) = Digits().load("train"), Digits().load("test")
    assert (len(train), len(test)) == (1497, 300)
    rows = np.vstack([train, test])
    assert len(np.unique(rows, axis=0)) == 1797
    assert Digits().checksum == Digits().checksum


@pytest.mark.parametrize("zipped", [True, False])
def test_files_are_read_raw_and_compressed(tiny, files, tmp_path, zipped):
    write(tmp_path / "data" / "tiny", files, zipped=zipped)
    X, y = tiny.load("train")
    pixels = np.frombuffer(files["train-images-idx3-ubyte"], dtype=np.uint8, offset=16)
    assert np.array_equal(X.ravel(), pixels.astype(np.float32) / np.float32(255))
    assert np.array_equal(y, np.frombuffer(files["train-labels-idx1-ubyte"], dtype=np.uint8, offset=8))
    assert tiny.status().found
    assert len(tiny.load("test")[0]) == 3


def test_the_own_folder_is_searched_before_the_cache(tiny, files, tmp_path):
    assert data_folders() == [tmp_path / "data", tmp_path / "cache" / "data"]
    write(tmp_path / "cache" / "data" / "tiny", files)
    assert "cache" in tiny.status().where
    write(tmp_path / "data" / "tiny", files)
    assert "cache" not in tiny.status().where


def test_what_is_missing_is_named_with_the_remedy(tiny, files, tmp_path):
    del files["t10k-labels-idx1-ubyte"]
    write(tmp_path / "data" / "tiny", files)
    status = tiny.status()
    assert not status.found
    assert "t10k-labels-idx1-ubyte" in status.remedy
    assert "datasets --get tiny" in status.remedy
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte was not found in .*data.*IMPLICITBENCH_DATA"):
        tiny.load("test")


def test_a_flipped_bit_is_noticed(tiny, files, tmp_path):
    body = bytearray(files["train-images-idx3-ubyte"])
    body[40] ^= 1
    write(tmp_path / "data" / "tiny", files | {"train-images-idx3-ubyte": bytes(body)})
    with pytest.raises(DataError, match=r"other content than published.*delete it"):
        tiny.load("train")


def test_images_and_labels_of_different_number_are_refused(tiny, files, tmp_path):
    labels = idx_bytes(np.zeros(6, dtype=np.uint8))
    tiny.md5["train-labels-idx1-ubyte"] = hashlib.md5(labels).hexdigest()
    write(tmp_path / "data" / "tiny", files | {"train-labels-idx1-ubyte": labels})
    with pytest.raises(DataError, match="7 images and 6 labels in split 'train'"):
        tiny.load("train")


def test_fetch_downloads_what_is_missing_and_nothing_else(tiny, server, files, tmp_path):
    seen = []
    status = tiny.fetch(url=server.url, progress=lambda name, have, total: seen.append((name, have, total)))
    assert status.found
    assert len(server.requests) == 4
    assert {name for name, _, _ in seen} == {f"{name}.gz" for name in SHAPES}
    assert all(0 < have <= total for _, have, total in seen)
    assert np.array_equal(tiny.load("test")[1], np.frombuffer(files["t10k-labels-idx1-ubyte"], np.uint8, offset=8))
    tiny.fetch(url=server.url)
    assert len(server.requests) == 4
    assert not list(tmp_path.rglob("*.part"))


def test_a_broken_download_resumes_where_it_stopped(tiny, server, tmp_path):
    server.cut = 30
    with pytest.raises(DataError, match=r"ended after 30 of \d+ bytes"):
        tiny.fetch(url=server.url)
    assert not tiny.status().found
    assert [path.name for path in tmp_path.rglob("*.gz*")] == ["train-images-idx3-ubyte.gz.part"]
    server.cut = None
    assert tiny.fetch(url=server.url).found
    assert server.requests[1] == ("/train-images-idx3-ubyte.gz", "bytes=30-")


def test_a_broken_download_starts_again_where_the_server_knows_no_ranges(tiny, server):
    server.cut, server.ranges = 30, False
    with pytest.raises(DataError, match="ended after 30"):
        tiny.fetch(url=server.url)
    server.cut = None
    assert tiny.fetch(url=server.url).found


def test_a_download_that_was_killed_after_its_last_byte_is_finished(tiny, server, tmp_path):
    folder = tmp_path / "data" / "tiny"
    folder.mkdir(parents=True)
    name = "train-images-idx3-ubyte.gz"
    (folder / f"{name}.part").write_bytes(server.content[f"/{name}"])
    assert tiny.fetch(url=server.url).found


def test_other_content_than_published_is_thrown_away(tiny, server, tmp_path):
    server.content["/train-labels-idx1-ubyte.gz"] = gzip.compress(idx_bytes(np.zeros(7, dtype=np.uint8)))
    with pytest.raises(DataError, match="other content than published"):
        tiny.fetch(url=server.url)
    assert [path.name for path in tmp_path.rglob("*labels*")] == []


def test_an_endless_download_is_stopped(tiny, server, tmp_path, monkeypatch):
    monkeypatch.setattr("reports.datasets.mnist._DOWNLOAD_LIMIT", 20)
    taken = []
    with pytest.raises(DataError, match="more than the 20 bytes"):
        tiny.fetch(url=server.url, progress=lambda *told: taken.append(told))
    assert taken == []  # the block that passes the limit is the last that is read, and is not written
    assert not list(tmp_path.rglob("*.gz*"))


def test_a_server_that_is_not_there_or_has_no_such_file_is_named(tiny, server):
    with pytest.raises(DataError, match=r"http://127\.0\.0\.1:1/train-images-idx3-ubyte\.gz: no answer"):
        tiny.fetch()
    with pytest.raises(DataError, match="answers 404"):
        tiny.fetch(url=server.url + "/elsewhere")
    with pytest.raises(ValueError, match="must start with http"):
        tiny.fetch(url="file:///etc")


def test_a_folder_that_cannot_be_written_is_named(tiny, server, tmp_path):
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(DataError, match=r"cannot be written"):
        tiny.fetch(url=server.url)
