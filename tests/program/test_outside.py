"""What a function reads that is no argument: a change is seen, a draw refused, and nothing else costs a recording."""

import collections
import copy
import functools
import pickle
import random
import types
import warnings

import numpy as np
import pytest

import tinygen as tg

BETA = 2.0
TABLE = np.arange(3.0)
CONFIG = types.SimpleNamespace(rate=0.5, inner=types.SimpleNamespace(width=2.0))
SETTINGS = {"a": [1.0, 2.0], "b": 3.0}
GENERATOR = np.random.default_rng(3)
BITS, DRAWERS = np.random.PCG64(3), collections.deque([np.random.default_rng(4)])
HOLDER = types.SimpleNamespace(rng=np.random.default_rng(5))
ORDERED, SEEN, RECENT = collections.OrderedDict(a=1.0), {"a"}, collections.deque([1.0])


def helper(x):
    return x * BETA


class Model:
    scale = breadth = 2.0

    def __init__(self):
        self.W, self.shift, self.unused = np.ones(3), 1.0, 0

    def __call__(self, x):
        return self.inner(x) + self.shift

    def inner(self, x):
        return x * (self.W * 1.0) * self.scale

    def loss(self, x):
        return self(x).sum()

    @classmethod
    def width(cls):
        return cls.breadth

    @staticmethod
    def height():
        return Model.scale


def counted(f):
    """f, and the list of its runs."""
    runs = []

    @functools.wraps(f)
    def counting(*args):
        runs.append(1)
        return f(*args)

    return counting, runs


def closure(value):
    cell = value

    def f(x):
        return x * (cell * 1.0)

    def rebind(new):
        nonlocal cell
        cell = new

    return f, rebind


def test_rebound_globals_closures_attributes_and_contents_are_recorded_again(monkeypatch):
    x, model = np.ones(3), Model()
    f, rebind = closure(np.ones(3))
    held = np.ones(3)
    cases = [
        (lambda x: x * BETA, lambda: monkeypatch.setitem(globals(), "BETA", 5.0)),
        (lambda x: helper(x), lambda: monkeypatch.setitem(globals(), "BETA", 7.0)),
        (tg.grad(lambda x: np.sum(helper(x))), lambda: monkeypatch.setitem(globals(), "helper", lambda x: x * x)),
        (lambda x: x * (TABLE * 1.0), lambda: TABLE.__setitem__(1, 10.0)),
        (lambda x: x * CONFIG.rate, lambda: monkeypatch.setattr(CONFIG, "rate", 0.25)),
        (lambda x: x * CONFIG.inner.width, lambda: monkeypatch.setattr(CONFIG.inner, "width", 0.25)),
        (lambda x: x * SETTINGS["a"][1], lambda: SETTINGS["a"].__setitem__(1, 9.0)),
        (lambda x: x * SETTINGS["b"], lambda: monkeypatch.setitem(SETTINGS, "b", 9.0)),
        (f, lambda: rebind(3 * np.ones(3))),
        (lambda x, W=held: x * (W + 0.0), lambda: held.__imul__(4)),
        (model, lambda: setattr(model, "shift", 4.0)),
        (model.loss, lambda: model.W.__imul__(3)),
        (tg.value_and_grad(model.loss), lambda: monkeypatch.setattr(Model, "scale", 5.0)),
        (functools.partial(lambda a, x: x * (a * 1.0), held), lambda: held.__imul__(2)),
        (tg.compile(lambda x: x * BETA), lambda: monkeypatch.setitem(globals(), "BETA", 11.0)),
        (lambda x: x * Model.scale, lambda: monkeypatch.setattr(Model, "scale", 7.0)),
        (lambda x: x * Model.width(), lambda: monkeypatch.setattr(Model, "breadth", 7.0)),
        (lambda x: x * model.height(), lambda: monkeypatch.setattr(Model, "scale", 9.0)),
        (lambda x: x * ORDERED["a"], lambda: monkeypatch.setitem(ORDERED, "a", 7.0)),
        (lambda x: x * len(SEEN), lambda: SEEN.add(len(SEEN))),
        (lambda x: x * RECENT[-1], lambda: RECENT.append(RECENT[-1] + 1)),
    ]
    for k, (f, change) in enumerate(cases):
        compiled = tg.compile(f)
        before = f(x)
        for _ in range(2):
            assert str(compiled(x)) == str(before), k
        change()
        assert str(f(x)) != str(before), k
        for _ in range(2):
            assert str(compiled(x)) == str(f(x)), k


def test_what_does_not_matter_costs_no_recording(monkeypatch):
    model, x = Model(), np.ones(3)
    f, runs = counted(lambda x: np.sum(model(x)) * x.T)
    compiled = tg.compile(f)
    for k in range(5):
        model.unused, model.T = k, k  # attributes that nobody reads
        monkeypatch.setitem(globals(), "T", k)  # the name of an attribute, not of a global that is read
        CONFIG.other = k
        compiled(x)
    assert len(runs) == 4  # the recording and three comparisons


