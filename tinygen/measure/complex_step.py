"""The complex step: a derivative without subtraction, hence without loss of digits, where f allows it."""

import warnings

import numpy as np

FACTORS = (1.0, 1.37, 0.83, 1.71, 0.59)  # steps that round differently
TINY = 2.0**-100  # h**2 is far below rounding, so that f(x + ih) has f(x) as real part and h f'(x) as imaginary part


class Refused(Exception):
    """f cannot be evaluated at complex numbers, or not honestly; the message says why."""


def complex_step(f, x, v, value, noise, rng, steps=2):
    """The derivative of `f` at `x` along `v` as Im f(x + ihv) / h, and its rounding.

    The rounding is how far the result moves between `steps` values of h, with x moved by its own rounding, too. For
    real-analytic code only: abs, norm, var, slogdet and conj are silently wrong, so that the result has to be compared
    with Richardson's. `value` is f(x), reproduced by the real part within `noise`.

    Raises Refused where f does not take complex numbers, drops the imaginary part or changes the real one.
    """
    results, near = [], x
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        for h in TINY * np.array(FACTORS[:steps]):
            try:
                z = np.asarray(f(near + 1j * h * v))
            except Exception as error:
                raise Refused(f"f does not take complex numbers ({type(error).__name__}: {error})") from None
            if z.dtype.kind != "c" or z.size != 1:
                raise Refused("f turns its complex argument into a real one")
            z = z.reshape(())
            if not np.isfinite(z) or abs(z.real - value) > noise:
                raise Refused("f gives a different value at complex arguments")
            results.append(float(z.imag) / h)
            near = x * (1 + np.finfo(x.dtype).eps * rng.standard_normal(x.shape))
    return results[0], max(results) - min(results)
