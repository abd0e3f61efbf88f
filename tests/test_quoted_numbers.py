"""Every measured number in the README and docs is a cell of a record that its section names, or is counted here."""

import csv

import pytest

from tests import pinned_numbers, quoted_numbers
from tests.pinned_numbers import Pin, cells, chosen, holds, read
from tests.quoted_numbers import PAGES, PUBLISHED, quoted

#: What no record holds, by page and section: how many such numbers, and why they are none of a measurement.
ALLOWED = {
    ("README.md", "Two commands"): (1, "a version of Python"),
    ("auditing.md", "Input"): (1, "the default of an option"),
    ("auditing.md", "What it says"): (3, "shares of modes that the audit asks about"),
    ("catalogue-corrections.md", "Entries that are wrong"): (14, "of statements, checked by the claim of their row"),
    ("catalogue-corrections.md", "Recipes that were made sharper"): (11, "of statements, checked by that claim"),
    ("choosing-a-divergence.md", "Choosing a divergence"): (1, "the level of an interval"),
    ("cuda.md", "Measuring"): (2, "the capabilities that are compiled for"),
    ("estimators.md", "Implicit models"): (4, "quotients of the seconds beside them"),
    ("estimators.md", "What the comparison says"): (
        11,
        "7 rates and 2 shares of modes, set; a quotient; a forecast",
    ),
    ("knn-in-scikit-learn.md", "knn in scikit-learn, and beyond"): (1, "the entries of a graph, by definition"),
    ("knn.md", "The libraries beside ours, on MNIST"): (1, "the recall from which on rows were taken"),
    ("knn.md", "How fast Principal DCI is"): (13, "the recall at which a row was taken"),
    ("knn.md", "Memory"): (1, "the limit that the benchmark holds indexes to"),
    ("knn.md", "Parameters for a wanted recall"): (1, "the level of an interval"),
    ("knn.md", "Budgets"): (4, "a budget, three recalls wanted: all set"),
    ("knn.md", "Short codes of random rotations"): (1, "the points inserted, set"),
    ("knn.md", "The papers' comparison with E2LSH"): (1, "the ratio that was asked for"),
    ("knn.md", "What the levels of DCI buy"): (4, "the recalls wanted"),
    ("over-commits.md", "One commit against another"): (2, "a threshold and an error level, both settings"),
    ("stability.md", "What is promised to stay"): (1, "a version"),
    ("theory.md", "What a claim shows of itself"): (1, "an example of what is ill-formed"),
}


REMEDY = "name its record in the section, correct it, or count it in ALLOWED; then `python -m tests.pinned_numbers`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_measured_numbers_are_the_cells_to_which_they_are_pinned(page):
    found, pins = {}, read()
    for number in quoted(page):
        found.setdefault((number.page, number.section), []).append(number)
    assert {place for place in pins if place[0] == page.name} == set(found), REMEDY
    for place, numbers in found.items():
        printed, pinned = [number.text for number in numbers], [pin.number for pin in pins[place]]
        assert printed == pinned, f"{place}: a number was changed, added or taken out: {REMEDY}"
        missing = []
        for number, pin in zip(numbers, pins[place], strict=True):
            if pin.record:
                where = f"{pin.record}: {pin.row} | {pin.column}"
                assert holds(number, pin), (
                    f"{place}: {number.text} in “{number.context}” is no longer {where}: {REMEDY}"
                )
            else:
                missing.append(number)
        told = "\n".join(f"  {n.text} in “{n.context}”; named: {', '.join(n.records)}" for n in missing)
        assert len(missing) == ALLOWED.get(place, (0,))[0], f"{place}: {REMEDY}\n{told}"


def test_most_numbers_are_pinned_and_the_rest_are_counted():
    pins = [pin for place in read().values() for pin in place]
    exempt = sum(count for count, _ in ALLOWED.values())
    assert len(pins) - sum(bool(pin.record) for pin in pins) == exempt
    assert exempt < 0.15 * len(pins)


def test_a_number_moved_by_one_in_its_last_place_is_refused():
    """But for cells that lie in the middle, such as 13.05, which is 13.0 and 13.1."""
    pins, tried, either = read(), 0, 0
    for number in quoted_numbers.of():
        pin = pins[number.page, number.section].pop(0)
        for moved in (number.value - number.last, number.value + number.last):
            tried += bool(pin.record)
            if pin.record and holds(number, pin, moved):
                assert holds(number, pin, (number.value + moved) / 2), number  # rounded to a digit more, it is that
                either += 1
    assert not any(pins.values())
    assert tried > 600
    assert either < 0.03 * tried


