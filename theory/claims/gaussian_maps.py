"""Linear maps of a normal vector: the triangular one with a given covariance, and which convention makes it unique."""

from collections.abc import Iterator
from itertools import product
from math import isqrt
from typing import Any

from flint import fmpq_mat

from theory.claim import Exact, Holds, Outcome, Refuted, claim
from theory.exact import Q, total
from theory.setting import Setting
from theory.sources import YU

Matrix = list[list[Any]]


def root(x: Any) -> Any:
    """√|x| for squares of rationals; of others the square root of numerator and denominator, each rounded down."""
    return Q(isqrt(abs(int(x.p))), isqrt(int(x.q)))


def times(A: Matrix, B: Matrix) -> Matrix:
    return (fmpq_mat(A) * fmpq_mat(B)).tolist()


def transposed(A: Matrix) -> Matrix:
    return [list(column) for column in zip(*A, strict=True)]


def cholesky(S: Matrix) -> Matrix:
    """The lower-triangular T, row by row, from T Tᵀ = Σ."""
    T = [[Q(0) for _ in S] for _ in S]
    for i in range(len(S)):
        for j in range(i):
            T[i][j] = (S[i][j] - total(T[i][k] * T[j][k] for k in range(j))) / T[j][j]
        T[i][i] = root(S[i][i] - total(T[i][k] ** 2 for k in range(i)))
    return T


def symmetric_root(S: Matrix) -> Matrix:
    """Σ^{1/2} = (Σ + √det Σ I)/√(tr Σ + 2 √det Σ), for two rows."""
    if len(S) != 2:
        return S
    (a, b), (_, c) = S
    volume = root(a * c - b * b)
    scale = root(a + c + 2 * volume)
    return [[(a + volume) / scale, b / scale], [b / scale, (c + volume) / scale]]


def triangular_roots(S: Matrix) -> Iterator[Matrix]:
    """Every lower-triangular T with T Tᵀ = Σ ≻ 0, by one choice of a sign in each row."""
    for signs in product((1, -1), repeat=len(S)):
        T = [[Q(0) for _ in S] for _ in S]
        for i, sign in enumerate(signs):
            for j in range(i):
                T[i][j] = (S[i][j] - total(T[i][k] * T[j][k] for k in range(j))) / T[j][j]
            T[i][i] = sign * root(S[i][i] - total(T[i][k] ** 2 for k in range(i)))
        yield T


def second_moments(T: Matrix) -> Matrix:
    """E[(TZ)(TZ)ᵀ] for Z uniform on {−1, 1}ᵈ, which has the moments E ZZᵀ = I of the normal one, outcome by outcome."""
    d = len(T)
    moments = [[Q(0)] * d for _ in range(d)]
    for z in product((1, -1), repeat=d):
        x = [total(T[i][k] * z[k] for k in range(d)) for i in range(d)]
        for i, j in product(range(d), repeat=2):
            moments[i][j] += x[i] * x[j] / 2**d
    return moments


def covariances(setting: Setting) -> Iterator[tuple[Matrix, Matrix]]:
    """L and L Lᵀ: one whose symmetric root is rational, then drawn ones with zeros below the diagonal."""
    first = [[Q(1), Q(0)], [Q(4), Q(2)]]
    yield first, times(first, transposed(first))
    rng = setting.rng()
    for index in range(setting.size(24, deep=300)):
        d = 2 + index % 3
        entries = [[Q(int(rng.integers(-4, 5)), 2) for _ in range(d)] for _ in range(d)]
        L = [[entries[i][j] if j < i else abs(entries[i][j]) + Q(1, 3) if i == j else Q(0) for j in range(d)]
             for i in range(d)]  # fmt: skip
        yield L, times(L, transposed(L))


@claim(
    "gaussian-cholesky",
    says="For Σ ≻ 0 the Cholesky factor is the only lower-triangular T with a positive diagonal and T Tᵀ = Σ, and "
    "TZ ~ N(0, Σ) for Z ~ N(0, I)",
    statement=r"Z \sim \mathcal{N}(0, I),\ TT^\top = \Sigma \succ 0\ \Rightarrow\ TZ \sim \mathcal{N}(0, \Sigma); "
    r"\quad T = \mathrm{chol}(\Sigma)\ \mathrm{is\ unique}",
    source=YU.slide("Linear Example"),
    primary="Cholesky's factorisation",
    method=Exact,
    limits="That a linear image of a normal vector is normal is used, not checked; its covariance and the quadratic "
    "form of its density are.",
    resolution_of="covariance",
)
def gaussian_cholesky(
    setting,
    *,
    chol=cholesky,
    covariance=lambda T: times(T, transposed(T)),
    increasing=lambda T: all(T[i][i] > 0 for i in range(len(T))),
):
    """Σ = L Lᵀ with rational L: all 2ᵈ triangular roots are solved for, and the moments of TZ summed over outcomes."""
    count, dimensions = 0, set()
    for L, S in covariances(setting):
        T = chol(S)
        if covariance(T) != second_moments(T):
            return Refuted(T=T, covariance=second_moments(T), stated=covariance(T))
        if covariance(T) != S or any(T[i][j] != 0 for i in range(len(S)) for j in range(i + 1, len(S))):
            return Refuted(S=S, T=T, reason="T Tᵀ is not Σ, or T is not lower-triangular")
        admitted = [R for R in triangular_roots(S) if increasing(R)]
        if admitted != [T] or T != L:
            return Refuted(S=S, T=T, increasing_roots=len(admitted))
        # The density q(T⁻¹x)/|det T| is that of N(0, Σ): TᵀΣ⁻¹T = I and det Σ = (det T)².
        form = times(times(transposed(T), fmpq_mat(S).inv().tolist()), T)
        identity = [[Q(int(i == j)) for j in range(len(S))] for i in range(len(S))]
        if form != identity or fmpq_mat(S).det() != fmpq_mat(T).det() ** 2:
            return Refuted(S=S, T=T, quadratic_form=form)
        count += 1
        dimensions.add(len(S))
    return Holds(matrices=count, dimensions=dimensions)


gaussian_cholesky.mutant("Tᵀ T = Σ", covariance=lambda T: times(transposed(T), T))
gaussian_cholesky.mutant("the symmetric root Σ^{1/2} is triangular", chol=symmetric_root)
gaussian_cholesky.mutant("upper-triangular with the same entries", chol=lambda S: transposed(cholesky(S)))
gaussian_cholesky.mutant("unique whatever the signs of the diagonal", increasing=lambda T: True)
gaussian_cholesky.mutant("the last sign may be any", increasing=lambda T: all(T[i][i] > 0 for i in range(len(T) - 1)))


@gaussian_cholesky.boundary("Σ = diag(0, 1) is singular: every ((0, 0), (a, b)) with a² + b² = 1 is a root")
def singular() -> Outcome:
    S = [[Q(0), Q(0)], [Q(0), Q(1)]]
    roots = [[[Q(0), Q(0)], [a, b]] for a, b in ((Q(0), Q(1)), (Q(3, 5), Q(4, 5)), (Q(-5, 13), Q(12, 13)))]
    return Holds(roots=len(roots)) if all(times(T, transposed(T)) == S for T in roots) else Refuted()
