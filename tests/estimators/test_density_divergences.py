"""f-divergences between densities: every route agrees within what it states, and what is infinite is infinite."""

import inspect
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators import (
    Empirical,
    Gaussian,
    Mixture,
    NotConverged,
    Product,
    PushForward,
    StudentT,
    Uniform,
    affine,
    chi_squared,
    divergences,
    f_divergence,
    hellinger,
    jsd,
    kl,
    reverse_kl,
    ring,
    total_variation,
)
from estimators.composed import exponential
from estimators.fdivergences.generators import Generator, generators

NAMES = ("kl", "reverse-kl", "jsd", "jsd-sum", "total-variation", "chi-squared", "squared-hellinger")
UNIT = np.finfo(float).eps / 2
TWO = Mixture([0.25, 0.75], [Gaussian(-3.0, 0.01), Gaussian(5.0, 2.0)])
PAIRS = {
    "gaussians": (Gaussian(0.0, 1.0), Gaussian(1.0, 1.5)),
    "near": (Gaussian(0.0, 1.0), Gaussian(1e-4, 1.0)),
    "far from the origin": (Gaussian(1e6, 1e-6), Gaussian(1e6 + 2.0**-10, 1.5e-6)),
    "narrow modes": (TWO, Gaussian(0.0, 20.0)),
    "box and gaussian": (Uniform(0.0, 1.0), Gaussian(0.5, 1.0)),
    "overlapping boxes": (Uniform(0.0, 1.0), Uniform(0.5, 2.5)),
    "cauchy": (StudentT(1.0), StudentT(1.0, 1.0, 2.0)),
    "heavy and light": (StudentT(3.0), Gaussian(0.0, 2.0)),
}


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("name", ["kl", "jsd", "total-variation", "chi-squared", "squared-hellinger"])
def test_quadrature_lies_in_the_interval_that_it_states_about_the_enclosure(name, pair):
    P, Q = PAIRS[pair]
    if (name, pair) == ("chi-squared", "cauchy"):
        with pytest.raises(ValueError, match="method='quadrature'"):
            f_divergence(P, Q, name, method="enclosure")
        return
    proved = f_divergence(P, Q, name, method="enclosure")
    found = f_divergence(P, Q, name, method="quadrature")
    if math.isinf(proved.value):
        assert found.value == math.inf
        return
    assert found.interval[0] <= proved.certificate.upper
    assert proved.certificate.lower <= found.interval[1]
    # Twice what is asked of the rule, and of near laws the noise of two log densities of a common scale. At 10⁹ widths
    # from the origin a place is a float to 10⁻⁷ of the width, and 64 such roundings are stated, on either side.
    width = 1e-4 * found.value if pair == "far from the origin" else 1e-9 * found.value + 1e-12
    assert found.interval[1] - found.interval[0] <= width
    # Bits are added until the width is 1e-13 of the value or 1e-16; then each end moves out by one float.
    assert proved.certificate.gap <= (1e-13 + 4 * UNIT) * proved.certificate.upper + 1e-16
    automatic = f_divergence(P, Q, name)
    # A closed form is right to 16 roundings relatively to 1 + itself, as it says.
    reach = 16 * UNIT * (1 + automatic.value)
    low, high = automatic.interval or (automatic.value - reach, automatic.value + reach)
    assert low <= proved.certificate.upper
    assert proved.certificate.lower <= high


def test_no_place_of_the_laws_widens_an_enclosure_and_near_mixtures_are_enclosed_all_the_same():
    P, Q = Gaussian(0.0, 1.0), Mixture([0.5, 0.5], [Gaussian(0.5, 1.0), StudentT(3.0)])
    for name in ("kl", "jsd", "total-variation", "squared-hellinger"):
        near = f_divergence(P, Q, name, method="enclosure").certificate
        # The places are floats, so that both pairs are the same but for a shift.
        far = f_divergence(
            Gaussian(2.0**30, 1.0), Mixture([0.5, 0.5], [Gaussian(2.0**30 + 0.5, 1.0), StudentT(3.0, 2.0**30)]), name,
            method="enclosure",
        ).certificate  # fmt: skip
        assert near.lower <= far.upper
        assert far.lower <= near.upper
        for found in (near, far):
            assert found.gap <= (1e-13 + 4 * UNIT) * found.upper + 1e-16
    # Total variation of mixtures a hair apart, Φ's density at 0 times their distance: wide, as documented, but proved.
    two = [Mixture([0.5, 0.5], [Gaussian(d, 1.0), Gaussian(d, 1.0)]) for d in (0.0, 2.0**-6)]
    proved = total_variation(*two, method="enclosure").certificate
    truth = math.erf(2.0**-7 / math.sqrt(2))
    assert proved.lower <= truth * (1 + 2 * UNIT)
    assert truth * (1 - 2 * UNIT) <= proved.upper


