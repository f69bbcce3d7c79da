"""Complex numbers between real arguments and a real value: the right derivative, or an error; never a part of one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygen as tg
from tinygen.claims.rules import compare

fft = np.fft


def signal(f):
    """A real value that depends on both parts of f(x)."""
    return lambda x: np.sum(np.sin(np.real(f(x)))) + np.sum(np.imag(f(x)) ** 2)


PROGRAMS = {
    "a rotation": signal(lambda x: np.exp(1j * x) * x[::-1]),
    "a square root": signal(lambda x: np.sqrt(x - 9 + 0j)),
    "powers": signal(lambda x: (x + 1j) ** 3 / (x - 2j) + (2 + x * 1j) ** (x / 3)),
    "trigonometry": signal(lambda x: np.sin(x + 1j) + np.tanh(1j + x) / np.log(x + 5j) + np.cosh(x * 1j)),
    "conjugates": signal(lambda x: (x + 1j) * (x + 1j * x**2).conj()),
    "matrices": signal(lambda x: (np.outer(x, x + 1j) @ (x * 1j)) * np.einsum("i,j->i", x + 1j, x)),
    "products": signal(lambda x: np.tensordot(np.outer(x, 1j * x), x * 1j, 1) * np.dot(x + 1j, x + 2j)),
    "pieces": signal(lambda x: np.stack([x, 1j * x])[:, [0, 0, 1]] ** 2 + np.where(x[:3] > 0, x[:3] + 1j, x[:3])),
    "sums": signal(lambda x: np.cumsum(x * 1j) * np.mean(x + 1j) + np.convolve(x, x + 1j, "same")),
    "a cast": signal(lambda x: x.astype(complex) * (1 + 2j)),
    "attributes": lambda x: np.sum((z := (x + 1j) ** 2).real * z.imag),
    "triangles": signal(lambda x: np.tril(np.outer(x, x * 1j)) + np.diag(x * 1j) * np.trace(np.outer(x, 1j * x))),
    "angles": lambda x: np.sum(np.angle(x + 1j * x[::-1] ** 2) * x),
    "lengths": lambda x: np.sum(np.abs(x + 1j * x[::-1] ** 2) * x),
    "a power spectrum": lambda x: np.sum(np.log1p(np.abs(fft.rfft(x)) ** 2)),
    "a circular convolution": lambda x: np.sum(np.sin(fft.irfft(fft.rfft(x) * fft.rfft(x**2), len(x)))),
    "a filter": lambda x: np.sum(fft.irfft(fft.rfft(x) * np.exp(-0.3j * np.arange(len(x) // 2 + 1)), len(x)) ** 3),
}


@pytest.mark.parametrize("name", PROGRAMS)
@settings(max_examples=6)
@given(n=st.integers(4, 9), seed=st.integers(0, 2**32 - 1))
def test_derivatives_are_the_numeric_ones_at_both_orders(name, n, seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.3, 1.5, n) * rng.choice([-1.0, 1.0], n)
    entries = compare(name, PROGRAMS[name], (x,), rng)
    assert all(entry.verdict != "FAIL" for entry in entries), entries
    assert entries[0].verdict == "PASS"


NUMBERS = {  # of one number, where Python's own complex numbers come up
    "a rotation": lambda x: np.real(np.exp(1j * x) * x),
    "a quotient": lambda x: np.imag((x - 1j) / (1 + 2j * x)),
    "a square": lambda x: np.real(-((1j * x) ** 2)) * np.sum(1j * x).imag,
    "a length": lambda x: abs(x + 2j),
    "conjugates": lambda x: ((1j * x + 1) * (1j * x + 1).conjugate()).real,
    "a polynomial": lambda x: np.real(np.polyval([1.0, 2j, 3.0], x + 1j)),
    "a matrix": lambda x: np.sum(np.real(((1j * x) * np.eye(2)) @ (x * np.ones(2) + 1j))),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_derivatives_of_a_number_are_the_numeric_ones_at_both_orders(name, rng):
    f = NUMBERS[name]
    for x in (np.float64(0.7), np.array(-0.4)):
        assert tg.value_and_grad(f)(x)[0] == f(x)
        assert all(entry.verdict == "PASS" for entry in compare(name, f, (np.asarray(x),), rng))
        for derivative in (tg.grad(f), tg.grad(tg.grad(f))):
            assert tg.compile(derivative)(x) == derivative(x)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled_and_eager_are_the_same(name, dtype, rng):
    f = PROGRAMS[name]
    for derivative in (tg.grad(f), tg.hessian(f)):
        compiled = tg.compile(derivative)
        for x in rng.standard_normal((3, 5)).astype(dtype):
            assert np.array_equal(compiled(x), derivative(x))
            assert derivative(x).dtype == dtype


def test_the_energy_of_a_signal_is_that_of_its_spectrum(rng):
    """Parseval: sum |X_k|^2 = n sum x_t^2, so the gradient is 2 n x, and the Hessian 2 n I, at 0 too."""
    for n in (1, 2, 7, 8):
        energy, x = lambda x: np.sum(np.abs(fft.fft(x)) ** 2), rng.standard_normal(n)
        assert np.allclose(tg.grad(energy)(x), 2 * n * x)
        for hessian in (tg.hessian(energy), tg.compile(tg.hessian(energy))):
            assert np.allclose(hessian(x), 2 * n * np.eye(n)) and np.allclose(hessian(0 * x), 2 * n * np.eye(n))


REFUSED = {
    "norm": lambda x: np.linalg.norm(x + 1j),
    "std": lambda x: np.std(x * 1j),
    "vdot": lambda x: np.real(np.vdot(x * 1j, x + 1j)),
    "sort": lambda x: np.sum(np.real(np.sort(x + 1j))),
    "maximum": lambda x: np.sum(np.real(np.maximum(x, 1j))),
    "sign": lambda x: np.sum(np.real(np.sign(x + 1j))),
    "prod": lambda x: np.real(np.prod(fft.fft(x))),
    "det": lambda x: np.real(np.linalg.det(np.outer(x, x) + np.array([1j]))),
    "var": lambda x: np.var(x.astype(np.complex64)),
    "f": lambda x: tg.primitive(lambda z: abs(z), lambda g, y, z: g)(x * 1j)[0],
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_rule_for_real_numbers_does_not_meet_complex_ones(name):
    for derivative in (tg.grad, lambda f: tg.compile(tg.grad(f)), tg.hessian):
        with pytest.raises(TypeError, match=r"met complex numbers, and its .* real ones: take np.real\(z\)"):
            derivative(REFUSED[name])(np.array([0.5, 1.5]))


def test_arguments_and_values_are_real():
    with pytest.raises(TypeError, match="returned complex numbers: return np"):
        tg.vjp(lambda x: x + 1j)(np.ones(2))
    with pytest.raises(TypeError, match=r"pass its real and imaginary part, and write z = x \+ 1j \* y"):
        tg.grad(lambda z: np.sum(np.abs(z)))(np.array([1j]))


def test_what_does_not_reach_the_value_may_be_anything():
    gradient, aux = tg.grad(lambda x: (np.sum(x**2), np.isfinite(x * 1j)), has_aux=True)(np.ones(2))
    assert np.array_equal(gradient, [2, 2]) and aux.all()
