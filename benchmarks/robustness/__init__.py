"""What survives what: kills, damage, full disks, malformed files. `python -m benchmarks.robustness` measures each."""
