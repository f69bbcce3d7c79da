r"""Two densities, and everything about the best discriminator between them, by quadrature.

p: the data. q: the generator. $l = \ln p - \ln q$, the logit of the best discriminator $D^* = p/(p + q)$, is a density
ratio: whoever has D* has p/q. Arrays in, arrays out, float64, nats; a discriminator is given by its `logit`.
"""

from typing import NamedTuple

import numpy as np

from tinygen.nn.layers import sigmoid, softplus

PANELS, NODES, REACH = 4, 12, 13.0  # of the quadrature: panels a standard deviation, nodes a panel, ends in deviations


class Step(NamedTuple):
    """What one draw says of the generator's gradient: its `mean` and its `var`."""

    mean: float
    var: float


class Pair:
    """The densities of data and generator at the nodes of a quadrature.

    x: (n,) or (n, D), the nodes. weights: (n,), with which a sum over the nodes is an integral. log_p, log_q: (n,).
    Raises ValueError where the lengths differ. Source: Goodfellow et al. 2014, proposition 1 and theorem 1. Where a
    method takes a discriminator, logit: (n,), at the nodes.

    >>> pair = Pair.gaussian(1.0, 1.0, 0.0, 1.0)
    >>> round(pair.jsd(), 10), round(pair.value(pair.log_ratio), 10)
    (0.1114214822, -1.1634513968)
    """

    def __init__(self, x, weights, log_p, log_q):
        self.x, self.weights, self.log_p, self.log_q = (np.asarray(a, float) for a in (x, weights, log_p, log_q))
        n = len(self.x)
        if {a.shape for a in (self.weights, self.log_p, self.log_q)} != {(n,)}:
            shapes = [a.shape for a in (self.x, self.weights, self.log_p, self.log_q)]
            raise ValueError(f"Pair: x is (n,) or (n, D), weights, log_p and log_q are (n,); got {shapes}")
        self._p, self._q = self.weights * np.exp(self.log_p), self.weights * np.exp(self.log_q)

    @classmethod
    def gaussian(cls, mean_p, sd_p, mean_q, sd_q):
        """p = N(mean_p, sd_p^2) and q = N(mean_q, sd_q^2) on the line.

        Gauss-Legendre on panels that end where the densities cross, so that |p - q| and sign(l) have no kink inside.
        Raises ValueError unless both standard deviations are above 0.
        """
        means, sds = np.array([mean_p, mean_q], float), np.array([sd_p, sd_q], float)
        if not (sds > 0).all():
            raise ValueError(f"Pair.gaussian: standard deviations must be above 0, got {sd_p} and {sd_q}")
        low, high = (means - REACH * sds).min(), (means + REACH * sds).max()
        A, b, c = gaussian_log_ratio([mean_p], [[sd_p**2]], [mean_q], [[sd_q**2]])
        roots = np.roots(np.trim_zeros([A[0, 0], b[0], c], "f"))
        crossings = [r.real for r in roots if abs(r.imag) < 1e-12 and low < r.real < high]
        even = np.linspace(low, high, 1 + int(np.ceil(PANELS * (high - low) / sds.min())))
        ends = np.unique([*even, *crossings])
        node, weight = np.polynomial.legendre.leggauss(NODES)
        half = np.diff(ends)[:, None] / 2
        x = (ends[:-1, None] + half * (node + 1)).ravel()
        return cls(x, (half * weight).ravel(), *(_log_normal(x, m, s) for m, s in zip(means, sds)))

    @property
    def log_ratio(self):
        """l = ln p - ln q, (n,): the logit of D*."""
        return self.log_p - self.log_q

    def expect_p(self, f):
        """E_p f, of values (n,)."""
        return float(self._p @ f)

    def expect_q(self, f):
        """E_q f, of values (n,)."""
        return float(self._q @ f)

    def value_terms(self, logit):
        """E_p ln D and E_q ln(1 - D) of D = sigmoid(logit): the two that real and fake would change if swapped."""
        return self.expect_p(-softplus(-logit)), self.expect_q(-softplus(logit))

    def value(self, logit):
        """V(D) = E_p ln D + E_q ln(1 - D); at D* it is -2 ln 2 + 2 JSD (Goodfellow et al. 2014)."""
        return sum(self.value_terms(logit))

    def jsd(self):
        """Jensen-Shannon: [KL(p||m) + KL(q||m)]/2, m = (p + q)/2, between 0 and ln 2, in nats."""
        log_m = np.logaddexp(self.log_p, self.log_q) - np.log(2)
        return 0.5 * (self.expect_p(self.log_p - log_m) + self.expect_q(self.log_q - log_m))

    def regret(self, logit):
        """What D loses against the best one, V(D*) - V(D) = 2 E_m KL(Bern D* || Bern D), m = (p + q)/2."""
        best, l = sigmoid(self.log_ratio), self.log_ratio
        kl = best * (softplus(-logit) - softplus(-l)) + (1 - best) * (softplus(logit) - softplus(l))
        return self.expect_p(kl) + self.expect_q(kl)

    def ratio_checks(self, logit):
        """E_q[D/(1 - D)] and E_p[(1 - D)/D]: both 1 at D*, and no density is needed to estimate them."""
        mass = lambda log: float(self.weights @ np.exp(log))  # the logarithms are added first: each exp may overflow
        return mass(self.log_q + logit), mass(self.log_p - logit)

    def accuracy(self, logit):
        """How often D says what is right, rows of both being as frequent; at D* it is 1/2 + TV/2, and none has more."""
        right = self.expect_p(0.5 + 0.5 * np.sign(logit)) + self.expect_q(0.5 - 0.5 * np.sign(logit))
        return right / 2

    def logistic_regression_sd(self, *features):
        """sqrt(n) times the sd of the coefficients that logistic regression fits on n real and n fake rows.

        l must be linear in the features, a constant first. V = inverse of 2 E_m[D(1-D) f f'] is their covariance if
        class sizes are random too; with both fixed at n, the constant's variance is 2 less (and nothing else differs).
        Asymptotic. Returns (number of features,).
        """
        f = np.array(features, float)  # (k, n)
        D = sigmoid(self.log_ratio)
        V = np.linalg.inv((f * ((self._p + self._q) * D * (1 - D))) @ f.T)
        V[0, 0] -= 2
        return np.sqrt(np.diag(V))

    def generator_step(self, slope):
        """The gradient by t of E g(x + t), x from q, g held fixed: E_q g'(x), and the variance of one draw's g'.

        slope: g' at the nodes, (n,). For a loss of D's logit, g' = (what `generator_slopes` says) times the logit's
        slope. This is the step that is taken; the gradient of the divergence it is only for the value function.
        """
        mean = self.expect_q(slope)
        return Step(mean, self.expect_q(slope**2) - mean**2)


