"""What to write in place of a function that cannot be differentiated: one line for each that people try."""

_Z = "with z = (x - loc) / scale"
REMEDIES = {
    # NumPy
    "numpy.array": "instead of np.array([v, w]) write np.stack([v, w]); for np.array(v), v",
    "numpy.asarray": "leave np.asarray out: v already acts as an array",
    "numpy.asanyarray": "leave np.asanyarray out: v already acts as an array",
    "numpy.ascontiguousarray": "leave np.ascontiguousarray out: v already acts as an array",
    "numpy.float64": "leave the conversion out, or write v.astype(np.float64)",
    "numpy.float32": "write v.astype(np.float32)",
    "numpy.int64": "write v.astype(np.int64)",
    "numpy.int32": "write v.astype(np.int32)",
    "numpy.full": "write np.broadcast_to(v, shape)",
    "numpy.full_like": "write np.broadcast_to(v, a.shape)",
    "numpy.copyto": "for np.full and np.full_like write np.broadcast_to(v, shape); for np.copyto, np.where",
    "numpy.fill_diagonal": "write A + np.diag(v), or np.where(np.eye(n, dtype=bool), v, A)",
    "numpy.take": "write a lookup outside the function, and pass what it finds as an argument",
    "numpy.put": "build the result: np.where, np.concatenate",
    "numpy.place": "build the result: np.where",
    "numpy.putmask": "build the result: np.where(mask, v, a)",
    "numpy.r_": "instead of np.r_[v, w] write np.concatenate([v, w]) or np.hstack([v, w])",
    "numpy.c_": "instead of np.c_[v, w] write np.column_stack([v, w])",
    "numpy.vectorize": "write the function for whole arrays, and np.where where it chooses",
    "numpy.apply_along_axis": "write the function for whole arrays, with its axis=",
    "numpy.fromiter": "write np.stack(list_of_vars)",
    "numpy.arange": "write start + step * np.arange(n), with a plain n",
    "numpy.geomspace": "write np.exp(np.linspace(np.log(a), np.log(b), n))",
    "numpy.logspace": "write 10 ** np.linspace(a, b, n)",
    "numpy.histogram": "counts have no derivative: write a sum of smooth kernels around each bin",
    "numpy.unique": "which values are equal has no derivative: find the index outside, and use v[index]",
    "numpy.polyfit": "write the least squares: np.linalg.solve(V.T @ V, V.T @ y), V = np.vander(x, n)",
    "numpy.linalg.eig": "for symmetric matrices write np.linalg.eigh",
    "numpy.linalg.eigvals": "for symmetric matrices write np.linalg.eigvalsh",
    "numpy.linalg.cond": "write np.linalg.norm(A, 2) * np.linalg.norm(np.linalg.inv(A), 2)",
    "numpy.linalg.matrix_rank": "a rank has no derivative: compute it outside",
    "numpy.linalg.tensorsolve": "reshape, and write np.linalg.solve",
    "numpy.linalg.tensorinv": "reshape, and write np.linalg.inv",
    "numpy.fft": "write np.fft.fft, ifft, rfft or irfft, or those along several axes (fft2, fftn, ...)",
    "numpy.i0": "write scipy.special.i0",
    "numpy.choose": "write np.select([i == 0, i == 1], [v, w])",
    # SciPy's Python functions, which turn their arguments into arrays
    "scipy.special.logsumexp": "write tinygen.logsumexp(x, axis)",
    "scipy.special.softmax": "write tinygen.softmax(x, axis)",
    "scipy.special.log_softmax": "write tinygen.log_softmax(x, axis)",
    "scipy.special.polygamma": "where x > 0 write (-1) ** (n + 1) * math.factorial(n) * scipy.special.zeta(n + 1, x)",
    "scipy.special.multigammaln": "write d * (d - 1) / 4 * np.log(np.pi) + sum(gammaln(a - j / 2) for j in range(d))",
    "scipy.special.factorial": "write scipy.special.gamma(n + 1)",
    "scipy.special.comb": "write np.exp(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))",
    "scipy.linalg.solve_triangular": "write np.linalg.solve(L, b)",
    "scipy.linalg.cho_solve": "write np.linalg.solve(L @ L.T, b)",
    "scipy.linalg.cho_factor": "write np.linalg.cholesky(A)",
    "scipy.linalg.block_diag": "write np.block([[A, np.zeros((m, n))], [np.zeros((k, l)), B]])",
    "scipy.linalg.expm": "give it its rule: expm = tinygen.primitive(scipy.linalg.expm, "
    "lambda g, y, A: scipy.linalg.expm_frechet(A.T, g, compute_expm=False))",
    "scipy.linalg.sqrtm": "for symmetric matrices: w, v = np.linalg.eigh(A); (v * np.sqrt(w)) @ v.T",
    "scipy.linalg.logm": "for symmetric matrices: w, v = np.linalg.eigh(A); (v * np.log(w)) @ v.T",
    "scipy.stats.norm.pdf": f"{_Z} write np.exp(-0.5 * z**2) / (scale * np.sqrt(2 * np.pi))",
    "scipy.stats.norm.logpdf": f"{_Z} write -0.5 * z**2 - np.log(scale) - 0.5 * np.log(2 * np.pi)",
    "scipy.stats.norm.cdf": f"{_Z} write scipy.special.ndtr(z)",
    "scipy.stats.norm.logcdf": f"{_Z} write scipy.special.log_ndtr(z)",
    "scipy.stats.norm.sf": f"{_Z} write scipy.special.ndtr(-z)",
    "scipy.stats.norm.logsf": f"{_Z} write scipy.special.log_ndtr(-z)",
    "scipy.stats.norm.ppf": "write loc + scale * scipy.special.ndtri(q)",
    "scipy.stats.multivariate_normal.logpdf": "write tinygen.gaussian.log_density_cholesky(x, mean, "
    "np.linalg.cholesky(cov))",
    "scipy.stats.multivariate_normal": "for the log density write tinygen.gaussian.log_density_cholesky(x, mean, "
    "np.linalg.cholesky(cov))",
    "scipy.stats.multivariate_normal.pdf": "write np.exp of tinygen.gaussian.log_density_cholesky(x, mean, "
    "np.linalg.cholesky(cov))",
    "scipy.stats": "write its formula in NumPy and scipy.special: densities are a few operations",
}  # fmt: skip
for _name in "inv solve det cholesky svd eigh eigvalsh norm pinv lstsq".split():
    REMEDIES.setdefault(f"scipy.linalg.{_name}", f"write np.linalg.{_name}")


def remedy(name):
    """What to write instead of the function `name`; "" if nobody knows."""
    while name:
        if name in REMEDIES:
            return REMEDIES[name]
        name = name.rpartition(".")[0]
    return ""


def stack_first(name):
    """What to write for a NumPy function that was called with a list of Vars, into which NumPy does not look."""
    return f"{name} of several Vars: stack them first, {name}(np.stack([v, w]))"


# Methods of arrays that write into them
IN_PLACE = {
    "sort": "v = np.sort(v)",
    "partition": "v = np.partition(v, k)",
    "fill": "v = np.broadcast_to(w, v.shape)",
    "resize": "v = np.reshape(v, shape)",
    **dict.fromkeys(("put", "itemset", "setfield", "byteswap"), "v = np.where(mask, w, v)"),
}
