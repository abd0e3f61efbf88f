"""How many times quicker than what one would install instead: `python -m benchmarks.divergence_ratios [PART …]`.

One thread unless a part says otherwise. Contestants take turns, each turn starting one later than the last, and a ratio
is the median over turns of (the other's seconds) / (ours) in the same turn, with the least and the largest. Memory is
the peak of what Python and NumPy allocate beyond the samples (tracemalloc), in a call of its own. `--output` writes the
rows with commit and machine. The GEMM baseline tells its product's share of the rate of dgemm measured beside.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
import tracemalloc
from pathlib import Path

from benchmarks.blocked_energy import Gemm, dgemm_rate, samples
from benchmarks.origin import origin, write_rows

COLUMNS = (
    "part", "what", "ratio", "least", "largest", "target", "ours_seconds", "theirs_seconds", "turns", "ours_mb",
    "theirs_mb", "relative_difference", "note", "commit", "machine",
)  # fmt: skip


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def peak(work):
    """Bytes that `work` has allocated at its most, beyond what is there before."""
    gc.collect()
    tracemalloc.start()
    work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def against(part, what, ours, theirs, turns, target, note=""):
    """One row: both take turns, and both answers are compared."""
    import numpy as np

    answers = [float(work()) for work in (ours, theirs)]  # compiles what is timed
    seconds = np.empty((turns, 2))
    for turn in range(turns):
        for place in range(2):
            which = (place + turn) % 2
            start = time.perf_counter()
            (ours, theirs)[which]()
            seconds[turn, which] = time.perf_counter() - start
    least, middle, largest = np.quantile(seconds[:, 1] / seconds[:, 0], [0, 0.5, 1])
    medians = np.median(seconds, axis=0)
    return {
        "part": part, "what": what, "ratio": f"{middle:.2f}", "least": f"{least:.2f}", "largest": f"{largest:.2f}",
        "target": target, "ours_seconds": f"{medians[0]:.4g}", "theirs_seconds": f"{medians[1]:.4g}", "turns": turns,
        "ours_mb": f"{peak(ours) / 1e6:.2f}", "theirs_mb": f"{peak(theirs) / 1e6:.2f}",
        "relative_difference": f"{abs(answers[0] - answers[1]) / abs(answers[1]):.1e}", "note": note,
    }  # fmt: skip


def cdist_part(turns, scale):
    from scipy.spatial.distance import cdist

    from estimators import energy_distance

    x, y = samples(int(5000 * scale), 64)

    def theirs():
        return 2 * cdist(x, y).mean() - cdist(x, x).mean() - cdist(y, y).mean()

    yield against(
        "cdist", f"energy {x.shape}, scipy cdist", lambda: energy_distance(x, y, squared=True), theirs, turns, 12
    )


def dcor_part(turns, scale):
    import dcor

    from estimators import energy_distance

    x, y = samples(int(1000 * scale), 64)
    ours = lambda: energy_distance(x, y, convention="dcor")  # noqa: E731
    yield against("dcor", f"energy {x.shape}, dcor", ours, lambda: dcor.energy_distance(x, y), turns, 50)


def _gemm(part, n, d, turns, target):
    from estimators import energy_distance

    x, y = samples(n, d)
    baseline, rate = Gemm(), dgemm_rate(d)

    def ours():
        return energy_distance(x, y, squared=True)

    row = against(part, f"energy {x.shape}, blocked GEMM", ours, lambda: baseline(x, y), turns, target)
    reached = baseline.flops / baseline.product
    row["note"] = f"its product {reached / 1e9:.0f} GFLOP/s, {reached / rate:.0%} of dgemm's best, {rate / 1e9:.0f}"
    yield row


def gemm_part(turns, scale):
    yield from _gemm("gemm", int(20_000 * scale), 64, max(3, turns // 2), 1.4)


def wide_part(turns, scale):
    yield from _gemm("wide", int(5000 * scale), 784, max(3, turns // 2), 0.7)


def line_part(turns, scale):
    import scipy.stats

    from estimators import energy_distance, wasserstein

    x, y = (part[:, 0] for part in samples(int(1e6 * scale), 1))
    for name, ours, theirs in (
        ("energy", energy_distance, scipy.stats.energy_distance),
        ("W1", wasserstein, scipy.stats.wasserstein_distance),
    ):
        yield against("line", f"{name} {x.shape}, SciPy", lambda f=ours: f(x, y), lambda f=theirs: f(x, y), turns, 5)


def mmd_part(turns, scale):
    from sklearn.metrics.pairwise import rbf_kernel

    from estimators import mmd

    x, y = samples(int(20_000 * scale), 64)
    gamma = 1 / (2 * 8.0**2)

    def theirs():
        parts = [float(rbf_kernel(a, b, gamma=gamma).mean()) for a, b in ((x, x), (y, y), (x, y))]
        return parts[0] + parts[1] - 2 * parts[2]

    ours = lambda: mmd(x, y, bandwidth=8.0, squared=True)  # noqa: E731
    yield against("mmd", f"Gaussian MMD {x.shape}, sklearn rbf_kernel", ours, theirs, max(3, turns // 2), 3.5)


def certificate_part(turns, scale):
    """The share of W1's seconds that its proof takes: solver and certificate timed within one call."""
    import numpy as np
    import ot
    from scipy.optimize import linear_sum_assignment

    from estimators import transport_solvers, wasserstein

    for d in (2, 64):
        x, y = samples(int(5000 * scale), d)
        spent = {"solve": 0.0}

        def timed(solver, spent=spent):
            def run(*arguments, **options):
                start = time.perf_counter()
                found = solver(*arguments, **options)
                spent["solve"] += time.perf_counter() - start
                return found

            return run

        emd, assign, proved = ot.emd, linear_sum_assignment, {"seconds": 0.0}
        from estimators.kernels import cpu_transport

        settle, tighten, prove = (
            cpu_transport.settled_potentials,
            transport_solvers._tightened,
            transport_solvers._proved,
        )
        wasserstein(x[:50], y[:50])

        def counted(step, proved=proved):
            def run(*arguments):
                start = time.perf_counter()
                found = step(*arguments)
                proved["seconds"] += time.perf_counter() - start
                return found

            return run

        ot.emd, transport_solvers.linear_sum_assignment = timed(emd), timed(assign)
        transport_solvers._tightened, transport_solvers._proved = counted(tighten), counted(prove)
        cpu_transport.settled_potentials = counted(settle)
        try:
            shares = []
            for _ in range(max(1, turns // 5)):
                spent["solve"] = proved["seconds"] = 0.0
                found = wasserstein(x, y)
                shares.append(proved["seconds"] / spent["solve"])
        finally:
            ot.emd, transport_solvers.linear_sum_assignment = emd, assign
            transport_solvers._tightened, transport_solvers._proved = tighten, prove
            cpu_transport.settled_potentials = settle
        yield {
            "part": "certificate", "what": f"W1 {x.shape}: proof / solve, {found.method}",
            "ratio": f"{np.median(shares):.4f}", "least": f"{min(shares):.4f}", "largest": f"{max(shares):.4f}",
            "target": 0.05, "ours_seconds": f"{proved['seconds']:.4g}", "theirs_seconds": f"{spent['solve']:.4g}",
            "turns": len(shares), "note": f"relative gap {found.certificate.gap / found.value:.1e}",
        }  # fmt: skip


def large_part(_turns, scale):
    """Energy of 200 000 points a side on all cores, with a progress bar, once: no other could hold the matrix."""
    from rich.progress import Progress

    from estimators import energy_distance

    x, y = samples(int(200_000 * scale), 64)
    energy_distance(x[:100], y[:100])
    tracemalloc.start()
    with Progress() as bar:
        task = bar.add_task("energy", total=1.0)
        start = time.perf_counter()
        energy_distance(x, y, n_jobs=-1, progress=lambda share: bar.update(task, completed=share))
        seconds = time.perf_counter() - start
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    yield {
        "part": "large", "what": f"energy {x.shape}, all cores", "target": "200 MB", "ours_seconds": f"{seconds:.4g}",
        "turns": 1, "ours_mb": f"{most / 1e6:.1f}", "note": "the samples themselves are not counted",
    }  # fmt: skip


PARTS = {
    "cdist": cdist_part, "dcor": dcor_part, "gemm": gemm_part, "wide": wide_part, "line": line_part, "mmd": mmd_part,
    "certificate": certificate_part, "large": large_part,
}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all if none is named")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of points; 1 is the table's")
    parser.add_argument("--output", type=Path, help="CSV; rows of parts that are measured now replace those in it")
    chosen = parser.parse_args()
    for name in chosen.parts:
        if name not in PARTS:
            parser.error(f"unknown part {name!r}: pass some of {', '.join(PARTS)}")

    from threadpoolctl import threadpool_limits

    where = origin()
    say(f"{'':52}{'ratio (least … largest)':>26}{'target':>8}{'s':>10}{'MB':>10}{'their MB':>10}")
    for name in chosen.parts or PARTS:
        with threadpool_limits(limits=1):
            for row in PARTS[name](chosen.turns, chosen.scale):
                ratio = f"{row['ratio']} ({row['least']} … {row['largest']})" if "ratio" in row else ""
                say(
                    f"{row['what']:52}{ratio:>26}{row['target']!s:>8}{row['ours_seconds']:>10}"
                    f"{row.get('ours_mb', ''):>10}{row.get('theirs_mb', ''):>10}  {row['note']}"
                )
                if chosen.output is not None:
                    same = {"part": row["part"], "what": row["what"]}
                    write_rows(
                        chosen.output, COLUMNS, [row | where], lambda old, same=same: same.items() <= old.items()
                    )


if __name__ == "__main__":
    main()
