r"""How fast a diffusion forgets: beta, alpha_bar and all that follows from them, in one place.

The same letters mean different things in different texts. This is the table; code, lessons and README follow its
last column.

| the course notes | Prince, chapter 18 | Ho, Jain, Abbeel 2020 (DDPM) | here |
|---|---|---|---|
| $\beta_t$ | $\beta_t$ | $\beta_t$ | `beta[t]` |
| $1 - \beta_t$ | $1 - \beta_t$ | $\alpha_t$ | `1 - beta[t]` |
| $\alpha_t = \prod_{s \le t} (1 - \beta_s)$ | $\alpha_t$ | $\bar\alpha_t$ | `alpha_bar[t]` |
| $z_t$ | $z_t$ | $x_t$ | `z` |
| $x = z_0$ | $x$ | $x_0$ | `x` |
| $\epsilon$ in $z_t = \sqrt{\alpha_t}\, z_0 + \sqrt{1 - \alpha_t}\, \epsilon$ | $\epsilon_t$ | $\epsilon$ | `eps` |
| $\epsilon$ in $z_t = \sqrt{1 - \beta_t}\, z_{t-1} + \sqrt{\beta_t}\, \epsilon$ | $\epsilon_t$ | | `eps_step` |
| $f_t(z_t, \phi_t)$ | $f_t[z_t, \phi_t]$ | $\mu_\theta(x_t, t)$ | `mean` of $p(z_{t-1} \mid z_t)$ |
| | $\sigma_t^2$ | $\sigma_t^2$ | `var` of $p(z_{t-1} \mid z_t)$ |
| | | $\tilde\beta_t$ | `posterior_var[t]` |

Index 0 is the data: beta[0] = 0, alpha_bar[0] = 1; steps are t = 1, ..., T, as on paper.
"""

import math

import numpy as np


