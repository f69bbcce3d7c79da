"""A diffusion model on one page: training and sampling of Ho, Jain, Abbeel (2020). It is what `Diffusion` runs.

Data is drowned in noise step by step, and a net learns to go back. Forwards nothing is learned, and all steps up to t
are one (process.py):

z_t = sqrt(alpha_bar_t) x + sqrt(1 - alpha_bar_t) eps,    eps ~ N(0, I),    alpha_bar_0 = 1,    alpha_bar_T nearly 0

Backwards, p(z_{t-1}|z_t) is a Gaussian. If x were known, its mean would be that of q(z_{t-1}|z_t, x), a straight line
in x and z_t; so a net that sees z_t and t says what x is, or what eps is, which is the same (parameterization.py), and
minimising its squared error minimises a bound on -log p(x) (bound.py). The paper's two algorithms:

Throughout, schedule: a `Schedule`. predict: the net, as a function of z_t (B, D) and t. kind: what it says, a name of
parameterization.py. z: (B, D), standard normal noise to begin with. dtype: of the noise.

>>> from tinygen.models.diffusion import Schedule
>>> from tinygen.nn.train import fit
>>> rng, schedule = np.random.default_rng(0), Schedule.cosine(100)
>>> x = rng.choice([-1.0, 1.0], (500, 1)) + 0.1 * rng.standard_normal((500, 1))  # two narrow modes
>>> draw = noise_of(schedule, "eps")
>>> objective = lambda params, batch, noise: loss(params, batch["x"], noise)
>>> params, history = fit(objective, net.init(rng, 1, width=32), {"x": x}, rng=rng, noise=draw, max_steps=400,
...                       progress=False)  # algorithm 1
>>> predict = lambda z, t: net.predict(params, z, net.conditioning(np.full(len(z), schedule.logsnr[t])))
>>> z = rng.standard_normal((1000, 1), np.float32)
>>> made = last(ancestral(schedule, predict, "eps", z, rng))  # algorithm 2
>>> bool(0.8 < np.mean(np.abs(made)) < 1.2)
True
"""

import collections

import numpy as np

from tinygen.models.diffusion import net
from tinygen.models.diffusion.parameterization import convert, line
from tinygen.models.diffusion.process import at, posterior_weights
from tinygen.models.diffusion.variances import variances

# ---- 1. Training -----------------------------------------------------------------------------------------------------
# Each row gets a step t of its own and its own eps. All that is looked up by t or by label is looked up by `noise_of`,
# outside of the loss: so the loss is plain arithmetic, and a training step can be recorded once and replayed.


def uniform_times(rng, T, n):
    """n steps, each uniform on 1, ..., T, spread evenly (antithetic: one shift u for all, i/n apart), in random order.

    Each alone is uniform, so an estimate stays unbiased; together they cover all noise levels, so it varies less.
    rng: numpy.random.Generator. n: a whole number. Returns (n,). Source: Kingma et al. 2021, appendix I.1.
    """
    u = (rng.random() + np.arange(n) / n) % 1
    return 1 + rng.permutation((u * T).astype(int))


def noise_of(schedule, kind, *, weight="simple", simple=None, classes=0, label_dropout=0.0, dropout=0.0, width=0,
             dtype=np.float32):  # fmt: skip
    """noise(rng, batch) -> what `loss` takes: steps t spread evenly, eps, and all that depends on t or the label.

    kind: what the net says; weight, simple: see `weights`.
    classes: how many, 0 without labels; else batch["c"] (B,) are hidden with probability label_dropout. dropout: of the
    `width` hidden units.
    """
    s, labels = schedule, np.eye(classes + 1, dtype=dtype)  # see net.one_hot
    on_x, on_z = line(s, kind)
    by_t = {"signal": np.sqrt(s.alpha_bar), "sigma": s.sigma, "on_x": on_x, "on_z": on_z}
    by_t["weight"] = weights(s, kind, weight, simple)
    by_t = {name: array[:, None].astype(dtype) for name, array in by_t.items()}  # (T + 1, 1)
    by_t["conditioning"] = net.conditioning(s.logsnr, dtype=dtype)  # (T + 1, F): sines cost more than looking them up

    def noise(rng, batch):
        x = batch["x"]
        t = uniform_times(rng, s.T, len(x))
        found = {name: array[t] for name, array in by_t.items()}
        found["eps"] = rng.standard_normal(x.shape, x.dtype)
        if classes:
            c = np.where(rng.random(len(x)) < label_dropout, -1, batch["c"])
            found["conditioning"] = np.concatenate([found["conditioning"], labels[c]], axis=1)
        if dropout:
            keep = rng.random((len(x), width), x.dtype) >= dropout
            found["keep"] = keep * x.dtype.type(1 / (1 - dropout))
        return found

    return noise


def weights(schedule, kind, weight, simple=None):
    """The weight of a squared error in `kind` at each t, (T + 1,); nan at t = 0.

    "simple": it counts as a squared error in `simple`, by default in `kind` itself. "bound": T/2 (SNR_{t-1} - SNR_t) /
    on_x^2, with which the mean over t of the errors is the sum of the bound's KLs; at t = 1, where the decoder's term
    stands, as at t = 2.
    """
    s, w = schedule, np.full(schedule.T + 1, np.nan)
    if weight == "simple" or s.T == 1:
        w[1:] = (line(s, simple or kind)[0][1:] / line(s, kind)[0][1:]) ** 2
    else:
        w[2:] = 0.5 * s.T * (s.snr[1:-1] - s.snr[2:]) / line(s, kind)[0][2:] ** 2
        w[1] = w[2]
    return w


