"""What keeps a discriminator from being too steep: penalties on its slope by x, and clipped weights.

A penalty is a function of a derivative, and is differentiated again by D's parameters: the slope must stay part of the
recording. (A slope that is taken as a constant makes a penalty without any effect.) D(x) -> (B,) are logits, of which
row b depends on x[b] alone; statistics over the batch within D would break that, and the sum below would mix the rows.

Throughout, D: such a function. real, fake: (B, D), rows of data and samples. x: (B, D).
"""

import numpy as np

from tinygen import byhand
from tinygen.autodiff import grad


def slopes(D, x):
    """dD(x)_b/dx_b of every row, of x's shape: the gradient of the sum, since each logit depends on its own row only.

    >>> slopes(lambda x: x @ np.array([0.3, -0.4]), np.zeros((3, 2)))[0]
    array([ 0.3, -0.4])
    """
    return grad(lambda x: np.sum(D(x)))(x)


def zero_centred(slope):
    """Half the mean of |slope|^2 over the rows; |.| over all axes of a row, those of an image together.

    d/dslope = slope/B

    slope: (B, ...). Returns a scalar.
    """
    return 0.5 * np.sum(slope**2) / len(slope)


def one_centred(slope):
    """The mean of (|slope| - 1)^2 over the rows; |.| over all axes of a row, those of an image together.

    d/dslope = 2 (|slope| - 1) slope/|slope| / B  (0 at the cone's tip, slope = 0)

    slope: (B, ...). Returns a scalar.
    """
    return np.mean((_norm(slope)[0] - 1) ** 2)


def zero_centred_grad_slope(slope):
    return slope / len(slope)


def one_centred_grad_slope(slope):
    norm, unit = _norm(slope)
    return 2 * (norm - 1) * unit / len(slope)


def _norm(slope):
    """|slope| of each row, (B, 1, ...), and slope/|slope|, 0 where that has no direction."""
    square = np.sum(slope**2, axis=tuple(range(1, slope.ndim)), keepdims=True)
    flat = square == 0
    norm = np.where(flat, 0.0, np.sqrt(np.where(flat, 1.0, square)))
    return norm, slope / np.where(flat, 1.0, norm)


def _joined(f, gradient):
    rule = lambda g, y, slope: g * gradient(slope)
    return byhand.with_rules(f, rule, example=lambda rng: {"slope": rng.normal(size=(5, 2, 3))})


zero_centred = _joined(zero_centred, zero_centred_grad_slope)
one_centred = _joined(one_centred, one_centred_grad_slope)


def r1(D, real):
    """E_p |D'(x)|^2/2, of the logit, at the data (Mescheder et al. 2018): times gamma, of the loss of D.

    >>> round(float(r1(lambda x: x @ np.array([0.3, -0.4]), np.zeros((3, 2)))), 10)
    0.125
    """
    return zero_centred(slopes(D, real))


def r2(D, fake):
    """E_q |D'(x)|^2/2: the same at the samples."""
    return zero_centred(slopes(D, fake))


def gradient_penalty(D, real, fake, u):
    """E (|D'(x)| - 1)^2 at random points between data and samples (Gulrajani et al. 2017): times lam, of D's loss.

    u: (B, 1, ...), uniform on [0, 1], one number for each row.

    >>> x, u = np.zeros((3, 2)), np.full((3, 1), 0.5)
    >>> round(float(gradient_penalty(lambda x: x @ np.array([0.3, -0.4]), x, x + 1, u)), 10)
    0.25
    """
    return one_centred(slopes(D, interpolate(real, fake, u)))


def interpolate(real, fake, u):
    """u real + (1 - u) fake: points on the segments between the rows of the two.

    Raises ValueError if u has not one number for each row: with one for each entry the point leaves the segment.
    """
    expected = (len(real),) + (1,) * (len(real.shape) - 1)
    if real.shape != fake.shape or u.shape != expected:
        raise ValueError(
            f"interpolate: got real {real.shape}, fake {fake.shape} and u {u.shape}; expected as many rows of both, "
            f"and one weight for each row, {expected}: with one for each entry the point is off the segment"
        )
    return u * real + (1 - u) * fake