class Schedule:
    """The noise schedule with betas beta_1, ..., beta_T.

    Arrays of length T + 1, float64, indexed by t = 0, ..., T:
        beta           variance that step t adds; beta[0] = 0
        log_alpha_bar  sum over s <= t of log(1 - beta_s)
        alpha_bar      exp of it: the share of the data's variance that is left
        sigma2         1 - alpha_bar, without cancellation: the variance of the noise in z_t
        sigma          its square root
        snr, logsnr    alpha_bar / sigma2 and its logarithm; inf at t = 0
        posterior_var  beta_t (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t), the variance of q(z_{t-1}|z_t, x); 0 at t <= 1

    Raises ValueError for betas that are not between 0 and 1 or not finite, and for an empty list. beta: (T,), numbers
    between 0 and 1.

    >>> schedule = Schedule([0.1, 0.2])
    >>> schedule.T, schedule.alpha_bar.round(6)
    (2, array([1.  , 0.9 , 0.72]))
    """

    def __init__(self, beta):
        beta = np.asarray(beta)
        if beta.dtype.kind not in "fiu":
            raise ValueError(f"Schedule: got betas of dtype {beta.dtype}; expected numbers between 0 and 1.")
        beta = beta.astype(np.float64)
        if beta.ndim != 1 or not beta.size:
            raise ValueError(f"Schedule: got betas of shape {beta.shape}; expected at least one number (T >= 1).")
        wrong = ~((beta > 0) & (beta < 1))
        if wrong.any():
            t = int(np.argmax(wrong)) + 1
            raise ValueError(f"Schedule: got beta_{t} = {beta[t - 1]}; each must be above 0 and below 1.")
        self._fill(beta, np.log1p(-beta))

    def _fill(self, beta, log_keep):
        """All arrays from the betas and log(1 - beta), which for a beta near 1 says more than beta itself."""
        self.beta = np.concatenate([[0.0], beta])
        self.log_alpha_bar = np.cumsum(np.concatenate([[0.0], log_keep]))
        self.alpha_bar = np.exp(self.log_alpha_bar)
        self.sigma2 = 0.0 - np.expm1(self.log_alpha_bar)  # not -expm1: -0.0 at t = 0 makes an SNR of -inf
        self.sigma = np.sqrt(self.sigma2)
        with np.errstate(divide="ignore"):
            self.snr = self.alpha_bar / self.sigma2
            self.logsnr = self.log_alpha_bar - np.log(self.sigma2)
        self.posterior_var = np.zeros_like(self.beta)
        self.posterior_var[1:] = beta * self.sigma2[:-1] / self.sigma2[1:]
        for array in vars(self).values():
            array.flags.writeable = False  # they belong together

    @classmethod
    def _of_steps(cls, log_keep):
        """From log(1 - beta_1), ..., log(1 - beta_T)."""
        schedule = cls(-np.expm1(log_keep))
        vars(schedule).clear()
        schedule._fill(-np.expm1(log_keep), log_keep)
        return schedule

    @property
    def T(self):
        """The number of steps."""
        return len(self.beta) - 1

    def __repr__(self):
        return f"Schedule(T={self.T}, alpha_bar[T]={self.alpha_bar[-1]:.3g})"

    # ---- schedules that are in use ----

    @classmethod
    def from_alpha_bar(cls, alpha_bar):
        """From alpha_bar_1, ..., alpha_bar_T, which must fall: beta_t = 1 - alpha_bar_t / alpha_bar_{t-1}."""
        ratio = np.asarray(alpha_bar, np.float64) / np.concatenate([[1.0], alpha_bar])[:-1]
        if not np.all((ratio > 0) & (ratio < 1)):
            t = int(np.argmax(~((ratio > 0) & (ratio < 1)))) + 1
            raise ValueError(f"Schedule: alpha_bar must fall from below 1 and stay above 0, but does not at t = {t}.")
        return cls(1 - ratio)

    @classmethod
    def linear(cls, T=1000, first=1e-4, last=0.02):
        """beta from `first` to `last` in a line, as in DDPM for T = 1000; for another T scaled by 1000/T (at most
        .999)."""
        return cls(np.minimum(np.linspace(first, last, _steps(T)) * (1000 / T), 0.999))

    @classmethod
    def cosine(cls, T=1000, offset=0.008):
        """alpha_bar_t ~ cos^2(pi/2 (t/T + offset)/(1 + offset)), beta at most .999 (Nichol and Dhariwal 2021)."""
        angle = (np.arange(_steps(T) + 1) / T + offset) / (1 + offset) * (math.pi / 2)
        alpha_bar = np.cos(angle) ** 2
        return cls(np.minimum(1 - alpha_bar[1:] / alpha_bar[:-1], 0.999))

    @classmethod
    def constant(cls, T, beta):
        """The same beta at each step."""
        return cls(np.full(_steps(T), beta))

    @classmethod
    def log_linear(cls, T=1000, first=6.0, last=-8.0):
        """log SNR falls in a line from `first` at t = 1 to `last` at t = T."""
        if not last < first:
            raise ValueError(f"Schedule: log SNR has to fall, got first={first}, last={last}.")
        logsnr = np.linspace(first, last, _steps(T)) if T > 1 else np.array([float(last)])
        return cls.from_logsnr(logsnr)

    @classmethod
    def from_logsnr(cls, logsnr):
        """From falling log SNRs at t = 1, ..., T: alpha_bar = 1 / (1 + exp(-logsnr))."""
        logsnr = np.asarray(logsnr, np.float64)
        log_alpha_bar = -np.logaddexp(0, -logsnr)
        step = np.diff(log_alpha_bar, prepend=0.0)
        if not np.all(step < 0):
            raise ValueError(f"Schedule: log SNR has to fall, but does not at t = {int(np.argmax(~(step < 0))) + 1}.")
        return cls._of_steps(step)

    @classmethod
    def learned(cls, bends, *, T, first, last):
        """The schedule of a learned curve, see `monotone_logsnr`, at T evenly spaced places.

        >>> Schedule.learned(np.zeros(4), T=3, first=6.0, last=-6.0).logsnr[1:]  # no bends: a line
        array([ 6.,  0., -6.])
        """
        places = np.linspace(0, 1, _steps(T)) if T > 1 else np.ones(1)
        return cls.from_logsnr(monotone_logsnr(np.asarray(bends, np.float64), places, first=first, last=last))

    def respaced(self, times):
        """The schedule that visits only some steps: `times` is how many (evenly spread, the last is T) or which ones.

        betas 1 - alpha_bar_{t_i} / alpha_bar_{t_{i-1}}: z at a visited step has the same law as before. The visited
        steps are in `.times` (T' + 1,), `times[0] = 0`.
        """
        if np.ndim(times) == 0:
            if not isinstance(times, (int, np.integer)) or not 1 <= times <= self.T:
                raise ValueError(f"respaced: got {times!r} steps; expected a whole number from 1 to T = {self.T}.")
            times = np.round(np.linspace(0, self.T, times + 1)).astype(int)[1:]
        times = np.concatenate([[0], np.asarray(times, int)])
        if not (np.all(np.diff(times) > 0) and times[-1] <= self.T):
            raise ValueError(f"respaced: times have to rise from 1 to at most T = {self.T}, got {times[1:]}.")
        few = Schedule._of_steps(np.diff(self.log_alpha_bar[times]))
        few.times = times
        return few

    # ---- how much is left at the end ----

    def terminal_mismatch(self, x):
        """KL(q(z_T|x) || N(0, I)) of each row of x in nats: 1/2 [alpha_T |x|^2 - D alpha_T - D log(1 - alpha_T)].
        (B, D) -> (B,)"""
        x = np.asarray(x, np.float64)
        last = self.alpha_bar[-1]
        return 0.5 * (last * np.sum(x * x, axis=-1) - x.shape[-1] * (last + self.log_sigma2_end()))

    def log_sigma2_end(self):
        """log(1 - alpha_bar_T)."""
        return math.log1p(-self.alpha_bar[-1])

    def report(self, x=None):
        """A sentence on the mismatch at T, with a warning where it matters; for data x, or of unit variance.

        >>> print(Schedule.constant(100, 0.0151).report())
        alpha_bar[T] = 0.2184: KL(q(z_T|x) || N(0, I)) is 0.123 nat a dimension. Warning: ...
        """
        if x is None:
            nats = -0.5 * self.log_sigma2_end()
        else:
            nats = float(np.mean(self.terminal_mismatch(x))) / np.shape(x)[-1]
        text = f"alpha_bar[T] = {self.alpha_bar[-1]:.4g}: KL(q(z_T|x) || N(0, I)) is {nats:.3g} nat a dimension."
        if nats > 1e-3:
            text += (
                " Warning: z_T still knows the data, so sampling from N(0, I) starts in the wrong place, and a bound "
                "without this term is too good by as much. More steps, or larger betas."
            )
        return text


def monotone_logsnr(bends, u, *, first, last):
    """log SNR at u in [0, 1], (...,), which falls from `first` to `last` whatever the bends (K,) are: K straight
    pieces.

    Piece k falls by (first - last) softmax(bends)_k. Differentiable by bends, first and last, so that a schedule can be
    learned: by the bound (which knows T), or in continuous time, where the bound depends on first and last alone, by
    the variance of its estimate (Kingma et al. 2021).
    """
    weight = np.exp(bends - np.max(bends))
    fall = (first - last) * weight / np.sum(weight)  # (K,)
    K = len(weight)
    within = np.clip(np.asarray(u)[..., None] * K - np.arange(K), 0, 1)  # (..., K) how much of each piece lies behind u
    return first - within @ fall


def _steps(T):
    if not isinstance(T, (int, np.integer)) or isinstance(T, bool) or T < 1:
        raise ValueError(f"Schedule: got T = {T!r}; expected a whole number of steps, at least 1.")
    return int(T)
