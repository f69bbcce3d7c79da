"""A small lesson on disk, as a student could have written it."""

import pytest

TEXT = '''# %% [markdown]
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
    """Writes a lesson's text (by default a good one) and returns its path."""

    def write(text=TEXT, name="01_squares.py", folder=tmp_path):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_text(text, encoding="utf-8")
        return path

    write.text = TEXT
    return write
