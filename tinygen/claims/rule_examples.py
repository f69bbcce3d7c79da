"""Examples for the table of rules: each row of it in use, in all the forms that its rules tell apart."""

import numpy as np

import tinygen as tg
from tinygen.claims.examples import Examples, apart, drawn, index, positive, real, regular, spread, symmetric
from tinygen.claims.rule_examples_complex import complex_numbers
from tinygen.claims.rule_examples_elementwise import constants, corners, elementwise, special_functions
from tinygen.claims.rule_examples_series import more_matrices, series, some


def examples():
    """Examples for each row of the table, a list of Example."""
    table = Examples()
    for fill in (elementwise, corners, constants, special_functions, reductions, shapes, pieces, products, matrices):
        fill(table)
    for fill in (series, some, more_matrices, complex_numbers):
        fill(table)
    return table.all


def reductions(table):
    """Examples of sums, moments, extremes and norms along axes."""
    add = table.add
    for function in (np.sum, np.mean, np.var, np.std, np.prod, np.max, np.min, np.amax, np.amin, np.median, np.ptp):
        draw = apart if function in (np.max, np.min, np.amax, np.amin, np.median, np.ptp) else positive
        add(function, None, draw("nm"))
        add(function, lambda a, f=function: f(a, axis=-2), draw("nmk"))
        add(function, lambda a, f=function: f(a, axis=(2, 0), keepdims=True), draw("nmk"))
    for function in (np.var, np.std):
        add(function, lambda a, f=function: f(a, axis=1, ddof=1), real("nm"))
    add(np.prod, lambda a: np.prod(a * (abs(a) > 0.5), axis=-1), apart("nm"))
    for function in (np.quantile, np.percentile):
        q = 0.37 if function is np.quantile else 37
        add(function, lambda a, f=function, q=q: f(a, q), apart("nm"))
        add(function, lambda a, f=function, q=q: f(a, [q, 2 * q], axis=(0, -1), keepdims=True), apart("nmk"))
    add(np.average, lambda a: np.average(a, axis=1), real("nm"))
    add(np.average, lambda a, w: np.average(a, axis=0, weights=w), real("nm"), positive("n"))
    add(np.average, lambda a: np.average(a, axis=0, keepdims=True), real("nm"))
    add(np.average, lambda a, w: np.average(a, axis=1, weights=w), real("nmk"), positive("m"))
    add(np.average, lambda a, w: np.average(a, axis=1, weights=w, keepdims=True), real("nm"), positive("nm"))
    for function in (np.cumsum, np.cumprod):
        add(function, None, apart("nm"))
        add(function, lambda a, f=function: f(a, axis=-2), apart("nmk"))
    for function in (np.any, np.all):
        add(function, lambda a, f=function: f(a > 0, axis=1, keepdims=True) * a, apart("nm"))
    for function in (np.argmax, np.argmin, np.count_nonzero):
        add(function, lambda a, f=function: f(a, axis=0) * a, apart("nm"))
        add(function, lambda a, f=function: f(a) * a, apart("nm"))
    add(np.trapezoid, lambda y: np.trapezoid(y, dx=0.3), real("nm"))
    add(np.trapezoid, lambda y, x: np.trapezoid(y, x, axis=1), real("nmk"), real("m"))
    add(np.trapezoid, lambda y, x: np.trapezoid(y, x, axis=0), real("nm"), real("nm"))
    for order in (None, 1, 2, 3, -2, 0.5, np.inf, -np.inf, 0):
        add(np.linalg.norm, lambda a, p=order: np.linalg.norm(a, p, axis=1), apart("nm"))
        if order is not None:
            add(np.linalg.vector_norm, lambda a, p=order: np.linalg.vector_norm(a, ord=p, axis=(0, 2)), apart("nmk"))
    add(np.linalg.vector_norm, None, apart("nm"))
    add(np.linalg.norm, None, apart("nmk"))
    for order in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
        add(np.linalg.norm, lambda a, p=order: np.linalg.norm(a, p, (2, 0), True), spread("mnk"))
        add(np.linalg.norm, lambda a, p=order: np.linalg.norm(a, p), spread("nm"))
        add(np.linalg.matrix_norm, lambda a, p=order: np.linalg.matrix_norm(a, ord=p), spread("mnk"))
    for function in (tg.logsumexp, tg.softmax, tg.log_softmax):
        add(function, None, real("nm"))
        add(function, lambda a, f=function: f(a, axis=0), real("nm"))
        add(function, None, real("nmk"))
    add(tg.logsumexp, lambda a: tg.logsumexp(a, axis=(2, 0), keepdims=True), real("nmk"))


