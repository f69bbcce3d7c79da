"""Wrong answers to lesson 16: each is rejected, and the report holds these words."""

import numpy as np

LN_2PI = np.log(2 * np.pi)


def pair(z, eps, alpha, score):
    return score, (z + (1 - alpha) * score) / np.sqrt(alpha)


def ddim(z, eps, noise, alpha, before, kept, fresh, back=None):
    x = (z - np.sqrt(1 - alpha) * eps) / (np.sqrt(alpha) if back is None else back)
    return np.sqrt(before) * x + kept * eps + fresh * noise


def heun(v, y, s, after, where, when, share=0.5):
    return y + (after - s) * share * (v(y, s) + v(where, when))


def ends(end):
    return -0.5 * np.sum(end**2 + LN_2PI, axis=1)


def flow(z, eps, beta, alpha, growth, pull):
    return z + growth * beta * z - pull * beta * eps / np.sqrt(1 - alpha)


WRONG = {
    "tweedie": [
        ("points away from the noise", lambda z, eps, a: pair(z, eps, a, eps / np.sqrt(1 - a))),
        ("the standard deviation belongs there", lambda z, eps, a: pair(z, eps, a, -eps / (1 - a))),
        ("not yet divided by its standard deviation", lambda z, eps, a: pair(z, eps, a, -eps)),
        ("the division by sqrt(alpha) is missing", lambda z, eps, a: (
            -eps / np.sqrt(1 - a), z - np.sqrt(1 - a) * eps)),
        ("by the variance 1 - alpha is right", lambda z, eps, a: (-eps / np.sqrt(1 - a), (z - eps) / np.sqrt(a))),
        ("divide by it", lambda z, eps, a: (-eps * np.sqrt(1 - a), (z - np.sqrt(1 - a) * eps) / np.sqrt(a))),
        ("the score comes first", lambda z, eps, a: pair(z, eps, a, -eps / np.sqrt(1 - a))[::-1]),
        ("only the score came back", lambda z, eps, a: -eps / np.sqrt(1 - a)),
        ("only E[x|z] came back", lambda z, eps, a: (z - np.sqrt(1 - a) * eps) / np.sqrt(a)),
        ("z and eps have changed places", lambda z, eps, a: pair(eps, z, a, -z / np.sqrt(1 - a))),
    ],
    "ddim_step": [
        ("has to be taken off under its root", lambda z, e, n, a, b, v: ddim(
            z, e, n, a, b, np.sqrt(1 - b), np.sqrt(v))),
        ("z is put together for step t - 1", lambda z, e, n, a, b, v: ddim(
            z, e, n, a, b, np.sqrt(1 - a - v), np.sqrt(v))),
        ("is not divided by sqrt(alpha)", lambda z, e, n, a, b, v: ddim(
            z, e, n, a, b, np.sqrt(1 - b - v), np.sqrt(v), back=1.0)),
        ("by the square root is right", lambda z, e, n, a, b, v: ddim(z, e, n, a, b, np.sqrt(1 - b - v), v)),
        ("no difference of roots", lambda z, e, n, a, b, v: ddim(
            z, e, n, a, b, np.sqrt(1 - b) - np.sqrt(v), np.sqrt(v))),
        ("weighted by the variance 1 - alpha", lambda z, e, n, a, b, v: (
            np.sqrt(b / a) * (z - (1 - a) * e) + np.sqrt(1 - b - v) * e + np.sqrt(v) * n)),
        ("roots of alpha_t and alpha_{t-1}", lambda z, e, n, a, b, v: (
            b / a * (z - np.sqrt(1 - a) * e) + np.sqrt(1 - b - v) * e + np.sqrt(v) * n)),
        ("the fresh noise is missing", lambda z, e, n, a, b, v: ddim(z, e, n, a, b, np.sqrt(1 - b - v), 0.0)),
        ("the guess of the noise is missing", lambda z, e, n, a, b, v: ddim(z, e, n, a, b, 0.0, np.sqrt(v))),
        ("eps and noise have changed places", lambda z, e, n, a, b, v: ddim(
            z, n, e, a, b, np.sqrt(1 - b - v), np.sqrt(v))),
        ("alpha and before have changed places", lambda z, e, n, a, b, v: ddim(
            z, e, n, b, a, np.sqrt(1 - a - v), np.sqrt(v))),
    ],
    "heun_step": [
        ("this is Euler's step", lambda v, y, s, after: y + (after - s) * v(y, s)),
        ("taken at the old y", lambda v, y, s, after: heun(v, y, s, after, y, after)),
        ("taken at the old s", lambda v, y, s, after: heun(v, y, s, after, y + (after - s) * v(y, s), s)),
        ("take their mean", lambda v, y, s, after: heun(v, y, s, after, y + (after - s) * v(y, s), after, 1.0)),
        ("midpoint method", lambda v, y, s, after: (
            y + (after - s) * v(y + (after - s) / 2 * v(y, s), (s + after) / 2))),
        ("it goes from s to `after`", lambda v, y, s, after: (
            y + (s - after) * 0.5 * (v(y, s) + v(y + (s - after) * v(y, s), after)))),
        ("only the slope at the end", lambda v, y, s, after: y + (after - s) * v(y + (after - s) * v(y, s), after)),
    ],
    "log_p": [
        ("change from z to y, D/2 log alpha is missing", lambda end, div, a: ends(end) + div),
        ("divergence has the wrong sign", lambda end, div, a: ends(end) + end.shape[1] / 2 * np.log(a) - div),
        ("change from z to y, D/2 log alpha has the wrong sign", lambda end, div, a: (
            ends(end) - end.shape[1] / 2 * np.log(a) + div)),
        ("not for each of the D dimensions", lambda end, div, a: ends(end) + np.log(a) / 2 + div),
        ("constant -D/2 log(2 pi) is missing", lambda end, div, a: (
            -0.5 * np.sum(end**2, axis=1) + end.shape[1] / 2 * np.log(a) + div)),
        ("log(1 - alpha) stands where", lambda end, div, a: ends(end) + end.shape[1] / 2 * np.log(1 - a) + div),
        ("each row has its own", lambda end, div, a: ends(end).sum() + end.shape[1] / 2 * np.log(a) + div),
        ("D/2 log alpha counts twice", lambda end, div, a: ends(end) + end.shape[1] * np.log(a) + div),
    ],
    "hutchinson": [
        ("not multiplied by the probe again", lambda pull, probes: np.mean(
            [np.sum(pull(u), axis=1) for u in probes], axis=0)),
        ("a sum where a mean was asked for", lambda pull, probes: np.sum(
            [np.sum(u * pull(u), axis=1) for u in probes], axis=0)),
        ("squared length of the products", lambda pull, probes: np.mean(
            [np.sum(pull(u) ** 2, axis=1) for u in probes], axis=0)),
        ("only one probe was looked at", lambda pull, probes: np.sum(probes[0] * pull(probes[0]), axis=1)),
        ("not yet summed over the last axis", lambda pull, probes: np.mean([u * pull(u) for u in probes], axis=0)),
        ("a mean where a sum was asked for", lambda pull, probes: np.mean(
            [np.mean(u * pull(u), axis=1) for u in probes], axis=0)),
    ],
    "repaired_step": [
        ("the flow takes half of the score", lambda *args: flow(*args, 0.5, 1.0)),
        ("divide it by sqrt(1 - alpha)", lambda z, eps, b, a: z + b / 2 * z - b / 2 * eps),
        ("is no mistake", lambda z, eps, b, a: z / np.sqrt(1 - b) - b / 2 * eps / np.sqrt(1 - a)),
        ("this goes towards the noise", lambda *args: flow(*args, -0.5, -0.5)),
        ("both parts are halved once more", lambda *args: flow(*args, 0.25, 0.5)),
        ("growth, beta/2 z is missing", lambda *args: flow(*args, 0.0, 0.5)),
        ("pull of the score has the wrong sign", lambda *args: flow(*args, 0.5, -0.5)),
        ("growth, beta/2 z counts twice", lambda *args: flow(*args, 1.0, 0.5)),
        ("pull of the score counts half", lambda *args: flow(*args, 0.5, 0.25)),
    ],
}
