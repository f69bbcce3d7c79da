r"""Guidance: push the samples towards a label, by a classifier or by the net's own difference with and without it.

| | score that the sampler uses | what is sampled |
|---|---|---|
| classifier guidance | $\nabla \log q_t(z) + w \nabla \log p_t(c|z)$ | w = 1 and the exact classifier: p(x|c), exactly |
| classifier-free | $(1 + w) \nabla \log q_t(z|c) - w \nabla \log q_t(z)$ | w = 0: p(x|c); w > 0: *not* p(x) p(c|x)^(1 + w) |

That the second is not the tilted density, although it would be at each t alone, is because noising does not commute
with tilting: the density that is p_t(z) p_t(c|z)^(1 + w) at each t is not the noised version of the one at t = 0.
Sources: Dhariwal and Nichol 2021, algorithm 1; Ho and Salimans 2022, eq. 6.
"""  # noqa: E501

import numpy as np

from tinygen.models import options
from tinygen.models.diffusion.parameterization import convert


def classifier_free(with_label, without, w):
    """(1 + w) with_label - w without, as predict(z, t): the same for every kind of prediction, each being a straight
    line in each other. w: a number, at least 0, else ValueError; both are functions predict(z, t) of one kind."""
    w = options.number()("guidance", w)

    def guided(z, t):
        return with_label(z, t) * z.dtype.type(1 + w) - without(z, t) * z.dtype.type(w)

    return guided


def classifier(schedule, predict, kind, gradient, w=1.0):
    """The net `predict` of that kind plus w times a classifier's gradient(z, t) = grad_z log p_t(c|z), as predict(z,
    t).

    Predicts the same kind. schedule: a `Schedule`.
    """

    def guided(z, t):
        score = convert(schedule, predict(z, t), z, t, kind, "score") + np.asarray(w, z.dtype) * gradient(z, t)
        return convert(schedule, score, z, t, "score", kind)

    return guided
