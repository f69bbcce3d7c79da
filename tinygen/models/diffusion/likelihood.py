r"""The exact log-likelihood of a diffusion model: the probability-flow ODE carries data to noise, and density with it.

With $y = z / \sqrt{\bar\alpha}$ and $s = \sigma / \sqrt{\bar\alpha}$ (so that $\log s = -\tfrac12 \log
\mathrm{SNR}$) the ODE is
$dy / d\log s = s\, \epsilon(z, \log \mathrm{SNR})$, and along it $d \log p(y) / d\log s = -\mathrm{div}$ of the
right-hand side.
The model whose density this is: the law of y at the first s, when z at the last s is drawn from N(0, I). Data takes the
place of y there. Source: Song et al. 2021, section 4.3 and appendix D.2.
"""

from typing import NamedTuple

import numpy as np

from tinygen import gaussian
from tinygen.models.flow.continuous import slope_and_divergence


class Likelihood(NamedTuple):
    """What `log_likelihood` found, in nats; each (B,) but `s` and `calls`."""

    log_prob: np.ndarray  # of the rows, under the model
    standard_error: np.ndarray  # of log_prob through Hutchinson's estimate; 0 where the divergence is exact
    solver_error: np.ndarray  # log_prob with half as many steps (or 100 times the tolerance) minus log_prob; or nan
    end: np.ndarray  # (B, D), z at the last s: N(0, I) if the model fits
    calls: int  # of the net, with and without its derivatives

    def interval(self, z=1.96):
        """log_prob -+ z standard errors, two arrays (B,): what Hutchinson's noise leaves open."""
        return self.log_prob - z * self.standard_error, self.log_prob + z * self.standard_error