def shapes(table):
    """Examples of functions that move entries to other places."""
    add, each = table.add, table.each
    add(np.reshape, lambda a: np.reshape(a, a.shape[::-1]), real("nmk"))
    add(np.reshape, lambda a: np.reshape(a, a.shape[::-1], order="F"), real("nmk"))
    add(np.ravel, lambda a: np.ravel(a, order="F"), real("nm"))
    each([np.ravel, np.transpose, np.matrix_transpose, np.linalg.matrix_transpose, np.copy, np.flip], real("nmk"))
    each([np.atleast_1d, np.atleast_2d, np.atleast_3d], real(""))
    for function in (np.atleast_1d, np.atleast_2d, np.atleast_3d):
        add(function, lambda a, b, f=function: list(f(a, b, a[0])), real("n"), real("nm"))
    each([np.atleast_1d, np.atleast_2d, np.atleast_3d, np.fliplr, np.flipud, np.rot90], real("nm"))
    add(np.squeeze, lambda a: np.squeeze(a[:, None], 1), real("nm"))
    add(np.expand_dims, lambda a: np.expand_dims(a, (0, -1)), real("nm"))
    add(np.transpose, lambda a: np.transpose(a, (-1, 0, 1)), real("nmk"))
    add(np.swapaxes, lambda a: np.swapaxes(a, 0, -1), real("nmk"))
    add(np.moveaxis, lambda a: np.moveaxis(a, (0, 1), (-1, 0)), real("nmk"))
    add(np.flip, lambda a: np.flip(a, (0, -1)), real("nmk"))
    add(np.rot90, lambda a: np.rot90(a, 3, (2, 0)), real("nmk"))
    for places in ((2,), (0, 3), (-1, 1), (1, -1), (1, 1)):
        add(np.rollaxis, lambda a, places=places: np.rollaxis(a, *places), real("nmk"))
    for function in (np.fft.fftshift, np.fft.ifftshift):
        add(function, None, real("nm"))
        add(function, lambda a, f=function: f(a, -1), real("nmk"))
        add(function, lambda a, f=function: f(a, (0, 2)), real("nmk"))
    add(np.roll, lambda a: np.roll(a, 2), real("nm"))
    add(np.roll, lambda a: np.roll(a, (1, -2), (0, -1)), real("nmk"))
    add(np.broadcast_to, lambda a: np.broadcast_to(a[:, None], (2, a.shape[0], 3, *a.shape[1:])), real("nm"))
    add(np.broadcast_arrays, lambda a, b: list(np.broadcast_arrays(a, b)), real("nm"), real("m"))
    add(np.meshgrid, lambda a, b, c: list(np.meshgrid(a, b, c)), real("n"), real("m"), real("k"))
    add(np.meshgrid, lambda a, b: list(np.meshgrid(a, b, indexing="ij", sparse=True)), real("n"), real("m"))
    add(np.linspace, lambda a, b: np.linspace(a, b, 4), real("nm"), real("m"))
    add(np.linspace, lambda a: np.linspace(0, a, 5, False), real("n"))
    add(np.tile, lambda a: np.tile(a, (2, 1, 3)), real("nm"))
    add(np.tile, lambda a: np.tile(a, 2), real("nmk"))
    add(np.repeat, lambda a: np.repeat(a, 3), real("nm"))
    add(np.repeat, lambda a: np.repeat(a, np.arange(a.shape[1]), axis=-1), real("nm"))
    for function in (np.concatenate, np.stack, np.vstack, np.hstack, np.dstack, np.column_stack):
        add(function, lambda a, b, f=function: f([a, 2 * b, a]), real("nm"), real("nm"))
    for function in (np.vstack, np.hstack, np.dstack, np.column_stack):
        add(function, lambda a, f=function: f([a, a]), real("n"))
    add(np.column_stack, lambda a, b: np.column_stack([a, b]), real("n"), real("nm"))
    add(np.concatenate, lambda a, b: np.concatenate([a, b], axis=-1), real("nm"), real("nk"))
    add(np.concatenate, lambda a, b: np.concatenate([a, b], axis=None), real("nm"), real("k"))
    for function in (np.concatenate, np.stack, np.vstack, np.hstack):
        add(function, lambda a, b, f=function: f([a, b], dtype=a.dtype), real("nm"), real("nm"))
    add(np.stack, lambda a, b: np.stack([a, b], axis=-2), real("nm"), real("nm"))
    add(np.block, lambda a, b, c, d: np.block([[a, b], [c, d]]), real("nm"), real("nk"), real("lm"), real("lk"))
    add(np.block, lambda a, b: np.block([a, b]), real("n"), real("m"))
    add(np.block, lambda a, b: np.block([a, b]), real("nm"), real("nk"))
    add(np.block, lambda a, b: np.block([[a], [b]]), real("m"), real("nm"))
    add(np.append, lambda a, b: np.append(a, b), real("nm"), real("k"))
    add(np.append, lambda a, b: np.append(a, b, axis=1), real("nm"), real("nk"))
    add(np.diagflat, lambda a: np.diagflat(a, 1), real("nk"))
    for mode in ("constant", "edge", "reflect", "symmetric", "wrap"):
        add(np.pad, lambda a, mode=mode: np.pad(a, ((1, 2), (0, 2)), mode), real("nm"))
    add(np.pad, lambda a: np.pad(a, 2, constant_values=1.5), real("nm"))


