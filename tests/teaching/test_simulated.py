"""A class of which it is known what is wrong: every mark is right, nobody is accused, mistakes are named as planted."""

import os
import signal
import threading
import time

import pytest

from tinygen.course import lesson
from tinygen.teaching import course, grade, pages, simulate


def graded(tmp_path, numbers, students, **how):
    course.new(tmp_path / "course", numbers)
    read = course.read(tmp_path / "course")
    place = simulate.simulate(read, tmp_path / "in", students, seed=3)
    return grade.grade(read, place, tmp_path / "marks", **how), place


def holds(found, place):
    counts, wrong = simulate.agreement(found, place)
    assert not wrong, "\n\n".join(wrong[:5])
    assert counts["marks"] == counts["answers"] and not counts["accused"]
    assert counts["planted"] >= 0.9 * counts["named"] > 0
    return counts


def test_a_class_of_12(tmp_path):
    found, place = graded(tmp_path, [4], 12, workers=1)
    counts = holds(found, place)
    assert counts["answers"] == 12 * 6 and counts["right"] > 20
    page = pages.all_pages(found)["index.html"]
    assert "12 students" in page and "of 12" in page


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 5, 8, 12, 13])
def test_a_class_of_60_in_other_lessons(number, tmp_path):
    found, place = graded(tmp_path, [number], 60)
    holds(found, place)


@pytest.mark.slow
def test_a_class_of_300(tmp_path):
    found, place = graded(tmp_path, [4], 300)
    assert holds(found, place)["answers"] == 1800


def test_a_simulated_class_is_the_same_for_a_seed_and_knows_each_kind():
    import random

    path = lesson.find(4)
    texts = {simulate.answered(path, random.Random(n))[0] for n in (1, 1, 2)}
    assert len(texts) == 2
    kinds = {kind for choices in simulate.answers(path).values() for kind in choices}
    assert kinds == set(simulate.SHARES)


def test_what_agrees_and_what_does_not_is_counted(tmp_path):
    course.new(tmp_path / "course", [4])
    read = course.read(tmp_path / "course")
    place = simulate.simulate(read, tmp_path / "in", 2)
    counts, wrong = simulate.agreement(grade.Graded(read, {}, None), place)
    assert counts["marks"] == 0 and len(wrong) == 12 and counts["accused"] == counts["right"]
    assert simulate.agreement(None, tmp_path) is None
    with pytest.raises(course.CourseError, match="not empty"):
        simulate.simulate(read, place, 2)


@pytest.mark.slow
def test_on_dask_with_a_worker_killed_in_the_middle_the_marks_are_the_same(tmp_path):
    distributed = pytest.importorskip("distributed")
    here, place = graded(tmp_path, [4], 8, workers=2)
    out, killed = tmp_path / "dask", []

    def kill(worker):
        """Wait until something is judged, then kill the worker that is judging more."""
        for _ in range(1200):
            if list(out.glob("verdicts/*.json")):
                os.kill(worker.pid, signal.SIGKILL)
                killed.append(worker.pid)
                return
            time.sleep(0.1)

    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
                                  host="127.0.0.1") as cluster:  # fmt: skip
        killer = threading.Thread(target=kill, args=(cluster.workers[0],), daemon=True)
        killer.start()
        there = grade.grade(here.course, place, out, dask=cluster.scheduler_address)
        killer.join(60)
    assert killed
    assert grade.marks_csv(here) == grade.marks_csv(there)
    holds(there, place)
