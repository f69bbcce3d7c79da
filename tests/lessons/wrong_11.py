"""Wrong answers to lesson 11: each is rejected, and the report holds these words."""

import numpy as np

LN_2PI = np.log(2 * np.pi)


def soft(l):
    return np.logaddexp(0, l)


def sigmoid(l):
    return 1 / (1 + np.exp(-l))


def log_normal(z, mean, var):
    return -0.5 * (LN_2PI + np.log(var) + (z - mean) ** 2 / var)


def standard(z):
    return -0.5 * np.sum(z**2 + LN_2PI, axis=-1)


def turns(theta, psi, h, back=1.0):
    psi = psi + h * sigmoid(-theta * psi) * theta
    return theta - back * h * sigmoid(-theta * psi) * psi, psi


def back(z):
    a, b = z[:, :1], z[:, 1:]
    s = np.tanh(np.concatenate([a + 0.5, 0.3 * a - 0.2], axis=1))
    t = np.concatenate([a**2, 1 - a], axis=1)
    return np.concatenate([a, (b - t) * np.exp(-s)], axis=1), -s.sum(axis=1)


def pairs(x, z, w, s2):
    return log_normal(z, w * x / (w**2 + s2), s2 / (w**2 + s2))


def layers(x):
    s = 0.8 * np.tanh(2 * x[:, 0])
    b = x[:, 1] * np.exp(s) + np.sin(2 * x[:, 0])
    r = 0.5 * np.tanh(b) - 0.3
    return np.stack([x[:, 0] * np.exp(r) - b, b], axis=1), s, r


WRONG = {
    "discriminator_loss": [
        ("the result has the wrong sign", lambda real, fake: -np.mean(soft(-real)) - np.mean(soft(fake))),
        ("part of the made rows, -log(1 - D), is missing", lambda real, fake: np.mean(soft(-real))),
        ("part of the real rows, -log D, is missing", lambda real, fake: np.mean(soft(fake))),
        ("not finite", lambda real, fake: -np.mean(np.log(sigmoid(real))) - np.mean(np.log(1 - sigmoid(fake)))),
        ("part of the made rows, -log(1 - D), has the wrong sign",
         lambda real, fake: np.mean(soft(-real)) - np.mean(soft(fake))),
    ],
    "ratio_checks": [
        ("have changed places", lambda real, fake: (np.mean(np.exp(-real)), np.mean(np.exp(fake)))),
        ("a sum in place of a mean", lambda real, fake: (np.sum(np.exp(fake)), np.sum(np.exp(-real)))),
    ],
    "generator_gradients": [
        ("has the wrong sign", lambda fake: (sigmoid(fake) / len(fake), -sigmoid(-fake) / len(fake))),
    ],
    "alternating_round": [
        ("have changed places", lambda theta, psi, h: turns(theta, psi, h)[::-1]),
        ("", lambda theta, psi, h: turns(theta, psi, h, back=0.5)),
    ],
    "affine_log_density": [
        ("log |det A| is missing", lambda x, A, b: standard(x @ A.T + b)),
        ("log |det A| has the wrong sign", lambda x, A, b: standard(x @ A.T + b) - np.linalg.slogdet(A)[1]),
        ("not finite", lambda x, A, b: standard(x @ A.T + b) + np.log(np.linalg.det(A))),
        ("log density of z is missing", lambda x, A, b: np.full(len(x), np.linalg.slogdet(A)[1])),
        ("off by the same 2.75682", lambda x, A, b: standard(x @ A.T + b) + 1.5 * LN_2PI + np.linalg.slogdet(A)[1]),
        ("sum over the whole batch", lambda x, A, b: np.sum(standard(x @ A.T + b) + np.linalg.slogdet(A)[1])),
    ],
    "coupling_inverse": [
        ("", lambda z: (back(z)[0][:, [1, 2, 0]], back(z)[1])),
        ("", lambda z: (back(back(z)[0])[0], back(z)[1])),
    ],
    "pair_logit": [
        ("log Pr(z), taken off, is missing", pairs),
        ("the result has the wrong sign", lambda x, z, w, s2: log_normal(z, 0, 1) - pairs(x, z, w, s2)),
        ("log Pr(z), taken off, has the wrong sign", lambda x, z, w, s2: log_normal(z, 0, 1) + pairs(x, z, w, s2)),
        ("x and z have changed places", lambda x, z, w, s2: pairs(z, x, w, s2) - log_normal(x, 0, 1)),
    ],
    "repaired_log_density": [
        ("log det of the second layer is missing", lambda x: standard(layers(x)[0]) + layers(x)[1]),
        ("log density of z is missing", lambda x: layers(x)[1] + layers(x)[2]),
        ("log det of the first layer has the wrong sign",
         lambda x: standard(layers(x)[0]) - layers(x)[1] + layers(x)[2]),
    ],
}
