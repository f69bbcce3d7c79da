"""Optimisers against the formulas of their papers, written out here without any rearrangement."""

import numpy as np
import pytest

from tinygen.nn.optim import BLOCK, SGD, Adam, CosineAdam


def textbook_adam(theta, gradients, rate, beta1, beta2, eps):
    m = v = 0
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        theta = theta - rate * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return theta


# 29 entries from 1e-6 to 1e3 in size, some of them zero for a while
RNG = np.random.default_rng(0)
GRADIENTS = RNG.normal(size=(211, 29)) * 10.0 ** RNG.uniform(-6, 3, 29) * (RNG.random((211, 29)) < 0.8)
GRADIENTS[:50, 0] = 0
START = RNG.normal(size=29)
ADAM = dict(rate=3e-2, beta1=0.9, beta2=0.999, eps=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "change",
    [{}, {"beta1": 0.5}, {"beta1": 0.0}, {"beta2": 0.0}, {"beta1": 0.99, "beta2": 0.9}, {"eps": 0.1}, {"rate": 0.0}],
)
def test_adam_is_the_textbook_formula_up_to_rounding(dtype, change):
    options = {**ADAM, **change}
    gradients, start = GRADIENTS.astype(dtype), START.astype(dtype)
    theta = start.copy()
    adam = Adam(theta, **options)
    with np.errstate(all="ignore"):
        for i, g in enumerate(gradients):
            adam.step(g)
            if i in (0, 1, 57, 210):
                expected = textbook_adam(start.astype(float), gradients[: i + 1].astype(float), **options)
                # each step rounds theta once and the update (at most a few times the rate) some ten times
                bar = np.finfo(dtype).eps * (i + 1) * (np.abs(expected).max() + 20 * options["rate"])
                assert np.max(np.abs(theta - expected)) <= bar, f"after {i + 1} steps"


def test_adam_moves_by_its_rate_at_first_whatever_the_gradient():
    theta = np.zeros(3)
    Adam(theta, rate=0.25, eps=0.0).step(np.array([1e-12, -1.0, 1e12]))
    assert theta.tolist() == pytest.approx([-0.25, 0.25, -0.25], rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_is_its_formula(dtype, momentum):
    theta, u, expected = START.astype(dtype), 0.0, START
    sgd = SGD(theta, rate=1e-3, momentum=momentum)
    for g in GRADIENTS.astype(dtype):
        before = g.copy()
        sgd.step(g)
        assert np.array_equal(g, before)
        u = momentum * u + g.astype(float)
        expected = expected - 1e-3 * u
    scale = 1e-3 * np.abs(GRADIENTS).max(0) / (1 - momentum) + np.abs(expected).max()
    assert np.all(np.abs(theta - expected) <= 20 * np.finfo(dtype).eps * len(GRADIENTS) * scale)


@pytest.mark.parametrize(
    "optimiser", [Adam, SGD, lambda vector: SGD(vector, momentum=0.5), lambda vector: Adam(vector, beta1=0.0)]
)
@pytest.mark.parametrize("stop", [0, 1, 100])
def test_restored_optimisers_go_on_with_the_same_bits(optimiser, stop):
    whole = START.astype(np.float32)
    once, gradients = optimiser(whole), GRADIENTS[:120].astype(np.float32)
    for i, g in enumerate(gradients):
        if i == stop:
            copy, state = whole.copy(), {k: v.copy() if hasattr(v, "copy") else v for k, v in once.state().items()}
            other = optimiser(copy)
            other.restore(state)
        once.step(g)
        if i >= stop:
            other.step(g)
    assert np.array_equal(whole, copy)


@pytest.mark.parametrize("optimiser", [Adam, lambda vector: SGD(vector, momentum=0.5)])
def test_blocks_leave_no_entry_out(optimiser):
    n = 2 * BLOCK + 13
    rng = np.random.default_rng(1)
    whole, gradients = rng.normal(size=n), rng.normal(size=(2, n))
    some = np.array([0, BLOCK - 1, BLOCK, 2 * BLOCK - 1, 2 * BLOCK, n - 1])
    few = whole[some]
    for vector, columns in ((whole, slice(None)), (few, some)):
        optimiser_of_it = optimiser(vector)
        for g in gradients:
            optimiser_of_it.step(g[columns])
    assert np.array_equal(whole[some], few)


def test_a_gradient_may_be_the_same_array_written_anew_or_another_one():
    rng = np.random.default_rng(0)
    one, other, same = np.empty(BLOCK + 7), np.empty(BLOCK + 7), np.empty(BLOCK + 7)
    theta, expected = np.zeros(BLOCK + 7), np.zeros(BLOCK + 7)
    adam, fresh = Adam(theta), Adam(expected)
    for place in (same, same, one, other, one, same):
        place[:] = rng.standard_normal(BLOCK + 7)
        adam.step(place)
        fresh.step(place.copy())
        assert np.array_equal(theta, expected)


@pytest.mark.parametrize("kind", [Adam, SGD])
def test_bad_vectors_gradients_and_options_are_named(kind):
    for vector, words in [
        (np.zeros((2, 3)), r"float64 \(2, 3\); expected one flat float32 or float64 vector"),
        (np.zeros(3, int), "int64"),
        (np.zeros(3, np.float16), "float16"),
        ([1.0, 2.0], "list"),
    ]:
        with pytest.raises(TypeError, match=words):
            kind(vector)
    with pytest.raises(ValueError, match="strided view"):
        kind(np.zeros(6)[::2])
    for gradient in (np.zeros(2, np.float32), np.zeros(3), np.zeros((3, 1), np.float32)):
        with pytest.raises(ValueError, match=r"expected the vector's float32 \(3,\)"):
            kind(np.zeros(3, np.float32)).step(gradient)
    with pytest.raises(ValueError, match=r"rate=-1; expected 0 <= rate < inf"):
        kind(np.zeros(3), rate=-1)
    with pytest.raises(ValueError, match="rate=nan"):
        kind(np.zeros(3), rate=float("nan"))
    with pytest.raises(ValueError, match=r"(beta1|momentum)=1.0; expected 0 <= (beta1|momentum) < 1"):
        kind(np.zeros(3), **({"beta1": 1.0} if kind is Adam else {"momentum": 1.0}))


def test_the_rate_fades_along_a_cosine():
    theta = np.zeros(3)
    adam = CosineAdam(theta, rate=0.5, total=4)
    moved = []
    for _ in range(6):
        before = theta.copy()
        adam.step(np.ones(3))
        moved.append(np.abs(theta - before).max())
    np.testing.assert_allclose(moved, 0.25 * (1 + np.cos(np.pi * np.minimum(np.arange(6) / 4, 1))), atol=1e-6)
    assert adam.rate == 0.5
