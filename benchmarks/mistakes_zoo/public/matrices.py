"""Gaussian processes, log determinants, divergences of full Gaussians, quadratic forms."""

import numpy as np

from ..base import public

R = np.random.default_rng(7014)
D = 4
inv = np.linalg.inv
XG = np.sort(R.uniform(-2, 2, 8))
YG, D2, EYE = np.sin(2 * XG) + 0.1 * R.normal(size=8), (XG[:, None] - XG) ** 2, np.eye(8)
S1 = R.normal(size=(D, D))
S1 = S1 @ S1.T + np.eye(D)
M1, A0, B, V = R.normal(size=D), R.normal(size=(D, D)), R.normal(size=(D, D)), R.normal(size=D)


def _spd(rng):
    root = rng.normal(size=(D, D))
    return root @ root.T + D * np.eye(D)


def kernel(sf, length):
    """Squared exponential."""
    return sf**2 * np.exp(-0.5 * D2 / length**2)


def gaussian_process(sf, length, sn):
    """Negative log evidence."""
    K = kernel(sf, length) + sn**2 * EYE
    return 0.5 * YG @ np.linalg.solve(K, YG) + 0.5 * np.linalg.slogdet(K)[1] + 4 * np.log(2 * np.pi)


def gaussian_process_backward(sf, length, sn, slip=""):
    """-a' dK a / 2 + tr(K^-1 dK) / 2."""
    K = kernel(sf, length)
    inverse = inv(K + sn**2 * EYE)
    a, sign = inverse @ YG, -1 if slip == "trace_sign" else 1
    out = {}
    for name, value, dK in (("sf", sf, 2 * K / sf), ("length", length, K * D2 / length**3), ("sn", sn, 2 * sn * EYE)):
        out[name] = -0.5 * a @ dK @ a + sign * 0.5 * np.trace(inverse @ dK)
        out[name] *= value if slip == "by_log" else 1
    return out


public(
    gaussian_process,
    gaussian_process_backward,
    lambda rng: (1.3, 0.7, 0.3),
    by_log=("log sf", "output|7/10", "Stats Stack Exchange 269590"),
    trace_sign=("slogdet.*sign|sign.*slogdet", "", "Stats Stack Exchange 269590"),
)


def gaussian_process_log(p):
    """The same in the logarithms of its parameters."""
    return gaussian_process(*np.exp(p))


def gaussian_process_log_backward(p, slip=""):
    """The gradient by the parameters, times the parameters."""
    return {"p": np.array(list(gaussian_process_backward(*np.exp(p), "" if slip else "by_log").values()))}


public(
    gaussian_process_log,
    gaussian_process_log_backward,
    lambda rng: (np.log([1.3, 0.7, 0.3]),),
    chain_lost=(r"exp\(-?p\)", "", "Stats Stack Exchange 269590"),
)


def log_det(S):
    """ln |S|."""
    return np.linalg.slogdet(S)[1]


def log_det_backward(S, slip=""):
    """S^-T."""
    return {"S": 2 * inv(S) - np.diag(np.diag(inv(S))) if slip == "symmetric" else inv(S).T}


public(log_det, log_det_backward, lambda rng: (_spd(rng),), symmetric=("transpose|symmetric", "", "pyro issue 656"))


def log_det_cholesky(S):
    """The same by its Cholesky factor, which reads one triangle."""
    return 2 * np.sum(np.log(np.diag(np.linalg.cholesky(S))))


def log_det_cholesky_backward(S, slip=""):
    """Both triangles' parts in the lower one."""
    return {"S": inv(S) if slip == "both_triangles" else np.tril(2 * inv(S)) - np.diag(np.diag(inv(S)))}


public(
    log_det_cholesky,
    log_det_cholesky_backward,
    lambda rng: (_spd(rng),),
    both_triangles=("triang|symmetric", "", "autograd issue 56"),
)


def kl_full(m0, S0):
    """KL of N(m0, S0) from N(M1, S1)."""
    d = M1 - m0
    trace = np.trace(inv(S1) @ S0)
    return 0.5 * (trace + d @ inv(S1) @ d - D + np.linalg.slogdet(S1)[1] - np.linalg.slogdet(S0)[1])


def kl_full_backward(m0, S0, slip=""):
    """S1^-1 (m0 - M1), (S1^-1 - S0^-1) / 2."""
    sign = 1 if slip == "logdet_sign" else -1
    return {"m0": inv(S0 if slip == "other_covariance" else S1) @ (m0 - M1), "S0": 0.5 * (inv(S1) + sign * inv(S0)).T}


public(
    kl_full,
    kl_full_backward,
    lambda rng: (rng.normal(size=D), _spd(rng)),
    other_covariance=("S0.*S1", "", "wiseodd issue 74"),
    logdet_sign=("slogdet.*sign|sign.*slogdet", "-S0", "wiseodd issue 74"),
)


def quadratic_form(x):
    """x' A x."""
    return x @ A0 @ x


def quadratic_form_backward(x, slip=""):
    """(A + A') x."""
    return {"x": 2 * A0 @ x if slip == "not_symmetric" else (A0 + A0.T) @ x}


public(
    quadratic_form,
    quadratic_form_backward,
    lambda rng: (rng.normal(size=D),),
    not_symmetric=("symmetric|transpose", "", "Mathematics Stack Exchange 838320"),
)


def quadratic_in_matrix(A):
    """v' A v, of the matrix."""
    return V @ A @ V


def quadratic_in_matrix_backward(A, slip=""):
    """v v'."""
    return {"A": V * V if slip == "elementwise" else np.outer(V, V)}


public(
    quadratic_in_matrix,
    quadratic_in_matrix_backward,
    lambda rng: (rng.normal(size=(D, D)),),
    elementwise=("outer|diagonal", "summed over", "Mathematics Stack Exchange 4291445"),
)


def trace_inverse(A):
    """tr(B A^-1)."""
    return np.trace(B @ inv(A))


def trace_inverse_backward(A, slip=""):
    """-(A^-1 B A^-1)'."""
    product = inv(A) @ B @ inv(A)
    return {"A": {"transposed": -product, "sign": product.T}.get(slip, -product.T)}


public(
    trace_inverse,
    trace_inverse_backward,
    lambda rng: (rng.normal(size=(D, D)) + 3 * np.eye(D),),
    transposed=("transposed", "", "Mathematics Stack Exchange"),
    sign=("sign", "", "Mathematics Stack Exchange"),
)
