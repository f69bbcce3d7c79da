"""BLAS has one thread while a small net is trained, and afterwards as many as before."""

import numpy as np
import pytest

from tinygen.models import GAN
from tinygen.nn import train
from tinygen.nn.threads import SMALL, one_thread

threadpoolctl = pytest.importorskip("threadpoolctl")


def threads():
    return {pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two(monkeypatch):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        if threads() != {2}:
            pytest.skip("this BLAS has one thread")
        yield


def test_a_game_and_a_fit_have_one_thread():
    seen = []
    see = lambda record: seen.append(threads())
    x = np.random.default_rng(0).standard_normal((40, 2))
    GAN(max_steps=2, hidden=(8,), validation_fraction=0, progress=False, callback=see, random_state=0).fit(x)
    loss = lambda params, batch, noise: np.mean((batch - params["mean"]) ** 2)
    train.fit(loss, {"mean": np.zeros(2)}, x, rng=0, max_steps=2, callback=see, progress=False)
    assert seen == [{1}] * 4 and threads() == {2}


def test_large_products_keep_their_threads():
    with one_thread({"W": np.zeros((SMALL // 64, 2))}, 64):
        assert threads() == {2}
    with one_thread({"W": np.zeros((SMALL // 128, 2))}, 64):
        assert threads() == {1}


def test_who_has_chosen_is_left_alone(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with one_thread({"W": np.zeros((2, 2))}, 7):
        assert threads() == {2}


def test_they_come_back_after_an_error():
    with pytest.raises(KeyError), one_thread([], 7):
        raise KeyError
    assert threads() == {2}
