"""Toy densities in the plane: samples, log density, and the entropy below which no model's loss can fall.

For data from p, a model q has the expected negative log-likelihood E_p[-log q] = H(p) + KL(p||q). The entropy H(p) is
thus a floor, and the distance to it is an absolute measure of the model: its KL in nats.

Each set is three functions: `ring(n, rng)` draws, `ring_log_density(x)` and `ring_entropy()` say what is true. The
Gaussian sets are mixtures; the moons are one too, since an integral over the angle is a sum over quadrature nodes.

In all three: x: (..., 2), points of a plane. modes: how many Gaussians, on a circle. radius: of that circle. side: the
grid has side x side Gaussians. spacing: distance of neighbours on the grid. sd: standard deviation of each Gaussian.
noise: that of the moons' points around their arcs. squares: how many the checkerboard has along a side. half_width:
half of that side's length.
"""

import numpy as np

STEP, REACH = 0.2, 8.0  # quadrature of a standard normal: spacing and end, both in standard deviations


def ring(n, rng, *, modes=8, radius=2.0, sd=0.02):
    """Gaussians of standard deviation `sd`, their centres spread evenly on a circle; the first at angle 0.

    rng : numpy.random.Generator or seed. Returns float64 (n, 2).
    """
    return _draw(n, rng, _ring_centres(modes, radius), sd)


def ring_log_density(x, *, modes=8, radius=2.0, sd=0.02):
    """log p(x) of `ring`, nats; x (..., 2) -> (...)."""
    return _log_mixture(x, *_equal(_ring_centres(modes, radius)), sd)


def ring_entropy(*, modes=8, radius=2.0, sd=0.02):
    """Entropy of `ring`, nats, by quadrature.

    >>> round(ring_entropy(), 4), round(ring_entropy(radius=4.0, sd=0.5), 4)
    (-2.9067, 3.5247)
    """
    return _entropy(*_equal(_ring_centres(modes, radius)), sd)


def grid(n, rng, *, side=5, spacing=2.0, sd=0.05):
    """Gaussians of standard deviation `sd`, centred on a square grid of side x side points around the origin.

    rng : numpy.random.Generator or seed. Returns float64 (n, 2).
    """
    return _draw(n, rng, _grid_centres(side, spacing), sd)


def grid_log_density(x, *, side=5, spacing=2.0, sd=0.05):
    """log p(x) of `grid`, nats; x (..., 2) -> (...)."""
    return _log_mixture(x, *_equal(_grid_centres(side, spacing)), sd)


def grid_entropy(*, side=5, spacing=2.0, sd=0.05):
    """Entropy of `grid`, nats, by quadrature.

    >>> round(grid_entropy(), 4)
    0.0653
    """
    return _entropy(*_equal(_grid_centres(side, spacing)), sd)


def two_moons(n, rng, *, noise=0.05):
    """Two half circles of radius 1 that reach into each other, with Gaussian noise of standard deviation `noise`.

    With t uniform on [0, pi], the upper moon is (cos t, sin t), the lower one (1 - cos t, 1/2 - sin t).
    rng : numpy.random.Generator or seed. Returns float64 (n, 2).
    """
    rng = np.random.default_rng(rng)
    lower = rng.integers(2, size=n)
    return _moon(rng.uniform(0, np.pi, n), lower) + _positive("noise", noise) * rng.standard_normal((n, 2))


def two_moons_log_density(x, *, noise=0.05):
    """log p(x) of `two_moons`, nats; x (..., 2) -> (...). The angle is integrated by Gauss-Legendre quadrature."""
    return _log_mixture(x, *_moon_nodes(noise), noise)


def two_moons_entropy(*, noise=0.05):
    """Entropy of `two_moons`, nats, by quadrature.

    >>> round(two_moons_entropy(), 5), round(two_moons_entropy(noise=0.1), 5)
    (0.28923, 1.00758)
    """
    return _entropy(*_moon_nodes(noise), noise)


