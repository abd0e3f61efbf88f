"""What a run shows while it is under way, and for how long it says it will be."""

from __future__ import annotations

import io

from rich.console import Console

from reports.experiment import Cell
from reports.index import same_cell
from reports.progress import Remaining, RichProgress, RunState
from reports.workers import Job


def test_the_bar_shows_what_is_left():
    state = RunState(0, 10, 4, 1, ("probe(do=draw)",), "quality", 3.0, 65.4)
    with RichProgress() as bar:
        bar(state)
        assert bar._bar.tasks[0].completed == 4
        assert bar._bar.tasks[0].fields["told"] == "about 1 min 05 s left · 1 failed · probe(do=draw)"


def test_what_is_left_is_shared_by_the_workers_of_a_lane_and_timing_cells_have_none():
    def job(i, *, timing=False):
        experiment = "timed-probe" if timing else "probe"
        return Job(experiment, "m", "quick", f"{experiment}-{i}", Cell({"do": "draw"}, i), {}, "", timing, 1)

    known = {same_cell({"do": "draw"}, i): 8.0 for i in range(2)}
    jobs = [job(0), job(1), job(2), job(0, timing=True)]
    remaining = Remaining(jobs, 2, lambda name, _: known if name == "probe" else {})
    assert remaining.seconds() is None  # nothing is known of the third and of the timed one
    remaining.ended(jobs[0], 6.0)
    # One known quality cell and one like the first, on two processes, and a timing cell alone.
    assert remaining.seconds() == 8 / 2 + 6 / 2 + 6
    for done in jobs[1:]:
        remaining.ended(done, 6.0)
    assert remaining.seconds() == 0.0


def test_where_no_bar_can_be_drawn_lines_are_printed_now_and_then():
    state = RunState(
        present=0, todo=9, done=4, failed=0, running=("probe(n=1)",), lane="quality", elapsed=1.0, remaining=75.0
    )
    said = {}
    for every in (0.0, 1e9):
        log = io.StringIO()
        with RichProgress(console=Console(file=log, force_terminal=False, width=40), every=every) as bar:
            bar(state)
        said[every] = log.getvalue()
    assert "measuring (quality) 4/9 · about 1 min 15 s left · probe(n=1)\n" in said[0.0]
    assert "left · probe(n=1)\n" not in said[1e9]
