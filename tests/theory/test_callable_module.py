"""`theory.claim` and `theory.verify` are functions and modules of one name."""

import inspect
import re
import sys

import pytest

import theory
from theory.claim import Claim, Exact, Outcome, claims_registry
from theory.verify import COLUMNS


def test_the_module_is_called_and_its_parts_are_reached():
    frame = theory.verify("imle-coverage")
    assert frame.verified.all()
    assert list(frame.id) == ["imle-coverage"]
    assert (frame.refuted == frame.mutants).all()
    assert isinstance(theory.verify.verify_claim("imle-coverage", resolution_budget=0), theory.verify.ClaimReport)
    assert theory.claim("x", says="", source="", method=Exact)
    assert isinstance(claims_registry["imle-coverage"], Claim)
    assert issubclass(theory.Holds, Outcome)


@pytest.mark.parametrize("name", ["claim", "verify"])
def test_help_and_inspect_agree_before_and_after_the_module_takes_the_name(name):
    module = sys.modules[f"theory.{name}"]
    function = getattr(module, name)
    assert getattr(theory, name) in (function, module)
    assert inspect.signature(module) == inspect.signature(function)
    assert inspect.getdoc(module) == inspect.getdoc(function)
    assert "id" in inspect.signature(theory.claim).parameters


def test_the_columns_are_those_of_the_docstring():
    told = re.search(r"Columns: (.*?)\n\n", theory.verify.__doc__, re.DOTALL).group(1)
    assert [word for word in re.findall(r"`(\w+)`", told) if word in COLUMNS] == list(COLUMNS)
    assert theory.verify_claim("imle-coverage", resolution_budget=0).verified
