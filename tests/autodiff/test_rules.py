"""Every row of the table: it is used, its derivatives agree with numeric ones, values and dtypes stay what they are."""

import inspect
import warnings

import numpy as np
import pytest
import scipy.special  # noqa: F401  (its rules are loaded only where SciPy is)

import tinygen as tg
from tinygen.autodiff import tree
from tinygen.autodiff.table import TABLE, Every, on_missing
from tinygen.claims.examples import PRIMES, SQUARE, label
from tinygen.claims.rule_examples import examples
from tinygen.claims.rules import check_rule
from tinygen.program.program import record

for _load in on_missing:
    _load(None)
EXAMPLES = examples()
OWN = (tg.logsumexp, tg.softmax, tg.log_softmax)
ROWS = {**TABLE, **{function: function.row for function in OWN}}
ONES = dict(n=1, m=1, k=1, l=1)
EMPTY = dict(n=0, m=5, k=2, l=0)

each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
each_function = pytest.mark.parametrize("function", ROWS, ids=label)


def of(function):
    return [example for example in EXAMPLES if example.function is function]


def floats(args):
    return tuple(i for i, a in enumerate(args) if a.dtype.kind == "f")


def cotangent(value, rng):
    """A random cotangent of a value; for integer and boolean leaves zeros."""
    return tree.map(lambda y: np.asarray(rng.standard_normal(np.shape(y)), y.dtype)[()], value)


def pulled(example, args, seed=0):
    """The value, and the cotangents of the float arguments for a random cotangent of the value."""
    value, pull = tg.vjp(example.f, floats(args))(*args)
    return value, pull(cotangent(value, np.random.default_rng(seed)))


@each_function
def test_its_examples_use_the_row(function, monkeypatch, rng):
    chosen = of(function)
    assert chosen, "no example in tinygen/claims/rule_examples.py"
    if function in TABLE:
        monkeypatch.delitem(TABLE, function)
        for example in chosen:
            with pytest.raises(TypeError, match="no derivative rule"):
                pulled(example, example.arguments(rng))


def _count(rule, seen):
    def counted(*args, **kw):
        seen.append(rule)
        return rule(*args, **kw)

    return counted


@each_function
def test_its_examples_use_every_rule_of_the_row(function, monkeypatch, rng):
    row, seen = ROWS[function], []
    if row.through:
        return
    if isinstance(row.rules, tuple):
        written = [rule for rule in row.rules if rule is not None and not hasattr(rule, "reason")]
        monkeypatch.setattr(row, "rules", tuple(rule and _count(rule, seen) for rule in row.rules))
    else:
        written = [row.rules.rule]
        monkeypatch.setattr(row, "rules", Every(_count(row.rules.rule, seen)))
    for example in of(function):
        pulled(example, example.arguments(rng))
    assert set(written) <= set(seen)


NEWER = {("min", "np.clip"), ("max", "np.clip"), ("shape", "np.reshape")}
OTHERWISE = {"np.atleast_1d", "np.atleast_2d", "np.atleast_3d", "np.vsplit", "np.dsplit", "np.linalg.outer"}


@each_function
def test_the_rules_have_the_names_and_defaults_of_the_function(function):
    """Options are passed on as they were given: a default or an order of its own would be a wrong derivative."""
    row = ROWS[function]
    try:
        theirs = inspect.signature(function).parameters
    except (ValueError, TypeError):
        return  # written in C, without a signature
    if isinstance(function, np.ufunc) or label(function) in OTHERWISE:
        return
    rules = row.rules if isinstance(row.rules, tuple) else ()
    for rule, skip in [(row.through, 0)] if row.through else [(rule, 2) for rule in rules if rule]:
        ours = list(inspect.signature(rule).parameters.values())[skip:]
        if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in ours):
            continue
        for i, p in enumerate(ours):
            if p.name not in theirs:  # which of them, depends on the version of NumPy
                assert (p.name, label(function)) in {("constant_values", "np.pad"), ("z", "np.where")} | NEWER
                continue
            default = theirs[p.name].default
            if default is np._NoValue:
                assert p.default in (None, False)
            elif inspect.Parameter.empty not in (default, p.default):
                assert default == p.default
            assert p.kind is p.KEYWORD_ONLY or list(theirs)[i] == p.name


@each_function
def test_derivatives_are_the_numeric_ones_at_both_orders(function):
    report = check_rule(of(function), np.random.default_rng(1))
    assert report.ok, report


