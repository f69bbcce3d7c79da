"""The answers about discriminators and invertible maps (lesson 11)."""

import numpy as np

from tinygen.course.answers.base import Answer, total

LN_2PI = float(np.log(2 * np.pi))


def _sigmoid(l):
    return np.exp(-np.logaddexp(0, -l))


def _discriminator_loss(real, fake):
    """The parts of -V(D), from the logits (B,) of both."""
    return {
        "part of the real rows, -log D,": np.mean(np.logaddexp(0, -real)),
        "part of the made rows, -log(1 - D),": np.mean(np.logaddexp(0, fake)),
    }


discriminator_loss = Answer(
    _discriminator_loss,
    {
        "real and made rows have changed places": lambda real, fake: total(_discriminator_loss(fake, real)),
        "the mean is over all 2B rows: each part has a mean of its own": (
            lambda real, fake: total(_discriminator_loss(real, fake)) / 2
        ),
        "the sigmoid is applied twice: the loss took a probability for a logit": (
            lambda real, fake: total(_discriminator_loss(_sigmoid(real), _sigmoid(fake)))
        ),
        "this is the sum over the rows: a mean was asked for": (
            lambda real, fake: len(real) * total(_discriminator_loss(real, fake))
        ),
        "the made rows are judged as if they were real: theirs is -log(1 - D)": (
            lambda real, fake: total(_discriminator_loss(real, -fake))
        ),
        "these are bare logits, the loss of Wasserstein's critic: no logarithm of D is in it": (
            lambda real, fake: np.mean(fake) - np.mean(real)
        ),
    },
)

ratio_checks = Answer(
    lambda real, fake: np.array([np.mean(np.exp(fake)), np.mean(np.exp(-real))]),
    {
        "D/(1-D) is e^l: the signs have changed places": (
            lambda real, fake: np.array([np.mean(np.exp(-fake)), np.mean(np.exp(real))])
        ),
        "the first is a mean over what the generator made, the second over data": (
            lambda real, fake: np.array([np.mean(np.exp(real)), np.mean(np.exp(-fake))])
        ),
        "these are the means of D and of 1 - D, not of their ratios": (
            lambda real, fake: np.array([np.mean(_sigmoid(fake)), np.mean(_sigmoid(-real))])
        ),
        "the mean comes last: this is the ratio at the mean logit": (
            lambda real, fake: np.array([np.exp(np.mean(fake)), np.exp(-np.mean(real))])
        ),
        "the ratio comes first, then its mean: this is the ratio of two means": (
            lambda real, fake: np.array(
                [np.mean(_sigmoid(fake)) / np.mean(_sigmoid(-fake)), np.mean(_sigmoid(-real)) / np.mean(_sigmoid(real))]
            )
        ),
        "these are logits: the ratio is their exponential": (
            lambda real, fake: np.array([np.mean(fake), -np.mean(real)])
        ),
    },
)


def _generator_gradients(fake):
    """By the logits, of mean log(1 - D) and of mean -log D: two rows, (2, B)."""
    return np.stack([-_sigmoid(fake), -_sigmoid(-fake)]) / len(fake)


generator_gradients = Answer(
    _generator_gradients,
    {
        "the two losses have changed places": lambda fake: _generator_gradients(fake)[::-1],
        "both have the wrong sign: the generator would run away from the data": lambda fake: (
            -_generator_gradients(fake)
        ),
        "the loss is a mean: its gradient has the factor 1/B": lambda fake: len(fake) * _generator_gradients(fake),
        "the gradient is 0: the made rows were taken for constants": lambda fake: 0 * _generator_gradients(fake),
        "both are of the saturating loss": lambda fake: np.stack([-_sigmoid(fake), -_sigmoid(fake)]) / len(fake),
        "that of log(1 - D) by the logit is -D, not -D(1 - D): the 1 - D of the sigmoid cancels": (
            lambda fake: np.stack([-_sigmoid(fake) * _sigmoid(-fake), -_sigmoid(-fake)]) / len(fake)
        ),
        "these are the derivatives by D, not by its logit": (
            lambda fake: np.stack([-1 / _sigmoid(-fake), -1 / _sigmoid(fake)]) / len(fake)
        ),
    },
)


