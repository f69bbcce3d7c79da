r"""What a net may predict. Given z_t all of these say the same, and each is a straight line in each other.

| name | what it is, given z_t | error it leaves |
|---|---|---|
| `x` | the data | 1 |
| `eps` | the total noise in z_t | $\mathrm{SNR}_t$ |
| `eps_step` | the noise of the last step alone, as in the notes: $\sqrt{\beta_t / (1 - \bar\alpha_t)}$ `eps` in expectation | $\beta_t\, \mathrm{SNR}_t / (1 - \bar\alpha_t)$, and noise of its own |
| `v` | $\sqrt{\bar\alpha_t}$ `eps` $- \sqrt{1 - \bar\alpha_t}\, x$ | $\mathrm{SNR}_t + 1$ |
| `score` | $\nabla \log q_t(z_t) = -$ `eps` $/ \sqrt{1 - \bar\alpha_t}$ in expectation | $\mathrm{SNR}_t / (1 - \bar\alpha_t)$ |
| `velocity` | x - eps, the velocity of flow matching's straight path from noise to data | $(1 + \sqrt{\mathrm{SNR}_t})^2$ |

(The last column: a squared error of 1 in x is this much in the other.)

Why the notes' one-step noise is the noisier target: even if x is known, z_t does not tell the last step's noise, whose
variance given z_t and x is 1 - beta_t/(1 - alpha_bar_t). A net can learn its expectation all the same, and the reverse
mean is the same one; but the target it sees is nearly all noise at large t. Put into the formula for x as if it were
the total noise, it is wrong.

Throughout, schedule: a `Schedule`. x, z: (B, D), data and z_t. t: an int or ints (B,) from 1 to T.
"""  # noqa: E501

import numpy as np

from tinygen.models.diffusion.process import at

NAMES = ("x", "eps", "eps_step", "v", "score", "velocity")


def line(schedule, name):
    """The prediction `name` as a straight line: value = on_x x + on_z z. Two arrays of length T + 1 (t = 0 is nan).

    Raises ValueError for a name that is not in NAMES.
    """
    if name not in NAMES:
        raise ValueError(f"got parameterisation {name!r}; expected one of {', '.join(NAMES)}.")
    s = schedule
    a, sigma = np.exp(0.5 * s.log_alpha_bar), s.sigma
    with np.errstate(divide="ignore", invalid="ignore"):
        if name == "x":
            return np.ones_like(a), np.zeros_like(a)
        on_x, on_z = -a / sigma, 1 / sigma  # eps = (z - sqrt(alpha_bar) x) / sigma
        if name == "v":  # sqrt(alpha_bar) eps - sigma x = (sqrt(alpha_bar) z - x) / sigma
            return -1 / sigma, a / sigma
        if name == "velocity":
            return 1 - on_x, -on_z
        scale = {"eps": np.ones_like(a), "eps_step": np.sqrt(s.beta) / sigma, "score": -1 / sigma}[name]
        return scale * on_x, scale * on_z


def convert(schedule, value, z, t, source, target):
    """The prediction `value` of kind `source`, made at z_t (B, D), as one of kind `target`: exact, between any two.

    Raises ValueError for a kind that is not in NAMES and for a t that is not one of 1, ..., T.
    """
    from_x, from_z = line(schedule, source)
    to_x, to_z = line(schedule, target)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = to_x / from_x
        offset = to_z - ratio * from_z
    factor = at(ratio, t, z, first=1)
    return value if source == target else factor * value + at(offset, t, z) * z


def truth(schedule, x, z, t, name):
    """What a net that predicts `name` should say if it knew x: the target of training, except for the one-step noise.

    For "eps_step" this is its expectation given z_t and x; the draw itself is `eps_step` of process.step.
    """
    on_x, on_z = line(schedule, name)
    return at(on_x, t, x, first=1) * x + at(on_z, t, x) * z


def error_scale(schedule, name):
    """How large a squared error in `name` is if the squared error in x is 1, (T + 1,): the last column of the table."""
    return line(schedule, name)[0] ** 2