def checkerboard(n, rng, *, squares=4, half_width=4.0):
    """Uniform on every second square of a board of squares x squares (even) over [-half_width, half_width]^2.

    The square in the lower left corner is filled. rng : numpy.random.Generator or seed. Returns float64 (n, 2).
    """
    rng = np.random.default_rng(rng)
    width = _square_width(squares, half_width)
    row = rng.integers(squares, size=n)
    column = 2 * rng.integers(squares // 2, size=n) + row % 2
    return (np.stack([column, row], axis=1) + rng.random((n, 2))) * width - half_width


def checkerboard_log_density(x, *, squares=4, half_width=4.0):
    """log p(x) of `checkerboard`, nats; x (..., 2) -> (...). It is -inf on the empty squares and outside."""
    width = _square_width(squares, half_width)
    square = np.floor((_points(x) + half_width) / width)  # (..., 2)
    inside = np.all((square >= 0) & (square < squares), axis=-1) & (square.sum(-1) % 2 == 0)
    return np.where(inside, -checkerboard_entropy(squares=squares, half_width=half_width), -np.inf)


def checkerboard_entropy(*, squares=4, half_width=4.0):
    """Entropy of `checkerboard`, nats: the logarithm of the filled area.

    >>> bool(checkerboard_entropy() == np.log(32))
    True
    """
    return float(np.log(squares**2 / 2 * _square_width(squares, half_width) ** 2))


def _ring_centres(modes, radius):
    angle = 2 * np.pi * np.arange(modes) / modes
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)  # (modes, 2)


def _grid_centres(side, spacing):
    line = spacing * (np.arange(side) - (side - 1) / 2)
    return np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)  # (side^2, 2)


def _moon(t, lower):
    upper = np.stack([np.cos(t), np.sin(t)], axis=-1)
    return np.where(lower[:, None], [1.0, 0.5] - upper, upper)  # (n, 2)


def _moon_nodes(noise):
    # Gauss-Legendre with m nodes integrates a Gaussian bump of width `noise` to about exp(-0.8 (m noise)^2).
    node, weight = np.polynomial.legendre.leggauss(10 + int(7 / _positive("noise", noise)))
    t = np.pi / 2 * (node + 1)
    lower = np.repeat([0, 1], len(t))
    return _moon(np.tile(t, 2), lower), np.tile(weight / 4, 2)  # the weights of one moon sum to 2


def _square_width(squares, half_width):
    if squares < 2 or squares % 2:
        raise ValueError(f"checkerboard: got squares={squares}; expected an even number of squares along a side.")
    return 2 * _positive("half_width", half_width) / squares


def _positive(name, value):
    if not 0 < value < np.inf:
        raise ValueError(f"got {name}={value}; expected a positive number: without spread there is no density.")
    return value


def _points(x):
    x = np.asarray(x, dtype=np.float64)
    if x.shape[-1:] != (2,):
        raise ValueError(f"got points of shape {x.shape}; expected (..., 2), points in the plane.")
    return x


def _equal(centres):
    return centres, np.full(len(centres), 1 / len(centres))


def _draw(n, rng, centres, sd):
    rng = np.random.default_rng(rng)
    return centres[rng.integers(len(centres), size=n)] + _positive("sd", sd) * rng.standard_normal((n, 2))


def _log_mixture(x, centres, weights, sd):
    """log sum_k w_k N(x; c_k, sd^2 I)."""
    distance = ((_points(x)[..., None, :] - centres) ** 2).sum(-1) / (2 * _positive("sd", sd) ** 2)  # (..., K)
    nearest = distance.min(-1, keepdims=True)  # taken out, so that a far point has a finite log density
    return np.log(np.exp(nearest - distance) @ weights) - nearest[..., 0] - np.log(2 * np.pi * sd**2)


def _entropy(centres, weights, sd):
    """-sum_k w_k E[log p(c_k + sd eps)], eps ~ N(0, I): the trapezoid rule on a square around each centre.

    On such a square a Gaussian is a column times a row, and the mixture's density is one matrix product.
    """
    eps = STEP * np.arange(-REACH / STEP, REACH / STEP + 1)
    bell = STEP * np.exp(-(eps**2) / 2) / np.sqrt(2 * np.pi)  # (E,)
    total = 0.0
    for centre, weight in zip(centres, weights):
        offset = (centre - centres).T[:, None, :] / _positive("sd", sd) + eps[:, None]  # (2, E, K)
        column, row = np.exp(-(offset**2) / 2) / np.sqrt(2 * np.pi * sd**2)
        total -= weight * (bell @ np.log(column * weights @ row.T) @ bell)
    return float(total)
