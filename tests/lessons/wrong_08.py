"""Wrong answers to lesson 8: each is rejected, and the report holds these words."""

import numpy as np

LN_2PI = np.log(2 * np.pi)


def kl(mean, logvar):
    return 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar, axis=-1)


def linear_bound(mean, logvar, eps, std):
    fit = -0.5 * ((1.0 - 1.3 * (mean + std * eps)) ** 2 / 0.4 + np.log(2 * np.pi * 0.4))
    return fit.sum(-1) - kl(mean, logvar)


WRONG = {
    "kl": [
        ("the result has the wrong sign", lambda mean, logvar: -kl(mean, logvar)),
        ("constant -1/2 for each dimension is missing", lambda mean, logvar: kl(mean, logvar) + 0.5 * mean.shape[-1]),
        ("twice what it should be", lambda mean, logvar: 2 * kl(mean, logvar)),
        ("logvar was taken for log sigma", lambda mean, logvar: kl(mean, 2 * logvar)),
        ("a mean in place of a sum", lambda mean, logvar: kl(mean, logvar) / mean.shape[-1]),
        ("sum over the whole batch", lambda mean, logvar: kl(mean, logvar).sum()),
        ("not yet summed", lambda mean, logvar: 0.5 * (np.exp(logvar) + mean**2 - 1 - logvar)),
        ("have changed places", lambda mean, logvar: kl(logvar, mean)),
    ],
    "kl_gradient": [
        ("dL/dmean has the wrong sign", lambda mean, logvar: (-mean, 0.5 * (np.exp(logvar) - 1))),
        ("with respect to log sigma instead of log sigma^2", lambda mean, logvar: (mean, np.exp(logvar) - 1)),
        ("exp(-logvar / 2) times",
         lambda mean, logvar: (mean, 0.5 * (np.exp(logvar / 2) - np.exp(-logvar / 2)))),
        ("dL/dmean is twice what it should be", lambda mean, logvar: (2 * mean, 0.5 * (np.exp(logvar) - 1))),
        ("1/5 (5 is the length of axis 0",
         lambda mean, logvar: (mean / len(mean), 0.5 * (np.exp(logvar) - 1) / len(mean))),
        ("summed over axis 0", lambda mean, logvar: (mean.sum(0), 0.5 * (np.exp(logvar) - 1).sum(0))),
    ],
    "sample": [
        ("logvar was taken for log sigma", lambda mean, logvar, eps: mean + np.exp(logvar) * eps),
        ("logvar was taken for sigma: it is log sigma^2", lambda mean, logvar, eps: mean + logvar * eps),
        ("logvar was taken for sigma^2", lambda mean, logvar, eps: mean + np.sqrt(np.abs(logvar)) * eps),
        ("noise sigma eps is missing", lambda mean, logvar, eps: mean),
        ("noise sigma eps has the wrong sign", lambda mean, logvar, eps: mean - np.exp(logvar / 2) * eps),
        ("mean is missing", lambda mean, logvar, eps: np.exp(logvar / 2) * eps),
    ],
    "sample_gradient": [
        ("instead of log sigma^2", lambda g, mean, logvar, eps: (g, g * np.exp(logvar / 2) * eps)),
        ("exp(-logvar / 2) times", lambda g, mean, logvar, eps: (g, 0.5 * g * eps)),
        ("is left out", lambda g, mean, logvar, eps: (np.ones_like(g), 0.5 * np.exp(logvar / 2) * eps)),
        ("exp(logvar) used as standard dev", lambda g, mean, logvar, eps: (g, 0.5 * g * np.exp(logvar) * eps)),
    ],
    "log_likelihood_of": [
        ("constant -1/2 ln 2 pi", lambda x, mean, logvar: -0.5 * np.sum((x - mean) ** 2 / np.exp(logvar) + logvar, -1)),
        ("-1/2 log sigma^2 is missing",
         lambda x, mean, logvar: -0.5 * np.sum((x - mean) ** 2 / np.exp(logvar) + LN_2PI, -1)),
        ("the result has the wrong sign",
         lambda x, mean, logvar: 0.5 * np.sum((x - mean) ** 2 / np.exp(logvar) + logvar + LN_2PI, -1)),
        ("logvar was taken for log sigma",
         lambda x, mean, logvar: -0.5 * np.sum((x - mean) ** 2 / np.exp(2 * logvar) + logvar + LN_2PI, -1)),
        ("squared error over 2 sigma^2 counts twice",
         lambda x, mean, logvar: -0.5 * np.sum(2 * (x - mean) ** 2 / np.exp(logvar) + logvar + LN_2PI, -1)),
    ],
    "repaired": [
        ("", lambda mean, logvar, eps: linear_bound(mean, logvar, eps, np.exp(logvar)) + kl(mean, logvar)),
        ("the divergence is missing",
         lambda mean, logvar, eps: linear_bound(mean, logvar, eps, np.exp(logvar / 2)) + kl(mean, logvar)),
        ("the divergence has the wrong sign",
         lambda mean, logvar, eps: linear_bound(mean, logvar, eps, np.exp(logvar / 2)) + 2 * kl(mean, logvar)),
        ("", lambda mean, logvar, eps: linear_bound(mean, logvar, eps, np.exp(2 * logvar))),
        ("the result has the wrong sign",
         lambda mean, logvar, eps: -linear_bound(mean, logvar, eps, np.exp(logvar / 2))),
    ],
}
