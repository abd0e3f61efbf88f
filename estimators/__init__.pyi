# Written by `python -m reports.stubs` from the table in __init__.py; do not edit.
from estimators.annealing import Annealing as Annealing
from estimators.annealing import GaussianObservation as GaussianObservation
from estimators.annealing import annealed_importance as annealed_importance
from estimators.annealing import bidirectional_annealing as bidirectional_annealing
from estimators.classifier_test import classifier_two_sample_test as classifier_two_sample_test
from estimators.comparison import compare as compare
from estimators.comparison import divergences as divergences
from estimators.composed import Product as Product
from estimators.composed import PushForward as PushForward
from estimators.composed import affine as affine
from estimators.cramer import cramer_distance as cramer_distance
from estimators.entropic_surrogate import entropic_bound as entropic_bound
from estimators.entropic_surrogate import gaussian_entropic_bound as gaussian_entropic_bound
from estimators.fdivergences.atoms import chi_squared as chi_squared
from estimators.fdivergences.atoms import f_divergence as f_divergence
from estimators.fdivergences.atoms import hellinger as hellinger
from estimators.fdivergences.atoms import jsd as jsd
from estimators.fdivergences.atoms import kl as kl
from estimators.fdivergences.atoms import reverse_kl as reverse_kl
from estimators.fdivergences.atoms import total_variation as total_variation
from estimators.fdivergences.classifier import jsd_classifier as jsd_classifier
from estimators.fdivergences.classifier import kl_classifier as kl_classifier
from estimators.fdivergences.distribution_functions import kl_cdf as kl_cdf
from estimators.fdivergences.neighbours import jsd_knn as jsd_knn
from estimators.fdivergences.neighbours import kl_knn as kl_knn
from estimators.fdivergences.variational import f_lower_bound as f_lower_bound
from estimators.frechet import frechet_distance as frechet_distance
from estimators.kernel_blocks import block_mmd as block_mmd
from estimators.kernel_distances import energy_distance as energy_distance
from estimators.kernel_distances import mmd as mmd
from estimators.kernel_inception import kernel_inception_distance as kernel_inception_distance
from estimators.manifolds import coverage as coverage
from estimators.manifolds import density as density
from estimators.manifolds import precision as precision
from estimators.manifolds import recall as recall
from estimators.measures import Empirical as Empirical
from estimators.measures import Gaussian as Gaussian
from estimators.measures import Mixture as Mixture
from estimators.measures import Uniform as Uniform
from estimators.measures import grid as grid
from estimators.measures import rare_modes as rare_modes
from estimators.measures import ring as ring
from estimators.memorisation import TestedEstimate as TestedEstimate
from estimators.memorisation import data_copying as data_copying
from estimators.memorisation import memorisation_test as memorisation_test
from estimators.models.adaptive_imle import AdaptiveIMLE as AdaptiveIMLE
from estimators.models.conditional_imle import ConditionalIMLE as ConditionalIMLE
from estimators.models.entropic_gan import EntropicGAN as EntropicGAN
from estimators.models.explicit.autoregressive_flow import AutoregressiveFlow as AutoregressiveFlow
from estimators.models.explicit.ddpm import DDPM as DDPM
from estimators.models.explicit.gaussian import GaussianModel as GaussianModel
from estimators.models.explicit.gaussian_mixture import GaussianMixtureModel as GaussianMixtureModel
from estimators.models.explicit.made import MADE as MADE
from estimators.models.explicit.monte_carlo_em import MonteCarloEM as MonteCarloEM
from estimators.models.explicit.nade import NADE as NADE
from estimators.models.explicit.nice import NICE as NICE
from estimators.models.explicit.realnvp import RealNVP as RealNVP
from estimators.models.explicit.triangular_flow import TriangularFlow as TriangularFlow
from estimators.models.explicit.vae import VAE as VAE
from estimators.models.gans.clipped_wasserstein import ClippedWassersteinGAN as ClippedWassersteinGAN
from estimators.models.gans.conditional import ConditionalGAN as ConditionalGAN
from estimators.models.gans.cramer import CramerGAN as CramerGAN
from estimators.models.gans.f_divergence import FGAN as FGAN
from estimators.models.gans.metropolis_hastings import MetropolisHastingsGAN as MetropolisHastingsGAN
from estimators.models.gans.minimax import MinimaxGAN as MinimaxGAN
from estimators.models.gans.mmd import MMDGAN as MMDGAN
from estimators.models.gans.non_saturating import NonSaturatingGAN as NonSaturatingGAN
from estimators.models.gans.optimal_transport import OTGAN as OTGAN
from estimators.models.gans.sobolev import SobolevGAN as SobolevGAN
from estimators.models.gans.stein import SteinGAN as SteinGAN
from estimators.models.gans.total_variation import TotalVariationGAN as TotalVariationGAN
from estimators.models.gans.wasserstein import WassersteinGAN as WassersteinGAN
from estimators.models.glo import GLO as GLO
from estimators.models.imle import IMLE as IMLE
from estimators.models.kernel_density import KernelDensityGAN as KernelDensityGAN
from estimators.models.moment_matching import GMMN as GMMN
from estimators.models.nearest_datum import NearestNeighbourGAN as NearestNeighbourGAN
from estimators.models.regression import Regression as Regression
from estimators.models.rejection_sampling_imle import RejectionSamplingIMLE as RejectionSamplingIMLE
from estimators.models.sinkhorn import SinkhornGAN as SinkhornGAN
from estimators.models.wae import WAE as WAE
from estimators.models.weighted_imle import WeightedIMLE as WeightedIMLE
from estimators.modes import ModeCoverage as ModeCoverage
from estimators.modes import mode_coverage as mode_coverage
from estimators.parzen import ParzenEstimate as ParzenEstimate
from estimators.parzen import parzen_log_densities as parzen_log_densities
from estimators.parzen import parzen_log_likelihood as parzen_log_likelihood
from estimators.prd import precision_recall_curve as precision_recall_curve
from estimators.reach import precision_within as precision_within
from estimators.reach import recall_within as recall_within
from estimators.resampling import bootstrap as bootstrap
from estimators.resampling import jackknife as jackknife
from estimators.result import Certificate as Certificate
from estimators.result import Estimate as Estimate
from estimators.result import NotConverged as NotConverged
from estimators.scoring import scores as scores
from estimators.sinkhorn import entropic_transport as entropic_transport
from estimators.sinkhorn import sinkhorn_divergence as sinkhorn_divergence
from estimators.sliced import max_sliced_wasserstein as max_sliced_wasserstein
from estimators.sliced import sliced_wasserstein as sliced_wasserstein
from estimators.student import StudentT as StudentT
from estimators.training.callbacks import Callback as Callback
from estimators.training.callbacks import Checkpoint as Checkpoint
from estimators.training.callbacks import Progress as Progress
from estimators.training.checkpoint import CheckpointError as CheckpointError
from estimators.training.conditional import ConditionalModel as ConditionalModel
from estimators.training.early_stop import EarlyStop as EarlyStop
from estimators.training.explicit_model import ExplicitModel as ExplicitModel
from estimators.training.implicit_model import ImplicitModel as ImplicitModel
from estimators.training.loop import Diverged as Diverged
from estimators.training.stacked import StackedSeeds as StackedSeeds
from estimators.training.tensorboard import TensorBoard as TensorBoard
from estimators.transport import wasserstein as wasserstein
from estimators.transport_gaussian import gaussian_wasserstein as gaussian_wasserstein
from estimators.two_sample import TwoSampleTest as TwoSampleTest
from estimators.two_sample import holm as holm
from estimators.two_sample import rejections as rejections
from estimators.two_sample import two_sample_test as two_sample_test
from estimators.unbalanced import unbalanced_transport as unbalanced_transport

