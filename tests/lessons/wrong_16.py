"""Wrong answers to lesson 16: each is rejected, and the report holds these words."""

import numpy as np

LN_2PI = np.log(2 * np.pi)


def pair(z, eps, alpha, score):
    return score, (z + (1 - alpha) * score) / np.sqrt(alpha)


def ddim(z, eps, noise, alpha, before, kept, fresh, back=None):
    x = (z - np.sqrt(1 - alpha) * eps) / (np.sqrt(alpha) if back is None else back)
    return np.sqrt(before) * x + kept * eps + fresh * noise


def ends(end):
    return -0.5 * np.sum(end**2 + LN_2PI, axis=1)


def flow(z, eps, beta, alpha, growth, pull):
    return z + growth * beta * z - pull * beta * eps / np.sqrt(1 - alpha)


WRONG = {
    "tweedie": [
        ("z and eps have changed places", lambda z, eps, a: pair(eps, z, a, -z / np.sqrt(1 - a))),
    ],
    "ddim_step": [
        ("the fresh noise is missing", lambda z, e, n, a, b, v: ddim(z, e, n, a, b, np.sqrt(1 - b - v), 0.0)),
        ("the guess of the noise is missing", lambda z, e, n, a, b, v: ddim(z, e, n, a, b, 0.0, np.sqrt(v))),
        ("eps and noise have changed places", lambda z, e, n, a, b, v: ddim(
            z, n, e, a, b, np.sqrt(1 - b - v), np.sqrt(v))),
        ("alpha and before have changed places", lambda z, e, n, a, b, v: ddim(
            z, e, n, b, a, np.sqrt(1 - a - v), np.sqrt(v))),
    ],
    "log_p": [
        ("change from z to y, D/2 log alpha, is missing", lambda end, div, a: ends(end) + div),
        ("divergence has the wrong sign", lambda end, div, a: ends(end) + end.shape[1] / 2 * np.log(a) - div),
        ("change from z to y, D/2 log alpha, has the wrong sign", lambda end, div, a: (
            ends(end) - end.shape[1] / 2 * np.log(a) + div)),
        ("D/2 log alpha, counts twice", lambda end, div, a: ends(end) + end.shape[1] * np.log(a) + div),
    ],
    "hutchinson": [
        ("a sum in place of a mean", lambda pull, probes: np.sum(
            [np.sum(u * pull(u), axis=1) for u in probes], axis=0)),
        ("not yet summed over the last axis", lambda pull, probes: np.mean([u * pull(u) for u in probes], axis=0)),
        ("a mean in place of a sum", lambda pull, probes: np.mean(
            [np.mean(u * pull(u), axis=1) for u in probes], axis=0)),
    ],
    "repaired_step": [
        ("growth, beta/2 z, is missing", lambda *args: flow(*args, 0.0, 0.5)),
        ("pull of the score has the wrong sign", lambda *args: flow(*args, 0.5, -0.5)),
        ("growth, beta/2 z, counts twice", lambda *args: flow(*args, 1.0, 0.5)),
        ("pull of the score counts half", lambda *args: flow(*args, 0.5, 0.25)),
    ],
}
