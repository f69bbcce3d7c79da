"""BLAS in one thread while a small net is trained.

A product of some microseconds gains little from a second thread, and much can be lost: BLAS threads wait for each other
busily, so that on a machine that has other work each product waits for the operating system to give both a core. A
round of a GAN of two layers of 128 took 20 times as long, in wall time and in processor time alike.
"""

import contextlib
import os

from tinygen.autodiff import tree

SMALL = 2**25  # multiplications in the largest product: about a millisecond in one thread
_CHOSEN = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")


@contextlib.contextmanager
def one_thread(params, rows):
    """While it is entered, BLAS has one thread, if no product of `rows` rows with a matrix of `params` is large.

    params: a tree of arrays. Nothing is done where the user has chosen (OMP_NUM_THREADS and its like), or where
    threadpoolctl, which comes with scikit-learn, is not installed.
    """
    largest = rows * max((array.size for array in tree.flatten(params)[0]), default=0)
    chosen = any(os.environ.get(name) for name in _CHOSEN)
    limits = contextlib.nullcontext()
    if largest <= SMALL and not chosen:
        with contextlib.suppress(ImportError):
            from threadpoolctl import threadpool_limits

            limits = threadpool_limits(1, user_api="blas")
    with limits:
        yield
