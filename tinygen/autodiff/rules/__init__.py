"""The table: a row for each NumPy and SciPy function, its derivative rules beside its name."""

import sys

from tinygen.autodiff import table
from tinygen.autodiff.rules import (  # noqa: F401  (each fills its part)
    diagonals,
    elementwise,
    fourier,
    indexing,
    linalg,
    ordering,
    products,
    reductions,
    series,
    shaping,
)


def _load_special(_):
    if "scipy.special" in sys.modules:  # otherwise none of its functions can have arrived, and its import is slow
        from tinygen.autodiff.rules import special  # noqa: F401


table.on_missing.append(_load_special)
