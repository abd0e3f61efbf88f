"""Every Python block of the README and of docs/ runs as it stands, and every local link leads somewhere."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!\\)\]\((?!https?://|#|mailto:)([^)#\s]+)")

#: Seconds after which an example hangs. A page takes up to sixty where nothing is compiled yet.
HANGS = 570

#: Their code is that of the claims, shown; the claims are run by name.
SHOWN = ROOT / "docs" / "claims"
BLOCKS = {page: BLOCK.findall(page.read_text(encoding="utf-8")) for page in PAGES if SHOWN not in page.parents}
#: What an example says that it needs beyond `make`: it is skipped where that is not installed, and pytest counts it.
NEEDS = re.compile(r"^# needs: (\w+)$", re.MULTILINE)


def ready(code):
    """Whether all that the example needs is here, short of a device."""
    return all(module != "cuda_device" and importlib.util.find_spec(module) for module in NEEDS.findall(code))


#: By page, the examples that can run.
READY = {page: [code for code in blocks if ready(code)] for page, blocks in BLOCKS.items()}
ALL = [(page, code, f"{page.name}-{n}") for page, blocks in BLOCKS.items() for n, code in enumerate(blocks, start=1)]
#: Each alone: those that need what is not here always, the others in the deep tier.
EXAMPLES = [
    pytest.param(page, code, id=name, marks=pytest.mark.deep if ready(code) else ())
    for page, code, name in ALL
    if "cuda_device" not in NEEDS.findall(code)
]
FOR_DEVICES = [pytest.param(page, code, id=name) for page, code, name in ALL if "cuda_device" in NEEDS.findall(code)]
#: One process for a page, whose libraries are loaded once; each example has a module and a folder of its own.
ONE_AFTER_ANOTHER = """
import os, pathlib, sys, types
for path in map(pathlib.Path, sys.argv[1:]):
    os.chdir(path.parent)
    sys.modules["__main__"] = module = types.ModuleType("__main__")
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), module.__dict__)
    print("\\nran to its end:", path.name, flush=True)
"""


@pytest.mark.parametrize("page", [page for page in READY if READY[page]], ids=lambda page: page.name)
def test_the_examples_of_a_page_run(page, tmp_path):
    paths = []
    for number, code in enumerate(READY[page], start=1):
        paths.append(tmp_path / str(number) / f"{page.stem}_{number}.py")
        paths[-1].parent.mkdir()
        paths[-1].write_text(code, encoding="utf-8")
    told = {"cwd": tmp_path, "capture_output": True, "text": True, "timeout": HANGS}
    done = subprocess.run([sys.executable, "-c", ONE_AFTER_ANOTHER, *paths], check=False, **told)
    assert done.returncode == 0, f"{page.name}:\n{done.stderr}"
    ended = re.findall(r"^ran to its end: (.*)$", done.stdout, re.MULTILINE)
    assert ended == [path.name for path in paths], f"{page.name}: an example ended the process, and hid those after it"


def run_alone(code, folder, **environment):
    told = {"cwd": folder, "env": {**os.environ, **environment}, "capture_output": True, "text": True, "timeout": HANGS}
    return subprocess.run([sys.executable, "-c", code], check=False, **told)


@pytest.mark.parametrize(("page", "code"), EXAMPLES)
def test_an_example_runs_alone(page, code, tmp_path):
    for module in NEEDS.findall(code):
        pytest.importorskip(module, reason=f"the example needs {module}, which is not installed")
    done = run_alone(code, tmp_path)
    assert done.returncode == 0, f"{page.name}:\n{done.stderr}"


@pytest.mark.parametrize(("page", "code"), FOR_DEVICES)
def test_an_example_for_devices_runs_up_to_the_device(page, code, tmp_path):
    """With every device hidden: what it imports is there, and what ends it is that there is no device."""
    done = run_alone(code, tmp_path, CUDA_VISIBLE_DEVICES="-1")
    assert done.returncode == 1, f"{page.name} ran to its end without a device"
    reason = done.stderr.strip().rpartition("\n")[2]
    assert re.match(r"(AssertionError|RuntimeError|ValueError): .*(CUDA|NVIDIA)", reason), (
        f"{page.name}:\n{done.stderr}"
    )


@pytest.mark.skipif("not device_answers()", reason="needs a CUDA device, and none answers here")
@pytest.mark.parametrize(("page", "code"), FOR_DEVICES)
def test_an_example_for_devices_runs_alone(page, code, tmp_path):
    done = run_alone(code, tmp_path)
    assert done.returncode == 0, f"{page.name}:\n{done.stderr}"


def device_answers():
    from numba import cuda

    return cuda.is_available()


def test_there_are_examples_for_every_package():
    readme = "\n".join(BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    for package in ("knn", "estimators", "theory", "reports"):
        assert re.search(rf"\b(from|import) {package}\b", readme), f"the README has no example of {package}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_local_links_lead_somewhere(page):
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    missing = [link for link in LINK.findall(prose) if not (page.parent / link).exists()]
    assert not missing, f"{page.name} links to {missing}"
