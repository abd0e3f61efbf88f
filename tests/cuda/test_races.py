"""The kernels of every engine watched for what no barrier orders; and the watch held to faults that were put in."""

import linecache
import re
from pathlib import Path

import numpy as np
import pytest
from numba import cuda

import estimators
import knn
from estimators import energy_distance, mmd
from estimators.parzen import parzen_log_densities
from knn import DCI, LSH, BruteForce, KDTree, MultiLevelDCI, PrioritizedDCI, device_rows, device_tree, on_device
from knn.device_principal import DevicePrincipal
from knn.kernels import cpu, cuda_halves, cuda_rows
from knn.kernels.cuda_rank import ranking
from knn.principal_codes import Coder
from tests.cuda.races import ENDLESS, watched
from tests.cuda.turns import Diverged
from tests.knn.problems import clusters

pytestmark = [
    pytest.mark.simulator,
    pytest.mark.simulator_alone,
    pytest.mark.filterwarnings("ignore:overflow encountered in scalar:RuntimeWarning"),  # hashes are modulo 2⁶⁴
]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch, small_candidates, small_pairs):  # noqa: ARG001
    monkeypatch.setattr(on_device, "SMALL", 0)
    monkeypatch.setattr(device_tree, "WALKERS", 4)
    monkeypatch.setattr(device_tree, "WAITING", 0)  # queries are lined up, however few
    monkeypatch.setattr("knn.kernels.cuda_select.FEW", 8)  # digits are searched and pairs are counted


def meant(found):
    """Whether it is a row that asks if it reaches farther than all so far before it says so: what it reads may be old,
    and is then less than what is there, so that it says so for nothing.
    """
    what, one, other = found
    known = {
        Path(module.__file__).name: (module, word) for module, word in ((cuda_rows, "radius"), (cuda_halves, "loss"))
    }
    if what not in ("race", "blocks") or one[0] != other[0] or one[0] not in known:
        return False
    module, word = known[one[0]]
    asks, says = (linecache.getline(module.__file__, line[1]) for line in (one, other))
    return f"reach > {word}[0]" in asks and f"atomic.max({word}" in says


