"""What goes through the pipe comes out as it was, and nothing else comes out."""

import os
import struct
import threading

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygen.teaching.wire import Late, Raised, Wire, WireError


class Node:
    def __init__(self, value, parents=()):
        self.value, self.parents = value, parents


def pair(**options):
    (r1, w1), (r2, w2) = os.pipe(), os.pipe()
    return Wire(r2, w1, **options), Wire(r1, w2, **options)


def through(value):
    one, two = pair()
    thread = threading.Thread(target=one.send, args=("x", value))
    thread.start()
    kind, came, _, _ = two.receive()
    thread.join()
    assert kind == "x"
    return came


DTYPES = st.one_of(
    hnp.floating_dtypes(sizes=(32, 64)),
    hnp.integer_dtypes(),
    hnp.boolean_dtypes(),
    hnp.complex_number_dtypes(sizes=(64, 128)),
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**62), 2**62), st.floats(), st.text(max_size=5), st.complex_numbers(),
    hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)),
)  # fmt: skip
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.one_of(st.text(max_size=3), st.integers(0, 9)), inner, max_size=3),
    ),
    max_leaves=8,
)  # fmt: skip


def same(one, two):
    if isinstance(one, (list, tuple)):
        return type(one) is type(two) and len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, dict):
        return list(one) == list(two) and all(same(one[key], two[key]) for key in one)
    if isinstance(one, (np.ndarray, np.generic)):
        return type(one) is type(two) and one.dtype == two.dtype and np.array_equal(one, two, equal_nan=True)
    return type(one) is type(two) and (one == two or (one != one and two != two))


@given(TREES)
def test_a_value_comes_out_as_it_went_in(value):
    assert same(value, through(value))


def test_a_generator_goes_on_where_it_was():
    rng = np.random.default_rng(5)
    rng.normal(size=3)
    assert through(rng).bit_generator.state == rng.bit_generator.state


def serve(wire, functions):
    """Answer calls by name until the pipe is closed."""
    wire.allowed = functions.get

    def run():
        while True:
            try:
                wire.forget()
                _, value, head, unpack = wire.receive()
                wire.answer(head, value, unpack)
            except (WireError, OSError):
                return

    threading.Thread(target=run, daemon=True).start()


@pytest.fixture
def called():
    """Calls of functions on the other side of a pipe."""
    here, there = pair(classes={"Node": Node})

    def call(function, *args, **kw):
        serve(there, {"f": function})
        here.forget()
        return here.call("f", args, kw)

    yield call
    os.close(here.write)


def test_what_a_function_changes_is_changed_here(called):
    x, rng = np.arange(5.0), np.random.default_rng(1)

    def change(x, rng):
        x[2] = 7
        return rng.normal()

    expected = np.random.default_rng(1)
    assert called(change, x, rng) == expected.normal()
    assert x[2] == 7 and rng.bit_generator.state == expected.bit_generator.state


def test_functions_are_called_back(called):
    assert called(lambda f, x: f(x) + f(x + 1), lambda x: x * x, 3.0) == 25.0


def test_objects_keep_what_they_refer_to(called):
    a = Node(1.0)
    b = Node(2.0, [(a, 3.0), (a, 4.0)])
    found = called(lambda b: {parent: slope for parent, slope in b.parents}, b)
    assert found == {a: 4.0} and next(iter(found)) is a
    new = called(lambda b: Node(5.0, [(b, 1.0)]), b)
    assert new.value == 5.0 and new.parents[0][0] is b


def test_what_is_raised_is_raised_here_as_text(called):
    with pytest.raises(Raised, match="division") as caught:
        called(lambda: 1 / 0)
    assert caught.value.kind == "ZeroDivisionError"
    with pytest.raises(Raised) as caught:
        called(lambda: (_ for _ in ()).throw(NotImplementedError("not yet")))
    assert caught.value.unwritten


@pytest.mark.parametrize(
    "value", [{1, 2}, object(), np.array([object()]), int, 1 << 70], ids=["set", "object", "objects", "class", "large"]
)
def test_what_cannot_travel_is_refused(called, value):
    with pytest.raises(Raised, match=r"cannot be sent|dtype"):
        called(lambda: value)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"rubbish", struct.pack(">Q", 3) + b"{}", struct.pack(">Q", 2) + b"[]", struct.pack(">Q", 1 << 60),
        *(struct.pack(">Q", len(h)) + h for h in (
            b'{"kind": "x", "value": {"a": 0}}', b'{"kind": "x", "value": {"z": 1}}', b'{"kind": "x"}',
            b'{"kind": "x", "value": {"r": "9"}}',
            b'{"kind": "x", "value": {"o": "1"}, "objects": {"1": ["os", []]}}', b"[" * 50_000,
            b'{"kind": "x", "value": {"o": "1"}, "objects": {"1": ["Node", [["__class__", 1]]]}}',
            b'{"kind": "x", "value": {"g": {"bit_generator": "load"}}}',
        )),
    ],
    ids=repr,
)  # fmt: skip
def test_rubbish_is_refused(body):
    read, write = os.pipe()
    os.write(write, struct.pack(">Q", len(body)) + body)
    os.close(write)
    with pytest.raises(WireError):
        Wire(read, write, classes={"Node": Node}).receive()


def test_pickled_and_huge_arrays_are_refused():
    import io

    for array, options in ((np.array([{}], object), dict(allow_pickle=True)), (np.zeros(3, "V4"), {})):
        file = io.BytesIO()
        np.lib.format.write_array(file, array, **options)
        blob, head = file.getvalue(), b'{"kind": "x", "value": {"a": 0}}'
        body = struct.pack(">Q", len(head)) + head + struct.pack(">Q", len(blob)) + blob
        read, write = os.pipe()
        os.write(write, struct.pack(">Q", len(body)) + body)
        with pytest.raises(WireError):
            Wire(read, write).receive()
    read, write = os.pipe()
    os.write(write, struct.pack(">Q", 1 << 50))
    with pytest.raises(WireError, match="announced"):
        Wire(read, write).receive()


def test_waiting_ends():
    import time

    one, _ = pair()
    one.deadline = time.monotonic() + 0.05
    with pytest.raises(Late):
        one.receive()
