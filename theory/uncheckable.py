"""Statements of the decks that are cited and not tested, each with the reason, so that coverage is auditable."""

from __future__ import annotations

from dataclasses import dataclass

from theory.sources import BALAJI, BRUNA, TALK, YU, Place


@dataclass(frozen=True)
class Uncheckable:
    """A statement that no run could confirm or refute; `nearest` names the claim that tests what can be tested."""

    name: str
    says: str
    where: tuple[Place, ...]
    reason: str
    nearest: str = ""


UNCHECKABLE = (
    Uncheckable(
        "pure-equilibrium-np-hard",
        "Finding a pure-strategy equilibrium is NP-hard",
        (TALK.slide("Problems of GANs"),),
        "A worst-case complexity statement about a class of succinctly given games; no instance decides it.",
        nearest="gan-no-pure-equilibrium",
    ),
    Uncheckable(
        "slow-convergence",
        "Convergence could be slow",
        (TALK.slide("Problems of GANs"),),
        "No rate, no problem and no method is named.",
        nearest="gda-bilinear",
    ),
    Uncheckable(
        "lsh-asymptotic-query-time",
        "The asymptotic query time of locality-sensitive hashing",
        (TALK.slide("The Curse of Dimensionality"),),
        "An asymptotic bound over all families; one concrete family is tested instead.",
        nearest="lsh-exponent",
    ),
    Uncheckable(
        "minsky-papert-conjecture",
        "Minsky and Papert's conjecture on exact nearest neighbours in high dimension",
        (TALK.slide("History"),),
        "A conjecture about all algorithms.",
    ),
    Uncheckable(
        "parzen-log-likelihood-tables",
        "The printed tables of Parzen-window log-likelihoods",
        (TALK.slide("Results"),),
        "Results of training runs whose code, seeds and data splits are not given.",
        nearest="parzen-loglik-bias",
    ),
    Uncheckable(
        "pixelrnn-likelihood-table",
        "The PixelRNN table of bits per dimension, its uniform row excepted",
        (BRUNA.slide("Pixel Recurrent Networks"),),
        "Results of training runs; the one row that is arithmetic is a claim.",
        nearest="uniform-bits-per-dim",
    ),
    Uncheckable(
        "dci-timing-plots",
        "The timing plots of Dynamic Continuous Indexing",
        (TALK.slide("Experiments"),),
        "Times of another implementation on another machine; this project's own are measured in its reports.",
        nearest="dci-visit-exponents",
    ),
    Uncheckable(
        "entropic-gan-table",
        "The table of sample likelihoods of entropic GANs",
        (BALAJI.slide("Exact and surrogate log-likelihood"),),
        "The numbers are absent from the extracted text.",
        nearest="entropic-lower-bound",
    ),
    Uncheckable(
        "quality-correlates-with-likelihood",
        "Sample quality used to correlate with likelihood",
        (TALK.slide("A Better Way"),),
        "A remark on the history of a field; neither quantity is defined.",
        nearest="precision-recall",
    ),
    Uncheckable(
        "diffusion-cursed",
        "Diffusion is cursed by the dimensionality",
        (BRUNA.slide("Diffusion and Non-equilibrium Thermodynamics"),),
        "No quantity is named that would grow with the dimension.",
        nearest="diffusion-elbo",
    ),
    Uncheckable(
        "sobolev-stein-class",
        "The function classes of Sobolev and Stein GANs",
        (YU.slide("More GANs through IPM"),),
        "A list of memberships whose norms are not given; “differential functions” is read as “differentiable”.",
        nearest="ipm-needs-bounded-class",
    ),
    Uncheckable(
        "annealed-importance-sampling",
        "Annealed importance sampling is an efficient estimate of the likelihood",
        (BRUNA.slide("Diffusion and Non-equilibrium Thermodynamics"),),
        "Efficiency is stated without a bound, a model or a schedule.",
    ),
    Uncheckable(
        "slow-features-and-analogies",
        "Remarks on slow features and on analogies between word vectors",
        (BRUNA.slide("Video Prediction"), BRUNA.slide("Word2vec")),
        "Illustrations without a stated proposition.",
        nearest="sgns-pmi",
    ),
)
