"""A lesson of two exercises, and files that are handed in for it."""

import pytest

LESSON = '''# %% [markdown]
# # 1 · Powers
#
# | | |
# |---|---|
# | Before this | nothing |
#
# Two powers.

# %%
import numpy as np

from tinygen.course import check_value, exercise, finish, yours

points = np.random.default_rng(3).normal(size=5)


# %%
def square(x):
    """The square of x."""
    ### BEGIN SOLUTION
    return x * x
    ### END SOLUTION


def check_square(square):
    return check_value(square, lambda x: x**2, points, names=("x",))


test_square = exercise(square, check_square)

# %%
power = yours(test_square, square, np.square)
print(power(points).sum())


# %%
def cube(x):
    """The cube of x."""
    ### BEGIN SOLUTION
    return x * square(x)
    ### END SOLUTION


def check_cube(cube):
    return check_value(cube, lambda x: x**3, points, names=("x",))


test_cube = exercise(cube, check_cube)

# %% tags=["script"]
if __name__ == "__main__":
    finish(globals())
'''
SQUARE, CUBE = "    return x * x\n", "    return x * square(x)\n"


@pytest.fixture
def hand_in(tmp_path):
    """Writes the lesson and a file handed in for it; returns the path of the lesson and of the file."""
    folder = tmp_path / "lesson"
    folder.mkdir()
    original = folder / "01_powers.py"
    original.write_text(LESSON, encoding="utf-8")

    def write(square=SQUARE, cube=CUBE, first="", name="01_powers.py"):
        text = LESSON.replace(SQUARE, square).replace(CUBE, cube)
        text = text.replace("points = np", f"{first}\npoints = np", 1) if first else text
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
        return original, path

    write.lesson = LESSON
    return write
