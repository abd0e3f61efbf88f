"""asv suites: `time_` seconds, `peakmem_` bytes, `track_` answers (recall, evaluations, claims verified)."""
