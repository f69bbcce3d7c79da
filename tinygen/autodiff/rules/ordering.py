"""Rules for functions that go by order: extremes, quantiles, sorting. Ties share equally."""

# ---- extremes: ties share equally ----


def shared(g, a, value, axis, keepdims):
    """The cotangent of `a` if `value`, one of its elements along the axes, was picked."""
    hit = (a == spread(value, a, axis, keepdims)).astype(g.dtype)
    return hit * (spread(g, a, axis, keepdims) / np.sum(hit, axis=axis, keepdims=True))


for _extreme in (np.max, np.min):
    define(_extreme, lambda g, y, a, axis=None, *, keepdims=False: shared(g, a, y, axis, keepdims))


def _median(g, y, a, axis=None, *, keepdims=False):
    ordered, n = np.sort(last(a, axis), axis=-1), count(a, axis)
    low, high = ordered[..., (n - 1) // 2], ordered[..., n // 2]
    g = np.reshape(0.5 * g, low.shape)
    return shared(g, a, low, axis, False) + shared(g, a, high, axis, False)


define(np.median, _median)
constant(np.any, np.all, np.argmax, np.argmin, np.count_nonzero, keywords="axis keepdims")

# ---- order ----


def _sorted(g, y, a, axis=-1, *, kind=None):
    """`y` holds the elements of `a` in another order: match both through a full sort."""
    if axis is None:
        return np.reshape(_sorted(g, y, np.reshape(a, -1), 0), a.shape)
    from_a, from_y = np.argsort(a, axis, kind="stable"), np.argsort(y, axis, kind="stable")
    back = np.take_along_axis(from_y, np.argsort(from_a, axis), axis)
    return np.take_along_axis(g, back, axis)


define(np.sort, _sorted)
define(np.partition, lambda g, y, a, kth, axis=-1: _sorted(g, y, a, axis))
constant(np.argsort, keywords="axis kind")
constant(np.argpartition, keywords="axis kind")
constant(np.searchsorted, keywords="side")

