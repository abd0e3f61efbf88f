"""What ten bandwidths cost beside one: `python -m benchmarks.likelihood_ratios [--rows 10000] [--output FILE.csv]`.

Parzen log densities on one thread, at the sizes of the papers' protocol: `--rows` centres, as many test rows, 784
coordinates, ten bandwidths from 0.1 to 1, against the one that validation chooses. Both take turns, and the ratio is
the median over turns, with the least and the largest, of processor seconds, in which waiting for others is not counted.
Errors are against float64 differences summed pair by pair, on some of the rows, over all ten bandwidths. Data: MNIST
where it is found, and Gaussian noise about a low-rank signal.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

from benchmarks.origin import origin, write_rows

CHECKED = 200


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def made_up(rows, seed=0):
    """Two sets of (rows, 784) with most of their energy in 20 directions, of the scale of pixels."""
    import numpy as np

    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(2 * rows, 20)) @ rng.normal(size=(20, 784)) * 0.06
    made = signal + 0.05 * rng.normal(size=(2 * rows, 784))
    return made[:rows], made[rows:]


def sources(rows):
    from reports.datasets.source import datasets

    yield "low rank and noise", made_up(rows)
    mnist = datasets["mnist"]
    if mnist.status().found:
        yield "mnist", tuple(mnist.load(split)[0][:rows].astype("float64") for split in ("train", "test"))


def by_definition(samples, points, bandwidths):
    """The log densities from differences, added up in float64."""
    import numpy as np
    from scipy.spatial.distance import cdist
    from scipy.special import logsumexp

    squares, d = cdist(points, samples, "sqeuclidean"), samples.shape[1]
    return np.stack(
        [
            logsumexp(-squares / (2 * h * h), axis=1) - math.log(len(samples)) - d / 2 * math.log(2 * math.pi * h * h)
            for h in bandwidths
        ]
    )


def measured(name, samples, points, turns):
    """The row of the table: seconds, ratio, error."""
    import numpy as np

    from estimators.parzen import BANDWIDTHS, parzen_log_densities

    chosen = BANDWIDTHS[int(parzen_log_densities(samples, points[:1000], BANDWIDTHS)[0].mean(axis=1).argmax())]
    seconds = np.empty((turns, 2))
    for turn in range(turns):
        for place in range(2):
            which = (place + turn) % 2
            start = time.process_time()
            found = parzen_log_densities(samples, points, (BANDWIDTHS, (chosen,))[which])
            seconds[turn, which] = time.process_time() - start
            if which == 0:
                all_ten, bound = found
    truth = by_definition(samples, points[:CHECKED], BANDWIDTHS)
    ratios = seconds[:, 0] / seconds[:, 1]
    return {
        "data": name,
        "centres": len(samples),
        "rows": len(points),
        "dimension": samples.shape[1],
        "bandwidths": len(BANDWIDTHS),
        "one_bandwidth": f"{chosen:.6g}",
        "seconds_of_one": f"{np.median(seconds[:, 1]):.4g}",
        "seconds_of_all": f"{np.median(seconds[:, 0]):.4g}",
        "ratio": f"{np.median(ratios):.4g}",
        "ratio_least": f"{ratios.min():.4g}",
        "ratio_largest": f"{ratios.max():.4g}",
        "turns": turns,
        "error_nats": f"{np.abs(all_ten[:, :CHECKED] - truth).max():.3g}",
        "bound_nats": f"{bound.max():.3g}",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--output", type=Path, help="CSV to write, commit and machine with each row")
    chosen = parser.parse_args()

    from threadpoolctl import threadpool_limits

    where = origin()
    table = []
    with threadpool_limits(limits=1):
        for name, (samples, points) in sources(chosen.rows):
            table.append(measured(name, samples, points, chosen.turns) | where)
            for key, value in table[-1].items():
                say(f"{key:16}{value}")
            say("")
    if chosen.output:
        write_rows(chosen.output, list(table[0]), table)


if __name__ == "__main__":
    main()
