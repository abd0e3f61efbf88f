"""A repository of 24 commits with made-up results of asv, published by asv: one benchmark slower since commit 15."""

import json
import subprocess
import sys

COMMITS, SLOWER_FROM = 24, 15
_MACHINE = {"arch": "x86_64", "cpu": "made up", "machine": "here", "num_cpu": "2", "os": "Linux", "ram": "1"}
_BENCHMARKS = {
    "fast_suite.time_steady": ([], [], "seconds"),
    "fast_suite.Pair.time_of_two": ([["'one'", "'two'"]], ["which"], "seconds"),
    "fast_suite.track_share": ([], [], "share"),
}


def publish(root):
    """Publishes the site of a made-up repository in `root`; gives (its folder, its commits, the first one first)."""
    root.mkdir()
    git = ["git", "-C", str(root)]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    # Fast-import makes a commit in a line, where `git commit` starts a process.
    lines = [
        f"commit refs/heads/main\ncommitter a <a@b> {1.7e9 + 3600 * i:.0f} +0000\ndata 1\n{chr(97 + i)}\n"
        for i in range(COMMITS)
    ]
    subprocess.run([*git, "fast-import", "--quiet"], input="".join(lines), text=True, check=True)
    commits = _git(root, "rev-list", "--reverse", "main").split()
    results = root / ".asv" / "results"
    (results / "here").mkdir(parents=True)
    _write(results / "here" / "machine.json", _MACHINE | {"version": 1})
    kinds = {name: _described(name, *about) for name, about in _BENCHMARKS.items()}
    _write(results / "benchmarks.json", kinds | {"version": 2})
    for place, commit in enumerate(commits):
        _write(results / "here" / f"{commit[:8]}-env.json", _result(place, commit))
    settings = {
        "version": 1, "project": "made up", "repo": ".", "branches": ["main"], "environment_type": "virtualenv",
        "benchmark_dir": "benchmarks", "results_dir": ".asv/results", "html_dir": ".asv/html",
    }  # fmt: skip
    _write(root / "asv.conf.json", settings)
    command = [sys.executable, "-m", "asv", "publish", "--config", str(root / "asv.conf.json")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return root / ".asv" / "html", commits


def values(place):
    """What was measured at commit `place`, with a little noise that is the same on every run."""
    noise = 1 + 0.002 * ((place * 7) % 5 - 2)
    slower = 1.5 if place >= SLOWER_FROM else 1.0
    return {
        "fast_suite.time_steady": [0.01 * noise],
        "fast_suite.Pair.time_of_two": [0.02 * noise, 0.04 * noise * slower],
        "fast_suite.track_share": [0.5],
    }


def _result(place, commit):
    about = {"commit_hash": commit, "env_name": "env", "date": int(1.7e12) + 3600_000 * place, "params": _MACHINE}
    about |= {"python": "", "requirements": {}, "env_vars": {}, "version": 2, "durations": {}}
    about["result_columns"] = ["result", "params", "version", "started_at", "duration"]
    about["results"] = {
        name: [found, _BENCHMARKS[name][0], "1", about["date"], 1.0] for name, found in values(place).items()
    }
    return about


def _described(name, params, param_names, unit):
    about = {"code": "pass", "name": name, "params": params, "param_names": param_names, "unit": unit, "version": "1"}
    return about | {"type": "track" if "track" in name else "time", "timeout": 60}


def _write(path, told):
    path.write_text(json.dumps(told), encoding="utf-8")


def _git(root, *arguments):
    return subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True).stdout