def search(kind, k=3, n=40, repeated=1, d=5, **options):
    """The neighbours that the device finds, after changes, and those of the CPU."""
    X, Q = clusters(n, d, seed=1, queries=7)
    X = np.repeat(X[: n // repeated], repeated, axis=0)
    indexes = [kind(device=where, **options).fit(X).delete([3, 4]) for where in ("cuda", "cpu")]
    return [np.stack([np.asarray(part, float) for part in index.search(Q, k)[:2]]) for index in indexes]


def one_stripe():
    """Whose buffer is filled to its last place, which is kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device_rows, "BLOCKS", 1)
        return search(BruteForce, 30, 84)


def ties_at_the_end():
    """More of them than a buffer holds, by the last tile of the only stripe."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device_rows, "BLOCKS", 1)
        patch.setattr(device_rows, "ROOMS", (1,))
        return search(BruteForce, 5, 24, 24)


def ranked(k=3):
    """What two stripes left, moved to the front by fewer places than a block has threads."""
    X, Q = clusters(24, 5, seed=1, queries=2)
    slots, counts, scratch = np.zeros((2, 40), np.int32), np.tile(np.int32([14, 10]), (2, 1)), np.zeros((2, 40))
    slots[:, :14], slots[:, 20:30] = np.arange(14), np.arange(14, 24)
    distances, indices = cuda.to_device(np.zeros((2, k))), cuda.to_device(np.zeros((2, k), np.int64))
    given = [cuda.to_device(part) for part in (X, Q, np.zeros(2, np.int32), slots, counts, scratch)]
    ranking(16).rank[2, 16](*given, distances, indices)
    host = BruteForce().fit(X).search(Q, k)
    return [
        np.stack([distances.copy_to_host(), indices.copy_to_host().astype(float)]),
        np.stack([host.distances, host.indices.astype(float)]),
    ]


def named(k=3):
    """Points and queries that lie on the device, answered there by ids, which are no slots once the dead are gone."""
    X, Q = clusters(40, 5, seed=1, queries=7)
    indexes = [BruteForce(device=where).fit(given) for where, given in (("cuda", cuda.to_device(X)), ("cpu", X))]
    found = [index.search(Q, k) for index in indexes]
    queries = cuda.to_device(Q), Q
    found += [index.delete(range(11)).search(asked, k) for index, asked in zip(indexes, queries, strict=True)]
    host = [[np.asarray(part, float) for part in (one.distances, one.indices)] for one in found]
    return [np.stack(host[at] + host[at + 2]) for at in (0, 1)]


def promising(kept, k=3):
    """All proved, so that they are the CPU's; `kept` of None tries what its points prove, and a query is far out."""
    X, Q = clusters(40, 5, seed=1, queries=7)
    if kept is None:
        Q[0] *= 1e30
    coder = Coder(X, np.arange(len(X)), np.random.RandomState(0), cpu)
    found = DevicePrincipal(X, np.arange(40) % 7 != 2, coder, kept=kept).answer(Q, k, 4, True)
    host = BruteForce().fit(X).delete(np.flatnonzero(np.arange(40) % 7 == 2)).search(Q, k)
    return [np.stack([part[0], part[1].astype(float)]) for part in (found[:2], (host.distances, host.indices))]


def sums(*, parzen=False):
    X, Y = (part.astype(np.float64 if parzen else np.float32) for part in clusters(13, 5, seed=1, queries=10))
    if parzen:
        return [parzen_log_densities(X, Y, [0.5], device=where)[0] for where in ("cuda", "cpu")]
    return [
        np.array(
            [energy_distance(X, Y, device=where).value, mmd(X, Y, kernel="imq", bandwidth=2.0, device=where).value]
        )
        for where in ("cuda", "cpu")
    ]


KERNELS = {
    "exact": (lambda: search(BruteForce, 12), {"points", "screen", "queries", "rank", "settle"}),
    "one stripe": (one_stripe, {"screen"}),
    "ties at the end": (ties_at_the_end, {"screen", "settle"}),
    "ties": (lambda: search(BruteForce, 5, 60, 30), {"screen", "settle"}),
    "tree": (lambda: search(KDTree), {"few", "full", "count", "starts", "line_up"}),
    "tree of many": (lambda: search(KDTree, 17), {"many"}),
    "prioritized": (
        lambda: search(PrioritizedDCI, n_simple=3, n_composite=2, candidates=17, visits=30, random_state=0),
        {"project", "margins", "mark", "select", "visit", "nearest"},
    ),
    "levels": (
        lambda: search(MultiLevelDCI, n_simple=3, n_composite=2, candidates=6, visits=0.7, beam=3, random_state=0),
        {"look", "keep", "rank_listed", "settle", "tell_settled"},
    ),
    "levels of all": (
        lambda: search(MultiLevelDCI, n_simple=2, n_composite=1, candidates=1.0, beam=1.0, random_state=0),
        {"look", "keep", "rank_listed"},
    ),
    "levels of few": (
        lambda: search(MultiLevelDCI, 20, n_simple=2, n_composite=1, candidates=1.0, beam=1, random_state=0),
        {"look", "keep", "rank_listed", "settle", "tell_settled"},
    ),
    "levels of wide rows": (
        lambda: search(MultiLevelDCI, 20, d=17, n_simple=2, n_composite=1, beam=1, candidates=1.0, random_state=0),
        {"keep", "rank_listed", "settle"},
    ),
    "wide rows": (lambda: search(BruteForce, 5, 24, 12, d=33), {"halve", "halve_queries", "rank", "settle"}),
    "dci": (lambda: search(DCI, n_simple=2, n_composite=3, visits=19, random_state=0), {"visit", "nearest"}),
    "lsh": (
        lambda: search(LSH, n_tables=4, n_projections=2, width=9.0, candidates=30, random_state=0),
        {"hash_queries", "collide"},
    ),
    "lsh of few": (
        lambda: search(LSH, n_tables=4, n_projections=1, width=9.0, candidates=4, random_state=0),
        {"collide"},
    ),
    "lsh of many": (
        lambda: search(LSH, n_tables=4, n_projections=1, width=9.0, candidates=30, random_state=0),
        {"collide"},
    ),
    "ranked": (ranked, {"rank"}),
    "bytes": (lambda: promising("bytes"), {"reduce", "encode", "screen", "merge", "rank", "tell", "prove"}),
    "tried": (lambda: promising(None), {"gather", "scatter", "prove"}),
    "named": (named, {"every", "name"}),
    "float32": (lambda: promising("float32"), {"reduce", "screen", "rank", "prove"}),
    "sums": (sums, {"pairs", "add"}),
    "parzen": (lambda: sums(parzen=True), {"pairs", "add"}),
}


def test_every_kernel_is_watched():
    """What is decorated as one in the sources is launched by one of the cases."""
    decorated = re.compile(r"^ *@(?:cuda\.jit|\(?resident\(.*)\n *def (\w+)\(", re.MULTILINE)
    sources = [path for package in (estimators, knn) for path in Path(package.__path__[0]).glob("kernels/cuda*.py")]
    texts = [path.read_text(encoding="utf-8") for path in sources]
    known = {name for text in texts for name in decorated.findall(text)}
    assert len(known) == sum(len(re.findall(r"^ *@.*(?:cuda\.jit|resident)", text, re.MULTILINE)) for text in texts)
    assert known == set().union(*(launched for _, launched in KERNELS.values()))


@pytest.mark.parametrize(
    "order", [*(pytest.param(order, marks=pytest.mark.deep) for order in ("forward", "backward")), "mixed"]
)
@pytest.mark.parametrize("name", KERNELS)
def test_what_threads_share_is_ordered_by_barriers_alone_and_answers_are_the_hosts(name, order, monkeypatch):
    if name == "ties":
        monkeypatch.setattr(device_rows, "ROOMS", (1,))  # no buffer holds them: all are measured
    run, launched = KERNELS[name]
    with watched(order) as watch:
        device, host = run()
    assert {line for line in watch.found if not meant(line)} == set()
    assert launched <= {kernel.rpartition(".")[2] for kernel in watch.kernels}
    if name in ("sums", "parzen"):
        np.testing.assert_allclose(device, host, rtol=1e-4)  # float32 (docs/cuda.md); `test_pairs` holds certificates
    else:
        np.testing.assert_array_equal(device, host)


@pytest.mark.deep
def test_no_barrier_can_be_left_out():
    """Without any one of them there is, in one of the cases, a race, or threads part, or the host meets what is none:
    so each is needed, and the watch would see it go.
    """
    cases = {}
    for name, (run, _) in KERNELS.items():
        with watched() as watch:
            run()
        assert watch.most < ENDLESS / 4  # so that who passes one more often would do so for ever
        for line in watch.barriers:
            cases.setdefault(line, []).append(name)
    needless = [line for line, names in sorted(cases.items()) if not any(seen(KERNELS[n][0], line) for n in names)]
    assert not needless, needless


def seen(run, line):
    """Whether something is found where the barrier on that line is left out."""
    with watched(without=line) as lame:
        try:
            run()
        except (Diverged, IndexError, ValueError):
            return True
    return any(what != "blocks" and not meant((what, *lines)) for what, *lines in lame.found)