@each_example
def test_the_value_is_that_of_numpy_bit_for_bit(example, rng):
    for dtype in (np.float64, np.float32):
        args = example.arguments(rng, PRIMES, dtype)
        plain, structure = tree.flatten(example.f(*args))
        seen, same = tree.flatten(tg.vjp(example.f, floats(args))(*args)[0])
        assert structure == same
        for expected, got in zip(plain, seen):
            assert type(got) is type(expected)
            assert np.shape(got) == np.shape(expected) and np.asarray(got).dtype == np.asarray(expected).dtype
            assert np.array_equal(got, expected)


@each_example
def test_gradients_have_the_shape_and_dtype_of_their_arguments(example, rng):
    for sizes in (PRIMES, SQUARE, ONES, EMPTY):
        for dtype in (np.float64, np.float32):
            _check_shapes_and_dtypes(example, sizes, dtype, rng)


def _check_shapes_and_dtypes(example, sizes, dtype, rng):
    with warnings.catch_warnings():
        if sizes is EMPTY or sizes is ONES:
            warnings.simplefilter("ignore")  # NumPy's own, about means of nothing and the variance of one number
        else:
            warnings.simplefilter("error")
        try:
            args = example.arguments(rng, sizes, dtype)
            example.f(*args)
        except ZeroDivisionError:
            return  # np.average divides Python numbers where np.mean gives nan
        except (ValueError, IndexError) as error:  # nothing to take the maximum of, and the like
            with pytest.raises(type(error)):
                tg.vjp(example.f, floats(args))(*args)
            return
        cotangents = pulled(example, args)[1]
        product = tg.hvp(lambda *args: _total(example.f(*args)), floats(args))(*args, cotangents)
    for found in (cotangents, product):
        assert [g.shape for g in found] == [args[i].shape for i in floats(args)]
        assert [g.dtype for g in found] == [args[i].dtype for i in floats(args)]


def _total(outputs):
    return sum((np.sum(y * y) for y in tree.flatten(outputs)[0]), 0.0)


@each_example
def test_float32_is_as_right_as_float32_can_be(example, rng):
    args = example.arguments(rng, PRIMES, np.float32)
    single = pulled(example, args)[1]
    double = pulled(example, [a.astype(np.float64) if a.dtype.kind == "f" else a for a in args])[1]
    for got, expected in zip(single, double):
        assert np.max(abs(got - expected)) <= 300 * np.finfo(np.float32).eps * np.max(abs(expected))


@each_example
def test_nothing_in_a_derivative_is_computed_in_float64_if_the_data_are_float32(example, rng):
    args = example.arguments(rng, PRIMES, np.float32)
    outputs = tree.flatten(example.f(*args))[0]
    weights = cotangent([np.asarray(y) for y in outputs], rng)
    weights = [w if y.dtype.kind == "f" else None for w, y in zip(weights, map(np.asarray, outputs))]

    def loss(*args):
        outputs = tree.flatten(example.f(*args))[0]
        return sum((np.sum(w * y * y) for w, y in zip(weights, outputs) if w is not None), np.float32(0))

    def second(*args):
        return tg.hvp(loss, floats(args))(*args, tuple(args[i] for i in floats(args)))

    try:
        forward, all_of_it = record(example.f, args)[0], record(second, args)[0]
    except TypeError as error:
        assert "recorded" in str(error)  # it looks at values: if, masks
        return
    wide = {np.dtype(np.float64)} - {layout.dtype for op in forward.operations for layout in op.layouts}
    leaks = [op.row.name for op in all_of_it.operations for layout in op.layouts if layout.dtype in wide]
    assert not leaks


def _every_second(a):
    return np.repeat(a, 2, axis=-1)[..., ::2]


def _reversed(a):
    return a[..., ::-1].copy()[..., ::-1]


@each_example
def test_the_order_in_memory_does_not_matter(example, rng):
    args = example.arguments(rng, PRIMES)
    value, expected = pulled(example, args)
    for change in (np.asfortranarray, _every_second, _reversed):
        moved = [change(a) if a.ndim else a for a in args]
        before = [a.copy() for a in moved]
        for a in moved:
            a.flags.writeable = False
        value_there, found = pulled(example, moved)
        for a, b in zip(tree.flatten((value, expected))[0], tree.flatten((value_there, found))[0]):
            assert np.allclose(a, b, rtol=1e-11, atol=1e-11)
        assert all(np.array_equal(a, b) for a, b in zip(moved, before))
