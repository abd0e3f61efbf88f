"""`python -m reports.evidence [ID|TOPIC]…` writes reports/published/evidence.json: what each trial of a claim found.

The tests hold every later run to it (`theory.recorded`). With names only their claims are written anew; claims that are
no more are left out. A claim that is not verified is not written, and the command fails.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from reports.kill_matrix import FOLDER
from theory.claim import claims_registry
from theory.recorded import record
from theory.verify import selected, verify_claim

FILE = FOLDER / "evidence.json"


def main(names: Sequence[str] | None = None) -> int:
    """Writes the file; returns 1 if some claim was not verified, else 0."""
    kept = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    wanting = 0
    for claim in selected(*(sys.argv[1:] if names is None else names)):
        report = verify_claim(claim, resolution_budget=0)
        if report.verified:
            kept |= record(report.results)
        else:
            wanting += 1
            sys.stderr.write("\n".join(report.complaints) + "\n")
    ours = {name: kept[name] for name in claims_registry if name in kept}
    # A line a trial: a change shows as the lines of the trials that it touches.
    text = ",\n".join(
        f"{_json(name)}: {{\n" + ",\n".join(f" {_json(t)}: {_json(told)}" for t, told in trials.items()) + "\n}"
        for name, trials in ours.items()
    )
    FILE.write_text(f"{{\n{text}\n}}\n", encoding="utf-8", newline="\n")
    return 1 if wanting else 0


def _json(told: object) -> str:
    return json.dumps(told, ensure_ascii=False)


if __name__ == "__main__":
    raise SystemExit(main())
