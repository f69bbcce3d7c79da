"""Adam that keeps a running mean of the parameters: the last noise of training taken out."""

import numpy as np

from tinygen.nn.optim import FadingAdam


class AveragedAdam(FadingAdam):
    """Adam with a fading rate, and the exponential moving average of its vector with the bias corrected.

    A <- decay A + (1 - decay) theta after each step, A = 0 at first; `average()` is A / (1 - decay^t): a weighted
    mean of theta_1, ..., theta_t, theta_s with weight (1 - decay) decay^(t - s) / (1 - decay^t).
    decay: between 0 (the last theta) and 1. The average goes into checkpoints with the rest.

    >>> theta = np.array([1.0])
    >>> adam = AveragedAdam(theta, rate=0.1, total=100, decay=0.9)
    >>> adam.step(np.array([1.0]))
    >>> bool(np.allclose(adam.average(), theta))
    True
    """

    def __init__(self, vector, *, rate, total, decay):
        super().__init__(vector, rate=rate, total=total)
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be at least 0 and below 1, got {decay!r}")
        self.decay = float(decay)
        self.A = np.zeros_like(vector)
        self._averages = [self.A[here] for here, *_ in self._blocks]

    def step(self, gradient):
        super().step(gradient)
        for A, (_, work, theta, *_) in zip(self._averages, self._blocks):
            np.subtract(theta, A, work)
            np.multiply(work, 1 - self.decay, work)
            np.add(A, work, A)

    def average(self):
        """The mean of the parameters so far, a new vector; before the first step the parameters themselves."""
        return self.A / (1 - self.decay**self.t) if self.t else self.vector.copy()

    def state(self):
        return {**super().state(), "A": self.A}

    def restore(self, state):
        super().restore(state)
        self.A[:] = state["A"]
