"""Every measured number in the README and docs is in a published record that its section names, or is counted here."""

import csv
from collections import Counter

import pytest

from tests import quoted_numbers
from tests.quoted_numbers import PAGES, PUBLISHED, quoted

#: What no record holds, by page and section: how many such numbers at most (a record may hold one of them by chance),
#: and why they are none of a measurement.
ALLOWED = {
    ("README.md", "Two commands"): (1, "a version of Python"),
    ("auditing.md", "Input"): (1, "the default of an option"),
    ("auditing.md", "What it says"): (3, "shares of modes that the audit asks about"),
    ("catalogue-corrections.md", "Entries that are wrong"): (14, "of statements, checked by the claim of their row"),
    ("catalogue-corrections.md", "Recipes that were made sharper"): (11, "of statements, checked by that claim"),
    ("knn-in-scikit-learn.md", "knn in scikit-learn, and beyond"): (1, "the entries of a graph, by definition"),
    ("knn.md", "Parameters for a wanted recall"): (1, "the level of an interval"),
    ("knn.md", "Short codes of random rotations"): (1, "the share of neighbours below which fit warns, a setting"),
    ("knn.md", "Memory"): (1, "the limit that the benchmark holds indexes to"),
    ("over-commits.md", "One commit against another"): (2, "a threshold and an error level, both settings"),
    ("stability.md", "What is promised to stay"): (1, "a version"),
    ("theory.md", "What a claim shows of itself"): (1, "an example of what is ill-formed"),
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_measured_numbers_come_from_the_records_that_their_section_names(page):
    missing = [number for number in quoted(page) if not number.found()]
    counts = Counter((number.page, number.section) for number in missing)
    allowed = {place: count for place, (count, _) in ALLOWED.items() if place[0] == page.name}
    told = "\n".join(f"  {n.section}: {n.text} in “{n.context}”; named: {', '.join(n.records)}" for n in missing)
    assert all(counts[place] <= allowed.get(place, 0) for place in counts), (
        f"{page.name}: name the record of these in their section, correct them, or count them in ALLOWED:\n{told}"
    )


def test_a_number_that_is_no_longer_the_record_s_is_refused():
    """Of the numbers with three digits or more nine in ten are refused when moved by a twentieth; shorter ones may find
    another number of the record."""
    numbers = [number for number in quoted_numbers.of() if number.found() and number.value / number.last >= 100]
    assert len(numbers) > 100
    refused = sum(not number.found(quoted_numbers.moved(number)) for number in numbers)
    assert refused >= 0.9 * len(numbers)


def test_numbers_are_read_as_people_write_them(monkeypatch):
    monkeypatch.setitem(quoted_numbers._POOL, "some.csv", frozenset({0.1234, 23.4, 1_234.5, 0.00041, 7.0}))
    text = """# Head
Not here: 0.77 nats.
## Measured
[Record](../reports/published/some.csv): 12.3 % in 23.4 µs and 23.5 µs, or 0.41 ms; 1 234.5 s, 7 MB, not 8 MB.
`0.999` is code, x^2.5 a power, 60 000 × 784 a size, and 2016 a year.

    1.5 s  # a listing

```python
print(9.9)
```
| a | 12.4 % |
<!-- table: x -->
| 5.5 |
<!-- end -->
"""
    found = {(number.text, number.found()) for number in quoted(PAGES[0], text)}
    assert found == {
        ("0.77 nats", False), ("12.3 %", True), ("23.4 µs", True), ("23.5 µs", False), ("0.41 ms", True),
        ("1 234.5 s", True), ("7 MB", True), ("8 MB", False), ("12.4 %", False),
    }  # fmt: skip


def test_records_say_where_they_were_measured():
    """A published table that pages quote has the commit and the machine of every row."""
    for path in sorted(PUBLISHED.glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        if "commit" in rows[0]:
            assert all(row["commit"] and row["machine"] for row in rows), path.name
    without = [
        p.name for p in PUBLISHED.glob("*.csv") if "commit" not in p.read_text(encoding="utf-8").partition("\n")[0]
    ]
    # Commit, machine and versions of four are in the JSON file that the same command writes; registers of compiled
    # kernels are no measurement, and any checkout gives them.
    told_elsewhere = ["kill-matrix-deep.csv", "kill-matrix.csv", "planted-faults.csv", "root-seeds.csv"]
    assert sorted(without) == ["device-code.csv", *told_elsewhere]
