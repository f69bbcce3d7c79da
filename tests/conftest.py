"""What all tests share: hypothesis settings and strategies, and the comparison with numeric derivatives."""

import os
import signal

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# A run in the background inherits a SIGINT that is ignored, and would hand it on to every child that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("tinygen", deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("tinygen"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "tinygen")


class Strategies:
    """Strategies for arrays and what goes with them. Test files reach them through the fixture `strategies`."""

    def shapes(self, min_dims=0, max_dims=3, min_side=0):
        """Shapes with sides up to 4."""
        return hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=4)

    def shape_pairs(self):
        """Two shapes that broadcast against each other, both ways, with sides of 0 and 1."""
        pairs = hnp.mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=4, max_dims=3)
        return pairs.map(lambda found: found.input_shapes)

    def axes(self, ndim):
        """None, an axis or a tuple of axes, negative ones too."""
        single = [st.integers(-ndim, ndim - 1)] if ndim else []
        return st.one_of(st.none(), *single, hnp.valid_tuple_axes(ndim))

    def numbers(self, shape, low=-4.0, high=4.0):
        """Arrays of numbers that float32 holds exactly; equal ones and zeros are likely."""
        return hnp.arrays(np.float64, shape, elements=st.floats(low, high, width=32))

    def generators(self):
        """Generators for arrays without ties, zeros or other special places."""
        return st.integers(0, 2**32 - 1).map(np.random.default_rng)

    def layouts(self):
        """Functions that put an array's numbers into memory in another order."""
        return st.sampled_from([_c, _fortran, _reversed, _every_second])


def _c(a):
    return a.copy()


def _fortran(a):
    return np.asfortranarray(a) if a.ndim else a


def _reversed(a):
    return a[..., ::-1].copy()[..., ::-1] if a.ndim else a


def _every_second(a):
    return np.repeat(a, 2, axis=0)[::2] if a.ndim else a


@pytest.fixture(scope="session")
def strategies():
    return Strategies()


@pytest.fixture(scope="session")
def derivatives_agree():
    """A function that holds the derivatives of f at `args`, first and second, against numeric ones with error bars."""

    from tinygen.check.report import PASS
    from tinygen.claims.rules import compare

    def agree(f, *args, rng):
        entries = compare("f", f, args, rng)
        assert all(entry.verdict == PASS for entry in entries), "\n".join(map(str, entries))

    return agree


@pytest.fixture
def rng():
    return np.random.default_rng(20240229)


LESSON = '''# %% [markdown]
# # 1 · Squares
#
# | | |
# |---|---|
# | Before this | nothing |
# | Reading | 3 minutes |
#
# The square of $x$, written $x^2$, grows.
#
# $$\\begin{align*} y &= x^2 \\\\ &\\geq 0 \\end{align*}$$

# %%
import matplotlib.pyplot as plt
import numpy as np

from tinygen.course import Slider, check_value, exercise, finish

print("first", 1 < 2)

# %% [markdown]
# ## Your turn


# %%
def square(x):
    """The square of x."""
    ### BEGIN SOLUTION
    secret = x * x
    return secret
    ### END SOLUTION


def check_square(square):
    return check_value(square, lambda x: x**2, np.random.default_rng(3).normal(size=5), names=("x",))


test_square = exercise(square, check_square)

# %% tags=["look"]
figure, ax = plt.subplots()
ax.plot([1, 2, 3], [1, 4, 9])
ax.set(xlabel="x", ylabel="y", title="Squares")

# %%
def picture(k):
    figure, ax = plt.subplots()
    ax.plot([0, k], [0, k * k])
    return figure


Slider(picture, [1, 2, 3], label="k = {}")

# %% tags=["script"]
if __name__ == "__main__":
    finish(globals())
'''


@pytest.fixture
def lesson_file(tmp_path):
    """Writes a lesson as a student could have written it (or another text) to disk, and returns its path."""

    def write(text=LESSON, name="01_squares.py", folder=tmp_path):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_text(text, encoding="utf-8")
        return path

    write.text = LESSON
    return write