def test_what_is_infinite_is_infinite_and_what_is_finite_is_not():
    wide, box = Gaussian(0.0, 2.0), Uniform()
    assert kl(wide, box).value == reverse_kl(box, wide).value == chi_squared(wide, box).value == math.inf
    assert math.isfinite(kl(box, wide).value)
    assert kl(StudentT(2.0), wide).value == math.inf
    assert math.isfinite(kl(StudentT(2.5), wide).value)
    assert reverse_kl(wide, StudentT(1.5)).value == math.inf
    assert chi_squared(wide, Gaussian(0.0, 1.0)).value == math.inf
    assert chi_squared(wide, Mixture([0.5, 0.5], [Gaussian(0.0, 1.0), Gaussian(3.0, 0.5)])).value == math.inf
    assert chi_squared(Gaussian(0.0, 1.9), Gaussian(0.0, 1.0)).value == pytest.approx(
        chi_squared(Gaussian(0.0, 1.9), Gaussian(0.0, 1.0), method="enclosure").value, rel=1e-12
    )
    assert total_variation(Uniform(0, 1), Uniform(2, 3)).value == 1.0
    assert jsd(Uniform(0, 1), Uniform(2, 3)).value == math.log(2)
    assert chi_squared(Gaussian([0.0, 0.0], [1.0, 5.0]), Gaussian([0.0, 0.0], [1.0, 2.0])).value == math.inf


def test_cauchy_has_its_closed_form():
    """KL of Cauchy laws: log(((s+t)² + (m−n)²)/(4st)). Source: Chyzak & Nielsen 2019."""
    for m, s, t in ((1.0, 1.0, 1.0), (2.0, 0.5, 3.0)):
        truth = math.log(((s + t) ** 2 + m**2) / (4 * s * t))
        proved = kl(StudentT(1.0, 0.0, s), StudentT(1.0, m, t), method="enclosure")
        assert proved.certificate.lower * (1 - 4 * UNIT) <= truth <= proved.certificate.upper * (1 + 4 * UNIT)


@settings(max_examples=10)
@given(
    st.floats(-3, 3), st.floats(0.2, 3), st.floats(-3, 3), st.floats(0.2, 3),
    st.sampled_from(["kl", "squared-hellinger"]),
)  # fmt: skip
def test_drawn_gaussians_agree_with_quadrature(m, v, n, w, name):
    P, Q = Gaussian(m, v), Gaussian(n, w)
    found = f_divergence(P, Q, name, method="quadrature")
    # The closed form's own roundings, of terms of size m²/w.
    slack = 64 * UNIT * (1 + found.value)
    assert (
        found.interval[0] - slack <= f_divergence(P, Q, name, method="closed form").value <= found.interval[1] + slack
    )


@pytest.mark.parametrize("name", ["kl", "jsd", "chi-squared", "squared-hellinger", "total-variation"])
def test_the_plane_agrees_with_monte_carlo_and_with_closed_forms(name):
    P = Gaussian([0.0, 0.0], [[1.0, 0.3], [0.3, 0.8]])
    Q = Gaussian([0.5, -0.2], [[1.2, -0.1], [-0.1, 1.0]])
    plane = f_divergence(P, Q, name, method="quadrature", tolerance=1e-4 if name == "total-variation" else 1e-7)
    drawn = f_divergence(P, Q, name, method="monte carlo", n_draws=40_000)
    # Six standard errors: one failure in 10⁹ seeds, and the seed is fixed.
    assert abs(plane.value - drawn.value) <= 6 * drawn.stderr
    if name in ("kl", "chi-squared", "squared-hellinger"):
        exact = f_divergence(P, Q, name, method="closed form").value
        assert plane.interval[0] <= exact <= plane.interval[1]


