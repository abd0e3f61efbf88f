"""docs/reproducing.md: which command makes which table, figure and published record.

`python -m reports.reproducing_page` writes the page anew from the registries and from reports/published/.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from reports.markdown import prose, table

PAGE = Path("docs/reproducing.md")
COMMAND = "python -m reports.reproducing_page"
DOCS = Path(__file__).resolve().parent.parent / "docs"
PUBLISHED = Path(__file__).resolve().parent / "published"
#: Records of another machine are named after it.
_MACHINE = "-avx512"
_TRAINING, _MODES, _PAGE, _SAMPLES = (
    f"reports/published/{name}.csv" for name in ("mnist-training", "modes-kept", "page-speed", "sample-search")
)
#: Records that are named after no benchmark and no table, or that the benchmark writes when asked for more.
MADE_BY = {
    "evidence.json": ("python -m reports.evidence",),
    "kill-matrix.csv": ("python -m reports.kill_matrix",),
    "kill-matrix-deep.csv": ("python -m reports.kill_matrix --deep",),
    "verify.json": ("python -m reports.kill_matrix",),
    "verify-deep.json": ("python -m reports.kill_matrix --deep",),
    "root-seeds.csv": ("python -m reports.kill_matrix",),
    "planted-faults.json": ("python -m benchmarks.fault_effects",),
    "mnist-training.csv": (f"python -m benchmarks.mnist_training --again {_TRAINING} --output {_TRAINING}",),
    "modes-kept.csv": (
        f"python -m benchmarks.modes_kept imle non-saturating-gan --output {_MODES}",
        f"python -m benchmarks.modes_kept rs-imle --set least_kept=0.5 --output {_MODES}",
        f"python -m benchmarks.modes_kept rs-imle --set least_kept=0.75 --output {_MODES}",
        f"python -m benchmarks.modes_kept imle --set lr=0.03 'hidden=(64,64,64)' --output {_MODES}",
    ),
    "page-speed.csv": (
        "make report",
        f"python -m benchmarks.page_speed results/report/index.html --output {_PAGE}",
    ),
    "sample-search.csv": (
        f"python -m benchmarks.sample_search --output {_SAMPLES}",
        f"python -m benchmarks.sample_search --only components --output {_SAMPLES}",
    ),
}
_HEAD = f"""# Reproducing every table, figure and record

<!-- Written by `{COMMAND}` from the registries and reports/published; do not edit. -->

`make report` makes all tables and figures at the quick size. One experiment alone is run by the command of its row, at
`--size standard` or `full` as well; `implicitbench report --no-run` then writes the page, with the figure under the
link that its row names, and `implicitbench table NAME --format csv` (or `md`, `tex`, `html`) prints the table. What is
recorded is not measured again until its sources, data or libraries change.

## Experiments
"""
_RECORDS = """
## Published records

What the README and these pages quote. Times are those of one machine, and another has others; the ratios are what
should be seen again. Each command needs a checkout, and says by `--help` what else it takes.
"""


def reproducing_page() -> str:
    """The page in Markdown."""
    return _HEAD + "\n" + _experiments() + _RECORDS + "\n" + _records()


def made_by(name: str) -> tuple[str, ...]:
    """The commands that write `reports/published/name`, in their order; raises KeyError where none is known.

    A record is named after its benchmark, or after the table that it is; the others are in `MADE_BY`.
    """
    from reports.tables import tables

    stem = name.rpartition(".")[0].removesuffix(_MACHINE)
    if name in MADE_BY:
        return MADE_BY[name]
    module = f"benchmarks.{stem.replace('-', '_')}"
    if importlib.util.find_spec("benchmarks") is not None and importlib.util.find_spec(module) is not None:
        return (f"python -m {module} --output reports/published/{name}",)
    if stem in tables:
        experiments = " ".join((tables[stem].experiment, *tables[stem].joins))
        run = f"implicitbench run {experiments} --size {_size(name)}"
        return run, f"implicitbench table {stem} --format csv"
    raise KeyError(
        f"nothing is known to write reports/published/{name}: add it to MADE_BY in reports/reproducing_page.py"
    )


def _size(name: str) -> str:
    """The size at which a published table was measured: it is standard where its rows do not say."""
    return next((row["size"] for row in _rows(PUBLISHED / name) if row.get("size")), "standard")


def _experiments() -> str:
    from reports.experiment import experiments
    from reports.figures import figures
    from reports.tables import tables

    rows = []
    for name, experiment in experiments.items():
        drawn = [f"{prose(one.title)} (`#figure-{one.name}`)" for one in figures.values() if one.experiment == name]
        shown = [f"`{one.name}`" for one in tables.values() if one.experiment == name]
        rows.append((f"`implicitbench run {name}`", prose(experiment.question), ", ".join(shown), "; ".join(drawn)))
    return table(("command", "question", "tables", "figures"), rows)


def _records() -> str:
    rows = [
        (
            f"[{path.name}](../reports/published/{path.name})",
            ", then ".join(f"`{line}`" for line in made_by(path.name)),
            _commits(path),
            _quoted(path.name),
        )
        for path in sorted(PUBLISHED.iterdir())
    ]
    return table(("record", "written by", "at commit", "quoted in"), rows)


def _rows(path: Path) -> list[dict[str, str]]:
    if path.suffix != ".csv":
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _commits(path: Path) -> str:
    if path.suffix == ".json":
        told = json.loads(path.read_text(encoding="utf-8"))
        found: Iterable[str] = [told["commit"]] if "commit" in told else []
    else:
        found = dict.fromkeys(row["commit"] for row in _rows(path) if row.get("commit"))
    # Seven digits, as the shortest of them have.
    return ", ".join(f"`{commit[:7]}{commit[commit.find('+') :] if '+' in commit else ''}`" for commit in found)


def _quoted(name: str) -> str:
    """The pages that name the record, besides this one."""
    docs = PAGE.parent
    pages = [page for page in sorted(docs.glob("*.md")) if page.name != PAGE.name]
    names = [
        page.name for page in pages if re.search(rf"(?<![\w-]){re.escape(name)}", page.read_text(encoding="utf-8"))
    ]
    return ", ".join(f"[{name}]({name})" for name in names)


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the page to the path given, by default docs/reproducing.md under the working directory."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=main.__doc__)
    parser.add_argument("path", nargs="?", type=Path, default=PAGE)
    parser.parse_args(arguments).path.write_text(reproducing_page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
