"""The answers about what a denoising network guesses, its loss and its sampler (lesson 14)."""

import numpy as np

from tinygen.course.answers.base import Answer


def _columns(alpha):
    return np.sqrt(alpha), np.sqrt(1 - alpha)


x_from_eps = Answer(
    lambda z, eps, alpha: {"part of z": z / np.sqrt(alpha), "noise": -np.sqrt(1 - alpha) * eps / np.sqrt(alpha)},
    {
        "this is the noise that belongs to z and x: solve for x": (
            lambda z, eps, alpha: (z - np.sqrt(alpha) * eps) / np.sqrt(1 - alpha)
        ),
        "this adds noise: solve the equation for x": lambda z, eps, alpha: (
            np.sqrt(alpha) * z + np.sqrt(1 - alpha) * eps
        ),
        "only the noise is divided: sqrt(alpha) divides the whole difference": (
            lambda z, eps, alpha: z - np.sqrt(1 - alpha) * eps / np.sqrt(alpha)
        ),
        "the division by sqrt(alpha) is missing": lambda z, eps, alpha: z - np.sqrt(1 - alpha) * eps,
        "alpha is a share of variance: the noise has the factor sqrt(1 - alpha)": (
            lambda z, eps, alpha: (z - (1 - alpha) * eps) / np.sqrt(alpha)
        ),
        "it is divided by alpha: the root is missing": lambda z, eps, alpha: (z - np.sqrt(1 - alpha) * eps) / alpha,
        "the roots are missing: alpha and 1 - alpha are shares of variance": (
            lambda z, eps, alpha: (z - (1 - alpha) * eps) / alpha
        ),
        "the noise keeps its full size: its factor sqrt(1 - alpha) is missing": (
            lambda z, eps, alpha: (z - eps) / np.sqrt(alpha)
        ),
    },
)


def _turn(z, v, alpha, sign_x=-1, sign_eps=1):
    a, b = _columns(alpha)
    return np.stack([a * z + sign_x * b * v, b * z + sign_eps * a * v])


from_v = Answer(
    _turn,
    {
        "this turns the wrong way: in x, v has a minus, in eps none": lambda *a: _turn(*a, sign_x=1, sign_eps=-1),
        "in x, v has a minus": lambda *a: _turn(*a, sign_x=1),
        "in eps, v has no minus": lambda *a: _turn(*a, sign_eps=-1),
        "x and eps have changed places": lambda *a: _turn(*a)[::-1],
        "cosine and sine have changed places: x has sqrt(alpha) z": lambda z, v, alpha: _turn(z, v, 1 - alpha),
        "the roots are missing: the squares of cosine and sine sum to 1, not they themselves": (
            lambda z, v, alpha: np.stack([alpha * z - (1 - alpha) * v, (1 - alpha) * z + alpha * v])
        ),
    },
)


def _mean(z, eps, beta, alpha, coefficient=lambda beta, alpha: beta / np.sqrt(1 - alpha)):
    root = np.sqrt(1 - beta)
    return {"part of z": z / root, "noise": -coefficient(beta, alpha) * eps / root}


def _mean_of(coefficient):
    return lambda *a: sum(_mean(*a, coefficient=coefficient).values())


reverse_mean = Answer(
    _mean,
    {
        "this is x, all noise taken out at once: one step takes out less": (
            lambda z, eps, beta, alpha: (z - np.sqrt(1 - alpha) * eps) / np.sqrt(alpha)
        ),
        "sqrt(beta) goes with the noise of the last step: the total noise has beta / sqrt(1 - alpha)": (
            _mean_of(lambda beta, alpha: np.sqrt(beta))
        ),
        "it is sqrt(1 - alpha) that divides, not 1 - alpha": _mean_of(lambda beta, alpha: beta / (1 - alpha)),
        "it is divided by sqrt(alpha_t): that would be all steps; one step back divides by sqrt(1 - beta_t)": (
            lambda z, eps, beta, alpha: (z - beta / np.sqrt(1 - alpha) * eps) / np.sqrt(alpha)
        ),
        "sqrt(1 - beta) multiplies: going back, it divides": (
            lambda z, eps, beta, alpha: (z - beta / np.sqrt(1 - alpha) * eps) * np.sqrt(1 - beta)
        ),
        "the division by sqrt(1 - beta) is missing": (
            lambda z, eps, beta, alpha: z - beta / np.sqrt(1 - alpha) * eps
        ),
        "only the noise is divided: sqrt(1 - beta) divides the whole difference": (
            lambda z, eps, beta, alpha: z - beta / np.sqrt(1 - alpha) * eps / np.sqrt(1 - beta)
        ),
        "alpha is already the product over all steps: it is 1 - alpha below the root": (
            _mean_of(lambda beta, alpha: beta / np.sqrt(1 - alpha * (1 - beta)))
        ),
        "the noise goes with beta / sqrt(1 - alpha): the division is missing": _mean_of(lambda beta, alpha: beta),
    },
)


def _loss(predict, x, eps, alpha, root=np.sqrt, target=lambda x, eps, z: eps, reduce=np.mean):
    z = root(alpha) * x + root(1 - alpha) * eps
    return reduce((predict(z) - target(x, eps, z)) ** 2)


