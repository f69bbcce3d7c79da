"""compile: the replay has the bits of the eager call, and nothing is frozen without being said."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygen as tg
from tinygen.autodiff import tree
from tinygen.program.program import record


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def same_bits(a, b):
    for x, y in zip(tree.flatten(a)[0], tree.flatten(b)[0], strict=True):
        assert type(x) is type(y) and np.shape(x) == np.shape(y)
        if isinstance(x, (np.ndarray, np.generic)):
            assert x.dtype == y.dtype
            assert np.array_equal(x, y, equal_nan=x.dtype.kind == "f")
        else:
            assert x == y


def replays(f, *args, rng, rounds=3):
    """Compile, call with fresh arrays several times, compare each call with the eager one."""
    compiled = tg.compile(f)
    for _ in range(rounds):
        args = tree.map(lambda x: fresh(x, rng), args)
        untouched = tree.map(lambda x: x.copy() if isinstance(x, np.ndarray) else x, args)
        same_bits(compiled(*args), f(*args))
        same_bits(args, untouched)  # the caller's arrays are never written
    return compiled


def lines(compiled):
    """The statements of the last replay."""
    return [line.text for line in compiled.plan.lines.lines]


def fresh(x, rng):
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        new = np.empty_like(x)
        new[...] = rng.standard_normal(x.shape)
        return new
    return x


FUNCTIONS = {
    "gradient": tg.grad(lambda x: np.sum(x**3)),
    "value and gradient": tg.value_and_grad(lambda x: np.mean(np.tanh(x @ x.T) ** 2)),
    "hvp": lambda x: tg.hvp(lambda x: np.sum(np.tanh(x) ** 2 * x))(x, np.cos(x)),
    "hessian": tg.hessian(lambda x: np.sum(np.sin(x) * x)),
    "softmax": tg.grad(lambda x: np.sum(tg.log_softmax(x)[:, 0])),
    "logsumexp": tg.grad(lambda x: np.sum(tg.logsumexp(x, axis=1) ** 2)),
    "branches": tg.grad(lambda x: np.sum(np.where(x > 0, x, x * x) + np.maximum(x, 0) * np.minimum(x, 0.5))),
    "fancy index": tg.grad(lambda x: np.sum(x[[0, 1, 1]] ** 2) + np.sum(x[1:, ::2])),
    "single entries": tg.grad(lambda x: x[1, 2] ** 2 * x[0, 1] + x[..., 0].sum() * x[2, 0] + np.sum(x**3)),
    "a single entry": tg.grad(lambda x: x[1, 2] ** 2),
    "index from data": tg.grad(lambda x: x[np.argmax(x[:, 0])].sum()),
    "several outputs": tg.grad(lambda x: sum(np.sum(p**2) for p in np.split(x, [1, 3]))),
    "svd": tg.grad(lambda x: np.sum(np.linalg.svd(x, full_matrices=False)[1] ** 2)),
    "slogdet": tg.grad(lambda x: np.linalg.slogdet(x.T @ x)[1]),
    "moments": tg.grad(lambda x: np.sum(np.std(x, axis=0) * np.var(x, axis=0) + np.mean(x, axis=0))),
    "views of views": lambda x: (x, x.T, x[1:].T[::2], x.reshape(-1)[3:], np.broadcast_to(x[0], (2, 3)), 3.0),
    "a product with its own transpose": lambda x: (lambda y: y * y.T + y)(x @ x.T + 1),
    "results that others read": lambda x: (lambda a: [a, a * 2, np.exp(a), a + 1])(np.sin(x)),
    "powers": lambda x: (abs(x) ** 0.5, x**2, x**3, abs(x) ** -1, x**-2, 2.0**x, x**1, x**0, np.power(x, 2)),
    "column sums of a transpose": lambda x: (x.T * 2).sum(0),
    "cumulative": tg.grad(lambda x: np.sum(np.cumprod(x, 0) + np.cumsum(x, 1))),
    "order": tg.grad(lambda x: np.sum(np.median(x, 0) * np.sort(x, axis=0)[1])),
    "joined": tg.grad(lambda x: np.sum(np.concatenate([x, x * 2], 1)[:, 2:5] ** 2) + np.stack([x, x])[1, 2, 1]),
    "empty": tg.grad(lambda x: np.sum(x[:0] * 2) + np.sum(x)),
    "comparisons": lambda x: (x > 0, (x > 0) & ~(x > 1), np.isfinite(x), np.argmax(x), np.all(x > 0)),
    "nothing done": lambda x: x,
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_replay_has_the_bits_of_the_eager_call(name, dtype, rng):
    for layout in "CF":
        replays(FUNCTIONS[name], np.asarray(rng.standard_normal((5, 3)), dtype, order=layout), rng=rng)


UNARY = [np.sin, np.tanh, np.exp, lambda x: x * x, lambda x: x.T, lambda x: x[::-1], lambda x: x - np.mean(x, axis=0)]
BINARY = [
    np.add,
    np.multiply,
    np.maximum,
    lambda a, b: a @ b,
    lambda a, b: np.where(a > b, a, b),
    lambda a, b: a + b[0],
]
WHO = st.integers(0, 30)
STEP = st.tuples(st.sampled_from(UNARY), WHO) | st.tuples(st.sampled_from(BINARY), WHO, WHO)


@given(steps=st.lists(STEP, min_size=1, max_size=12), kept=st.lists(WHO, max_size=3), seed=st.integers(0, 99))
def test_any_program_replays(steps, kept, seed):
    """Random programs: whatever dies, is a view or is shared, no buffer is overwritten too early."""

    def f(x, y):
        values = [x, y]
        for function, *who in steps:
            values.append(function(*(values[i % len(values)] for i in who)) * 0.5)
        return [values[-1], *(values[i % len(values)] for i in kept)]

    def whole(x, y):
        return f(x, y), tg.grad(lambda x, y: np.sum(f(x, y)[0]), argnums=(0, 1))(x, y)

    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        replays(whole, rng.standard_normal((3, 3)), rng.standard_normal((3, 3)), rng=rng, rounds=2)


def test_dead_and_equal_operations_are_dropped():
    def f(x):
        np.exp(x)  # nobody reads it
        return np.sin(x) + np.sin(x)

    def operations(f, *args):
        return record(f, args)[0].operations

    assert [op.row.name for op in operations(f, np.ones(3))] == ["sin", "add"]
    assert len(operations(lambda x: (x * 0.0, x * -0.0, x * 0.0), np.ones(3))) == 2  # 0.0 is not -0.0
    assert len(operations(lambda x: (x + np.float32(1), x + np.float64(1), x + 1.0), np.ones(3, "f"))) == 3


def test_multiplying_by_one_costs_nothing(rng):
    compiled = replays(tg.grad(lambda x: np.sum(np.sin(x))), rng.standard_normal((5, 3)), rng=rng)
    assert lines(compiled) == ["cos(x, b0)"]


@pytest.mark.parametrize("slices", [(np.s_[:, :3], np.s_[:, 3:]), (np.s_[1:], np.s_[::2, 1], np.s_[..., 4])])
def test_derivatives_of_slices_are_added_where_they_belong(slices, rng):
    f = tg.grad(lambda x: sum(np.sum(np.cos(x[part])) for part in slices) + np.sum(x**3))
    compiled = replays(f, rng.standard_normal((5, 7)), rng=rng)
    text = "\n".join(lines(compiled))
    assert text.count("_part") == 2 * len(slices) and "fill" not in text


def test_a_derivative_of_a_slice_that_is_read_twice_stays(rng):
    inner = tg.grad(lambda x: np.sum(np.sin(x[2:])))
    f = lambda x: (x + inner(x), inner(x) * 2, x[:1] + inner(x))
    assert "fill" in replays(f, rng.standard_normal(5), rng=rng).source


def test_buffers_are_used_again_and_operands_overwritten(rng):
    def chain(x):
        for _ in range(50):
            x = np.sin(x)
        return x

    x = rng.standard_normal(1000)
    assert replays(chain, x, rng=rng).plan.nbytes == x.nbytes  # one buffer, overwritten fifty times


def test_a_plan_keeps_none_of_the_recorded_arrays(rng):
    import gc
    import weakref

    alive = []

    def f(x):
        for _ in range(5):
            x = np.sin(x * 2)
            alive.append(weakref.ref(x.value) if hasattr(x, "value") else weakref.ref(x))
        return x

    x = rng.standard_normal((20, 10))
    compiled = tg.compile(f)
    for _ in range(2):
        same_bits(compiled(x + 1), f(x + 1))
    gc.collect()
    assert sum(ref() is not None for ref in alive) == 0


def test_a_view_keeps_its_owner_alive(rng):
    def f(x):
        y = np.exp(x)
        view = y[::2]
        for _ in range(5):
            x = np.sin(x * 2)  # wants buffers of y's size
        return view, x

    replays(f, rng.standard_normal(10), rng=rng)


def test_inputs_are_read_in_place_while_they_are_the_same_object(rng):
    x, y = rng.standard_normal(7), rng.standard_normal(7)
    compiled = tg.compile(lambda x: x * 2)
    compiled(x)
    x[0] = 100.0
    assert compiled(x)[0] == 200.0  # same object, new content
    same_bits(compiled(y), y * 2)
    same_bits(compiled(x), x * 2)


def test_a_result_may_be_the_next_input(rng):
    x = rng.standard_normal(7)
    compiled, expected = tg.compile(lambda x: np.cos(x) + x[::-1]), x.copy()
    for _ in range(5):
        x, expected = compiled(x), np.cos(expected) + expected[::-1]
        same_bits(x, expected)


def test_layout_is_part_of_the_key(rng):
    f = lambda x: np.var(x * 3)  # its last bits depend on the order in which it reads
    compiled = tg.compile(f)
    wide = rng.standard_normal((100, 7))
    for x in (wide[:50], np.asfortranarray(wide[:50]), wide[::2]):
        same_bits(compiled(x), f(x))
    assert len(compiled.plans) == 3


def test_static_arguments_and_the_cache(rng):
    ran = []

    def f(x, k, flag, name):
        ran.append(k)
        return x * k if flag and name == "times" else x + k

    compiled, x = tg.compile(f), rng.standard_normal(5)
    for k in (2, 3, 2, 3):
        same_bits(compiled(x, k, True, "times"), x * k)
    same_bits(compiled(x, 2, False, "times"), x + 2)
    same_bits(compiled(x, 2, True, "plus"), x + 2)
    assert sorted(ran) == [2] * 12 + [3] * 4  # four times for each plan: the recording and its comparisons
    for k in range(20):
        compiled(x, k, True, "times")
    assert len(compiled.plans) == 8


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_are_inputs_and_stay_weak(dtype, rng):
    x = rng.standard_normal(5).astype(dtype)
    f = lambda x, a: (x * a + a * 2, a * 3, np.where(x > a, x, a), tg.grad(lambda a: a**3)(a))
    compiled = tg.compile(f)
    for a in (2.5, -1.25, 0.1):
        same_bits(compiled(x, a), f(x, a))
    assert len(compiled.plans) == 1 and compiled(x, 0.5)[0].dtype == dtype


def test_numpy_scalars_none_and_containers():
    f = lambda p: {"y": p["a"] * p["b"][0], "n": None}
    compiled = tg.compile(f)
    for b in (np.float32(2), np.float32(3)):
        p = {"a": np.ones(3, "f"), "b": (b, None)}
        same_bits(compiled(p), f(p))
    assert compiled(p)["n"] is None and len(compiled.plans) == 1


def test_a_numpy_scalar_is_not_taken_for_a_python_float():
    x = np.ones(3, np.float32)
    compiled = tg.compile(lambda a, x: a * x)
    for a in (np.float64(2), 2.0, np.float64(3), 3.0):
        same_bits(compiled(a, x), a * x)


def test_out_writes_into_the_given_arrays(rng):
    target = {"g": np.zeros((5, 3)), "again": np.zeros((5, 3)), "T": np.zeros((3, 5))}
    f = lambda x: (np.sum(x), (lambda g: {"g": g, "again": g, "T": x.T * 2})(np.exp(x) * 2))
    compiled = tg.compile(f, out=(None, target))
    for _ in range(3):
        x = rng.standard_normal((5, 3))
        _, result = compiled(x)
        assert all(result[key] is target[key] for key in target)
        same_bits(target, f(x)[1])


def test_out_as_views_of_one_flat_gradient(rng):
    x, flat = rng.standard_normal((5, 3)), np.zeros(18)
    views = {"W": flat[:15].reshape(5, 3), "b": flat[15:]}
    gradient = tg.grad(lambda p: np.sum((x @ p["W"].T) ** 2) + np.sum(p["b"] ** 3))
    compiled = tg.compile(gradient, out=views)
    for _ in range(3):
        p = {"W": rng.standard_normal((5, 3)), "b": rng.standard_normal(3)}
        compiled(p)
        same_bits(flat, np.concatenate([gradient(p)["W"].ravel(), gradient(p)["b"]]))


@pytest.mark.filterwarnings("ignore:.*does not depend on argument")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_out_takes_what_is_constant(dtype):
    """A gradient by what the loss does not look at, or of what is linear: written anew at each call."""
    views = {"a": np.empty(2, dtype), "b": np.empty(3, dtype), "c": np.empty((), dtype)}
    gradient = tg.grad(lambda p: np.sum(p["a"] ** 2) + dtype(3) * p["c"])
    compiled = tg.compile(gradient, out=views)
    for k in range(3):
        p = {"a": np.full(2, k + 1, dtype), "b": np.ones(3, dtype), "c": np.array(k, dtype)}
        result = compiled(p)
        assert all(result[name] is views[name] for name in views)
        same_bits(views, tree.map(np.asarray, gradient(p)))
        views["b"][:] = views["c"][...] = 7


LIMITS = {  # a second derivative -> where it is a limit, where it is not
    "norm": (tg.hessian(lambda x: np.linalg.norm(x) ** 2), np.zeros(3), np.array([1.0, -2.0, 0.5])),
    "of a gradient's direction": (
        lambda x: tg.jvp(tg.grad(lambda x: np.cos(np.linalg.norm(x))))(x, np.array([1.0, -2.0, 0.5], x.dtype))[1],
        np.zeros(3),
        np.array([1.0, -2.0, 0.5]),
    ),
    "one row": (tg.hessian(lambda x: np.sum(np.linalg.norm(x, axis=1) ** 2)), np.eye(3, 2), np.ones((3, 2))),
    "std": (tg.hessian(lambda x: np.std(x) ** 2), np.full(3, 0.1), np.array([1.0, -2.0, 0.5])),
    "hypot": (tg.hessian(lambda x: np.sum(np.hypot(x, x[::-1]) ** 2)), np.array([0.0, 1.0, 0.0]), np.ones(3)),
    "abs": (tg.hessian(lambda x: np.sum(abs(x) ** 2)), np.array([0.0, 1.0, 0.0]), np.ones(3)),
    "eigenvalues": (tg.hessian(lambda A: np.sum(np.linalg.eigvalsh(A) ** 3)), np.eye(2), np.diag([1.0, 2.0])),
    "singular values": (tg.hessian(lambda A: np.sum(np.linalg.svdvals(A) ** 2)), np.eye(2), np.diag([1.0, 2.0])),
    "and no limit": (tg.hessian(np.linalg.norm), np.zeros(3), np.array([1.0, -2.0, 0.5])),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LIMITS)
def test_where_a_derivative_is_a_limit_the_function_itself_is_called(name, dtype):
    f, *points = LIMITS[name]
    there, elsewhere = (x.astype(dtype) for x in points)
    for first in (there, elsewhere):
        compiled = tg.compile(f)
        for x in (first, there, elsewhere, there.copy(), there, elsewhere):
            with np.errstate(all="ignore"):
                same_bits(compiled(x), f(x))
        assert compiled.source.count("NotImplemented") == 1
    assert "NotImplemented" not in str(tg.trace(f)(elsewhere)) and "any" not in str(tg.trace(f)(elsewhere))


def test_a_limit_is_written_to_the_given_array():
    hessian = np.full((3, 3), np.nan)
    compiled = tg.compile(LIMITS["norm"][0], out=hessian)
    for x in (np.ones(3), np.zeros(3)):
        assert compiled(x) is hessian
        assert np.allclose(hessian, 2 * np.eye(3))
        hessian[...] = np.nan


def test_only_what_may_be_a_limit_is_looked_for():
    """A first derivative is never one; nor is the second one of an L1 penalty, whose slope stays as it is."""
    norm, x = np.linalg.norm, np.array([1.0, 0.0])
    for f in (tg.grad(lambda x: norm(x) ** 2 + np.std(x)), tg.hessian(lambda x: np.sum(x**4) + 0.1 * np.sum(abs(x)))):
        compiled = tg.compile(f)
        same_bits(compiled(x), f(x))
        assert "NotImplemented" not in compiled.source


def test_a_compiled_function_inside_of_one_may_be_called_twice(rng):
    """As it stands it gives the same buffer twice; a recording sees through it."""
    inner = tg.compile(lambda x: 2 * x + 1)
    outer = tg.compile(lambda x, y: (inner(y), inner(x) + y))
    x, y = rng.standard_normal((2, 5))
    for _ in range(3):
        same_bits(outer(x, y), (2 * y + 1, (2 * x + 1) + y))


def test_out_that_is_an_input_is_refused(rng):
    x = rng.standard_normal(5)
    with pytest.raises(TypeError, match="also an input"):
        tg.compile(lambda x: np.exp(x) + x[::-1], out=x[::-1])(x)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ((None, np.zeros(4)), "float64 (5,), but the array given for it is float64 (4,)"),
        ((None, np.zeros(5, "f")), "float32"),
        ((None, {"a": np.zeros(5)}), "dict"),
        (np.zeros(5), "expected a tuple"),
    ],
)
def test_out_that_does_not_fit(out, message):
    with pytest.raises(TypeError, match="out: ") as error:
        tg.compile(lambda x: (np.sum(x), x * 2), out=out)(np.ones(5))
    assert message in str(error.value)


def test_what_is_not_an_argument_is_noticed(rng):
    calls = []
    for f in (lambda x: x + rng.standard_normal(), lambda x: (calls.append(1), x * len(calls))[1]):
        with pytest.raises(RuntimeError, match="not an argument"):
            tg.compile(f)(np.ones(3))


def test_frozen_arrays_are_listed(rng):
    W = rng.standard_normal((3, 3))
    compiled = tg.compile(lambda x: x @ W)
    compiled(np.ones((5, 3)))
    assert "frozen: W of shape (3, 3), float64" in compiled.explain()
    compiled = tg.compile(tg.grad(lambda x, w: np.sum(x @ w)))
    compiled(np.ones((5, 3)), W)
    assert "frozen" not in compiled.explain()


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x if x[0] > 0 else -x,
        lambda x: x[x > 0],
        lambda x: x[int(np.argmax(x))],
        lambda x: x * float(np.argmax(x)),
        lambda x: tg.grad(lambda x: x[0] if x[0] > 0 else x[1])(x),
        lambda x: np.arange(5.0)[np.argmax(x)],
    ],
)
def test_looking_at_a_value_while_recording_raises(f):
    f(np.arange(3.0) + 1)  # plain: fine
    with pytest.raises(TypeError, match=r"np\.where"):
        tg.compile(f)(np.arange(3.0) + 1)


def test_arguments_that_cannot_be(rng):
    with pytest.raises(TypeError, match="noise"):
        tg.compile(lambda x, r: x)(np.ones(3), rng)
    with pytest.raises(TypeError, match="needs a function"):
        tg.compile(np.ones(3))
    with pytest.raises(TypeError, match="plain arrays"):
        tg.compile(lambda x: x)(np.ma.ones(3))
    with pytest.raises(RuntimeError, match="before explain"):
        tg.compile(lambda x: x).explain()


def test_two_threads_on_one_plan_raise():
    inside, go = threading.Event(), threading.Event()

    def f(x):
        inside.set()
        go.wait(10)
        return x * 2

    compiled = tg.compile(f)
    other = threading.Thread(target=compiled, args=(np.ones(3),))
    other.start()
    assert inside.wait(10)
    with pytest.raises(RuntimeError, match="two threads"):
        compiled(np.ones(3))
    go.set()
    other.join(60)
    same_bits(compiled(np.ones(3)), 2 * np.ones(3))  # and it is free again


def test_an_error_while_recording_frees_the_lock():
    compiled = tg.compile(lambda x: x @ np.ones((4, 4)))
    for _ in range(2):
        with pytest.raises(ValueError, match="mismatch"):
            compiled(np.ones((3, 3)))


def test_a_compiled_function_inside_grad(rng):
    W, x = rng.standard_normal((3, 3)), rng.standard_normal((5, 3))
    compiled = tg.compile(lambda x, W: np.tanh(x @ W))
    same_bits(tg.grad(lambda x: np.sum(compiled(x, W)))(x), tg.grad(lambda x: np.sum(np.tanh(x @ W)))(x))


def test_results_are_buffers():
    compiled = tg.compile(lambda x: x * 2)
    compiled(np.ones(3))
    second = compiled(2 * np.ones(3))
    kept = second.copy()
    assert compiled(np.zeros(3)) is second and not np.array_equal(second, kept)


def test_primitives_are_seen_through(rng):
    double = tg.primitive(lambda x: x + x, lambda g, y, x: 3 * g)  # a wrong rule, to see that it is the one used
    f = lambda x: (double(x), tg.grad(lambda x: np.sum(double(x)))(x))
    replays(f, rng.standard_normal(5), rng=rng)
    assert np.all(f(np.ones(5))[1] == 3)


# ---- kernels chosen for speed ----


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fast_kernels_stay_within_the_bound_that_explain_states(dtype, rng):
    from scipy.special import expit

    tiny = np.finfo(dtype).tiny
    x = np.concatenate([*(rng.standard_normal(4000) * s for s in (1e-6, 1, 10, 50)), [0, 1e4, -1e4, np.inf, -np.inf]])
    a, b = x.astype(dtype), rng.permutation(x).astype(dtype)
    a[:2], b[:2] = np.inf, [np.inf, -np.inf]
    a[2:4], b[2:4] = -np.inf, [-np.inf, 3]
    compiled = tg.compile(lambda a, b: (expit(a), np.logaddexp(a, b)))
    results = compiled(a, b)
    with np.errstate(invalid="ignore"):  # both functions first round a - b to their dtype
        apart = np.nan_to_num(np.abs(a - b), nan=np.inf, posinf=np.inf).astype(np.longdouble)
    truths = (expit(a.astype(np.longdouble)), np.maximum(a, b) + np.log1p(np.exp(-apart)))
    text = compiled.explain()
    for result, truth, bound, scale in zip(results, truths, (4, 6), (0, np.maximum(a, b))):
        assert result.dtype == dtype and f"within {bound} ulp" in text
        with np.errstate(invalid="ignore"):
            ulps = np.abs(result - truth) / np.spacing(np.maximum(np.abs(truth), np.abs(scale)).astype(dtype))
        ordinary = np.isfinite(truth) & (np.abs(truth) > tiny)
        assert np.all(ulps[ordinary] <= bound)
        assert np.array_equal(result[~np.isfinite(truth)], truth[~np.isfinite(truth)])
        assert np.all(np.abs(result[np.abs(truth) <= tiny]) <= 2 * tiny)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_by_a_product_with_ones_stay_within_their_bound(dtype, rng):
    x = rng.standard_normal((1009, 31)).astype(dtype)
    exact = x.astype(np.longdouble)
    sums = lambda x: (x.sum(axis=0), x.sum(axis=0, keepdims=True), x.sum(axis=-1), x.sum(), np.sum(x.T * 2, axis=0))
    compiled = tg.compile(sums)
    rows, kept, columns, all_of_it, transposed = compiled(x)
    assert compiled.explain().count("for speed") == 4 and kept.shape == (1, 31) and columns.shape == (1009,)
    same_bits(transposed, np.sum(x.T * 2, axis=0))
    eps, magnitudes = np.finfo(dtype).eps, np.abs(exact)
    for result, axis in ((rows, 0), (kept[0], 0), (columns, 1), (all_of_it, None)):
        n = x.size if axis is None else x.shape[axis]
        assert np.all(np.abs(result - np.sum(exact, axis=axis)) <= 0.5 * n * eps * np.sum(magnitudes, axis=axis))
    means = tg.compile(lambda x: (x.mean(), x.mean(0), x.mean(1, keepdims=True), x.ravel().mean()))
    for result, (n, axis) in zip(means(x), ((x.size, None), (1009, 0), (31, 1), (x.size, None))):
        bound = (0.5 * n + 1) * eps * np.mean(magnitudes, axis=axis)
        assert np.all(np.abs(result.ravel() - np.mean(exact, axis=axis)) <= bound)
    assert means.explain().count("for speed") == 4 and type(means(x)[0]) is dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_two_matrices_and_a_constant_bound_keep_their_bits(dtype, rng):
    """np.dot in place of np.matmul, and a whole array in place of maximum's 0-d operand."""
    for n in (7, 64, 129):
        a, b = (rng.standard_normal((n, n)).astype(dtype) for _ in range(2))
        replays(lambda a, b: (a @ b, a.T @ b, a @ a.T, np.maximum(a, 0), np.minimum(0.5, b)), a, b, rng=rng)
