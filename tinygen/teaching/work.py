"""Many jobs over processes: of this machine, or of a Dask cluster. A worker that is killed loses nothing."""

import contextlib
import os
import signal
import sys
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from multiprocessing import get_context

TRIED = 2  # times that a job may end its process before it is given up


def outcomes(function, jobs, *, executor=None, workers=None, dask=None, forked=False, what="working", unit="job"):
    """Yield (key, result, error) for each of `jobs`, {key: arguments of `function`}, as they are done.

    error: the exception that the job raised, else None. executor: any concurrent.futures.Executor, which is not shut
    down. dask: the address of a Dask scheduler, whose workers do the work; a job whose worker is killed is given to
    another one. By default `workers` processes (as many as there are processors): where one is killed, what was not
    done is done again, one job at a time, so that the job that kills its process costs itself alone. forked: the
    processes take over what is loaded here, where the system can. A progress bar is on stderr, if that is a terminal.
    """
    from tqdm import tqdm

    left = dict(jobs)
    if not left:
        return
    with contextlib.ExitStack() as stack:
        if dask:
            from distributed import Client

            client = stack.enter_context(Client(dask, set_as_default=False))
            executor = client.get_executor(pure=False, retries=TRIED)
        count = min(workers or os.cpu_count() or 1, len(left))
        first = [executor] if executor else [stack.enter_context(_pool(count, forked))]
        futures = {first[0].submit(function, *arguments): key for key, arguments in left.items()}
        bar = tqdm(total=len(left), desc=what, unit=unit, file=sys.stderr, disable=not sys.stderr.isatty(),
                   dynamic_ncols=True, leave=False)  # fmt: skip
        stack.callback(bar.close)
        for future in as_completed(futures):
            key = futures[future]
            error = future.exception()
            if isinstance(error, BrokenExecutor) and not executor:
                continue  # it is done again below
            bar.update()
            del left[key]
            yield key, None if error else future.result(), error
        for key, arguments in left.items():
            for _ in range(TRIED):
                with _pool(1, forked) as alone:
                    future = alone.submit(function, *arguments)
                    error = future.exception()
                if not isinstance(error, BrokenExecutor):
                    break
            bar.update()
            yield key, None if error else future.result(), error


@contextlib.contextmanager
def _pool(count, forked):
    method = "fork" if forked and sys.platform == "linux" else "spawn"
    pool = ProcessPoolExecutor(count, get_context(method), signal.signal, (signal.SIGINT, signal.SIG_IGN))
    try:
        yield pool
    finally:  # what waits is not begun any more, when the user has had enough
        pool.shutdown(cancel_futures=True)
