"""The tape: one walk backwards, with a visitor who sees each operation, and a watcher who sees each as it is noted."""

import platform
import subprocess
import sys

import numpy as np
import pytest

from tinygen.autodiff.table import TABLE
from tinygen.autodiff.tape import Tape


def recorded(watch=None):
    tape = Tape(watch=watch)
    x, y = tape.input(np.array([2.0, 3.0])), tape.input(np.array([5.0, 7.0]))
    out = np.sum(np.exp(x) * y + np.floor(x))
    return tape, x, y, out


def test_a_visitor_sees_each_operation_from_the_last_to_the_first_with_what_its_rules_gave():
    tape, x, y, out = recorded()
    seen = []
    cotangents = tape.backward([(out.slot, np.float64(1.0))], lambda *what: seen.append(what))
    names = {entry[0]: entry[1].name for entry in tape.entries}
    assert [names[slot] for slot, _, _ in seen] == ["sum", "add", "floor", "multiply", "exp"]
    product = next(pulled for slot, _, pulled in seen if names[slot] == "multiply")
    (i, _, by_exp), (j, slot, by_y) = product
    assert (i, j, slot) == (0, 1, y.slot)
    assert np.array_equal(by_exp, y.value) and np.array_equal(by_y, np.exp(x.value))
    assert np.array_equal(cotangents[y.slot], by_y)
    assert next(pulled for slot, _, pulled in seen if names[slot] == "floor") == []
    plain = tape.backward([(out.slot, np.float64(1.0))])
    assert np.array_equal(plain[x.slot], cotangents[x.slot])


def test_a_watcher_sees_each_entry_when_it_is_noted():
    seen = []
    tape, *_ = recorded(lambda entry: seen.append((entry[1].name, len(seen))))
    assert [name for name, _ in seen] == ["exp", "multiply", "floor", "add", "sum"]
    assert len(tape.entries) == 5


def test_what_is_called_linear_is_linear(rng):
    """f(a x + b z) = a f(x) + b f(z), exactly up to rounding, for the examples of each row that says so.

    np.pad(constant_values=) and np.sum(initial=) add a constant of their own, f(0).
    """
    from tinygen.autodiff import tree
    from tinygen.claims.rule_examples import examples

    tried = 0
    for example in examples():
        row = TABLE.get(example.function)
        if row is None or not row.linear:
            continue
        x, z = example.arguments(np.random.default_rng(1)), example.arguments(np.random.default_rng(1))
        z = [np.flip(v) + 1.0 if v.dtype.kind == "f" else v for v in z]
        z = [np.reshape(v, w.shape) for v, w in zip(z, x)]
        both = [2.0 * v - 3.0 * w if v.dtype.kind == "f" else v for v, w in zip(x, z)]
        zero = [np.zeros_like(v) if v.dtype.kind == "f" else v for v in x]
        parts = zip(*(tree.flatten(example.f(*args))[0] for args in (x, z, both, zero)))
        for y_x, y_z, y, y_0 in parts:
            constant = y_0 if example.function in (np.pad, np.sum) else 0.0
            assert np.allclose(y - constant, 2 * (y_x - constant) - 3 * (y_z - constant), 1e-12, 1e-12), example.name
        tried += 1
    assert tried > 20


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc's malloc that gives memory back")
def test_memory_is_kept_from_one_differentiation_to_the_next():
    """Getting 128 KB arrays from the system anew, page by page, doubled the time of a step."""
    code = """
import resource
import platform
import subprocess
import sys

import numpy as np
import pytest
import tinygen as tg
x, W = np.ones((256, 128), np.float32), np.eye(128, dtype=np.float32)
def f(W):
    y = x
    for _ in range(4):
        y = np.tanh(y @ W)
    return np.sum(y)
step = tg.grad(f)
for _ in range(5):
    step(W)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step(W)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 20)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert float(found.stdout) < 20