def pieces(table):
    """Examples of taking, joining and splitting."""
    add = table.add
    add(np.take, lambda a, i: np.take(a, i), real("nm"), index("kl", "n", -1))
    add(np.take, lambda a, i: np.take(a, i, axis=-1), real("nm"), index("kl", "m", -1))
    add(np.take_along_axis, lambda a, i: np.take_along_axis(a, i, 0), real("nm"), index("lm", "n"))
    add(np.take_along_axis, lambda a, i: np.take_along_axis(a, i, None), real("nm"), index("l", "n"))
    for function in (np.split, np.array_split):
        add(function, lambda a, f=function: f(a, [1, 3], axis=1), real("nm"))
    add(np.array_split, lambda a: np.array_split(a, 2), real("nm"))
    add(np.split, lambda a: np.split(a, a.shape[0]), real("nm"))
    add(np.vsplit, lambda a: np.vsplit(a, [2]), real("nm"))
    add(np.hsplit, lambda a: np.hsplit(a, [2]), real("nm"))
    add(np.hsplit, lambda a: np.hsplit(a, [2]), real("m"))
    add(np.dsplit, lambda a: np.dsplit(a, [1]), real("nmk"))
    add(np.diff, None, real("nm"))
    add(np.diff, lambda a: np.diff(a, 2, axis=0), real("nm"))
    add(np.diagonal, None, real("nmk"))
    add(np.diagonal, lambda a: np.diagonal(a, 1, 2, 0), real("nmk"))
    add(np.linalg.diagonal, lambda a: np.linalg.diagonal(a, offset=-1), real("nmk"))
    add(np.trace, None, real("nmk"))
    add(np.trace, lambda a: np.trace(a, -1, -1, 1), real("nmk"))
    add(np.linalg.trace, lambda a: np.linalg.trace(a, offset=1), real("nmk"))
    for k in (0, 1, -2):
        add(np.diag, lambda a, k=k: np.diag(a, k), real("nm"))
        add(np.diag, lambda a, k=k: np.diag(a, k), real("n"))
        add(np.tril, lambda a, k=k: np.tril(a, k), real("nm"))
        add(np.triu, lambda a, k=k: np.triu(a, k), real("knm"))
    for function in (np.sort, lambda a, **kw: np.partition(a, 1, **kw)):
        row = np.sort if function is np.sort else np.partition
        add(row, function, apart("nm"))
        add(row, lambda a, f=function: f(a, axis=0), apart("nmk"))
        add(row, lambda a, f=function: f(a, axis=None), apart("nm"))
    add(np.argsort, lambda a: np.take_along_axis(a, np.argsort(-a, axis=0), 0), apart("nm"))
    add(np.argpartition, lambda a: np.argpartition(a, 1, axis=0) * a, apart("nm"))
    add(np.searchsorted, lambda a: np.searchsorted(np.sort(a), 0.0) * a, apart("m"))
    add(np.digitize, lambda a: np.digitize(a, np.array([-1.0, 0.0, 2.0])) * a, apart("nm"))
    add(np.interp, lambda x, t, fp: np.interp(x, np.cumsum(t) - 3, fp), apart("kl"), positive("m"), real("m"))
    if hasattr(np, "unstack"):
        add(np.unstack, lambda a: list(np.unstack(a, axis=1)), real("nk"))