__all__ = [
    "DDPM",
    "FGAN",
    "GLO",
    "GMMN",
    "IMLE",
    "MADE",
    "MMDGAN",
    "NADE",
    "NICE",
    "OTGAN",
    "VAE",
    "WAE",
    "AdaptiveIMLE",
    "Annealing",
    "AutoregressiveFlow",
    "Callback",
    "Certificate",
    "Checkpoint",
    "CheckpointError",
    "ClippedWassersteinGAN",
    "ConditionalGAN",
    "ConditionalIMLE",
    "ConditionalModel",
    "CramerGAN",
    "Diverged",
    "EarlyStop",
    "Empirical",
    "EntropicGAN",
    "Estimate",
    "ExplicitModel",
    "Gaussian",
    "GaussianMixtureModel",
    "GaussianModel",
    "GaussianObservation",
    "ImplicitModel",
    "KernelDensityGAN",
    "MetropolisHastingsGAN",
    "MinimaxGAN",
    "Mixture",
    "ModeCoverage",
    "MonteCarloEM",
    "NearestNeighbourGAN",
    "NonSaturatingGAN",
    "NotConverged",
    "ParzenEstimate",
    "Product",
    "Progress",
    "PushForward",
    "RealNVP",
    "Regression",
    "RejectionSamplingIMLE",
    "SinkhornGAN",
    "SobolevGAN",
    "StackedSeeds",
    "SteinGAN",
    "StudentT",
    "TensorBoard",
    "TestedEstimate",
    "TotalVariationGAN",
    "TriangularFlow",
    "TwoSampleTest",
    "Uniform",
    "WassersteinGAN",
    "WeightedIMLE",
    "affine",
    "annealed_importance",
    "bidirectional_annealing",
    "block_mmd",
    "bootstrap",
    "chi_squared",
    "classifier_two_sample_test",
    "compare",
    "coverage",
    "cramer_distance",
    "data_copying",
    "density",
    "divergences",
    "energy_distance",
    "entropic_bound",
    "entropic_transport",
    "f_divergence",
    "f_lower_bound",
    "frechet_distance",
    "gaussian_entropic_bound",
    "gaussian_wasserstein",
    "grid",
    "hellinger",
    "holm",
    "jackknife",
    "jsd",
    "jsd_classifier",
    "jsd_knn",
    "kernel_inception_distance",
    "kl",
    "kl_cdf",
    "kl_classifier",
    "kl_knn",
    "max_sliced_wasserstein",
    "memorisation_test",
    "mmd",
    "mode_coverage",
    "parzen_log_densities",
    "parzen_log_likelihood",
    "precision",
    "precision_recall_curve",
    "precision_within",
    "rare_modes",
    "recall",
    "recall_within",
    "rejections",
    "reverse_kl",
    "ring",
    "scores",
    "sinkhorn_divergence",
    "sliced_wasserstein",
    "total_variation",
    "two_sample_test",
    "unbalanced_transport",
    "wasserstein",
]
