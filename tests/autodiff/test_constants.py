"""Plain arrays that change after a function has used them: the right derivative, or an error that says which."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygen as tg
from tinygen.autodiff.constants import LARGE, SMALL, fingerprint, part_of_fingerprint

X = np.array([1.0, 2.0, 3.0])


def in_place(x):
    B = np.ones(3)
    y = x * B
    B *= 5
    return np.sum(y)


def reused_buffer(x):
    buffer, total = np.empty(3), 0.0
    for k in (1.0, 2.0, 3.0):
        buffer[...] = k
        total = total + np.sum(x * buffer)
    return total


def mask(x):
    keep = np.array([True, False, True])
    y = np.where(keep, x, 0)
    keep[:] = True
    return np.sum(y)


def index(x):
    i = np.array([0, 0, 1])
    y = x[i]
    i[:] = 2
    return np.sum(y)


def keyword(x):
    keep = np.array([True, False, True])
    y = np.sum(x, where=keep)
    keep[:] = True
    return y


def through_the_owner(x):
    table = np.ones((2, 3))
    y = x * table[0]
    table += 1
    return np.sum(y)


def through_a_view(x):
    B = np.ones(3)
    y = x * B
    view = B[1:]
    view[...] = 7
    return np.sum(y)


@pytest.mark.parametrize(
    ("f", "text"),
    [(in_place, r"x \* B"), (reused_buffer, r"x \* buffer"), (mask, "keep, x"), (index, r"x\[i\]"),
     (keyword, "where=keep"), (through_the_owner, r"x \* table\[0\]"), (through_a_view, r"x \* B")],
)  # fmt: skip
@pytest.mark.parametrize("derivative", [tg.grad, tg.hessian, lambda f: lambda x: tg.hvp(f)(x, x)])
def test_an_array_that_is_written_to_after_its_use_is_named(f, text, derivative):
    with pytest.raises(TypeError, match=rf"changed after \S+ used it: the .* read in `.*{text}"):
        derivative(f)(X)


def test_what_the_rules_do_not_read_may_change():
    def f(x):
        total = np.zeros(3)
        y = x + total
        total += 1
        history = np.ones((3, 3))
        for row in history:
            y = y * row
        history[0, 0] = 1.0  # as it was
        return np.sum(y)

    assert np.array_equal(tg.grad(f)(X), np.ones(3))


@pytest.mark.parametrize("n", [3, 300_007])  # a large one is protected meanwhile, but not its other rows
def test_a_row_of_a_table_may_be_followed_by_writing_another(n):
    def f(x):
        table, y = np.ones((3, n)), x
        for i in range(3):
            table[i] = i + 1
            y = y * table[i]
        return np.sum(y)

    assert np.array_equal(tg.grad(f)(np.arange(1.0, n + 1)), np.full(n, 6.0))


def test_the_argument_that_changes_between_vjp_and_pull_is_named():
    x = np.array([1.0, 2.0])
    _, pull = tg.vjp(lambda p: p["W"] * p["W"])({"W": x})
    assert np.array_equal(pull(np.ones(2))["W"], 2 * x)
    x[0] = 9.0
    with pytest.raises(TypeError, match=r"the float64 \(2,\) argument 0\['W'\] of"):
        pull(np.ones(2))


def test_the_value_that_is_written_to_before_pull_is_named():
    value, pull = tg.vjp(np.exp)(X)
    value *= 2
    with pytest.raises(TypeError, match="value of exp"):
        pull(np.ones(3))


def test_an_argument_that_the_function_changes_through_another_name_is_named():
    W = np.ones(1000)

    def f(w):
        y = np.sum(w * w)
        W[...] = 0
        return y

    with pytest.raises(TypeError, match="argument 0 of f"):
        tg.grad(f)(W)


def test_a_list_that_changes_after_its_use_is_as_it_was():
    def f(x):
        i, w, shift, widths, many = [0, 0, 1], [1.0, 2.0, 3.0], [1], [[0, 1]], [1, 0, 2]
        y = x[i] + np.take(x, i) + x * w
        y = y + 1 * (np.roll(x, shift, [0]) + np.pad(x, pad_width=widths)[:3] + np.repeat(x, repeats=many))
        i[:], shift[0], widths[0][0], many[:] = [2, 2, 2], 2, 3, [3, 0, 0]
        w[:] = [0.0, 0.0, 0.0]
        return np.sum(y)

    assert np.array_equal(tg.grad(f)(X), [8.0, 6.0, 7.0])


def test_a_compiled_function_that_writes_to_what_it_read_is_refused():
    with pytest.raises(TypeError, match="changed after"):
        tg.compile(tg.grad(in_place))(X)
    with pytest.raises(TypeError, match="changed after"):
        tg.compile(reused_buffer)(X)


@given(data=st.data())
def test_a_fingerprint_sees_any_entry_that_changes(data, strategies):
    kind = data.draw(st.sampled_from([np.float64, np.float32, np.float16, np.int64, np.bool_]))
    size = data.draw(st.sampled_from([1, 7, SMALL // 8 + 1, SMALL + 1500]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    a = data.draw(strategies.layouts())((10 * rng.standard_normal((size, 1))).astype(kind))
    if kind is np.float64 and data.draw(st.booleans()):
        a[rng.integers(size)] = data.draw(st.sampled_from([np.nan, np.inf]))
    before, i = fingerprint(a), rng.integers(size)
    assert fingerprint(a) == before
    a[i] = ~a[i] if kind is np.bool_ else a[i] + 3 if np.isfinite(a[i]) else 0
    assert fingerprint(a) != before


def test_a_fingerprint_sees_rows_that_change_places():
    a = np.random.default_rng(0).standard_normal((64, 1024))
    before = fingerprint(a)
    assert fingerprint(a[::-1]) != before and fingerprint(a[:, ::-1]) != before


def test_copies_keep_the_derivative():
    f = lambda p: np.sum(copy.deepcopy(p)["W"] ** 2) + np.sum(copy.copy(p["W"]))
    assert np.array_equal(tg.grad(f)({"W": X})["W"], 2 * X + 1)

    def same_twice(x):
        a, b = copy.deepcopy([x, x])
        assert a is b
        return np.sum(a * b)

    assert np.array_equal(tg.grad(same_twice)(X), 2 * X)


@pytest.mark.parametrize("dump", [pickle.dumps, lambda v: pickle.dumps([v], protocol=2), lambda v: v.__reduce__()])
def test_pickling_is_refused_with_a_remedy(dump):
    with pytest.raises(TypeError, match=r"cut its derivative.*v\.copy\(\)"):
        tg.grad(lambda x: dump(x) and np.sum(x))(X)


@pytest.mark.parametrize("layout", [lambda a: a, lambda a: a[:, ::2], lambda a: a.T, lambda a: a[:1, ::2]])
@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int32])
def test_a_large_array_that_is_scaled_or_filled_anew_is_seen(kind, layout):
    a = layout((10 * np.random.default_rng(0).standard_normal((3, 600_011))).astype(kind))
    before = part_of_fingerprint(a)
    assert a.nbytes > LARGE and part_of_fingerprint(a) == before
    a *= 3
    scaled = part_of_fingerprint(a)
    a[...] = 7
    assert len({before, scaled, part_of_fingerprint(a)}) == 3
    assert np.array_equal(tg.grad(lambda x: np.sum(x * a))(np.ones(a.shape)), a)


def large(row):
    return np.full((7, 50_021), row)


def test_one_entry_of_a_large_array_may_not_be_written_to_while_the_function_runs():
    B, W = large(2.0), large(3.0)

    def f(x):
        y = np.sum(x * B)
        B[2, 29_989] = 5.0
        return y

    def to_its_argument(x):
        y = np.sum(x * x)
        W[2, 29_989] = 5.0
        return y

    with pytest.raises(TypeError, match=r"f writes into an array .*\(7, 50021\) read in `.*x \* B.*copy"):
        tg.grad(f)(W)
    with pytest.raises(TypeError, match=r"argument 0 of to_its_argument.*copy"):
        tg.grad(to_its_argument)(W)
    B[2, 29_989] = W[2, 29_989] = 1.0  # both may be written to again


def test_a_large_array_that_is_changed_before_pull_is_named():
    B, W = large(2.0), large(3.0)
    _, pull = tg.vjp(lambda x: np.sum(x * B))(W)
    B[2, 29_989] = 5.0
    with pytest.raises(TypeError, match=r"read in `.*x \* B"):
        pull(1.0)


def test_a_large_array_may_be_written_to_after_an_error_and_its_own_read_only_ones_stay_so():
    B, closed = large(2.0), large(1.0)
    closed.flags.writeable = False
    view = B[1:3]

    def f(x):
        y = x * closed + np.sum(x[1:3] * view) + tg.grad(lambda z: np.sum(z * B))(np.ones(B.shape))
        raise ValueError(str(y.shape))

    with pytest.raises(ValueError, match="7, 50021"):
        tg.grad(f)(B)
    assert B.flags.writeable and view.flags.writeable and not closed.flags.writeable
