"""What a training step draws, and its loss: all that is looked up by t or by label is looked up here, outside of it."""

import numpy as np

from tinygen.models.diffusion import net
from tinygen.models.diffusion.bound import uniform_times
from tinygen.models.diffusion.parameterization import line


def loss(values, params, batch, noise):
    """`net.loss` as training calls it: batch has the rows as "x", noise is what `noise_of` drew."""
    return net.loss(params, batch["x"], noise, values)


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


def noise_of(schedule, kind, *, weight, simple, classes, label_dropout, dropout, width, dtype):
    """noise(rng, batch) -> what `net.loss` takes: steps t spread evenly, eps, and all that depends on t or the label.

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


def independent_pixels(x, values):
    """Log frequencies of the grid's values (V,) in each column of the rows x (n, D), of the net: (D V,).

    As the bias of the last layer they make a net that begins as the model of independent pixels.
    """
    index = np.abs(x[:, :, None] - values).argmin(axis=-1)
    counts = (index[:, :, None] == np.arange(len(values))).sum(axis=0) + 0.1  # (D, V)
    return np.log(counts / counts.sum(axis=1, keepdims=True)).ravel()