def _slope(t):
    """f'(t) of f = log sigmoid."""
    return _sigmoid(-t)


def _round(theta, psi, h):
    psi = psi + h * _slope(theta * psi) * theta
    return np.array([theta - h * _slope(theta * psi) * psi, psi])


def _at_once(theta, psi, h):
    f = _slope(theta * psi)
    return np.array([theta - h * f * psi, psi + h * f * theta])


def _generator_first(theta, psi, h):
    theta = theta - h * _slope(theta * psi) * psi
    return np.array([theta, psi + h * _slope(theta * psi) * theta])


def _stale_slope(theta, psi, h):
    f = _slope(theta * psi)
    psi = psi + h * f * theta
    return np.array([theta - h * f * psi, psi])


def _both_climb(theta, psi, h):
    psi = psi + h * _slope(theta * psi) * theta
    return np.array([theta + h * _slope(theta * psi) * psi, psi])


def _other_slope(theta, psi, h):
    psi = psi + h * _slope(-theta * psi) * theta
    return np.array([theta - h * _slope(-theta * psi) * psi, psi])


alternating_round = Answer(
    _round,
    {
        "both have moved at once: the generator answers the new psi": _at_once,
        "the generator has moved first: the critic does": _generator_first,
        "f' is still that of the old psi": _stale_slope,
        "the generator climbs too: it goes against its slope": _both_climb,
        "f'(t) is sigmoid(-t), not sigmoid(t)": _other_slope,
        "both signs are wrong: the judge climbs, the generator descends": lambda theta, psi, h: _round(theta, psi, -h),
        "f' is left out: these are the steps of Wasserstein's loss": (
            lambda theta, psi, h: np.array([theta - h * (psi + h * theta), psi + h * theta])
        ),
    },
)


def _standard(z):
    return -0.5 * np.sum(z**2 + LN_2PI, axis=-1)


def _affine(x, A, b):
    """The parts of log p(x) for z = A x + b."""
    z = x @ A.T + b
    return {"log density of z": _standard(z), "log |det A|": np.full(len(x), np.linalg.slogdet(A)[1])}


affine_log_density = Answer(
    _affine,
    {
        "z is x A here: A stands on the left of each row's x": (
            lambda x, A, b: total({**_affine(x, A, b), "log density of z": _standard(x @ A + b)})
        ),
        "this is the density of A x + b for a normal x: the map goes from the data to the noise": (
            lambda x, A, b: total(_affine(x - b, np.linalg.inv(A), 0 * b))
        ),
        "b is left out": lambda x, A, b: total(_affine(x, A, 0 * b)),
        "the determinant itself is added: its logarithm was asked for": (
            lambda x, A, b: _affine(x, A, b)["log density of z"] + abs(np.linalg.det(A))
        ),
        "log |det A| is added once for each column": (
            lambda x, A, b: _affine(x, A, b)["log density of z"] + A.shape[0] * np.linalg.slogdet(A)[1]
        ),
    },
)


def scale_of(a):
    """s(a) of the lesson's coupling: (B, 1) to (B, 2)."""
    return np.tanh(np.concatenate([a + 0.5, 0.3 * a - 0.2], axis=1))


def shift_of(a):
    """t(a) of the lesson's coupling: (B, 1) to (B, 2)."""
    return np.concatenate([a**2, 1 - a], axis=1)


def _inverse(z, scale=lambda s: np.exp(-s), first="shift", sign=-1.0):
    """x (B, 3) and the log det of the way back (B,)."""
    a, b = z[:, :1], z[:, 1:]
    s, t = scale_of(a), shift_of(a)
    moved = (b - t) * scale(s) if first == "shift" else b * scale(s) - t
    return np.concatenate([a, moved], axis=1), sign * s.sum(axis=1)


