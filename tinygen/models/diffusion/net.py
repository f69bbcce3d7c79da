"""A denoising net: a residual multilayer perceptron of z_t, its noise level, and perhaps a label.

How noisy z_t is enters as sines and cosines of the log SNR, not of t: so a net that was trained on one schedule can be
used on a respaced or a continuous one. They are slow ones, since what is to be learned changes slowly with the log SNR:
fast ones let the net learn each t apart, from few examples. The entries of z come with sines and cosines of their own:
between two modes the denoiser has sharp steps, which a net of z alone is slow to learn (Tancik et al. 2020). Everything
here is a plain function of a tree of arrays.

Throughout, params: as of `init`. z: (B, D). cond: (B, F), as of `conditioning`. logsnr: (B,). keep: (B, width), factors
on hidden units, for dropout; None: none. rng: numpy.random.Generator or seed. dtype: of the arrays that come back.
signal, sigma: (B, 1), sqrt(alpha_bar) and the standard deviation of the noise.
"""

import math

import numpy as np

from tinygen.autodiff import softmax
from tinygen.models.diffusion.process import grid_scores
from tinygen.nn.layers import linear, linear_init, sigmoid, silu

PERIODS = np.geomspace(4, 64, 8)  # of the log SNR, which lives between about -15 and 15; a sine and a cosine each
WAVES = (4.0, 2.0, 1.0)  # periods in the entries of z, which are of order 1


def init(rng, D, *, width=256, blocks=2, classes=0, outputs=None, waves=3, dtype=np.float32):
    """Random parameters for D dimensions, `blocks` residual blocks of `width`; classes: how many labels, 0 for none.

    waves: with how many of WAVES the entries of z come; 0: z alone. outputs: how many numbers it predicts, D by
    default. The last layer of each block begins at zero, and so does the output: an untrained net predicts 0.

    >>> params = init(0, 2, width=8, blocks=1)
    >>> params["blocks"][0]["inner"]["W"].shape, params["out"]["W"].shape
    ((8, 8), (8, 2))
    """
    rng = np.random.default_rng(rng)
    cond = 2 * len(PERIODS) + (classes + 1 if classes else 0)  # one more label: unknown

    def zero(layer):
        return {name: np.zeros_like(array) for name, array in layer.items()}

    return {
        "in": linear_init(rng, D * (1 + 2 * waves), width, dtype),
        "blocks": [
            {
                "inner": linear_init(rng, width, width, dtype),
                "conditioning": linear_init(rng, cond, width, dtype),
                "outer": zero(linear_init(rng, width, width, dtype)),
            }
            for _ in range(blocks)
        ],
        "out": zero(linear_init(rng, width, outputs or D, dtype)),
    }


def conditioning(logsnr, c=None, *, dtype=np.float32):
    """What the net is given besides z: (B, 16) sines and cosines of the log SNR (B,), and beside them c (B, classes +
    1)."""
    angles = np.clip(np.asarray(logsnr, np.float64), -30, 30)[:, None] * (2 * math.pi / PERIODS)
    features = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    return (features if c is None else np.concatenate([features, c], axis=1)).astype(dtype)


def one_hot(labels, classes, n, dtype=np.float32):
    """Labels 0, ..., classes - 1 (n,) as rows (n, classes + 1); the last column, and labels -1 or None, mean unknown.

    Raises ValueError for another label.
    """
    labels = np.full(n, -1) if labels is None else np.asarray(labels)
    if labels.dtype.kind not in "iu" or np.any((labels < -1) | (labels >= classes)):
        raise ValueError(f"got labels {labels}; expected whole numbers 0 to {classes - 1}, or -1 for unknown.")
    return np.eye(classes + 1, dtype=dtype)[labels]  # -1 is the last row


def predict(params, z, cond, keep=None):
    """The net's prediction at z (B, D), cond (B, F) -> (B, outputs).

    keep (B, width): factors on the hidden units before each block's last layer and the output, for dropout.
    """
    keep = (lambda h: h) if keep is None else (lambda h, mask=keep: h * mask)
    seen = [z, *(f(w * z) for w in _frequencies(params, z) for f in (np.sin, np.cos))]
    h = linear(params["in"], np.concatenate(seen, axis=1))  # (B, width)
    for block in params["blocks"]:
        inner = silu(linear(block["inner"], silu(h)) + linear(block["conditioning"], cond))
        h = h + linear(block["outer"], keep(inner))
    return linear(params["out"], keep(silu(h)))


