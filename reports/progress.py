"""How far a run is, how long it will take, and a bar in the terminal that says so."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from reports.index import same_cell
from reports.workers import Job

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


@dataclass(frozen=True)
class RunState:
    """A run at one moment. `present` cells were measured before, `todo` were not when it began.

    `remaining` is an estimate in seconds, None while nothing is known to make one from.
    """

    present: int
    todo: int
    done: int
    failed: int
    running: tuple[str, ...]
    lane: str
    elapsed: float
    remaining: float | None


#: What `run` is given as `progress`: called when a cell ends, and twice a second while none does.
OnProgress = Callable[[RunState], None]


class Remaining:
    """Remaining seconds, from what each cell took before, else from its experiment's mean, else from the run's.

    `before(experiment, size)` gives earlier seconds by `same_cell`. Quality cells share `workers`
    processes, timing cells have one.
    """

    def __init__(self, jobs: Iterable[Job], workers: int, before: Callable[[str, str], Mapping[str, float]]):
        self._share = {True: 1.0, False: 1.0 / workers}
        self._known: dict[str, float] = {}
        self._unknown: Counter[tuple[str, bool]] = Counter()
        self._took: dict[str, float] = defaultdict(float)
        self._ended: Counter[str] = Counter()
        earlier: dict[tuple[str, str], Mapping[str, float]] = {}
        for job in jobs:
            pair = job.experiment, job.size
            if pair not in earlier:
                earlier[pair] = before(*pair)
            seconds = earlier[pair].get(same_cell(job.cell.params, job.cell.seed))
            if seconds is None:
                self._unknown[job.experiment, job.timing] += 1
            else:
                self._known[job.key] = seconds * self._share[job.timing]
        self._sum = sum(self._known.values())

    def ended(self, job: Job, seconds: float) -> None:
        if job.key in self._known:
            self._sum -= self._known.pop(job.key)
        else:
            self._unknown[job.experiment, job.timing] -= 1
        self._took[job.experiment] += seconds
        self._ended[job.experiment] += 1

    def seconds(self) -> float | None:
        means = {name: took / self._ended[name] for name, took in self._took.items()}
        guess = 0.0
        for (name, timing), count in self._unknown.items():
            if count and not means:
                return None
            if count:
                guess += count * self._share[timing] * means.get(name, sum(means.values()) / len(means))
        return max(0.0, self._sum if self._known else 0.0) + guess


class RichProgress:
    """A bar with the cells done, one that runs, and the time left: `with RichProgress() as bar: run(progress=bar)`.

    Where the output is no terminal, a bar cannot be redrawn: there a line is printed every `every` seconds.
    """

    def __init__(self, *, console: Console | None = None, every: float = 30.0) -> None:
        self._bar: Progress | None = None
        self._console = console
        self._every = every

    def __enter__(self) -> RichProgress:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[told]}"))
        self._bar = Progress(TextColumn("{task.description}"), *columns, console=self._console)
        self._bar.start()
        self._spoken = time.monotonic()
        self._task = self._bar.add_task("measuring", total=None, told="starting workers")
        return self

    def __call__(self, state: RunState) -> None:
        if self._bar is None:
            raise RuntimeError("RichProgress: enter it first, `with RichProgress() as bar:`")
        self._bar.update(
            self._task,
            description=f"measuring ({state.lane})",
            total=state.todo,
            completed=state.done,
            told=_told(state),
        )
        if not self._bar.console.is_terminal and time.monotonic() - self._spoken >= self._every:
            self._spoken = time.monotonic()
            line = f"measuring ({state.lane}) {state.done}/{state.todo} · {_told(state)}"
            self._bar.console.print(line, highlight=False, soft_wrap=True)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()


def _told(state: RunState) -> str:
    left = "" if state.remaining is None else f"about {clock(state.remaining)} left"
    failed = f"{state.failed} failed" if state.failed else ""
    now = state.running[0] if state.running else ""
    return " · ".join(part for part in (left, failed, now[:60]) if part)


def clock(seconds: float) -> str:
    """Seconds as they are told: 65.4 is 1 min 05 s."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