def generator_slopes(logit, *, clamp=0.0):
    """By name, the derivative by the logit of what the generator minimises: (n,) each.

    saturating ln(1 - D): -D.  non_saturating -ln D: -(1 - D).  Their sum, reverse_kl -l: -1.  kl -e^l: -e^l.
    clamp: D is held in [clamp, 1 - clamp] before the logarithm, as much code does; then the derivative beyond is 0.
    """
    D = sigmoid(logit)
    inside = (D >= clamp) & (D <= 1 - clamp)
    return {
        "saturating": -D * inside,
        "non_saturating": -(1 - D) * inside,
        "reverse_kl": -np.ones_like(logit),
        "kl": -np.exp(logit),
    }


def optimum(loss, log_ratio, *, fake=-1.0, real=1.0):
    """What the best discriminator of each loss puts out, as a function of l = ln p/q.

    "logistic": l, the logit of D*.  "hinge": sign(l).  "least_squares" with labels `fake` and `real`:
    (real p + fake q)/(p + q), for -1 and 1 tanh(l/2).  "smoothed": logistic loss with targets `real` and `fake` in
    [0, 1]: the logit of (real p + fake q)/(p + q). e^logit is then no ratio, and with fake > 0 it is bounded.
    log_ratio: l, a number or an array of any shape, which the result has too. Raises ValueError for another loss.
    Source: Goodfellow et al. 2014; Mao et al. 2017; Lim and Ye 2017 (hinge).

    >>> float(optimum("least_squares", -0.5).round(10))
    -0.2449186624
    """
    D = sigmoid(log_ratio)
    mixed = fake + (real - fake) * D
    if loss == "smoothed":
        if not 0 <= fake < real <= 1:
            raise ValueError(f"smoothed labels must be 0 <= fake < real <= 1, got fake={fake}, real={real}")
        return np.log(mixed) - np.log1p(-mixed)
    table = {"logistic": log_ratio, "hinge": np.sign(log_ratio), "least_squares": mixed}
    if loss not in table:
        raise ValueError(f"loss must be one of {', '.join([*table, 'smoothed'])}, got {loss!r}")
    return table[loss]


def gaussian_log_ratio(m1, S1, m0, S0):
    """ln N(x; m1, S1) - ln N(x; m0, S0) = x'A x + b'x + c: returns (A, b, c).

    A = (S0^-1 - S1^-1)/2,  b = S1^-1 m1 - S0^-1 m0,  c = (m0'S0^-1 m0 - m1'S1^-1 m1)/2 + ln(|S0|/|S1|)/2. So logistic
    regression on x and its products is exact. m: (D,). S: (D, D). A is symmetric: x1 x2 has the coefficient 2 A[0, 1].
    Source: Bishop 2006, section 4.2.
    """
    m1, S1, m0, S0 = (np.asarray(a, float) for a in (m1, S1, m0, S0))
    P1, P0 = np.linalg.inv(S1), np.linalg.inv(S0)
    c = (m0 @ P0 @ m0 - m1 @ P1 @ m1 + np.linalg.slogdet(S0)[1] - np.linalg.slogdet(S1)[1]) / 2
    return (P0 - P1) / 2, P1 @ m1 - P0 @ m0, float(c)


def poisson_log_ratio(k, rate1, rate0):
    """ln Poisson(k; rate1) - ln Poisson(k; rate0) = k ln(rate1/rate0) - (rate1 - rate0).

    k: counts of any shape. rate1, rate0: numbers. It is linear in k, as in any exponential family (Bishop 2006, section
    4.2.4).
    """
    return np.asarray(k) * np.log(rate1 / rate0) - (rate1 - rate0)


def _log_normal(x, mean, sd):
    return -0.5 * (((x - mean) / sd) ** 2 + np.log(2 * np.pi)) - np.log(sd)
