"""What the divergences say of two measures that do not touch: parallel lines, and bumps apart from one another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from reports.experiment import Cell, Experiment, Measurement, experiments

SHIFTS = tuple(round(k / 20, 2) for k in range(21))
#: Atoms of a line, and of a bump on its grid, by size.
_ATOMS = {"quick": 40, "standard": 80, "full": 160}
#: ε of the Sinkhorn divergence, in units of length²: a spread of 0.1, small beside the shifts.
_EPSILON = 0.02
#: The bump's standard deviation.
_WIDTH = 0.1


@experiments.register("shifted-measures")
class ShiftedMeasures(Experiment):
    """One cell a pair of shapes: P, and Q = P moved by θ = 0, 0.05 … 1.

    "parallel lines": uniform on {0} × [0, 1] and {θ} × [0, 1], as in the example of Arjovsky, Chintala & Bottou
    2017. "bumps": a Gaussian of deviation 0.1 on the line, as masses on a grid that both share. W₁ = θ in both, and
    the Sinkhorn divergence (ε = 0.02, of squared length) is θ². A curve is a record, its points in the payload.
    """

    question = "Which divergence tells how far apart two measures are, and which only that they are?"
    timing = False
    caveats = ("Between atoms: the JSD of bumps is that of their masses on the grid, not of densities.",)

    def cells(self, size: str, data: Mapping[str, str]) -> Iterable[Cell]:
        del data
        for shape in SHAPES:
            yield Cell({"shape": shape, "atoms": _ATOMS[size]}, seed=0)

    def measure(self, cell: Cell) -> Iterator[Measurement]:
        from estimators import energy_distance, jsd, sinkhorn_divergence, sliced_wasserstein, wasserstein

        atoms, make = int(str(cell.params["atoms"])), SHAPES[str(cell.params["shape"])]
        pairs = [(make(0.0, atoms), make(shift, atoms)) for shift in SHIFTS]
        computed: dict[str, Callable[[Any, Any], Any]] = {
            "W1": wasserstein,
            "Sinkhorn": lambda P, Q: sinkhorn_divergence(P, Q, epsilon=_EPSILON, tolerance=1e-5),
            "sliced W1": sliced_wasserstein,
            "energy": energy_distance,
            "JSD": jsd,
        }
        for name, function in computed.items():
            found = [function(P, Q) for P, Q in pairs]
            curve = {"shift": list(SHIFTS), "value": [estimate.value for estimate in found]}
            last = found[-1]
            yield Measurement(name, last.value, last.unit, stderr=last.stderr, detail=last.method, payload=curve)


def _line(shift: float, atoms: int) -> Any:
    from estimators import Empirical

    heights = (np.arange(atoms) + 0.5) / atoms
    return Empirical(np.stack([np.full(atoms, shift), heights], axis=1))


def _bump(shift: float, atoms: int) -> Any:
    """Masses at the multiples of 1/`atoms` within four deviations: a shift by multiples of 1/20 stays on the grid."""
    from estimators import Empirical

    reach = int(4 * _WIDTH * atoms)
    steps = np.arange(-reach, reach + 1)
    masses = np.exp(-0.5 * (steps / (atoms * _WIDTH)) ** 2)
    return Empirical((steps + round(shift * atoms)) / atoms, masses / masses.sum())


SHAPES: dict[str, Callable[[float, int], Any]] = {"parallel lines": _line, "bumps": _bump}