def test_what_costs_a_recording_each_time_is_said(monkeypatch):
    compiled, x = tg.compile(lambda x: x * BETA), np.ones(3)
    with pytest.warns(RuntimeWarning, match="3rd time because BETA"):
        for k in range(5):
            monkeypatch.setitem(globals(), "BETA", float(k))
            assert np.all(compiled(x) == k)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monkeypatch.setitem(globals(), "BETA", 100.0)
        compiled(x)  # said once


def test_arrays_that_are_also_arguments_may_change():
    W = np.ones(3)
    f, runs = counted(lambda x, w: np.sum(x * w) + 0 * len(W))
    compiled = tg.compile(f)
    for k in range(4):
        W[:] = k
        assert compiled(np.ones(3), W) == 3 * k
    assert len(runs) == 4


def test_a_large_array_that_is_read_as_it_is_may_be_looked_at_in_part():
    big = np.zeros(100_000)
    compiled = tg.compile(lambda x: x + (big * 2.0))
    compiled(np.ones(100_000))
    big += 1.0
    assert np.all(compiled(np.ones(100_000)) == 3.0)


@pytest.mark.parametrize(
    ("f", "who"),
    [
        (lambda x: x + GENERATOR.normal(), "GENERATOR"),
        (lambda x: x if GENERATOR.random() < 0.5 else 2 * x, "GENERATOR"),
        (lambda x: x if GENERATOR.random() < 0.1 else 2 * x, "GENERATOR"),
        (lambda x, held=HOLDER: x if held.rng.random() < 0.1 else 2 * x, "rng"),
        (lambda x, bits=BITS: x if bits.random_raw() % 10 else 2 * x, "bits"),
        (lambda x: x * DRAWERS[0].random(), "DRAWERS"),
        (lambda x: x * np.random.rand(), "np.random"),  # noqa: NPY002
        (lambda x: x * random.choice([1.0, 1.0, 1.0, 2.0]), "random"),
        (lambda x: x if np.random.default_rng().random() < 0.1 else 2 * x, "without a seed"),
        (tg.grad(lambda x: np.sum(x**2) * (1 + (GENERATOR.integers(10) == 0))), "GENERATOR"),
        (lambda x, rng=np.random.RandomState(1): x if rng.rand() < 0.1 else 2 * x, "rng"),  # noqa: B008
    ],
)
def test_draws_are_refused_by_name_each_time(f, who):
    for _ in range(20):
        with pytest.raises(RuntimeError, match=f"draws from .*{who}.*pass the noise"):
            tg.compile(f)(np.ones(3))


def test_a_seeded_generator_inside_is_a_constant():
    f = lambda x: x * np.random.default_rng(0).normal(size=3)
    assert np.array_equal(tg.compile(f)(np.ones(3)), f(np.ones(3)))


def test_a_value_that_the_recording_did_not_see_shows_at_other_numbers():
    def f(x):
        return x * (2.0 + np.sum(getattr(x, "value", x)))  # reads the plain array: a constant of the recording

    with pytest.raises(RuntimeError, match="at other arguments"):
        tg.compile(f)(np.zeros(3))


def test_every_third_run_is_noticed():
    calls = []
    with pytest.raises(RuntimeError, match="when it ran again"):
        tg.compile(lambda x: (calls.append(1), x * (1 + (len(calls) > 2)))[1])(np.ones(3))


def test_an_array_that_changes_within_the_function_is_an_error_or_right():
    def f(x):
        B = np.ones(3)
        y = x * B
        B *= 5
        return y

    with pytest.raises(TypeError, match="was changed after"):
        tg.compile(f)(np.ones(3))


# ---- copies and keywords ----


def test_copies_have_buffers_of_their_own():
    step = tg.compile(cube)
    first = step(np.full(3, 2.0))
    for other in (copy.copy(step), copy.deepcopy(step), pickle.loads(pickle.dumps(step))):
        assert other.__name__ == "cube" and np.all(other(np.full(3, 3.0)) == 27) and np.all(first == 8)
    held = {"model": {"step": step}}
    assert np.all(copy.deepcopy(held)["model"]["step"](np.ones(3)) == 1)


def cube(x):
    return x**3


def test_keywords():
    def f(x, scale=2.0, *, shift=None, flag=True):
        return x * scale + (0.0 if shift is None else shift) if flag else x

    step, x = tg.compile(f), np.arange(3.0)
    for kw in ({}, {"scale": 3.0}, {"scale": 4.0}, {"shift": np.ones(3)}, {"shift": x, "scale": 2.0}, {"flag": False}):
        for _ in range(2):
            assert np.array_equal(step(x, **kw), f(x, **kw)), kw
    assert np.array_equal(step(x=x), f(x)) and len(step.plans) == 6
    gradient = tg.compile(tg.grad(lambda w, x: np.sum((x * w) ** 2)))
    assert np.array_equal(gradient(np.ones(3), x=x), 2 * x**2)
    assert "def bind(x, shift)" in [step(x, shift=x), step.source][1]
    with pytest.raises(TypeError, match="unexpected keyword"):
        step(x, nothing=1)


def test_what_a_derivative_itself_reads_is_not_looked_at():
    step = tg.compile(tg.grad(lambda x: np.sum(helper(x) ** 2)))
    step(np.ones(3))
    assert [name for _, name, _ in step.outside.variables if name not in ("f", "__name__")] == ["helper", "BETA"]
