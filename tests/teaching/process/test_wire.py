"""What goes through the pipe comes out as it was, and nothing else comes out."""

import contextlib
import io
import socket
import struct
import threading
import time

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygen as tg
from tinygen.teaching.process.wire import Late, Raised, Wire, WireError


class Node:
    def __init__(self, value, parents=()):
        self.value, self.parents = value, parents


def pair(**options):
    """Two connected ends, neither of which waits for ever."""
    ends = [Wire(end, **options) for end in socket.socketpair()]
    for end in ends:
        end.deadline = time.monotonic() + 30
    return ends


def through(value):
    one, two = pair()
    thread = threading.Thread(target=one.send, args=("x", value), daemon=True)
    thread.start()
    kind, came, _, _ = two.receive()
    thread.join(30)
    for end in (one, two):
        end.socket.close()
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


def test_a_recording_ends_where_the_process_does():
    """A Var in what is sent is refused on this side, and not a reason for the other side to end."""
    one, _ = pair(classes={"Node": Node})
    with pytest.raises(TypeError, match="a Var cannot be sent"):
        tg.grad(lambda x: one.send("x", [Node(x, [])]) or x)(3.0)


@pytest.fixture
def called():
    """Calls of functions on the other side, which one thread answers."""
    here, there = pair(classes={"Node": Node})
    functions = {}
    there.allowed = functions.get

    def serve():
        with contextlib.suppress(WireError):
            while True:
                there.forget()
                _, value, head, unpack = there.receive()
                there.answer(head, value, unpack)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()

    def call(function, *args, **kw):
        functions["f"] = function
        here.forget()
        return here.call("f", args, kw)

    yield call
    here.socket.close()
    thread.join(30)
    there.socket.close()


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
    with pytest.raises(WireError):
        received(struct.pack(">Q", len(body)) + body)


def received(data):
    """What a Wire makes of these bytes and nothing after them."""
    here, there = pair(classes={"Node": Node})
    here.socket.sendall(data)
    here.socket.close()
    return there.receive()


def test_pickled_and_huge_arrays_are_refused():
    for array, options in ((np.array([{}], object), dict(allow_pickle=True)), (np.zeros(3, "V4"), {})):
        file = io.BytesIO()
        np.lib.format.write_array(file, array, **options)
        blob, head = file.getvalue(), b'{"kind": "x", "value": {"a": 0}}'
        body = struct.pack(">Q", len(head)) + head + struct.pack(">Q", len(blob)) + blob
        with pytest.raises(WireError):
            received(struct.pack(">Q", len(body)) + body)
    with pytest.raises(WireError, match="announced"):
        received(struct.pack(">Q", 1 << 50))


def test_waiting_ends_for_what_comes_and_for_room():
    one, two = pair()
    for act in (one.receive, lambda: one.send("x", np.zeros(1 << 22))):  # nobody reads at the other end
        one.deadline = time.monotonic() + 0.1
        with pytest.raises(Late):
            act()
        assert time.monotonic() < one.deadline + 10
    two.socket.close()


def test_a_closed_end_is_an_ended_process():
    """Its descriptor's number may mean another file by then: nothing may be read from it."""
    one, two = pair()
    one.socket.close()
    for act in (one.receive, lambda: one.send("x"), two.receive, lambda: two.send("x", np.zeros(1 << 22))):
        with pytest.raises(WireError, match="ended"):
            act()


def test_much_text_and_deep_lists_are_refused_by_the_sender(called):
    deep = []
    for _ in range(10**5):
        deep = [deep]
    for value in ("x" * (9 << 20), deep):
        with pytest.raises(Raised, match=r"cannot be sent|recursion"):
            called(lambda value=value: value)
