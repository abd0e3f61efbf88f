"""Without torch the package works, and a model says which extra it needs."""

import subprocess
import sys
import textwrap

#: Refuses torch as an interpreter does that has none.
BLOCK = textwrap.dedent("""
    import sys
    from importlib.abc import MetaPathFinder

    class NoTorch(MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] == "torch":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(0, NoTorch())
""")


def python(script):
    """What `script` prints in a fresh interpreter without torch."""
    done = subprocess.run([sys.executable, "-c", BLOCK + textwrap.dedent(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_model_names_the_extra_that_it_needs():
    out = python("""
        import estimators

        for name in ("IMLE", "NonSaturatingGAN"):
            try:
                getattr(estimators, name)
            except ImportError as error:
                print(error)
        try:
            from estimators import IMLE
        except ImportError as error:
            print(error)
        from estimators.training.registry import models

        print(list(models), all(".[models]" in str(error) for error in models.unavailable.values()))
        print("estimators.models.imle" in models.unavailable)
    """)
    *needs, listed, found = out.splitlines()
    assert needs == [
        "estimators.IMLE needs torch: pip install '.[models]' in a checkout of implicitbench",
        "estimators.NonSaturatingGAN needs torch: pip install '.[models]' in a checkout of implicitbench",
        "estimators.IMLE needs torch: pip install '.[models]' in a checkout of implicitbench",
    ]
    assert (listed, found) == ("[] True", "True")


def test_measures_and_coverage_work():
    out = python("""
        from estimators import ring
        from estimators.modes import mode_coverage

        law = ring(8)
        print(mode_coverage(law.sample(1000, 0), law).found, "torch" in sys.modules)
    """)
    assert out == "8 False\n"


def test_naming_the_package_does_not_load_torch():
    done = subprocess.run(
        [sys.executable, "-c", "import sys, estimators; print('torch' in sys.modules, 'IMLE' in dir(estimators))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False True\n"
