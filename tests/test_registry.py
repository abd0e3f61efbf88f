"""The registry: members found without a list, optional packages named, foreign faults contained."""

import pickle
import sys
import textwrap
import types

import pytest

from knn.lazy import lazy_exports
from knn.registry import Registry, UnknownName, missing_extra


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A throw-away package whose modules the test writes; returns (name, write)."""
    name = f"throwaway_{tmp_path.name.replace('-', '_')}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)

    def write(module: str, source: str) -> None:
        (folder / f"{module}.py").write_text(textwrap.dedent(source))

    yield name, write
    for module in [m for m in sys.modules if m.partition(".")[0] == name]:
        del sys.modules[module]


def registry_of(name: str) -> Registry:
    registry: Registry = Registry("thing", group="implicitbench.tests-only", packages=(name,))
    sys.modules[f"{name}_registry"] = types.SimpleNamespace(registry=registry)  # type: ignore[assignment]
    return registry


def member(name: str, key: str) -> str:
    return f"""
    import sys
    registry = sys.modules["{name}_registry"].registry
    @registry.register("{key}")
    def {key}(): return "{key}"
    """


def test_members_are_found_by_reading_the_package(package):
    name, write = package
    registry = registry_of(name)
    write("b", member(name, "beta"))
    write("a", member(name, "alpha"))
    assert list(registry) == ["alpha", "beta"]
    assert registry["beta"]() == "beta"
    assert len(registry) == 2


def test_an_unknown_name_lists_the_known_ones(package):
    name, write = package
    registry = registry_of(name)
    write("a", member(name, "alpha"))
    with pytest.raises(KeyError, match=r"unknown thing 'Alfa'; known: alpha.*; did you mean alpha\?"):
        registry["Alfa"]
    with pytest.raises(KeyError, match="unknown thing 'gamma'; known: alpha"):
        registry["gamma"]


def test_an_unknown_name_is_a_bad_argument_whose_message_is_printed_as_it_stands(package):
    name, write = package
    registry = registry_of(name)
    write("a", member(name, "alpha"))
    with pytest.raises(ValueError, match="unknown thing 'gamma'") as caught:
        registry["gamma"]
    assert str(caught.value) == "unknown thing 'gamma'; known: alpha"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert str(UnknownName()) == ""


def test_a_missing_optional_package_names_its_extra_and_spares_the_others(package, monkeypatch):
    name, write = package
    registry = registry_of(name)
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it now raises ModuleNotFoundError
    write("a", member(name, "alpha"))
    write("net", "import torch")
    assert list(registry) == ["alpha"]
    assert "pip install '.[models]' in a checkout" in str(registry.unavailable[f"{name}.net"])


def test_a_missing_package_of_no_extra_is_a_defect_and_raises(package):
    name, write = package
    registry = registry_of(name)
    write("a", "import a_module_that_nobody_has")
    for _ in range(2):  # the second reading must not return half a registry
        with pytest.raises(ModuleNotFoundError, match="a_module_that_nobody_has"):
            list(registry)


def test_two_members_of_one_name_are_refused(package):
    name, _ = package
    registry = registry_of(name)

    @registry.register("same")
    def first(): ...

    def second(): ...

    with pytest.raises(ValueError, match="two members are called 'same' among the things"):
        registry.register("same")(second)
    registry.register("same")(first)  # the same member again, as a module reload does


def test_a_broken_entry_point_warns_and_is_left_out(package, monkeypatch):
    name, write = package
    registry = registry_of(name)
    write("a", member(name, "alpha"))

    class Broken:
        name = "broken"

        def load(self):
            raise RuntimeError("theirs")

    monkeypatch.setattr("knn.registry.entry_points", lambda **_: [Broken()])
    with pytest.warns(UserWarning, match="entry point 'broken' of implicitbench.tests-only failed"):
        assert list(registry) == ["alpha"]


def test_lazy_names_load_on_first_use_and_unknown_ones_are_attribute_errors():
    getattr_, dir_ = lazy_exports("p", {"Fraction": "fractions", "dumps": "json"})
    assert dir_() == ["Fraction", "dumps"]
    assert getattr_("Fraction").__name__ == "Fraction"
    with pytest.raises(AttributeError, match="module 'p' has no attribute 'loads'"):
        getattr_("loads")


def test_an_absent_module_of_no_extra_keeps_its_own_error():
    error = ModuleNotFoundError("No module named 'nothing'", name="nothing")
    assert missing_extra(error, "x") is error
