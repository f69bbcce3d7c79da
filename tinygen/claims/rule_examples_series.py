"""Examples for the rules of functions of series and samples, and for calls with keywords that are seldom used."""

import numpy as np

from tinygen.claims.examples import apart, index, mask, positive, real, regular, spread


def series(table):
    """Examples of differences, polynomials, correlations and picking by a condition."""
    add = table.add
    add(np.gradient, lambda a: np.gradient(a, 0.5), real("m"))
    add(np.gradient, lambda a: list(np.gradient(a, 0.5, 2.0, axis=(0, -1))), real("nmm"))
    add(np.gradient, lambda a: np.gradient(a, axis=1), real("nm"))
    add(np.ediff1d, None, real("nm"))
    add(np.polyval, None, real("n"), real("nm"))
    add(np.polyval, lambda x: np.polyval([1.0, -2.0, 3.0], x).astype(x.dtype), real("nm"))
    add(np.vander, None, real("n"))
    add(np.vander, lambda x: np.vander(x, 4, True), real("n"))
    add(np.cov, None, real("nm"))
    add(np.cov, lambda a, b: np.cov(a, b, rowvar=False, ddof=0), real("nm"), real("nk"))
    add(np.cov, lambda a: np.cov(a, bias=True), real("m"))
    add(np.corrcoef, None, real("nm"))
    add(np.corrcoef, lambda a, b: np.corrcoef(a, b), real("m"), real("m"))
    add(np.bincount, lambda i, w: np.bincount(i, w, 9), index("m", "n"), real("m"))
    for mode in ("full", "same", "valid"):
        add(np.correlate, lambda a, b, mode=mode: np.correlate(a, b, mode), real("m"), real("n"))
        add(np.correlate, lambda a, b, mode=mode: np.correlate(a, b, mode), real("k"), real("l"))
    add(np.nonzero, lambda a: a[np.nonzero(a > 0)], apart("nm"))
    add(np.flatnonzero, lambda a: a.ravel()[np.flatnonzero(a > 0)], apart("nm"))
    add(np.argwhere, lambda a: a[tuple(np.argwhere(a > 0).T)], apart("nm"))
    add(np.isin, lambda a: np.isin(np.round(a), [1.0, 2.0, -3.0]) * a, apart("nm"))
    for function in (np.isposinf, np.isneginf):
        add(function, lambda a, f=function: np.where(f(a), 1, a), real("nm"))
    add(np.compress, lambda a: np.compress([True, False, True], a, axis=0), real("nm"))
    add(np.compress, lambda a: np.compress(a[0] > 0, a, axis=1), apart("nm"))
    add(np.extract, lambda a: np.extract(a > 0, a), apart("nm"))
    add(np.delete, lambda a: np.delete(a, 1), real("nm"))
    add(np.delete, lambda a: np.delete(a, [0, -1], axis=-1), real("nm"))
    add(np.insert, lambda a, b: np.insert(a, 1, b, axis=-1), real("nm"), real("n"))
    add(np.insert, lambda a: np.insert(a, 2, a[:2]), real("m"))
    add(np.conjugate, None, real("nm"))


def some(table):
    """where=, initial=, dtype=; and the functions that pass over nan."""
    add = table.add
    for function in (np.sum, np.mean, np.var, np.std):
        add(function, lambda a, m, f=function: f(a, 1, where=m | (np.arange(m.shape[1]) < 2)), real("nm"), mask("nm"))
    for function in (np.sum, np.prod):
        add(function, lambda a, m, f=function: f(a, axis=0, initial=2, where=m), positive("nm"), mask("nm"))
        add(function, lambda a, f=function: f(a, dtype=np.float64), positive("nm"))
    for function in (np.cumsum, np.cumprod):
        add(function, lambda a, f=function: f(a, 1, dtype=np.float64), positive("nm"))
    for function, end in ((np.max, -99), (np.min, 99), (np.amax, -99), (np.amin, 99)):
        add(function, lambda a, m, f=function, end=end: f(a, 1, initial=end, where=m), apart("nm"), mask("nm"))
        add(function, lambda a, f=function: f(a, initial=0.1), apart("nm"))
    for function in (np.any, np.all):
        add(function, lambda a, m, f=function: f(a > 0, axis=1, keepdims=True, where=m) * a, apart("nm"), mask("nm"))
    for function in (np.nansum, np.nanmean, np.nanvar, np.nanstd, np.nanprod, np.nanmax, np.nanmin):
        draw = apart if function in (np.nanmax, np.nanmin) else positive
        add(function, None, draw("nm"))
        holes = lambda a, m: np.where(m & (np.arange(m.shape[-1]) > 1), np.nan, a)
        add(function, lambda a, m, f=function, h=holes: f(h(a, m), axis=-1, keepdims=True), draw("knm"), mask("knm"))


def more_matrices(table):
    """Examples of the rarer functions of linear algebra."""
    add = table.add
    add(np.linalg.multi_dot, lambda a, b, c: np.linalg.multi_dot([a, b, c]), real("nm"), real("mk"), real("kl"))
    add(np.linalg.multi_dot, lambda *xs: np.linalg.multi_dot(xs), real("n"), real("nm"), real("mk"), real("k"))
    for n in (0, 1, 2, 3, 6, -1, -2):
        add(np.linalg.matrix_power, lambda a, n=n: np.linalg.matrix_power(a, n), regular("knn"))
    add(np.linalg.lstsq, lambda a, b: np.linalg.lstsq(a, b, rcond=None)[:2], spread("mn"), real("m"))
    add(np.linalg.lstsq, lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0], spread("mn"), real("mk"))
    for letters in ("nn", "lmn"):
        add(np.linalg.qr, lambda a: np.linalg.qr(a), regular(letters) if letters == "nn" else spread(letters))