def test_products_and_images_know_their_truth():
    P, Q = Gaussian([0.0, 1.0], [1.0, 2.0]), Gaussian([1.0, 0.0], [2.0, 3.0])
    split = [Product([Gaussian(m, v) for m, v in zip(law.mean, np.diag(law.cov), strict=True)]) for law in (P, Q)]
    for f in (kl, reverse_kl, chi_squared, hellinger):
        assert f(*split).value == pytest.approx(f(P, Q).value, rel=64 * UNIT)
    map_ = affine([[2.0, 1.0], [0.0, 3.0]], [5.0, -1.0])
    images = [PushForward(law, map_) for law in (P, Q)]
    assert jsd(*images, method="quadrature", tolerance=1e-6).value == pytest.approx(
        jsd(P, Q, method="quadrature", tolerance=1e-6).value, rel=1e-5
    )
    assert kl(*images).value == kl(P, Q).value
    x = P.sample(5, 0)
    direct = Gaussian(images[0].mean, images[0].cov)
    np.testing.assert_allclose(images[0].logpdf(map_.forward(x)), direct.logpdf(map_.forward(x)), rtol=1e-12)
    assert images[0].entropy == pytest.approx(direct.entropy, rel=16 * UNIT)
    assert split[0].entropy == pytest.approx(P.entropy, rel=16 * UNIT)
    # Log-normal: another map object, so that nothing is simplified, and the quadrature sees both densities.
    normal = PushForward(Gaussian(0.0, 1.0), exponential()), PushForward(Gaussian(0.5, 2.0), exponential())
    found = kl(*normal)
    assert found.interval[0] <= kl(Gaussian(0.0, 1.0), Gaussian(0.5, 2.0)).value <= found.interval[1]


def test_student_knows_its_moments_and_its_entropy():
    import scipy.stats

    law = StudentT(5.0, 1.0, 2.0)
    truth = scipy.stats.t(5.0, 1.0, 2.0)
    x = np.linspace(-20, 20, 41)
    np.testing.assert_allclose(law.logpdf(x), truth.logpdf(x), rtol=1e-13)
    assert law.entropy == pytest.approx(truth.entropy(), rel=1e-12)
    assert law.cov[0, 0] == pytest.approx(truth.var(), rel=4 * UNIT)
    assert law.mean.tolist() == [1.0]
    with pytest.raises(ValueError, match="no variance: it needs df > 2"):
        _ = StudentT(2.0).cov
    with pytest.raises(ValueError, match="no mean"):
        _ = StudentT(1.0).mean
    with pytest.raises(ValueError, match="df is 0"):
        StudentT(0)
    share = (law.sample(20_000, 0) > 3.0).mean()
    assert abs(share - truth.sf(3.0)) <= 6 * math.sqrt(truth.sf(3.0) / 20_000)


def test_forgetting_a_coordinate_increases_nothing():
    """Data processing: a marginal of a mixture in the plane is one on the line, and nearer."""
    for name in NAMES:
        if name in ("chi-squared", "total-variation"):
            continue
        P, Q = Gaussian([0.0, 0.5], [1.0, 2.0]), Gaussian([1.0, 0.0], [1.5, 2.5])
        plane = f_divergence(P, Q, name, method="quadrature", tolerance=1e-6)
        line = f_divergence(Gaussian(0.0, 1.0), Gaussian(1.0, 1.5), name)
        assert line.value <= plane.interval[1]


@pytest.mark.parametrize("name", NAMES)
def test_equal_densities_are_at_0_and_symmetry_is_kept(name):
    assert f_divergence(TWO, TWO, name, method="quadrature").value == 0
    P, Q = PAIRS["box and gaussian"]
    if name in ("jsd", "total-variation", "squared-hellinger"):
        one, other = f_divergence(P, Q, name), f_divergence(Q, P, name)
        assert one.interval[0] <= other.interval[1]
        assert other.interval[0] <= one.interval[1]


def test_monte_carlo_in_ten_dimensions_holds_the_truth_and_refuses_what_has_no_variance():
    P, Q = Gaussian(np.zeros(10), 1.0), Gaussian(np.full(10, 0.3), 1.0)
    drawn = kl(P, Q, method="monte carlo", n_draws=20_000)
    assert abs(drawn.value - 0.45) <= 6 * drawn.stderr
    assert kl(P, Q).method == "closed form"
    assert kl(P, Q, base=2, method="monte carlo", n_draws=20_000).stderr == pytest.approx(drawn.stderr / math.log(2))
    mixture = Mixture([1.0], [P])
    assert jsd(mixture, Q, n_draws=2000).method == "Monte Carlo, 2000 draws"
    with pytest.raises(NotConverged, match="too slowly to have a variance"):
        chi_squared(Mixture([1.0], [Gaussian(np.zeros(10), 1.9)]), P, n_draws=20_000)