def _there(z):
    a = z[:, :1]
    return np.concatenate([a, z[:, 1:] * np.exp(scale_of(a)) + shift_of(a)], axis=1), scale_of(a).sum(axis=1)


coupling_inverse = Answer(
    _inverse,
    {
        "the log det is that of the way there: the way back has minus it": lambda z: _inverse(z, sign=1.0),
        "undo the last step first: take t off, then divide by e^s": lambda z: _inverse(z, first="scale"),
        "b is multiplied by e^s again: the way back divides": lambda z: _inverse(z, scale=np.exp),
        "this is the way there, not back": _there,
        "the log det is left out: it is not 0": lambda z: _inverse(z, sign=0.0),
        "the log det is the sum over the batch: each row has its own": (
            lambda z: (_inverse(z)[0], np.full(len(z), _inverse(z)[1].sum()))
        ),
    },
)


def _log_normal(z, mean, var):
    return -0.5 * (LN_2PI + np.log(var) + (z - mean) ** 2 / var)


def _pair_logit(x, z, w, s2, mean=lambda x, w, s2: w * x / (w**2 + s2), var=lambda w, s2: s2 / (w**2 + s2)):
    return {
        "log q(z|x)": _log_normal(z, mean(x, w, s2), var(w, s2)),
        "log Pr(z), taken off,": -_log_normal(z, 0.0, 1.0),
    }


pair_logit = Answer(
    _pair_logit,
    {
        "q is around x/w: that is the inverse, not the posterior": (
            lambda x, z, w, s2: total(_pair_logit(x, z, w, s2, mean=lambda x, w, s2: x / w))
        ),
        "the variance of q is s2/(w^2 + s2), not its root": (
            lambda x, z, w, s2: total(_pair_logit(x, z, w, s2, var=lambda w, s2: np.sqrt(s2 / (w**2 + s2))))
        ),
        "this is log p(x|z) - log q(z|x): the pairs are not told apart by it": (
            lambda x, z, w, s2: _log_normal(x, w * z, s2) - _pair_logit(x, z, w, s2)["log q(z|x)"]
        ),
        "this is the mean over the pairs: each pair has a logit": (
            lambda x, z, w, s2: np.full(len(x), np.mean(total(_pair_logit(x, z, w, s2))))
        ),
    },
)


def to_noise(x):
    """The lesson's flow in the plane, row by row: z (B, 2) and the log dets of its two layers, (2, B)."""
    a, b = x[:, 0], x[:, 1]
    s = 0.8 * np.tanh(2 * a)
    b = b * np.exp(s) + np.sin(2 * a)
    r = 0.5 * np.tanh(b) - 0.3
    return np.stack([a * np.exp(r) - b, b], axis=1), np.stack([s, r])


def _flow_density(x, use):
    z, log_dets = to_noise(x)
    return _standard(z) + use(log_dets)


flow_log_density = Answer(
    lambda x: {
        "log density of z": _standard(to_noise(x)[0]),
        "log det of the first layer": to_noise(x)[1][0],
        "log det of the second layer": to_noise(x)[1][1],
    },
    {
        "only the last layer's log det is left: each one overwrites the one before": (
            lambda x: _flow_density(x, lambda log_dets: log_dets[-1])
        ),
        "the log dets have the wrong sign: x goes to the noise here": (
            lambda x: _flow_density(x, lambda log_dets: -log_dets.sum(axis=0))
        ),
        "the log det is left out": lambda x: _flow_density(x, lambda log_dets: 0),
        "the log dets are summed over the batch too: each row has its own": lambda x: _flow_density(x, np.sum),
        "the mean of the log dets is added: they add up": lambda x: _flow_density(x, lambda d: d.mean(axis=0)),
    },
)
