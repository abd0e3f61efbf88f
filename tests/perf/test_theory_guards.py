"""Guards: how long verification takes, with the answers asserted."""

import time

import pytest

from theory.exact import Q, minimise
from theory.verify import verify_claim

pytestmark = pytest.mark.perf


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("claim", ["m-of-n-lemma", "m-of-n-sharp", "gan-value-jsd", "imle-theorem-sign"])
def test_a_claim_is_verified_in_time(benchmark, claim):
    report = benchmark.pedantic(verify_claim, args=(claim,), kwargs={"resolution_budget": 0}, rounds=3, warmup_rounds=1)
    assert report.verified
    # Seconds of the processor. These take at most 1.6: only a change of order turns this red.
    assert benchmark.stats.stats.median < 10


def test_an_exact_transport_program_of_25_variables_is_proved_in_time(benchmark):
    k = 5
    rows = [([int(a == i) for a in range(k) for _ in range(k)], Q(1, k)) for i in range(k)]
    rows += [([int(b == j) for _ in range(k) for b in range(k)], Q(j + 1, 15)) for j in range(k)]
    costs = [abs(i - j) for i in range(k) for j in range(k)]
    found = benchmark(minimise, costs, rows)
    # The area between the cdfs (i + 1)/5 and (i + 1)(i + 2)/30.
    assert found.value == sum((Q(i + 1, 5) - Q((i + 1) * (i + 2), 30) for i in range(k)), Q(0))
    assert benchmark.stats.stats.median < 1
