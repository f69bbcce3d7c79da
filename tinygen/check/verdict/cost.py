"""What a check costs: calls of f, seconds, a progress bar after two of them, and a budget that may run out."""

import time

from tinygen.measure.noise import OutOfTime

PATIENT = 2.0  # seconds before a progress bar appears


class Cost:
    """Counts calls of f on their way. budget: seconds, None for as long as it takes."""

    def __init__(self, budget=None):
        self.begin, self.budget, self.calls, self.expected, self._bar = time.perf_counter(), budget, 0, None, None

    @property
    def seconds(self):
        """Since the beginning."""
        return time.perf_counter() - self.begin

    @property
    def spent(self):
        """Whether the budget has run out."""
        return self.budget is not None and self.seconds > self.budget

    def expect(self, calls):
        """Say how many calls a right gradient will take in all."""
        self.expected = int(calls)
        if self._bar is not None:
            self._bar.total = self.expected

    def call(self):
        """Count one call. Raises OutOfTime where the budget has run out."""
        if self.spent:
            raise OutOfTime
        self.calls += 1
        if self._bar is None and self.seconds > PATIENT:
            from tqdm import tqdm

            each = self.seconds / self.calls
            about = f"about {self.expected} calls of f, {self.expected * each:.0f} s" if self.expected else "calls of f"
            options = dict(total=self.expected, initial=self.calls, leave=False, mininterval=0.5)
            self._bar = tqdm(desc=f"check_grad: {about}", **options)
        elif self._bar is not None:
            self._bar.update()

    def close(self):
        """Take the progress bar away."""
        if self._bar is not None:
            self._bar.close()

    def note(self):
        """A sentence on what it cost, for checks that took long; else ""."""
        ran = f" The budget of {self.budget:g} s ran out: this is what is known by then." if self.spent else ""
        return f"{self.calls:,} calls of f, {self.seconds:.1f} s.{ran}" if ran or self.seconds > PATIENT else ""


def usual_calls(judge):
    """How many calls of f a right gradient of so many numbers may take."""
    return 60 + 20 * min(judge.got.size, 16) if judge is not None else 100
