"""A Laplacian pyramid: a residual band and a coarse one, from which the image comes back whatever the filters are."""

from collections.abc import Iterator
from typing import Any

from flint import fmpq_mat

from theory.claim import Exact, Holds, Outcome, Refuted, claim
from theory.exact import Q
from theory.setting import Setting
from theory.sources import BRUNA

LAPGAN = BRUNA.slide("LAPGAN")


def identity(n: int) -> Any:
    return fmpq_mat([[int(i == j) for j in range(n)] for i in range(n)])


def stacked(above: Any, below: Any) -> Any:
    return fmpq_mat([*above.tolist(), *below.tolist()])


def filters(setting: Setting) -> Iterator[tuple[Any, Any]]:
    """D and U between n and n/2 values: zero, a pair with DU = I, and drawn ones, every third without full rank."""
    yield fmpq_mat([[0, 0]]), fmpq_mat([[0], [0]])
    yield fmpq_mat([[Q(1, 2), Q(1, 2)]]), fmpq_mat([[1], [1]])
    rng = setting.rng()
    for index in range(setting.size(12, deep=100)):
        n = (2, 4, 8)[index % 3]
        D = [[Q(int(v), 6) for v in row] for row in rng.integers(-6, 7, size=(n // 2, n))]
        U = [[Q(int(v), 6) for v in row] for row in rng.integers(-6, 7, size=(n, n // 2))]
        if index % 3 == 2:
            D[-1] = list(D[0])
        yield fmpq_mat(D), fmpq_mat(U)


@claim(
    "laplacian-pyramid-invertible",
    says="For any linear D and U, x comes back from the bands x − UDx and Dx as band + U·coarse: A = (I − UD; D) has "
    "the left inverse (I, U); A has 3n/2 rows and rank n, so it is over-complete and not onto",
    statement=r"\left(I, U\right) \left(I - UD;\ D\right) = I, \quad "
    r"A: \mathbb{R}^n \to \mathbb{R}^{3n/2},\ \mathrm{rank}\,A = n",
    source=LAPGAN,
    primary="Burt & Adelson 1983; Denton, Chintala, Szlam & Fergus 2015",
    method=Exact,
    priority="P3",
    limits="“Invertible” is read as: having a left inverse.",
    resolution_of="band",
)
def laplacian_pyramid(
    setting,
    *,
    band=lambda x, D, U: x - U * (D * x),
    coarse=lambda x, D: D * x,
    rebuilt=lambda band, coarse, U: band + U * coarse,
    composed=lambda R, A: R * A,
    rank=lambda n: n,
):
    """Rational filters on up to eight values: A and its left inverse as matrices, their product, the rank of A."""
    count = 0
    for D, U in filters(setting):
        n, half = D.ncols(), D.nrows()
        x = identity(n)
        bands = band(x, D, U), coarse(x, D)
        A = stacked(*bands)
        none = fmpq_mat(n, half), fmpq_mat(half, n)
        from_band, from_coarse = rebuilt(x, none[1], U), rebuilt(none[0], identity(half), U)
        R = stacked(from_band.transpose(), from_coarse.transpose()).transpose()
        product = composed(R, A)
        if product != identity(product.nrows()) or rebuilt(*bands, U) != x:
            return Refuted(D=str(D), U=str(U), product=str(product))
        if A.rank() != rank(n) or A.nrows() != n + half:
            return Refuted(D=str(D), rank=A.rank(), stated=rank(n))
        count += 1
    return Holds(filters=count)


laplacian_pyramid.mutant("A R = I: nothing is redundant", composed=lambda R, A: A * R)
laplacian_pyramid.mutant("without the residual band", rebuilt=lambda band, coarse, U: U * coarse)
laplacian_pyramid.mutant("the residual against Dᵀ instead of U", band=lambda x, D, U: x - D.transpose() * (D * x))
laplacian_pyramid.mutant("the rank is the number of coefficients", rank=lambda n: 3 * n // 2)


@laplacian_pyramid.boundary("rounded bands give x + e_band + U e_coarse: the errors come back with the image")
def quantised() -> Outcome:
    D, U = fmpq_mat([[Q(1, 2), Q(1, 2)]]), fmpq_mat([[1], [1]])
    x = fmpq_mat([[Q(1, 3)], [Q(5, 3)]])
    specs = laplacian_pyramid.specs
    bands = specs["band"](x, D, U), specs["coarse"](x, D)
    rounded = [fmpq_mat([[(v + Q(1, 2)).floor()] for v in part.entries()]) for part in bands]
    error = specs["rebuilt"](*rounded, U) - x
    expected = (rounded[0] - bands[0]) + U * (rounded[1] - bands[1])
    return Holds(error=str(error)) if error == expected and error != 0 * x else Refuted(error=str(error))