def test_numbers_are_read_as_people_write_them(monkeypatch, tmp_path):
    monkeypatch.setattr(quoted_numbers, "PUBLISHED", tmp_path)
    (tmp_path / "some.csv").write_text("what,value,note\na,0.1234,23.4 of 1234.5\nb,0.00041,7\n", encoding="utf-8")
    cells.cache_clear()
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
    before = Pin("", "", "", "")
    found = {(number.text, bool(chosen(number, before)[0].record)) for number in quoted(PAGES[0], text)}
    cells.cache_clear()
    assert found == {
        ("0.77 nats", False), ("12.3 %", True), ("23.4 µs", True), ("23.5 µs", False), ("0.41 ms", True),
        ("1 234.5 s", True), ("7 MB", True), ("8 MB", False), ("12.4 %", False),
    }  # fmt: skip


def test_no_pin_is_a_name_or_a_setting_and_the_row_that_the_sentence_names_comes_first(monkeypatch, tmp_path):
    monkeypatch.setattr(quoted_numbers, "PUBLISHED", tmp_path)
    rows = "law,lr,steps,value,note\ngrid-25,0.5,3,0.3,2 of 9\nring-8,0.5,3,0.3,\n"
    (tmp_path / "some.csv").write_text(rows, encoding="utf-8")
    (tmp_path / "empty.csv").write_text("law,value\n", encoding="utf-8")
    cells.cache_clear()
    assert cells("empty.csv") == ()
    text = "[Rows](some.csv), empty.csv: after 25 s at 0.5. On the `ring` it is 0.3. And 2 s of note, on a grid.\n"
    found = [(number, *chosen(number, Pin("", "", "", ""))) for number in quoted(PAGES[0], text)]
    cells.cache_clear()
    assert [pin[1:] for _, pin, _ in found] == [
        ("", "", ""), ("", "", ""), ("some.csv", "ring-8", "value"), ("some.csv", "grid-25", "note"),
    ]  # fmt: skip
    assert found[2][2] > 0


def test_records_say_where_they_were_measured():
    """A published table that pages quote has the commit and the machine of every row, or the paper that it is of."""
    for path in sorted(PUBLISHED.glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert rows, f"{path.name} has a header and no row"
        if "commit" in rows[0]:
            quoted = [row for row in rows if row.get("kind") == "published"]
            assert all(row["detail"] and not row["commit"] for row in quoted), path.name
            measured = [row for row in rows if row not in quoted]
            assert measured, path.name
            assert all(row["commit"] and row["machine"] for row in measured), path.name
    without = [
        p.name for p in PUBLISHED.glob("*.csv") if "commit" not in p.read_text(encoding="utf-8").partition("\n")[0]
    ]
    # Commit, machine and versions of four are in the JSON file that the same command writes; registers of compiled
    # kernels are no measurement, and any checkout gives them.
    told_elsewhere = ["kill-matrix-deep.csv", "kill-matrix.csv", "planted-faults.csv", "root-seeds.csv"]
    assert sorted(without) == ["device-code.csv", *told_elsewhere]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_are_written_anew_where_records_were_measured_anew(page, monkeypatch):
    text, before = page.read_text(encoding="utf-8"), pinned_numbers._values

    def anew(name):
        return {cell: 1.37 * value for cell, value in before(name).items()}

    monkeypatch.setattr(pinned_numbers, "_values", anew)
    written, changed = pinned_numbers.refilled(page, text, {place: list(pins) for place, pins in read().items()})
    pins = {place: iter(of_one) for place, of_one in read().items()}
    old, new = list(quoted(page, text)), list(quoted(page, written))
    moved = 0
    for number, printed in zip(old, new, strict=True):
        pin = next(pins[number.page, number.section])
        assert (printed.unit, printed.last) == (number.unit, number.last)
        if pin.record:
            assert holds(printed, pin)
            moved += printed.text != number.text
        else:
            assert printed.text == number.text
    assert moved == len(changed)

    def around(text, numbers):
        ends = [0, *(end for number in numbers for end in (number.at, number.at + len(number.text))), len(text)]
        return [text[a:b] for a, b in zip(ends[::2], ends[1::2], strict=True)]

    assert around(written, new) == around(text, old)


def test_a_number_whose_cell_is_gone_is_named(monkeypatch):
    page = quoted_numbers.ROOT / "docs" / "knn.md"
    monkeypatch.setattr(pinned_numbers, "_values", lambda _: {})
    with pytest.raises(KeyError, match=r"knn\.md: \S+\.csv has no cell .* pin it anew"):
        pinned_numbers.refilled(page, page.read_text(encoding="utf-8"), read())
