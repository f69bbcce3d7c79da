"""Where the estimators' random numbers come from: one seed, a stream for each purpose, noise that belongs to a row."""

import numpy as np

STREAMS = {"start": 0, "training": 1, "score": 2, "sample": 3, "diagnosis": 4, "validation": 5, "codes": 6}


def seed(random_state):
    """One integer seed from None (fresh entropy), an integer, a Generator or a RandomState (which move on).

    >>> seed(5)
    5
    """
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**63 - 1, dtype=np.int64))
    if random_state is None:
        return int(np.random.SeedSequence().entropy % 2**63)
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool) and random_state >= 0:
        return int(random_state)
    raise ValueError(
        f"random_state must be None, an integer >= 0, a numpy.random.Generator or a RandomState, got {random_state!r}"
    )


def stream(seed, purpose):
    """The generator of one purpose, a name of STREAMS: what one of them draws disturbs none of the others.

    >>> float(stream(5, "start").random()) != float(stream(5, "sample").random())
    True
    """
    return np.random.default_rng([seed, STREAMS[purpose]])


def row_uniforms(seed, X, count, *, purpose="score"):
    """Numbers uniform on (0, 1) for each row of X (n, D), (n, count), from the seed and the row's numbers alone.

    So a row has the same noise alone and among others, whatever their order. Splitmix64 (Steele, Lea, Flood 2014) of
    the row's hash and a counter: it makes the noise of all rows in a few passes, where a generator each takes longer
    than what it draws.
    """
    words = _words(X)
    start = np.random.SeedSequence([seed, STREAMS[purpose]]).generate_state(1, np.uint64)[0]
    state = np.full(len(words), start)
    with np.errstate(over="ignore"):
        for word in words.T:
            state = _mixed(state ^ word)
        counters = np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN
        bits = _mixed(state[:, None] + counters)  # (n, count)
    return ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def row_normals(seed, X, shape, *, purpose="score", dtype=None):
    """Standard normal numbers for each row of X (n, D), (n, *shape), as in `row_uniforms`; dtype: by default float64.

    >>> X = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])
    >>> noise = row_normals(0, X, (3,))
    >>> noise.shape, bool((noise[0] == noise[2]).all()), bool((noise[1] == row_normals(0, X[1:2], (3,))[0]).all())
    ((3, 3), True, True)
    """
    dtype = np.dtype(np.float64) if dtype is None else np.dtype(dtype)
    count = int(np.prod(shape))
    u = row_uniforms(seed, X, count + count % 2, purpose=purpose)
    radius, angle = np.sqrt(-2 * np.log(u[:, 0::2])), (2 * np.pi) * u[:, 1::2]  # Box and Muller: two from two
    both = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return both[:, :count].reshape(len(X), *shape).astype(dtype)


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mixed(x):
    """Splitmix64's finaliser: each bit of the result depends on all bits of x."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _words(X):
    """The rows' numbers as 64-bit words, (n, D); 0.0 and -0.0 are one number, and so are equal ones of other dtypes."""
    X = np.ascontiguousarray(X, np.float64) + 0.0
    return X.view(np.uint64)