def loss(params, x, noise, values=None):
    """The weighted square error a dimension: with weight 1 the simple loss (Ho et al. 2020, eq. 14, for any target).

    noise is a dict, drawn outside: eps (B, D), conditioning (B, F), and (B, 1) each: signal = sqrt(alpha_bar_t), sigma,
    weight; the target as a straight line in x and z, on_x and on_z; for dropout keep (B, width). values (V,): the net
    gives logits of a grid of values, see `net.grid_x`, and the target is x. params: as of net.init.
    """
    z = noise["signal"] * x + noise["sigma"] * noise["eps"]
    keep = noise.get("keep")
    if values is None:
        error = net.predict(params, z, noise["conditioning"], keep) - (noise["on_x"] * x + noise["on_z"] * z)
    else:
        error = net.grid_x(params, z, noise["conditioning"], values, noise["signal"], noise["sigma"], keep) - x
    return np.mean(noise["weight"] * error**2)


# ---- 2. Sampling -----------------------------------------------------------------------------------------------------
# A sampler takes a Schedule (respaced to few steps if you like), a net `predict(z, t)` with the `kind` of what it
# predicts, and begins at z_T ~ N(0, I). It is a generator that yields z_t on the way, t = T, ..., 0; given its noise it
# is deterministic. Others than these two are in samplers.py.


def reverse_of(schedule, predict, kind, variance="posterior"):
    """The model p(z_{t-1}|z_t) of a net, as `reverse(z, t) -> (mean, var)`: `predict(z, t)` gives what `kind` names.

    mean: that of q(z_{t-1}|z_t, x) at the x the net predicts. variance: "beta", "posterior", an array, or a function
    `variance(z, t)` of the net's own (see variances.py).
    """
    of_x, of_z = posterior_weights(schedule)
    learned = variance if callable(variance) else None
    var = None if learned else variances(schedule, variance)

    def reverse(z, t):
        x = convert(schedule, predict(z, t), z, t, kind, "x")
        return at(of_x, t, z) * x + at(of_z, t, z) * z, learned(z, t) if learned else at(var, t, z)

    return reverse


def ancestral(schedule, predict, kind, z, noise, *, variance="posterior"):
    r"""z_{t-1} = mean(z_t) + sqrt(var_t) noise, from p(z_{t-1}|z_t); yields z_T, ..., z_0 = x, each (B, D).

    noise (T, B, D), noise[t - 1] is used at step t; or a Generator. variance: see `reverse_of`; at t = 1 the mean
    alone is taken unless the variance is an array, which is then meant. Source: the notes, chapter 18; Prince 18.4; Ho
    et al. 2020, algorithm 2.
    """
    reverse = reverse_of(schedule, predict, kind, variance)
    quiet = isinstance(variance, str)
    draw = _draws(noise, schedule, z)
    yield z
    for t in range(schedule.T, 0, -1):
        mean, var = reverse(z, t)
        z = mean if t == 1 and quiet else mean + np.sqrt(var) * draw(t)
        yield z


def ddim(schedule, predict, kind, z, noise=None, *, eta=0.0):
    """z_{t-1} = sqrt(alpha_bar_{t-1}) x + sqrt(sigma_{t-1}^2 - s_t^2) eps + s_t noise, with s_t = eta
    sqrt(posterior_var_t).

    The same net, and a reverse process with the same q(z_t|x) at each t but less noise of its own. eta = 0:
    deterministic, the first-order step of the probability-flow ODE; eta = 1: ancestral with the posterior variance;
    others in between. noise: as in `ancestral`, for eta > 0. Source: Song, Meng, Ermon 2021, eq. 12. Raises ValueError
    for an eta that is not between 0 and 1.
    """
    if not isinstance(eta, (int, float, np.number)) or not 0 <= eta <= 1:
        raise ValueError(f"ddim: got eta = {eta!r}; expected a number from 0 (no noise) to 1 (ancestral).")
    draw = _draws(noise, schedule, z) if eta else None
    yield z
    for t in range(schedule.T, 0, -1):
        value = predict(z, t)
        x = convert(schedule, value, z, t, kind, "x")
        eps = convert(schedule, value, z, t, kind, "eps")
        var = eta**2 * schedule.posterior_var[t]
        keep = np.sqrt(max(schedule.sigma2[t - 1] - var, 0.0))  # rounding alone can make it negative
        z = at(np.sqrt(schedule.alpha_bar), t - 1, z) * x + z.dtype.type(keep) * eps
        if var:
            z = z + z.dtype.type(np.sqrt(var)) * draw(t)
        yield z


def last(steps):
    """The last thing that a generator yields: the sample.

    steps: a generator, such as `ancestral`.
    """
    (z,) = collections.deque(steps, maxlen=1)
    return z


def _draws(noise, schedule, z):
    """The noise of step t as a function of t: from the array that was given, or drawn."""
    if isinstance(noise, np.random.Generator):
        return lambda t: noise.standard_normal(z.shape, z.dtype)
    expected = (schedule.T, *z.shape)
    if np.shape(noise) != expected:
        got = "None" if noise is None else f"{type(noise).__name__} of shape {np.shape(noise)}"
        raise ValueError(
            f"this sampler draws noise at each step: give noise, an array (T, B, D) = {expected} or a "
            f"numpy.random.Generator; got {got}."
        )
    return lambda t: noise[t - 1]
