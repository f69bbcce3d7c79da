"""Schedules of every kind, cubature noise, and the net that knows everything."""

import numpy as np
import pytest

from tinygen.models.diffusion.parameterization import convert
from tinygen.models.diffusion.schedule import Schedule

KINDS = {
    "linear": Schedule.linear,
    "cosine": Schedule.cosine,
    "constant": lambda T: Schedule.constant(T, min(0.5, 5 / T)),
    "log-linear": lambda T: Schedule.log_linear(T, 5.0, -5.0),
    "respaced": lambda T: Schedule.linear(max(3 * T, 60)).respaced(T),
    "learned": lambda T: Schedule.learned(np.sin(np.arange(7.0)), T=T, first=5.0, last=-5.0),
}


@pytest.fixture(params=sorted(KINDS))
def schedule_of(request):
    """A function T -> Schedule, of every kind in turn."""
    return KINDS[request.param]


@pytest.fixture
def cubature():
    """A function D -> noise (2D, 1, D) and weights (2D,): the expectation of any quadratic in eps, exactly."""

    def points(D):
        eye = np.sqrt(D) * np.eye(D)
        return np.concatenate([eye, -eye])[:, None], np.full(2 * D, 1 / (2 * D))

    return points


@pytest.fixture
def ideal():
    """A function (schedule, oracle, kind) -> the predict(z, t) of a net that knows the data's law."""

    def net(schedule, oracle, kind):
        def predict(z, t):
            alpha_bar = schedule.alpha_bar[t]
            if np.ndim(t):
                alpha_bar = alpha_bar[:, None]
            return convert(schedule, oracle.denoised(z, alpha_bar), z, t, "x", kind)

        return predict

    return net
