"""Three estimators of gradients under z ~ N(m, s^2), with their exact means and variances: of E (z - c)^2, of a bound.

With d = m - c and z = m + s e, e ~ N(0, 1): E (z - c)^2 = d^2 + s^2. One draw gives
reparameterised: by m 2 (d + s e), by s 2 (d + s e) e;
score function: by m (d + s e)^2 e / s, by s (d + s e)^2 (e^2 - 1) / s.
The bound has log p(x, z) = -L/2 (z - c)^2 + const, so that the posterior is N(c, 1/L).
"""

from typing import NamedTuple

import numpy as np


class Moments(NamedTuple):
    """Of one draw: `mean` and `var` of the estimate of the gradient by (m, s), arrays of shape (2,)."""

    mean: np.ndarray
    var: np.ndarray


def reparameterised(m, s, c):
    """Means 2 d, 2 s and variances 4 s^2, 4 d^2 + 8 s^2 of the gradients by m and by s: Moments, each array (2,).

    m, s: of z, numbers. c: of the integrand.

    >>> reparameterised(2.0, 0.5, 1.0)
    Moments(mean=array([2., 1.]), var=array([1., 6.]))
    """
    d = m - c
    return Moments(np.array([2.0 * d, 2.0 * s]), np.array([4.0 * s**2, 4 * d**2 + 8 * s**2]))


def score_function(m, s, c, *, baseline=0.0):
    """The same means; variances d^4/s^2 + 14 d^2 + 15 s^2 and 2 d^4/s^2 + 60 d^2 + 74 s^2.

    With a baseline b, (z - c)^2 - b in place of (z - c)^2, they are lower by b (2 d^2 + 6 s^2 - b)/s^2 and
    b (4 d^2 + 20 s^2 - 2 b)/s^2: lowest at b = d^2 + 3 s^2 and at b = d^2 + 5 s^2. m, s, c: as in `reparameterised`.
    Derived here, as all of this page.

    >>> score_function(2.0, 0.5, 1.0)
    Moments(mean=array([2., 1.]), var=array([21.75, 86.5 ]))
    """
    d, b = m - c, baseline
    by_m = d**4 / s**2 + 14 * d**2 + 15 * s**2 - b * (2 * d**2 + 6 * s**2 - b) / s**2
    by_s = 2 * d**4 / s**2 + 60 * d**2 + 74 * s**2 - b * (4 * d**2 + 20 * s**2 - 2 * b) / s**2
    return Moments(np.array([2.0 * d, 2.0 * s]), np.array([by_m, by_s]))


def sticking_the_landing(m, s, c, L):
    """Of the ELBO E_q [-L/2 (z - c)^2 - ln q(z)], along the path z = m + s e alone (Roeder, Wu and Duvenaud 2017).

    One draw gives by m u = -L d + (1/s - L s) e, by s u e. Means -L d and 1/s - L s; variances (1/s - L s)^2 and
    L^2 d^2 + 2 (1/s - L s)^2: all of them 0 at the posterior. The plain gradient has the same means; its variances are
    L^2/4 times those of `reparameterised`, and do not vanish there.

    >>> sticking_the_landing(1.0, 0.5, 1.0, 4.0)  # q is the posterior
    Moments(mean=array([-0.,  0.]), var=array([0., 0.]))
    """
    d, r = m - c, 1 / s - L * s
    return Moments(np.array([-L * d, r]), np.array([r**2, L**2 * d**2 + 2 * r**2]))
