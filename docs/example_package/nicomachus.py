"""Nicomachus's theorem as a claim: the topic is the module's name."""

from theory import Exact, Holds, Refuted, claim
from theory.exact import Q


@claim(
    "sum-of-cubes",
    says="the first n cubes add up to the square of the n-th triangular number",
    statement=r"\sum_{i=1}^{n} i^3 = \left(\frac{n (n + 1)}{2}\right)^2",
    source="Nicomachus of Gerasa, Introduction to Arithmetic, book II, chapter 20",
    method=Exact,
    hypotheses=("the cubes are those of 1, 2, …, n, without a gap",),
    verdict="CONDITIONAL",
)
def sum_of_cubes(*, closed_form=lambda n: Q(n * (n + 1), 2) ** 2, gap=0):
    """By adding them up, for n ≤ 200; equal polynomials of degree 4 agree everywhere once they do at five points."""
    for n in range(201):
        added = sum(i**3 for i in range(1, n + 1) if i != gap)
        if added != closed_form(n):
            return Refuted(n=n, added=added, stated=closed_form(n))
    return Holds(n="0 … 200")


sum_of_cubes.mutant("the triangular number itself", closed_form=lambda n: Q(n * (n + 1), 2))
sum_of_cubes.mutant("the square numbers' triangle", closed_form=lambda n: Q(n * n, 2) ** 2)
sum_of_cubes.counterexample("without the cube of 3", gap=3)


@sum_of_cubes.boundary("no cube at all")
def empty_sum():
    return Holds(added=0) if sum(i**3 for i in range(1, 1)) == 0 else Refuted()
