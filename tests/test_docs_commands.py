"""Every command line that the README and docs/ print is one: the command is there, and has the options."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
import typer

from reports.cli import app

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: Inline code, which a line may break, and lines of blocks, indented or fenced.
INLINE, BLOCK = (
    re.compile(r"`([^`]+)`"),
    re.compile(r"^(?: {4}|\| *)?((?:implicitbench|make|python -m) .*)$", re.MULTILINE),
)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
COMMANDS = typer.main.get_command(app).commands
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def lines(text):
    """The command lines of a page, comments left out."""
    for line in [*(" ".join(code.split()) for code in INLINE.findall(FENCED.sub("", text))), *BLOCK.findall(text)]:
        for command in re.split(r"\s+#|, (?=implicitbench )", line)[:: 1 if "#" not in line else 2]:
            if re.match(r"(implicitbench|make|python -m) [\w.-]", command):
                yield command


def fault(line):
    """What is wrong with a command line, or ""."""
    program, *words = shlex.split(line)
    if program == "python":
        module, *words = words[1:]
        return "" if importlib.util.find_spec(module) else f"no module {module}"
    if program == "make":
        wanted = [word for word in words if "=" not in word]
        return "" if TARGETS.issuperset(wanted) else f"no target {wanted}"
    if words[0].startswith("--"):
        return "" if words[0] in ("--help", "--version") else f"no option {words[0]}"
    if words[0] not in COMMANDS:
        return f"no command {words[0]}"
    known = {name for parameter in COMMANDS[words[0]].params for name in parameter.opts} | {"--help"}
    given = {word.partition("=")[0] for word in words[1:] if word.startswith("-")}
    return "" if given <= known else f"no option {given - known}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_command_lines_are_commands(page):
    faults = {line: fault(line) for line in lines(page.read_text(encoding="utf-8"))}
    assert {line: told for line, told in faults.items() if told} == {}


def test_command_lines_are_found_and_faults_are_seen():
    found = [line for page in PAGES for line in lines(page.read_text(encoding="utf-8"))]
    assert {line.split()[1] for line in found if line.startswith("implicitbench")} >= set(COMMANDS) - {"export"}
    assert len(found) > 100
    for line in (
        "implicitbench mesure",
        "implicitbench run --sizes quick",
        "make reports",
        "python -m benchmarks.none",
    ):
        assert fault(line)