def products(table):
    """Examples of products of arrays."""
    add = table.add
    for a, b in (("n", "n"), ("nm", "mk"), ("n", "nm"), ("mn", "n"), ("m", "lmk"), ("lnm", "m")):
        add(np.matmul, None, real(a), real(b))
    for a, b in (("lnm", "lmk"), ("nm", "lmk"), ("knm", "lkmn")):
        add(np.matmul, None, real(a), real(b))
    add(np.linalg.matmul, None, real("nm"), real("lmk"))
    for a, b in (("n", "n"), ("nm", "m"), ("m", "nm"), ("lnm", "nm")):
        add(np.vecdot, None, real(a), real(b))
        add(np.linalg.vecdot, None, real(a), real(b))
    add(np.vdot, None, real("nm"), real("nm"))
    for a, b in ("n", "n"), ("nm", "mk"), ("lnm", "m"), ("nm", "lmk"), ("", "nm"), ("nm", ""):
        add(np.dot, None, real(a), real(b))
    for a, b in ("n", "n"), ("nm", "km"), ("lnm", "m"), ("nm", "klm"), ("", "nm"):
        add(np.inner, None, real(a), real(b))
    for function in (np.outer, np.linalg.outer):
        add(function, None, real("n"), real("m"))
    add(np.outer, None, real("nk"), real("m"))
    for function in (np.tensordot, np.linalg.tensordot):
        add(function, lambda a, b, f=function: f(a, b, axes=1), real("knm"), real("ml"))
        add(function, lambda a, b, f=function: f(a, b, axes=([0, -1], [2, 1])), real("nmk"), real("lkn"))
    add(np.tensordot, None, real("nmk"), real("mkl"))
    add(np.tensordot, lambda a, b: np.tensordot(a, b, 0), real("nm"), real("k"))
    add(np.tensordot, lambda a, b: np.tensordot(a, b, (1, 0)), real("nm"), real("mk"))
    for spec, *operands in (
        *(("ij,jk->ik", "nm", "mk"), ("ij,jk", "nm", "mk"), ("bij,bj->b", "lnm", "lm"), ("i,j,k->jik", "n", "m", "k")),
        *(("ij->ji", "nm"), ("ij->", "nm"), ("ii->i", "nn"), ("ii", "nn"), ("iji->j", "nmn"), ("i...->...", "nmk")),
        *(("...ij,...jk->...ik", "lnm", "mk"), ("...i,i", "lnm", "m")),
    ):
        add(np.einsum, lambda *xs, spec=spec: np.einsum(spec, *xs), *map(real, operands))
    add(np.einsum, lambda a, b: np.einsum(a, [0, 7], b, [7, 30], [30, 0]), real("nm"), real("mk"))
    add(np.einsum, lambda a, b: np.einsum(a, [..., 1], b, [1, 0]), real("nm"), real("mk"))
    add(np.einsum, lambda a, b: np.einsum("ij,ij->", a, b[:, :1], optimize=True), real("nm"), real("nk"))
    for a, b in ("nm", "kl"), ("n", "mk"), ("nmk", "k"):
        add(np.kron, None, real(a), real(b))
    for function in (np.cross, np.linalg.cross):
        three = drawn(lambda rng, shape: rng.standard_normal((*shape, 3)))
        add(function, None, three("n"), three("mn"))
        add(function, lambda a, b, f=function: f(a.T, b[:1].T, axis=0), three("n"), three("n"))
    add(np.cross, lambda a, b: np.cross(a.T, b, axisa=0, axisb=1, axisc=0), three("n"), three("n"))
    for mode in ("full", "same", "valid"):
        add(np.convolve, lambda a, b, mode=mode: np.convolve(a, b, mode), real("m"), real("n"))
        add(np.convolve, lambda a, b, mode=mode: np.convolve(a, b, mode), real("k"), real("l"))
    if hasattr(np, "matvec"):
        add(np.matvec, None, real("lnm"), real("m"))
        add(np.vecmat, None, real("n"), real("lnm"))


