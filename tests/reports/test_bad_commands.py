"""Forty kinds of bad words for every argument and option of every command: none is taken, none ends in a traceback."""

import os
import socket

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import reports.auditing
from reports import runner
from reports.cli import app
from tests.reports import made_up_results

ROWS = np.random.default_rng(0).normal(size=(30, 2))

#: What no command knows by any name, and no file holds as rows or results.
KINDS = {
    "nothing": "", "a blank": " ", "a dot": ".", "two dots": "..", "the root": "/", "not there": "nowhere.npy",
    "in a folder that is not there": "no/rows.npy", "in a file": "rows.npy/rows.npy",
    "a device without end": "/dev/zero", "a device": "/dev/null", "memory": "/proc/self/mem", "a socket": "socket",
    "a link that leads nowhere": "broken.npy", "a link to itself": "loop.npy",
    "a pipe that nobody writes to": "pipe.npy", "a file without an ending": "words", "a file of words": "words.txt",
    "a page": "page.html", "rows as words": "rows.csv", "an empty file": "empty.npy", "an empty archive": "empty.npz",
    "an empty table": "empty.parquet", "a key": "rows.npy::x", "only a key": "::x", "two keys": "rows.npy::x::y",
    "an empty folder": "folder", "a NUL": "a\x00b", "a new line": "a\nb", 'a name beyond any': 5000 * "a",
    "another script": "\u0434\u0430\u043d\u043d\u044b\u0435.npy", "a surrogate": "\udcff.npy", "a wildcard": "*.npy",
    "a home": "~nobody/rows.npy", "an address": "http://127.0.0.1:1/rows.npy", "no module": "no_such_module:draw",
    "a module that is broken": "broken_module:draw", "no function": "math:draw", "a constant": "math:pi",
    "a colon": ":", 'code': "__import__('os')", "markup": "<b>x</b>", "braces": "{0!r}", "a percent": "%s%n",
    "a flag": "--no-such-flag", "not a number": "nan", "infinity": "inf", "minus one": "-1", "a half": "0.5",
    "beyond any": "1e999", "in words": "three", "with a comma": "1,5", "octal": "0o7", "a share": "50%",
    'digits beyond any': 40 * "9",
}  # fmt: skip
#: For what an option takes these are no mistakes: paths of results that are made, and numbers in range.
GOOD = {
    "level": {"a half"},
    "time_limit": {"a half", "infinity", "digits beyond any"},
    "file": {"an empty table"},
    **{name: {"digits beyond any"} for name in ("seed", "root_seed", "max_rows", "permutations", "n_samples", "jobs")},
}
#: Where every name is one: a folder of results is made. Addresses of clusters are tried in tests of their own.
ELSEWHERE = {
    *((command, "output") for command in ("run", "report", "merge", "export", "table", "cite", "doctor")),
    ("audit", "output"), ("run", "cluster"), ("report", "asv"),
}  # fmt: skip
#: The rest of the command, where an argument or an option is tried.
BESIDE = {
    "audit": {"samples": "rows.npy", "--data": "rows.npy"},
    "compare": {"a": "rows.npy", "b": "rows.npy"},
    "datasets": {"--get": "fashion-mnist"},
    "merge": {"source": "results"},
    "table": {"name": "claims"},
}
pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes, sockets and devices as files")
COMMANDS = typer.main.get_command(app).commands


class Taken(BaseException):
    """What is at the door was let in."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with honest rows and results, and all that is bad by what it holds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMPLICITBENCH_DATA", str(tmp_path / "data"))
    np.save("rows.npy", ROWS)
    made_up_results.write_few(tmp_path / "results")
    for name in ("words", "words.txt", "page.html", "rows.csv"):
        (tmp_path / name).write_text("1,2\n3,4\n")
    for name in ("empty.npy", "empty.npz", "empty.parquet"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "broken.npy").symlink_to("nowhere")
    (tmp_path / "loop.npy").symlink_to("loop.npy")
    (tmp_path / "broken_module.py").write_text("1 / 0")
    os.mkfifo(tmp_path / "pipe.npy")
    with socket.socket(socket.AF_UNIX) as held:
        held.bind("socket")
        yield tmp_path


@pytest.fixture
def doors(monkeypatch):
    """Nothing is computed: what comes so far has passed the doors."""

    def let_in(*_, **__):
        raise Taken

    monkeypatch.setattr(runner._Run, "measure", let_in)
    monkeypatch.setattr(reports.auditing._Run, "tests", let_in)
    monkeypatch.setattr("theory.verify.verify_claim", let_in)


def _places():
    for name, command in COMMANDS.items():
        for parameter in command.params:
            if not (getattr(parameter, "is_flag", False) or (name, parameter.name) in ELSEWHERE):
                yield pytest.param(name, parameter, id=f"{name}-{parameter.name}")


PLACES = list(_places())


def test_there_are_forty_kinds_and_every_command_is_tried():
    assert len(KINDS) >= 40
    assert {place.values[0] for place in PLACES} == set(COMMANDS) - {"doctor"}  # which takes a folder alone


@pytest.mark.usefixtures("folder", "doors")
@pytest.mark.parametrize(("command", "parameter"), PLACES)
def test_no_kind_is_taken(command, parameter, request):
    """A quarter of the kinds, each place another one: every kind meets nine places."""
    place = [place.id for place in PLACES].index(request.node.callspec.id)
    assert faults_of(command, parameter, list(KINDS)[place % 4 :: 4]) == {}


@pytest.mark.deep
@pytest.mark.usefixtures("folder", "doors")
@pytest.mark.parametrize(("command", "parameter"), PLACES)
def test_no_kind_is_taken_anywhere(command, parameter):
    assert faults_of(command, parameter, KINDS) == {}


def faults_of(command, parameter, kinds):
    """What became of the kinds that were not refused in a line or two."""
    faults = {}
    flag = parameter.opts[0] if parameter.param_type_name == "option" else None
    for kind in kinds:
        word = KINDS[kind]
        if kind in GOOD.get(parameter.name, ()):
            continue
        beside = {name: value for name, value in BESIDE.get(command, {}).items() if name not in (parameter.name, flag)}
        given = [part for name, value in beside.items() for part in ((name, value) if name[0] == "-" else (value,))]
        if flag:
            given += [f"{flag}={word}"]
        else:  # arguments in their order
            own = [p.name for p in COMMANDS[command].params if p.param_type_name == "argument"]
            words = {**beside, parameter.name: word}
            given = [words[name] for name in own if name in words] + given[len([n for n in beside if n[0] != "-"]) :]
        try:
            done = CliRunner().invoke(app, [command, *given])
        except Taken:
            faults[kind] = "was taken"
            continue
        told = done.stderr
        if done.exit_code != 2:
            faults[kind] = f"exit {done.exit_code}: {done.exception!r} {done.output[-200:]}"
        elif not told.strip() or "Traceback" in told or len(told) > 20_000:
            faults[kind] = f"told {told[-200:]!r}"
    return faults
