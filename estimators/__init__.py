"""Divergences with their uncertainty and certificates, and implicit models that are trained with them."""

from knn.lazy import lazy_exports

_HOMES = {
    "Certificate": "estimators.result",
    "Empirical": "estimators.measures",
    "Estimate": "estimators.result",
    "Gaussian": "estimators.measures",
    "Mixture": "estimators.measures",
    "NotConverged": "estimators.result",
    "Uniform": "estimators.measures",
    "chi_squared": "estimators.fdivergences.atoms",
    "compare": "estimators.comparison",
    "divergences": "estimators.comparison",
    "energy_distance": "estimators.kernel_distances",
    "f_divergence": "estimators.fdivergences.atoms",
    "gaussian_wasserstein": "estimators.transport",
    "grid": "estimators.measures",
    "hellinger": "estimators.fdivergences.atoms",
    "jsd": "estimators.fdivergences.atoms",
    "kl": "estimators.fdivergences.atoms",
    "kl_knn": "estimators.fdivergences.neighbours",
    "mmd": "estimators.kernel_distances",
    "mode_coverage": "estimators.coverage",
    "reverse_kl": "estimators.fdivergences.atoms",
    "ring": "estimators.measures",
    "total_variation": "estimators.fdivergences.atoms",
    "wasserstein": "estimators.transport",
    "GMMN": "estimators.models.moment_matching",
    "IMLE": "estimators.models.imle",
    "ImplicitModel": "estimators.training.implicit_model",
    "NonSaturatingGAN": "estimators.models.gans.non_saturating",
    "WassersteinGAN": "estimators.models.gans.wasserstein",
}
__all__ = list(_HOMES)
__getattr__, __dir__ = lazy_exports(__name__, _HOMES)
