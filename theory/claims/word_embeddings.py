"""Skip-gram with negative sampling: the scores that it would learn, and the negatives that it needs for that."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from theory.certified import ball, decide_less, precision
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q
from theory.setting import Setting
from theory.sources import BRUNA

WORD2VEC = BRUNA.slide("Word2vec")


class Counts(NamedTuple):
    """#(w, c), #(w), #(c) and |D|."""

    joint: Any
    word: Any
    context: Any
    size: Any


def tables(setting: Setting) -> Iterator[list[list[int]]]:
    """3 × 3 counts of (word, context), all positive."""
    yield [[10, 2, 1], [1, 7, 3], [4, 4, 9]]
    rng = setting.rng()
    for _ in range(setting.size(20, deep=200)):
        yield rng.integers(1, 40, size=(3, 3)).tolist()


def cells(table: list[list[int]]) -> Iterator[Counts]:
    size = sum(map(sum, table))
    for row in table:
        for c, joint in enumerate(row):
            yield Counts(Q(joint), Q(sum(row)), Q(sum(other[c] for other in table)), Q(size))


def objective(positives: Any, negatives: Any, odds: Any) -> Any:
    """positives·log σ(x) + negatives·log σ(−x) at the score x = log odds: σ(x) = odds/(1 + odds)."""
    value = ball(0)
    if positives:
        value += ball(positives) * (ball(odds) / (1 + ball(odds))).log()
    if negatives:
        value += ball(negatives) * (1 / (1 + ball(odds))).log()
    return value


@claim(
    "sgns-pmi",
    says="With k negatives for each pair, drawn from the contexts' unigram law, the unconstrained optimum is "
    "⟨v_w, v_c⟩ = log(#(w,c)|D|/(#(w)#(c))) − log k; with the pairs that do not appear as negatives there is none",
    statement=r"\langle v_w, v_c \rangle = \log \frac{\#(w,c)\,|D|}{\#(w)\,\#(c)} - \log k",
    source=WORD2VEC,
    primary="Levy & Goldberg 2014",
    method=(Exact, Certified),
    verdict="CONDITIONAL",
    hypotheses=(
        "negatives are drawn from the unigram law of contexts, k for each positive pair",
        "#(w, c) > 0, or the score is −∞",
        "the embedding is wide enough to hold any matrix of scores",
    ),
    priority="P3",
)
def sgns_pmi(
    setting,
    *,
    odds=lambda n, k: n.joint * n.size / (n.word * n.context * k),
    negatives=lambda n, k: k * n.word * n.context / n.size,
    sigmoid_of_minus=lambda sigmoid: 1 - sigmoid,
):
    """The optimum's odds e^x are rational: stationary exactly, in each of 3 × 3 cells, and lower on either side."""
    count = 0
    with precision(128):
        parts = []
        for table in tables(setting):
            for n in cells(table):
                for k in (1, 5):
                    best, against = odds(n, k), negatives(n, k)
                    sigmoid = best / (1 + best)
                    if sigmoid_of_minus(sigmoid) != (1 / best) / (1 + 1 / best):
                        return Refuted(odds=best, sigmoid=sigmoid)
                    # d/dx: positives·σ(−x) − negatives·σ(x).
                    if n.joint * (1 - sigmoid) != against * sigmoid:
                        return Refuted(table=table, counts=n, k=k, odds=best)
                    if count < setting.size(36, deep=360):
                        value = objective(n.joint, k * n.word * n.context / n.size, best)
                        for factor in (Q(1001, 1000), Q(999, 1000)):
                            beside = objective(n.joint, k * n.word * n.context / n.size, best * factor)
                            parts.append(decide_less(beside, value, counts=n, k=k))
                    count += 1
        return all_hold(parts, cells=count)


sgns_pmi.mutant("without − log k", odds=lambda n, k: n.joint * n.size / (n.word * n.context))
sgns_pmi.mutant("+ log k", odds=lambda n, k: k * n.joint * n.size / (n.word * n.context))
sgns_pmi.mutant("σ(−x) = σ(x)", sigmoid_of_minus=lambda sigmoid: sigmoid)
sgns_pmi.printed(
    "negatives that do not appear in the corpus",
    where=WORD2VEC,
    printed="negative pairs D′ = {(w, c)} of words and contexts not appearing in the corpus",
    correct="negatives drawn from the contexts' unigram law, k a positive pair; the printed ones leave no optimum",
    negatives=lambda n, k: k * Q(int(n.joint == 0)),
)


@sgns_pmi.counterexample("negatives that do not appear: along the ray s·(±1) the likelihood rises to its sup, for ever")
def separable() -> Outcome:
    with precision(256):
        # Nine pairs that appear at the score s, four that do not at the score −s.
        values = [
            objective(Q(9), Q(0), ball(s).exp()) + objective(Q(0), Q(4), (-ball(s)).exp()) for s in (1, 4, 16, 64)
        ]
    rises = all(a < b for a, b in pairwise(values)) and values[-1] < 0
    return Refuted(values=values, sup=0) if rises else Holds(values=values)


@sgns_pmi.counterexample("one dimension cannot hold the optimum of three words: a 2 × 2 minor of its scores is not 0")
def one_dimension() -> Outcome:
    score = [ball(sgns_pmi.specs["odds"](n, 5)).log() for n in cells([[10, 2, 1], [1, 7, 3], [4, 4, 9]])]
    minor = score[0] * score[4] - score[1] * score[3]
    return Holds(minor=minor) if minor.contains(0) else Refuted(minor=minor, of_rank_one=0)


@sgns_pmi.boundary("#(w, c) = 0: the odds are 0, and the objective rises as the score falls to −∞")
def unseen_pair() -> Outcome:
    n = Counts(Q(0), Q(5), Q(4), Q(20))
    against = sgns_pmi.specs["negatives"](n, 5)
    values = [objective(n.joint, against, (-ball(s)).exp()) for s in (0, 5, 10, 20)]
    rises = all(a < b for a, b in pairwise(values))
    return Holds() if rises and sgns_pmi.specs["odds"](n, 5) == 0 else Refuted(values=values)
