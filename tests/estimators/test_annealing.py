"""Annealed importance sampling against a linear decoder, whose likelihood is a Gaussian's."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="without [models] there is no decoder to grade")

from estimators import (  # noqa: E402 (torch first: without it there is nothing to import)
    Annealing,
    Gaussian,
    GaussianObservation,
    NotConverged,
    annealed_importance,
    bidirectional_annealing,
)

RNG = np.random.default_rng(0)
SLOPE, SHIFT, SCALE = RNG.normal(size=(6, 2)), RNG.normal(size=6), 0.5
LAW = Gaussian(SHIFT, SLOPE @ SLOPE.T + SCALE**2 * np.eye(6))
X = LAW.sample(12, random_state=1)


def linear(z):
    return z @ torch.as_tensor(SLOPE, dtype=z.dtype).T + torch.as_tensor(SHIFT, dtype=z.dtype)


OBSERVATION = GaussianObservation(linear, SCALE)


def annealed(x=X, **settings):
    seed = settings.pop("random_state", 0)
    return annealed_importance(OBSERVATION, x, latent_dim=2, annealing=Annealing(**settings), random_state=seed)


def test_the_observation_is_a_normal_law_about_the_decoder():
    z = torch.as_tensor(RNG.normal(size=(5, 2)))
    x = OBSERVATION.sample(z, torch.Generator().manual_seed(0))
    for row in range(5):
        law = Gaussian(linear(z).numpy()[row], SCALE**2)
        assert float(OBSERVATION(z, x)[row]) == pytest.approx(law.logpdf(x.numpy()[row : row + 1])[0], rel=1e-12)


def test_long_chains_come_to_the_likelihood_and_short_ones_stay_below():
    truth = LAW.logpdf(X)
    long, short = annealed(n_temperatures=150), annealed(n_temperatures=3, n_chains=2)
    # A bound by C chains whose log weights spread by s is off by some s/√C: 0.3 is six of them here.
    assert np.abs(long.rows - truth).max() < 0.3
    assert short.value < truth.mean() - 0.5
    assert long.interval[0] < truth.mean() < long.interval[1] == math.inf
    assert "lower bound" in long.method
    assert 0.5 < long.acceptance < 0.9
    assert 1 <= short.effective_chains <= 2
    assert long.stderr == pytest.approx(long.rows.std(ddof=1) / 12**0.5, rel=1e-12)


def test_the_weights_have_the_likelihood_as_their_mean():
    """Mean of ŵ/p over 400 draws of the chains, one chain each: 1, within five standard errors."""
    row = np.repeat(X[:1], 400, axis=0)
    ratios = np.exp(annealed(row, n_temperatures=20, n_chains=1).rows - LAW.logpdf(X[:1]))
    assert abs(ratios.mean() - 1) <= 5 * ratios.std() / 20


def test_simulated_rows_are_bracketed():
    found = bidirectional_annealing(OBSERVATION, 20, latent_dim=2, annealing=Annealing(n_temperatures=60))
    short = bidirectional_annealing(OBSERVATION, 20, latent_dim=2, annealing=Annealing(4, 4, 3), random_state=3)
    assert found.lower.value - 0.15 <= found.upper.value
    assert short.lower.value < short.upper.value - 0.3
    for bracket in (found, short):
        # The mean log density of a law over its own 20 rows: its entropy, within five standard errors √(d/2n).
        assert bracket.interval[0] - 2 <= -LAW.entropy <= bracket.interval[1] + 2
        assert bracket.interval[0] <= bracket.lower.value
        assert bracket.upper.value <= bracket.interval[1]
    assert "upper bound" in found.upper.method


def test_the_bracket_holds_the_truth_of_the_simulated_rows():
    """40 brackets at 95 %: fewer than 33 hits would have probability 0.003, and the interval is wider than it says."""
    hits = 0
    for seed in range(40):
        kept = []

        class Kept(GaussianObservation):
            def sample(self, z, rng, kept=kept):
                kept.append(super().sample(z, rng))
                return kept[0]

        found = bidirectional_annealing(
            Kept(linear, SCALE), 8, latent_dim=2, annealing=Annealing(4, 10, 3), random_state=seed
        )
        hits += found.interval[0] <= LAW.logpdf(kept[0].numpy()).mean() <= found.interval[1]
    assert hits >= 33


def test_the_same_seed_gives_the_same_bound_and_leaves_the_global_generator_alone():
    before = torch.random.get_rng_state()
    one, other = annealed(n_temperatures=5), annealed(n_temperatures=5)
    assert (one == other, one.rows.tolist()) == (True, other.rows.tolist())
    assert annealed(n_temperatures=5, random_state=1).value != one.value
    assert torch.equal(before, torch.random.get_rng_state())


def test_float32_decoders_serve():
    found = annealed_importance(
        OBSERVATION, X, latent_dim=2, annealing=Annealing(n_temperatures=50), dtype=torch.float32
    )
    assert np.abs(found.rows - LAW.logpdf(X)).max() < 0.6


def test_progress_counts_every_temperature():
    told = []
    annealed_importance(
        OBSERVATION, X, latent_dim=2, annealing=Annealing(2, 4, 2), progress=lambda done, of: told.append((done, of))
    )
    assert told == [(i + 1, 8) for i in range(8)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"latent_dim": 0}, "latent_dim is 0"),
        ({"annealing": Annealing(n_chains=0)}, "n_chains is 0"),
        ({"annealing": Annealing(n_temperatures=1.5)}, "n_temperatures is 1.5"),
        ({"annealing": Annealing(step_size=-1.0)}, "step_size is -1.0"),
        ({"test": np.full((2, 6), np.nan)}, "test: row 0 is not finite"),
        ({"log_likelihood": lambda z, _: z.sum(dim=1) * math.nan}, "not finite for row 0"),
        ({"log_likelihood": lambda z, x: x + z.sum()}, "gave shape"),
    ],
)
def test_bad_input_is_refused(changes, message):
    given = {"log_likelihood": OBSERVATION, "test": X, "latent_dim": 2} | changes
    with pytest.raises(ValueError, match=message):
        annealed_importance(given.pop("log_likelihood"), given.pop("test"), **given)


def test_a_bracket_needs_two_rows_and_noise_a_scale():
    with pytest.raises(ValueError, match="n_rows is 1"):
        bidirectional_annealing(OBSERVATION, 1, latent_dim=2)
    with pytest.raises(ValueError, match="scale is 0"):
        GaussianObservation(linear, 0)


def test_bounds_say_on_which_side_they_are_and_crossed_ones_are_no_interval():
    found = bidirectional_annealing(OBSERVATION, 4, latent_dim=2, annealing=Annealing(2, 4, 2))
    assert (str(found.lower)[0], str(found.upper)[0]) == ("≥", "≤")

    class Shifted(GaussianObservation):
        """Draws along the decoder's own range, from elsewhere than its density: the latent is no posterior's."""

        def sample(self, z, rng):
            return super().sample(z, rng) + 10 * torch.as_tensor(SLOPE[:, 0])

    # Few short steps, so that the backward chains do not forget where they wrongly began.
    with pytest.raises(NotConverged, match=r"make log_likelihood\.sample draw") as caught:
        bidirectional_annealing(Shifted(linear, SCALE), 100, latent_dim=2, annealing=Annealing(16, 10, 1, 0.05))
    assert not caught.value.partial.converged
