"""Wrong answers to lesson 7: each is rejected, and the report holds these words."""


def path(eps, m, s, k):
    slope = 2 * (m + s * eps - k)
    return slope, slope * eps


def term(eps, m, s, x, w, s2):
    by_z = w * (x - w * (m + s * eps)) / s2
    return by_z, by_z * eps


WRONG = {
    "score_function": [
        ("", path),
    ],
    "first_term_gradient": [
        ("the result has the wrong sign", lambda *a: (-term(*a)[0], -term(*a)[1])),
    ],
}
