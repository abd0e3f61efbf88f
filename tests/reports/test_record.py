"""A record comes back from its JSON as it was, to the last bit."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reports.experiment import Measurement
from reports.record import Record, Status, dump, dump_cell, load, load_cell

WHICH = {"experiment": "e", "cell": "key", "params": {"n": 3, "x": 0.1, "name": "ℰ²", "on": True, "none": None}}
RECORD = Record(**WHICH, size="quick", seed=7, metric="m", value=1 / 3, created="2024-08-17T00:00:00.000+00:00")

payloads = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text().filter(lambda key: not key.startswith("$")), inner),
    max_leaves=10,
)
arrays = hnp.arrays(
    st.sampled_from(["<f8", "<f4", "<f2", "<i8", ">i4", "u1", "?", "<c16", "<U3", "S2"]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0),
)


def bits(value: float | None) -> bytes | None:
    return None if value is None else b"nan" if math.isnan(value) else np.float64(value).tobytes()


@given(st.lists(st.none() | st.floats(), min_size=4, max_size=4), payloads)
def test_every_float_and_payload_comes_back(numbers, payload):
    value, stderr, low, high = numbers
    record = Record(
        **WHICH, size="quick", seed=7, metric="m", value=value, stderr=stderr, low=low, high=high, payload=payload
    )
    back = Record.from_json(record.to_json())
    assert back == record
    assert [bits(x) for x in (back.value, back.stderr, back.low, back.high)] == [bits(x) for x in numbers]
    assert dump(back.payload) == dump(payload)
    assert back.to_json() == record.to_json()


@given(arrays)
def test_every_array_comes_back_with_its_type_and_shape(array):
    back = load(dump({"held": [array]}))["held"][0]
    assert back.shape == array.shape
    assert back.dtype == array.dtype.newbyteorder("<")
    assert back.tobytes() == array.astype(back.dtype).tobytes()


@given(payloads)
def test_the_json_is_strict_and_on_one_line(payload):
    text = dump(payload)
    assert "\n" not in text
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_infinities_and_nan_by_name():
    assert dump([math.inf, -math.inf, math.nan]) == '[{"$float":"inf"},{"$float":"-inf"},{"$float":"nan"}]'


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"a": {"b": object()}}, r"value\['a'\]\['b'\]: object cannot be recorded"),
        ([1, {2}], r"value\[1\]: set cannot"),
        ({"$x": 1}, "does not begin with"),
        ({1: 2}, "must be a string"),
        (np.array([object()]), "dtype object cannot be recorded"),
        (np.zeros(1, np.longdouble), "convert to float64"),
    ],
)
def test_what_cannot_be_recorded_is_named(payload, message):
    with pytest.raises(TypeError, match=message):
        dump(payload)
    with pytest.raises(TypeError, match=message):
        Measurement("m", 1.0, payload=payload)


def test_a_cell_writes_what_its_records_share_once():
    second = Record.from_json(RECORD.to_json().replace('"metric":"m"', '"metric":"other"'))
    text = dump_cell([RECORD, second])
    assert text.count('"experiment"') == 1
    assert load_cell(text) == [RECORD, second]
    with pytest.raises(ValueError, match="'other' differs in 'seed'"):
        dump_cell([RECORD, Record.from_json(second.to_json().replace('"seed":7', '"seed":8'))])
    with pytest.raises(ValueError, match="empty"):
        dump_cell([])


def test_a_record_with_other_fields_is_refused():
    with pytest.raises(ValueError, match="invented"):
        Record.from_json(RECORD.to_json()[:-1] + ',"invented":1}')


@pytest.mark.parametrize("status", list(Status))
def test_every_status_explains_itself(status):
    assert len(status.explanation) > 3
    assert status.final == ("next run" not in status.explanation)
    assert Status(str(status)) is status


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"value": None}, "say why with a status"),
        ({"value": math.nan}, "say why with a status"),
        ({"value": None, "status": "skipped"}, "needs a detail"),
        ({"value": 1.0, "status": "great"}, "great"),
        ({"value": "much"}, "much"),
    ],
)
def test_a_measurement_without_a_number_says_why(fields, message):
    with pytest.raises(ValueError, match=message):
        Measurement("m", **fields)