simple_loss = Answer(
    _loss,
    {
        "the target is x: the noise was asked for": lambda *a: _loss(*a, target=lambda x, eps, z: x),
        "the target is z: the noise was asked for": lambda *a: _loss(*a, target=lambda x, eps, z: z),
        "the roots are missing: alpha and 1 - alpha are shares of variance": lambda *a: _loss(*a, root=lambda a: a),
        "this is the sum: the mean was asked for": lambda *a: _loss(*a, reduce=np.sum),
        "summed over the dimensions: the mean over all numbers was asked for": (
            lambda *a: _loss(*a, reduce=np.sum) / len(a[1])
        ),
        "this is the root of it: the mean square was asked for": lambda *a: np.sqrt(_loss(*a)),
        "the network is shown x itself: it has to see the noisy z": (
            lambda predict, x, eps, alpha: np.mean((predict(x) - eps) ** 2)
        ),
        "the network is shown the noise that it should guess": (
            lambda predict, x, eps, alpha: np.mean((predict(eps) - eps) ** 2)
        ),
        "all rows have the alpha of the first one": (
            lambda predict, x, eps, alpha: _loss(predict, x, eps, alpha[0, 0])
        ),
        "all rows have the mean of the alphas: each has its own": (
            lambda predict, x, eps, alpha: _loss(predict, x, eps, alpha.mean())
        ),
        "x and eps have changed places": lambda predict, x, eps, alpha: np.mean(
            (predict(np.sqrt(1 - alpha) * x + np.sqrt(alpha) * eps) - eps) ** 2
        ),
        "these are absolute errors: they have to be squared": lambda predict, x, eps, alpha: np.mean(
            np.abs(predict(np.sqrt(alpha) * x + np.sqrt(1 - alpha) * eps) - eps)
        ),
    },
)


def _tilde(t, beta, alpha):
    return beta[t] * np.maximum(1 - alpha[t - 1], 0) / (1 - alpha[t])  # rounding may take alpha_0 above 1


def _step(z, eps, t, noise, beta, alpha, spread=lambda t, beta, alpha: np.sqrt(_tilde(t, beta, alpha)),
          coefficient=lambda t, beta, alpha: beta[t] / np.sqrt(1 - alpha[t])):  # fmt: skip
    parts = _mean(z, eps, beta[t], alpha[t], lambda *_: coefficient(t, beta, alpha))
    fresh = spread(t, beta, alpha) * noise
    return {"part of z": parts["part of z"], "guessed noise": parts["noise"], "fresh noise": fresh}


def _step_of(**changed):
    return lambda *a: sum(_step(*a, **changed).values())


_SPREADS = {
    "the fresh noise is multiplied by its variance: by its root, the standard deviation": (
        _step_of(spread=_tilde)
    ),
    "noise of variance beta_t: asked for is that of q(z_{t-1} | z_t, x), which adds none at t = 1": (
        _step_of(spread=lambda t, beta, alpha: np.sqrt(beta[t]))
    ),
    "in the variance, alpha_t and alpha_{t-1} have changed places": (
        _step_of(spread=lambda t, beta, alpha: np.sqrt(beta[t] * (1 - alpha[t]) / (1 - alpha[t - 1])))
    ),
    "no fresh noise is added: this is the mean alone": _step_of(spread=lambda t, beta, alpha: 0.0),
    "the fresh noise has its full size: it has to be multiplied by its standard deviation": (
        _step_of(spread=lambda t, beta, alpha: 1.0)
    ),
}

ancestral_step = Answer(
    _step,
    {
        **_SPREADS,
        "sqrt(beta) goes with the noise of the last step: the total noise has beta / sqrt(1 - alpha)": (
            _step_of(coefficient=lambda t, beta, alpha: np.sqrt(beta[t]))
        ),
        "the mean has alpha_{t-1}: the noise in z_t has the size sqrt(1 - alpha_t)": (
            _step_of(coefficient=lambda t, beta, alpha: beta[t] / np.sqrt(1 - alpha[t - 1]))
        ),
        "the noise is divided by sqrt(1 - beta) with the mean: it is added afterwards": (
            lambda z, eps, t, noise, beta, alpha: (
                sum(_step(z, eps, t, noise / np.sqrt(1 - beta[t]), beta, alpha).values())
            )
        ),
    },
)


def _one(z, eps_step, t, noise, beta, alpha):
    return _step(z, eps_step, t, noise, beta, alpha, coefficient=lambda t, beta, alpha: np.sqrt(beta[t]))


def _converted(factor):
    """The total noise that is made of a guess of the last step's, put into the step of the total noise."""
    return lambda z, eps_step, t, noise, beta, alpha: sum(
        _step(z, eps_step * factor(beta[t], alpha[t]), t, noise, beta, alpha).values()
    )


step_from_step_noise = Answer(
    _one,
    {
        "this is the planted one: beta / sqrt(1 - alpha) goes with the total noise": _step_of(),
        "the last step's noise is converted the wrong way: total = sqrt((1 - alpha) / beta) times it": (
            _converted(lambda beta, alpha: np.sqrt(beta / (1 - alpha)))
        ),
        "the coefficient of the last step's noise is sqrt(beta): the root is missing": (
            _step_of(coefficient=lambda t, beta, alpha: beta[t])
        ),
        "this undoes the last step with a guess as if it were the noise itself, and adds no fresh noise": (
            lambda *a: _one(*a)["part of z"] + _one(*a)["guessed noise"]
        ),
        "the fresh noise is multiplied by its variance: by its root, the standard deviation": (
            _step_of(spread=_tilde, coefficient=lambda t, beta, alpha: np.sqrt(beta[t]))
        ),
        "the mean is right; the fresh noise was right too, it needs no change": (
            _step_of(spread=lambda t, beta, alpha: np.sqrt(beta[t]),
                     coefficient=lambda t, beta, alpha: np.sqrt(beta[t]))
        ),
    },
)