def _frequencies(params, z):
    """Of the waves in which this net sees z, as numbers of its dtype."""
    waves = (params["in"]["W"].shape[0] // z.shape[1] - 1) // 2
    return [np.asarray(2 * math.pi / period, z.dtype) for period in WAVES[:waves]]


def predict_and_trace(params, z, cond):
    """The prediction at z (B, D) and the trace of its Jacobian, sum_d d prediction_d/dz_d, (B,): without dropout.

    By hand, forwards, a direction d at a time. With W_0, W_s and W_c the rows of the first layer that z_d, sin(w z_d)
    and cos(w z_d) meet, H = dh/dz_d (B, width) begins as

    H = W_0 + sum_w w [cos(w z_d) W_s - sin(w z_d) W_c],  each block makes it
    H + [silu'(inner) * ((silu'(h) * H) W_inner)] W_outer,  and the trace is sum_d (silu'(h) * H) . W_out[:, d]

    The general vjp says the same (a test); as plain NumPy it costs what that costs as a recorded program.
    """
    D, W = z.shape[1], params["in"]["W"]
    waves = [(w, np.sin(w * z), np.cos(w * z)) for w in _frequencies(params, z)]
    h = linear(params["in"], np.concatenate([z, *(part for _, *both in waves for part in both)], axis=1))
    blocks = []
    for block in params["blocks"]:
        inner = linear(block["inner"], silu(h)) + linear(block["conditioning"], cond)
        blocks.append((_silu_slope(h), block["inner"]["W"], _silu_slope(inner), block["outer"]["W"]))
        h = h + linear(block["outer"], silu(inner))
    last, trace = _silu_slope(h), np.zeros(len(z), z.dtype)
    begins = np.stack([np.ones_like(z), *(part for w, sin, cos in waves for part in (w * cos, -w * sin))])
    for d in range(D):
        H = begins[:, :, d].T @ W[d::D]  # (B, 1 + 2 waves) @ (1 + 2 waves, width)
        for outer_slope, W_inner, inner_slope, W_outer in blocks:
            part = (outer_slope * H) @ W_inner
            part *= inner_slope
            H += part @ W_outer
        H *= last
        trace += H @ params["out"]["W"][:, d]
    return linear(params["out"], silu(h)), trace


def _silu_slope(x):
    s = sigmoid(x)
    return s * (1 + x * (1 - s))


def grid_logits(params, z, cond, keep=None):
    """The net's outputs as logits of the grid's values, (B, D, V)."""
    return predict(params, z, cond, keep).reshape(*z.shape, -1)


def grid_x(params, z, cond, values, signal, sigma, keep=None):
    """E[x|z] for data whose entries are all among `values` (V,): (B, D).

    Each entry's own z tells of it with the known N(z; signal v, sigma^2); the net adds, as logits, what the others
    tell: x = sum_v v softmax_v(logits + log N(z; signal v, sigma^2)). signal, sigma: (B, 1).
    """
    return _grid_p(params, z, cond, values, signal, sigma, keep) @ values


def grid_moments(params, z, cond, values, signal, sigma):
    """E[x|z] and Var[x|z] of each entry by the distribution over the values of `grid_x`: twice (B, D)."""
    p = _grid_p(params, z, cond, values, signal, sigma, None)
    x = p @ values
    return x, np.maximum(p @ values**2 - x**2, 0)  # where p is sure, rounding can leave less than 0


def _grid_p(params, z, cond, values, signal, sigma, keep):
    scores = grid_scores(z[:, :, None], values, signal[:, :, None], sigma[:, :, None])  # (B, D, V)
    return softmax(grid_logits(params, z, cond, keep) + scores)


def independent_pixels(x, values):
    """Log frequencies of the grid's values (V,) in each column of the rows x (n, D), of the net: (D V,).

    As the bias of the last layer they make a net that begins as the model of independent pixels.
    """
    index = np.abs(x[:, :, None] - values).argmin(axis=-1)
    counts = (index[:, :, None] == np.arange(len(values))).sum(axis=0) + 0.1  # (D, V)
    return np.log(counts / counts.sum(axis=1, keepdims=True)).ravel()
