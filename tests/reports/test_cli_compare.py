"""`implicitbench compare`: what it reads, what it prints, and what it refuses."""

import numpy as np
import pytest

from tests.reports.command_line import one_line


def test_compare_tells_every_divergence(call, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "a.npy", rng.normal(size=(50, 2)))
    np.save(tmp_path / "b.npy", rng.normal(size=(40, 2)) + 1)
    done = call("compare", "a.npy", "b.npy")
    assert done.exit_code == 0, done.output
    assert "energy-distance" in done.stdout
    assert call("compare", "a.npy", "b.npy", "--csv").stdout.startswith("divergence,value,stderr")


def test_compare_reads_what_the_audit_reads_and_writes_what_tables_write(call, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "many.npz", images=rng.normal(size=(30, 2, 2)), other=np.zeros(3))
    (tmp_path / "drawing.py").write_text("import numpy as np\ndef draw(n, seed):\n    return np.full((n, 4), seed)\n")
    told = [
        "compare",
        "many.npz::images",
        "drawing:draw",
        "--only",
        "energy-distance",
        "--n-samples",
        "20",
        "--seed",
        "3",
    ]
    begins = {"md": "| Divergence ", "csv": "divergence,value", "tex": r"\begin{tabular}{lrrrll}", "html": "<table>"}
    for form, start in begins.items():
        done = call(*told, "--format", form)
        assert done.exit_code == 0, done.output
        assert done.stdout.startswith(start)
        assert "energy-distance" in done.stdout
    assert "±" in call(*told).stdout
    assert one_line(call("compare", "many.npz", "drawing:draw"), "many.npz::images")
    assert one_line(call(*told[:3], "--only", "nothing"), "nothing")


def test_what_takes_no_samples_is_refused_with_the_names_of_what_does(call):
    told = call("compare", "a.npy", "b.npy", "--only", "jsd")
    assert one_line(told, "--only jsd is of measures", "energy-distance", "coverage")
    assert "total-variation" not in told.stderr
    assert one_line(call("compare", "a.npy", "b.npy", "--only", "total"), "unknown divergence or score 'total'")
    assert "did you mean" not in call("compare", "a.npy", "b.npy", "--only", "total-variatio").stderr


def npy(header):
    """A .npy file of 80 bytes that says of itself what `header` says."""
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(80)


LYING = "{'descr': '<f8', 'fortran_order': False, 'shape': %s}"


@pytest.mark.parametrize(
    "content",
    [
        npy(LYING % f"({10**13},)"),  # 73 TiB
        npy(LYING % f"({2**70},)"),
        npy(LYING % "(-1,)"),
        npy(LYING % "(((((("),
        npy(LYING.replace("<f8", "|O") % "(10,)"),
        b"PK\x03\x04 no zip",
    ],
    ids=["more than memory", "more than an integer", "negative", "unclosed", "objects", "a broken zip"],
)
def test_a_file_that_lies_about_itself_is_refused_in_one_line(call, tmp_path, content):
    np.save(tmp_path / "good.npy", np.zeros((3, 2)))
    (tmp_path / "bad.npy").write_bytes(content)
    assert one_line(call("compare", "good.npy", "bad.npy"), "bad.npy", "numpy.save")


def test_compare_refuses_what_is_no_sample(call, tmp_path):
    np.save(tmp_path / "good.npy", np.zeros((3, 2)))
    np.save(tmp_path / "words.npy", np.array(["a", "b"]))
    np.save(tmp_path / "objects.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    np.save(tmp_path / "other.npy", np.zeros((3, 5)))
    np.save(tmp_path / "hole.npy", np.array([[0.0, np.nan]]))
    np.save(tmp_path / "empty.npy", np.zeros((0, 2)))
    np.savez(tmp_path / "many.npy.npz", a=np.zeros(3))
    (tmp_path / "text.npy").write_text("no numbers")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "good.npy").read_bytes()[:-8])
    (tmp_path / "nothing.npy").write_bytes(b"")
    for name in ("words", "objects", "text", "cut", "nothing"):
        assert one_line(call("compare", "good.npy", f"{name}.npy"), f"{name}.npy", "numpy.save")
    assert one_line(call("compare", "good.npy", "many.npy.npz"), "many.npy.npz")
    for name in ("other", "hole", "empty", "absent"):
        assert one_line(call("compare", "good.npy", f"{name}.npy"))


def test_compare_refuses_columns_in_another_order(call, tmp_path):
    pd, _ = pytest.importorskip("pandas"), pytest.importorskip("pyarrow", reason="[parquet] brings it")
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 2)) * [1, 9], columns=["a", "b"])
    frame.to_parquet(tmp_path / "a.parquet")
    frame[["b", "a"]].to_parquet(tmp_path / "b.parquet")
    done = call("compare", "a.parquet", "b.parquet")
    one_line(done, "B has the columns of A in another order (b, a")
