"""KL and Jensen-Shannon divergence between the laws behind two samples, from a classifier that tells them apart."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from estimators.arguments import random_generator
from estimators.intervals import normal_interval
from estimators.points import point_pair
from estimators.range import refuse_out_of_range
from estimators.result import Estimate, NotConverged
from estimators.scoring import ties_matter

Array = NDArray[np.float64]


_SEPARATED = "no standard error: the held-out classes are separated, and the spread within them is the classifier's own"


def default_classifier(random_state: int = 0) -> Any:
    """Standardised coordinates and 200 random Fourier features of them, in a logistic regression."""
    from sklearn.kernel_approximation import RBFSampler
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    features = make_union(FunctionTransformer(), RBFSampler(gamma="scale", n_components=200, random_state=random_state))
    return make_pipeline(StandardScaler(), features, LogisticRegression(C=1.0, max_iter=1000))


@ties_matter
def kl_classifier(X: Any, Y: Any, *, classifier: Any = None, folds: int = 5, random_state: Any = 0) -> Estimate:
    """KL(p‖q), in nats, as the mean over X of log η/(1−η) + log(m/n), η the held-out probability of being of X.

    X ~ p (n, d), Y ~ q (m, d); `classifier`, a probabilistic one of scikit-learn (`predict_proba`), is fitted on the
    other `folds` for each fold, so that no point is scored by a classifier that saw it. It is consistent where the
    classifier is; it is **no bound**: a classifier that is wrong or overconfident may err on either side. The standard
    error is of the mean over X with the classifiers given, and does not hold the classifier's own error. Raises
    ValueError for bad samples, for coordinates whose squares leave float64 without a `classifier`, and where a
    probability is 0 or 1; NotConverged, with the partial Estimate, where the held-out odds separate X from Y, which
    then tell of the regularisation alone. Source: Sugiyama, Suzuki & Kanamori 2012.
    """
    log_odds, n, m = _held_out(X, Y, classifier, folds, random_state)
    ratios = log_odds[:n] + math.log(m / n)
    value, stderr = float(ratios.mean()), float(ratios.std(ddof=1)) / math.sqrt(n)
    if _separated(log_odds, n):
        raise NotConverged(
            f"the classifier separates all {n} points of X from the {m} of Y, so that its odds tell how it is "
            "regularised and not KL: pass more points, or take jsd_classifier or kl_knn",
            Estimate(value, method=f"classifier, {folds} folds", unit="nats", detail=_SEPARATED, converged=False),
        )
    return Estimate(
        value, stderr, normal_interval(value, stderr), f"classifier, {folds} folds", unit="nats",
        detail="no bound: the classifier's own error is not in the standard error",
    )  # fmt: skip


@ties_matter
def jsd_classifier(X: Any, Y: Any, *, classifier: Any = None, folds: int = 5, random_state: Any = 0) -> Estimate:
    """A lower bound of JSD, in nats: log 2 less the held-out log loss, both samples weighing one half.

    ½E_p log 2η̃ + ½E_q log 2(1−η̃) ≤ JSD for every function η̃ that was not fitted on the points it is averaged over;
    η̃ has the classifier's odds times m/n. The expectation is a bound, and the value has sampling error besides: the
    standard error is that of the two means, the classifiers given; where the held-out odds separate X from Y there is
    none, nor an interval, as `detail` says. Arguments and errors as `kl_classifier`. Source:
    Goodfellow et al. 2014; Nowozin et al. 2016.
    """
    log_odds, n, m = _held_out(X, Y, classifier, folds, random_state)
    balanced = log_odds + math.log(m / n)
    gains = math.log(2) - np.logaddexp(0.0, np.where(np.arange(n + m) < n, -balanced, balanced))
    parts = gains[:n], gains[n:]
    value = 0.5 * sum(float(part.mean()) for part in parts)
    stderr = 0.5 * math.sqrt(sum(float(part.var(ddof=1)) / len(part) for part in parts))
    if _separated(log_odds, n):
        return Estimate(
            value, method=f"lower bound by classifier, {folds} folds", unit="nats", detail=_SEPARATED, bound="lower"
        )
    return Estimate(
        value, stderr, normal_interval(value, stderr), f"lower bound by classifier, {folds} folds", unit="nats",
        detail="a lower bound in expectation; the interval is of the bound", bound="lower",
    )  # fmt: skip


def _separated(log_odds: Array, n: int) -> bool:
    """Whether a threshold tells all of X from all of Y: then no held-out point limits the ratios."""
    return bool(log_odds[:n].min() > log_odds[n:].max())


def _held_out(X: Any, Y: Any, classifier: Any, folds: Any, random_state: Any) -> tuple[Array, int, int]:
    """log η/(1−η) of each point of X and then of Y, by a classifier that did not see it."""
    from sklearn.base import clone
    from sklearn.model_selection import StratifiedKFold

    x, y = point_pair(X, Y, ("X", "Y"))
    for name, rows in (("X", x), ("Y", y)):
        if len(rows) < 2:
            raise ValueError(f"{name} has one row, and a fold leaves none to train on: pass two or more, one a fold")
    if classifier is None:  # it standardises the rows
        refuse_out_of_range(x, y, ("X", "Y"))
    if not (isinstance(folds, (int, np.integer)) and 2 <= folds <= min(len(x), len(y))):
        raise ValueError(f"folds is {folds!r}: pass a whole number from 2 to {min(len(x), len(y))}, the smaller sample")
    seed = int(random_generator(random_state).integers(2**31))
    template = default_classifier(seed) if classifier is None else classifier
    if not hasattr(template, "predict_proba"):
        raise TypeError(
            f"classifier is {type(classifier).__name__}, without predict_proba: pass one with probabilities"
        )
    points, labels = np.concatenate([x, y]), np.repeat([1, 0], [len(x), len(y)])
    log_odds = np.empty(len(points))
    for train, held in StratifiedKFold(int(folds), shuffle=True, random_state=seed).split(points, labels):
        fitted = clone(template).fit(points[train], labels[train])
        with np.errstate(divide="ignore"):
            logs = np.log(fitted.predict_proba(points[held]))
        # The odds within the fold's training shares, taken to those of all.
        shares = np.bincount(labels[train])
        log_odds[held] = logs[:, 1] - logs[:, 0] - math.log(shares[1] / shares[0]) + math.log(len(x) / len(y))
    if not np.isfinite(log_odds).all():
        row = int(np.argmin(np.isfinite(log_odds)))
        raise ValueError(
            f"classifier: gives probability 0 or 1 to row {row} of the pooled samples, whose log ratio is infinite: "
            "calibrate it (sklearn.calibration.CalibratedClassifierCV), or regularise it more"
        )
    return log_odds, len(x), len(y)
