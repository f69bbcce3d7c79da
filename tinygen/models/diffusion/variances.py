r"""The variance of p(z_{t-1}|z_t), which the model chooses: q(z_{t-1}|z_t) itself is not normal, and has its own.

| choice | right when |
|---|---|
| "beta" | data is N(0, I): then it is the exact one |
| "posterior" | x is known: then it is the exact one, the least possible |
| `between` | in between, by a learned number or net |
| `optimal` | the mean is exact: the best constant for any data |
| `total` | mean and variance of x given z_t are exact: then it is that of q(z_{t-1}\|z_t), for each z_t |

Throughout, schedule: a `Schedule`. predict: a net, as a function of z_t (B, D) and t. kind: what it says, a name of
parameterization.py.
"""

import numpy as np

from tinygen.models.diffusion.parameterization import convert
from tinygen.models.diffusion.process import at, noisy, posterior_weights


def variances(schedule, choice):
    """The variance of p(z_{t-1}|z_t) for each t, (T + 1,) or (T + 1, D): "beta", "posterior", or the array itself.

    At t = 1, where the posterior's is 0, "posterior" takes that of t = 2 (beta_1 if there is none). choice: one of
    these. Raises ValueError for another name and for an array of another length.
    """
    if isinstance(choice, str):
        if choice == "beta":
            return schedule.beta
        if choice == "posterior":
            return _posterior(schedule)
        raise ValueError(f"got variance {choice!r}; expected 'beta', 'posterior', or an array with T + 1 rows.")
    var = np.asarray(choice, np.float64)
    if len(var) != schedule.T + 1 or not np.all(var[1:] > 0):
        raise ValueError(f"variances: got shape {var.shape}; expected {schedule.T + 1} rows, positive from t = 1 on.")
    return var


def between(schedule, u):
    """beta_t^u posterior_var_t^(1 - u), the learned range: u = 1 is "beta", u = 0 "posterior".

    u: a number, (T + 1,) or (T + 1, D), any real, differentiable. Returns (T + 1,) or (T + 1, D), 0 at t = 0.
    For a u that a net computes from z give `reverse_of` the function (z, t) -> beta_t^u(z, t) .... Source: Nichol and
    Dhariwal 2021, eq. 15.
    """
    log_beta, log_posterior = np.log(schedule.beta[1:]), np.log(_posterior(schedule)[1:])
    u = np.broadcast_to(u, (schedule.T + 1,)) if np.ndim(u) == 0 else u
    wide = (slice(None),) + (None,) * (u.ndim - 1)
    some = np.exp(u[1:] * log_beta[wide] + (1 - u[1:]) * log_posterior[wide])
    return np.concatenate([np.zeros_like(some[:1]), some])


def optimal(schedule, squared_score):
    """beta/(1 - beta) (1 - beta E|score|^2 / D), the best constant variance if the mean is exact, (T + 1,).

    squared_score (T + 1,) or (T + 1, D): the mean square of an entry of the score under q(z_t), from `squared_score`
    or a closed form; index 0 is not looked at. Exact for any data; for Gaussian data it is q's own. Source: Bao et al.
    2022, theorem 1.
    """
    squared_score = np.asarray(squared_score, np.float64)
    beta = schedule.beta.reshape(-1, *[1] * (squared_score.ndim - 1))[1:]
    # Of an imperfect net the score may be too small or too large: the truth is never below the posterior's variance.
    least = schedule.posterior_var.reshape(-1, *[1] * (squared_score.ndim - 1))[1:]
    var = np.maximum(beta / (1 - beta) * (1 - beta * squared_score[1:]), least)
    return np.concatenate([np.zeros_like(var[:1]), var])


def total(schedule, var_of_x):
    """Var[z_{t-1}|z_t] = posterior_var_t + of_x_t^2 Var[x|z_t], the law of total variance, as a function for
    `reverse_of`.

    of_x_t: the weight of x in the mean of q(z_{t-1}|z_t, x). var_of_x(z, t) -> (B, D): Var[x|z_t] of each entry.
    Source: Bao et al. 2022 (for the mean of the total variance).
    """
    of_x, _ = posterior_weights(schedule)
    return lambda z, t: at(schedule.posterior_var, t, z) + at(of_x, t, z) ** 2 * var_of_x(z, t)


def squared_score(schedule, predict, kind, x, eps):
    """Estimates E|score|^2 / D under q(z_t) for each t from data x (B, D) and noise eps (B, D): (T + 1,), nan at 0."""
    out = np.full(schedule.T + 1, np.nan)
    for t in range(1, schedule.T + 1):
        z = noisy(schedule, x, t, eps)
        out[t] = np.mean(convert(schedule, predict(z, t), z, t, kind, "score") ** 2, dtype=np.float64)
    return out


def _posterior(schedule):
    var = schedule.posterior_var.copy()
    var[1] = var[2] if schedule.T > 1 else schedule.beta[1]
    return var
