"""asv: what verifying the claims costs, and how many are verified, over commits."""

from theory.verify import reports, verify_claim

#: Rationals, linear programs, balls, integrals, sampling, and the project's own estimators: a process starts for each.
TOPICS = ("events", "optimal-transport", "jensen-shannon", "imle-theorem", "order-inversion", "energy")
#: Too few repetitions for a quiet median, enough for a trend; a commit's whole run stays under 3 minutes.
ONCE = {"number": 1, "repeat": 1, "rounds": 1, "warmup_time": 0}


class VerifyTopic:
    """Seconds to verify one topic: truths, hand-written mutants and counterexamples, without resolutions."""

    params = (TOPICS,)
    param_names = ("topic",)
    number, repeat, rounds, warmup_time = ONCE["number"], ONCE["repeat"], ONCE["rounds"], ONCE["warmup_time"]

    def time_verify_topic(self, topic):
        list(reports(topic, resolution_budget=0))


class Claims:
    """Counts that must not fall."""

    unit = "claims"

    def setup_cache(self):
        return [
            (report.verified, sum(result.passed for result in report.of_kind("mutant", "printed")))
            for report in reports(resolution_budget=0)
        ]

    setup_cache.timeout = 600  # seconds, for the whole catalogue

    def track_claims_verified(self, found):
        return sum(verified for verified, _ in found)

    def track_mutants_refuted(self, found):
        return sum(refuted for _, refuted in found)


def peakmem_exact_claims():
    for name in ("m-of-n-sharp", "tv-ipm-factor"):
        verify_claim(name, resolution_budget=0)