def matrices(table):
    """Examples of linear algebra."""
    add = table.add
    add(np.linalg.inv, None, regular("lnn"))
    for a, b in ("nn", "n"), ("nn", "nk"), ("lnn", "n"), ("lnn", "nk"), ("nn", "lnk"):
        add(np.linalg.solve, None, regular(a), real(b))
    add(np.linalg.det, None, regular("lnn"))
    add(np.linalg.slogdet, lambda a: np.linalg.slogdet(a)[1], regular("lnn"))
    add(np.linalg.slogdet, lambda a: tuple(np.linalg.slogdet(-a)), regular("nn"))
    add(np.linalg.det, lambda a: np.linalg.det(np.concatenate([a, a[..., :1]], -1)[..., 1:] @ a), regular("lnn"))
    add(np.linalg.det, lambda a: np.linalg.det(a - a[:1]), regular("nn"))  # singular
    add(np.linalg.cholesky, None, symmetric("lnn"))
    add(np.linalg.cholesky, lambda a: np.linalg.cholesky(a @ np.swapaxes(a, -1, -2)), regular("nn"))
    for letters, triangle in ("lnn", "L"), ("nn", "U"):
        add(np.linalg.eigh, lambda a, u=triangle: [v * v for v in np.linalg.eigh(a, UPLO=u)], symmetric(letters))
        add(np.linalg.eigvalsh, lambda a, u=triangle: np.linalg.eigvalsh(a, u), symmetric(letters))
    for letters in ("nn", "lnm", "mn"):  # u and v are known up to a common sign: their squares, and their product
        add(np.linalg.svd, lambda a: [x * x for x in np.linalg.svd(a, full_matrices=False)], spread(letters))
        add(np.linalg.svd, _polar, spread(letters))
        add(np.linalg.svdvals, None, spread(letters))
        add(np.linalg.pinv, None, spread(letters))
    add(np.linalg.svd, lambda a: np.linalg.svd(a, compute_uv=False), spread("nm"))


def _polar(a):
    u, _, vt = np.linalg.svd(a, full_matrices=False)
    return u @ vt
