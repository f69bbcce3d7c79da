r"""The forward process: noise is added in steps, and every law along the way is a Gaussian that can be written down.

$q(z_t | z_{t-1}) = N(\sqrt{1 - \beta_t}\, z_{t-1}, \beta_t I)$, $q(z_t | x) = N(\sqrt{\bar\alpha_t}\, x, (1 -
\bar\alpha_t) I)$
(the notes, chapter 18; Prince 18.2). Data x is (B, D), t is an int or ints (B,) between 1 and T, noise has the shape
of x.

Throughout, schedule: a `Schedule`. z, z_before: (B, D), at steps t and t - 1.
"""

import numpy as np

from tinygen import byhand


def at(array, t, x, *, first=0):
    """array[t] as a column beside x, (B, 1) or (), in x's dtype; of an array (T + 1, D) rows (B, D) or (D,).

    Lookups by t belong here, outside a compiled function: its arguments are the looked-up numbers.
    first: the first step that has a meaning where it is asked for. Raises TypeError or ValueError if t is not one of
    the steps first, ..., T, or not one for each row, or if x holds whole numbers.
    """
    t = np.asarray(t)
    if t.dtype.kind not in "iu":
        raise TypeError(f"t has dtype {t.dtype}; steps are whole numbers.")
    if t.size and not (first <= t.min() and t.max() < len(array)):
        got = f"is {t}" if not t.ndim else f"goes from {t.min()} to {t.max()}"
        raise ValueError(f"t {got}; expected steps {first} to T = {len(array) - 1} of this schedule.")
    if t.ndim and t.shape != x.shape[:1]:
        raise ValueError(f"t has shape {t.shape}; expected one step, or one for each of the {x.shape[0]} rows.")
    if x.dtype.kind != "f":
        raise TypeError(f"got an array of dtype {x.dtype}; expected floats: .astype(float).")
    picked = array[t].astype(x.dtype)
    return picked.reshape(t.shape + (1,) * (x.ndim - 1)) if t.ndim and array.ndim == 1 else picked


def step(schedule, z_before, t, eps_step):
    """z_t = sqrt(1 - beta_t) z_{t-1} + sqrt(beta_t) eps_step: one step of the notes, with their missing index."""
    beta = at(schedule.beta, t, z_before, first=1)
    return np.sqrt(1 - beta) * z_before + np.sqrt(beta) * eps_step


def noisy(schedule, x, t, eps):
    """z_t = sqrt(alpha_bar_t) x + sqrt(1 - alpha_bar_t) eps: all steps up to t in one; z_0 = x.

    Raises ValueError if eps has not the shape of x: rows must not share their noise unseen.
    """
    if np.shape(eps) != np.shape(x):
        raise ValueError(f"noisy: got eps of shape {np.shape(eps)}; expected that of x, {np.shape(x)}.")
    return mix(x, eps, np.sqrt(at(schedule.alpha_bar, t, x)), at(schedule.sigma, t, x))


def mix(x, eps, signal, sigma):
    """signal x + sigma eps, the reparameterised sample of q(z_t|x); derivatives signal g, sigma g, and sums of g x,
    g eps.

    A draw z_t whose law depends on its schedule through `signal` and `sigma`: so the schedule can be learned.
    """
    return signal * x + sigma * eps


mix = byhand.with_rules(
    mix,
    lambda g, z, x, eps, signal, sigma: g * signal,
    lambda g, z, x, eps, signal, sigma: g * sigma,
    lambda g, z, x, eps, signal, sigma: g * x,
    lambda g, z, x, eps, signal, sigma: g * eps,
    example=lambda rng: dict(x=rng.normal(size=(3, 2)), eps=rng.normal(size=(3, 2)), signal=rng.random((3, 1)),
                             sigma=rng.random((3, 1))),
)


def posterior(schedule, z, x, t):
    """Mean and variance of q(z_{t-1}|z_t, x) by Bayes' rule, (B, D) and (B, 1) or ().

    mean = [sqrt(alpha_bar_{t-1}) beta_t x + sqrt(1 - beta_t) (1 - alpha_bar_{t-1}) z] / (1 - alpha_bar_t)
    var  = beta_t (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t)
    At t = 1 it is x itself, with variance 0.
    """
    of_x, of_z = posterior_weights(schedule)
    mean = at(of_x, t, x, first=1) * x + at(of_z, t, x) * z
    return mean, at(schedule.posterior_var, t, x)


def posterior_weights(schedule):
    """The weights of x and z in the mean of q(z_{t-1}|z_t, x), two arrays of length T + 1."""
    s = schedule
    of_x, of_z = np.ones_like(s.beta), np.zeros_like(s.beta)
    of_x[1:] = np.exp(0.5 * s.log_alpha_bar[:-1]) * s.beta[1:] / s.sigma2[1:]
    of_z[1:] = np.exp(0.5 * np.diff(s.log_alpha_bar)) * s.sigma2[:-1] / s.sigma2[1:]
    return of_x, of_z


def grid_scores(z, values, signal, sigma):
    """log N(z; signal v, sigma^2) for each of the values, up to a constant: (..., 1) -> (..., V)."""
    return -0.5 * ((z - signal * values) / sigma) ** 2
