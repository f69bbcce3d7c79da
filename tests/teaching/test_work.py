"""Jobs over processes: each result is there once, whatever is killed in the middle."""

import os
import signal
import time

import pytest

from tinygen.teaching import work


def square(x):
    return x * x


def killed(x, victim, mark):
    """The square; the victim's process dies each time, and another's the first time."""
    if x == victim:
        os.kill(os.getpid(), signal.SIGKILL)
    if x == 1 and not os.path.exists(mark):
        open(mark, "x").close()
        os.kill(os.getpid(), signal.SIGKILL)
    if x < 0:
        raise ValueError(f"no {x}")
    return x * x


def slow(x, folder):
    """The square, after a while; says which process did it."""
    with open(os.path.join(folder, f"{x}-{os.getpid()}"), "x"):
        time.sleep(0.3)
    return x * x


@pytest.mark.parametrize("forked", [True, False])
def test_each_job_has_its_result(forked):
    jobs = {f"job {x}": (x,) for x in range(7)}
    found = list(work.outcomes(square, jobs, workers=2, forked=forked))
    assert sorted(found) == [(f"job {x}", x * x, None) for x in range(7)]
    assert list(work.outcomes(square, {})) == []


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_process_that_dies_costs_its_own_job_only(tmp_path):
    jobs = {x: (x, 3, str(tmp_path / "mark")) for x in (0, 1, 2, 3, 4, -1)}
    found = {key: (result, error) for key, result, error in work.outcomes(killed, jobs, workers=2)}
    assert {key for key, (_, error) in found.items() if error} == {3, -1}
    assert all(found[x][0] == x * x for x in (0, 1, 2, 4)) and "no -1" in str(found[-1][1])


@pytest.fixture
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
                                  host="127.0.0.1") as started:  # fmt: skip
        yield started


@pytest.mark.slow
def test_on_dask_a_worker_that_is_killed_loses_nothing(cluster, tmp_path):
    jobs = {x: (x, str(tmp_path)) for x in range(12)}
    found, victim = {}, 0
    for key, result, error in work.outcomes(slow, jobs, dask=cluster.scheduler_address):
        found[key] = result, error
        if len(found) == 3:  # the process that has done the last one is at the next one by now
            first = next(name for name in os.listdir(tmp_path) if name.startswith(f"{key}-"))
            victim = int(first.partition("-")[2])
            os.kill(victim, signal.SIGKILL)
    assert found == {x: (x * x, None) for x in range(12)}
    with pytest.raises(ProcessLookupError):
        os.kill(victim, 0)