def test_a_generator_of_ones_own_is_integrated():
    """The hockey-stick divergence E_γ, whose kink is at t = 2: TV-like, on two boxes."""
    stick = Generator("hockey-stick", lambda t: np.maximum(t - 2, 0.0), 0.0, 1.0)
    assert f_divergence(Uniform(0, 1), Uniform(0, 4), stick).value == pytest.approx(0.5, rel=4 * UNIT)
    found = f_divergence(Gaussian(), Gaussian(0.0, 16.0), stick, tolerance=1e-7)
    from scipy.stats import norm

    edge = math.sqrt(math.log(2) * 2 / (1 - 1 / 16))  # where the ratio, 4·exp(−x²(1 − 1/16)/2), is 2
    truth = (2 * norm.cdf(edge) - 1) - 2 * (2 * norm.cdf(edge / 4) - 1)
    assert found.interval[0] <= truth <= found.interval[1]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: kl(Gaussian(), Gaussian([0.0, 0.0])), ValueError, "P has dimension 1 and Q has 2"),
        (lambda: kl(Gaussian(), Empirical([0.0])), TypeError, "Q is Empirical where P is a density"),
        (lambda: kl(Gaussian(), Gaussian(), method="guess"), ValueError, "method is 'guess'"),
        (lambda: kl(Empirical([0.0]), Empirical([0.0]), method="quadrature"), TypeError, "these are for densities"),
        (lambda: kl(Empirical([0.0]), Empirical([0.0]), random_state=1), TypeError, "random_state: between atoms"),
        (lambda: kl(Gaussian(), Gaussian(), foo=1), TypeError, "unexpected keyword argument 'foo'"),
        (lambda: jsd(TWO, Gaussian(), method="closed form"), ValueError, "no closed form"),
        (lambda: kl(ring(), ring(7), method="enclosure"), ValueError, "method='quadrature'"),
        (lambda: kl(Gaussian(), TWO, method="enclosure", bits=10), ValueError, "bits is 10"),
        (lambda: kl(Gaussian(), TWO, tolerance=0), ValueError, "tolerance is 0"),
        (lambda: kl(Gaussian(), TWO, method="monte carlo", n_draws=10), ValueError, "n_draws is 10"),
        (lambda: kl(Gaussian(np.zeros(3)), Gaussian(np.ones(3)), method="quadrature"), ValueError, "1 or 2 dimensions"),
        (lambda: affine([[1.0, 1.0], [1.0, 1.0]]), ValueError, "singular"),
        (lambda: Product([]), ValueError, "factors is empty"),
    ],
)
def test_what_cannot_be_computed_says_what_to_do(call, error, message):
    with pytest.raises(error, match=message):
        call()
    assert generators["kl"].name == "kl"


@pytest.mark.parametrize("name", ["kl", "reverse-kl", "jsd", "total-variation", "chi-squared", "hellinger"])
def test_every_divergence_of_densities_names_the_numbers_of_its_methods(name):
    function = divergences[name].function
    options = inspect.signature(function).parameters
    numbers = ("method", "tolerance", "bits", "n_draws", "random_state")
    assert [options[one].kind for one in numbers] == [inspect.Parameter.KEYWORD_ONLY] * 5
    assert all(one.kind is not inspect.Parameter.VAR_KEYWORD for one in options.values())
    assert all(f"`{one}`" in function.__doc__ for one in numbers)
    laws = Gaussian(), Gaussian(0.25)
    drawn = [function(*laws, method="monte carlo", n_draws=9000, random_state=seed).value for seed in (0, 1)]
    assert drawn[0] != drawn[1]
    assert function(*laws, method="monte carlo", n_draws=9000).value == drawn[0]
    assert function(*laws, method="quadrature", tolerance=1e-3).method.startswith("adaptive")
    assert function(*laws, method="enclosure", bits=80).method.startswith("Arb, 80 bits")
