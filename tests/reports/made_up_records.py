"""Records built by hand, so that nothing is run."""

from reports.record import Record

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MACHINE = {"cpu": "A processor", "threads": 2, "memory_gib": 8, "system": "Linux", "architecture": "x86_64"}
MACHINE |= {"python": "3.12.1", "fingerprint": "abcdef012345", "cores": 2, "release": "6"}


def record(experiment, cell, params, metric, value, *, seed=0, **rest):
    return Record(
        experiment=experiment,
        cell=cell,
        params=params,
        size="quick",
        seed=seed,
        metric=metric,
        value=value,
        commit=COMMIT,
        machine=MACHINE,
        versions={"numpy": "2.4.6"},
        created="2026-01-02T03:04:05.678+00:00",
        seconds=1.5,
        **rest,
    )