def log_likelihood(eps_of, x, *, logsnr=(11.0, -9.0), steps=100, solver="rk4", tolerance=1e-6, probes=None, prior=None,
                   compare=True, field=None):  # fmt: skip
    """The log density of each row of x (B, D) under the ODE's model, as `Likelihood`.

    eps_of(z, logsnr) -> (B, D): the noise that the net sees in z at this log SNR, a number; plain NumPy, which is
    differentiated. logsnr: where the ODE begins (at the data) and ends (at the noise).
    solver: "rk4", with `steps` steps even in log s; or a method of SciPy's solve_ivp, such as "DOP853", with
    `tolerance` relative and a thousandth of it absolute.
    probes: None for the exact divergence (D calls of the vjp, D <= 256), or noise (K, B, D) of mean 0 and unit
    variance, such as random signs, for Hutchinson's estimate, unbiased, with its standard error over the K >= 2 probes.
    prior(z) -> (B,): log density at the end; None: N(0, I). With the end's true law the mismatch at T is gone, and
    what is left is the solver's error: so the two can be told apart (`terminal_mismatch`).
    field: instead of eps_of, an object that knows `slope(y, log_s)`, dy/dlog s (B, D), and `both(y, log_s)`, that and
    the divergence (K, B), K = 1 if exact: for a net whose derivatives are recorded once.
    compare: solve a second time, with half the steps, for `solver_error`; without, it is nan.
    Raises ValueError for D > 256 without probes, one probe, or log SNRs that do not fall. In nats.
    """
    x = np.asarray(x)
    if x.ndim != 2:
        raise ValueError(f"log_likelihood: got x of shape {x.shape}; expected rows (B, D).")
    if not logsnr[1] < logsnr[0]:
        raise ValueError(f"log_likelihood: got logsnr={logsnr}; it goes from the data's, high, to the noise's, low.")
    if probes is None and x.shape[1] > 256:
        raise ValueError(f"log_likelihood: D = {x.shape[1]} is too large for the exact divergence; give probes.")
    if probes is not None and (np.ndim(probes) != 3 or len(probes) < 2 or probes.shape[1:] != x.shape):
        got = np.shape(probes)
        raise ValueError(f"log_likelihood: got probes {got}; expected (K, {len(x)}, {x.shape[1]}), K >= 2.")
    span = (-0.5 * logsnr[0], -0.5 * logsnr[1])
    flow = _Flow(eps_of, probes) if field is None else field
    prior = _standard if prior is None else prior
    results = [np.full(len(x), np.nan)] * (not compare)
    for rough in (True, False)[not compare :]:
        if solver == "rk4":
            y, gained = _rk4(flow, x, span, max(1, steps // 2) if rough else steps)
        else:
            y, gained = _scipy(flow, x, span, solver, tolerance * (100 if rough else 1))
        share = 1 / np.sqrt(1 + np.exp(2 * span[1]))  # sqrt(alpha_bar) at the end
        end = share * y
        each = prior(end) + x.shape[1] * np.log(share) + gained  # (K, B), K = 1 if exact
        results.append(each.mean(axis=0))
    K = len(each)
    error = each.std(axis=0, ddof=1) / np.sqrt(K) if K > 1 else np.zeros(len(x))
    return Likelihood(results[1], error, results[0] - results[1], end, getattr(flow, "calls", 0))


def terminal_mismatch(end, log_end, prior=None):
    """log N(0, I) - log q at the ends (B, D) of the paths: what starting from N(0, I) changes in each row, nats, (B,).

    log_end(z) -> (B,): the true log density of z at the last s, where it is known (an oracle's). end: (B, D). prior: as
    in `log_likelihood`.
    """
    return (_standard if prior is None else prior)(end) - log_end(end)


class _Flow:
    """dy/dlog s and its divergence, at (y, log s)."""

    def __init__(self, eps_of, probes):
        self.eps_of, self.probes, self.calls = eps_of, probes, 0

    def both(self, y, log_s):
        self.calls += 1
        return slope_and_divergence(self._slope_at(log_s), y, self.probes)

    def slope(self, y, log_s):
        self.calls += 1
        return self._slope_at(log_s)(y)

    def _slope_at(self, log_s):
        s = float(np.exp(log_s))  # Python floats leave y's dtype alone
        share = float(1 / np.sqrt(1 + s * s))
        return lambda y: s * self.eps_of(share * y, -2 * log_s)


def _rk4(flow, x, span, steps):
    """Where the flow carries y = x, by Runge and Kutta's fourth order, and the integral of the divergence on the way.

    The steps are those of z = y/sqrt(1 + s^2), which rests where data are standard normal: dz/dlog s = (dy/dlog s)/
    sqrt(1 + s^2) - sigma^2 z, sigma^2 = s^2/(1 + s^2), and so is the divergence without its D sigma^2, whose integral
    is D/2 ln(1 + s^2). What is left of it is 0 at both ends, or nearly: the trapezoidal rule over the steps' ends sums
    it to more digits than the path has; Gregory's corrections make it of fourth order whatever is left at the ends.
    """
    h, D = (span[1] - span[0]) / steps, x.shape[1]
    sigma2 = lambda log_s: float(1 / (1 + np.exp(-2 * log_s)))

    def slope(z, log_s):
        share = np.sqrt(1 - sigma2(log_s))
        return share * flow.slope(z / share, log_s) - sigma2(log_s) * z

    def both(z, log_s):
        share = np.sqrt(1 - sigma2(log_s))
        dy, divergence = flow.both(z / share, log_s)
        return share * dy - sigma2(log_s) * z, divergence - D * sigma2(log_s)

    z = x * np.sqrt(1 - sigma2(span[0]))
    k1, divergence = both(z, span[0])
    divergences = [divergence]
    for i in range(steps):
        at = span[0] + i * h
        k2 = slope(z + h / 2 * k1, at + h / 2)
        k3 = slope(z + h / 2 * k2, at + h / 2)
        k4 = slope(z + h * k3, at + h)
        z = z + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        k1, divergence = both(z, at + h)
        divergences.append(divergence)
    weights = np.ones(steps + 1)
    if steps == 1:
        weights *= 0.5
    else:
        weights[:3] += np.array([-5 / 8, 1 / 6, -1 / 24])
        weights[-3:] += np.array([-1 / 24, 1 / 6, -5 / 8])
    gained = h * np.tensordot(weights, np.array(divergences), axes=1)  # (K, B)
    known = np.log1p(np.exp(2 * span[1])) - np.log1p(np.exp(2 * span[0]))
    return z / np.sqrt(1 - sigma2(span[1])), gained + 0.5 * D * known


def _scipy(flow, x, span, method, tolerance):
    from scipy.integrate import solve_ivp

    K = 1 if flow.probes is None else len(flow.probes)

    def slope(log_s, state):
        dy, div = flow.both(state[: x.size].reshape(x.shape).astype(x.dtype), log_s)
        return np.concatenate([dy.ravel(), div.ravel()])

    start = np.concatenate([x.ravel(), np.zeros(K * len(x))])
    found = solve_ivp(slope, span, start, method=method, rtol=tolerance, atol=1e-3 * tolerance)
    if not found.success:
        raise RuntimeError(f"log_likelihood: {method} did not reach the end: {found.message}")
    last = found.y[:, -1]
    return last[: x.size].reshape(x.shape), last[x.size :].reshape(K, len(x))


def _standard(z):
    return gaussian.log_density(z, np.zeros_like(z), np.zeros_like(z))
