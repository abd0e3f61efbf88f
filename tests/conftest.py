"""Profiles of Hypothesis, one per tier of the tests."""

import os

from hypothesis import HealthCheck, settings

# The first example of a law compiles kernels, so no example has a deadline.
settings.register_profile("dev", deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.register_profile("deep", settings.get_profile("dev"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
