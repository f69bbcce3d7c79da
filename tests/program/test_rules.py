"""Each function with a rule, its gradient and a Hessian-vector product: compiled, they keep their bits."""

import numpy as np
import pytest
import scipy.special  # noqa: F401  (its rules are loaded only where SciPy is)

import tinygen as tg
from tests.program.test_plan import same_bits
from tinygen.autodiff import tree
from tinygen.claims.examples import PRIMES
from tinygen.claims.rule_examples import examples


@pytest.mark.slow
@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled_functions_and_their_derivatives_keep_their_bits(example, dtype):
    rng = np.random.default_rng(5)
    args = example.arguments(rng, PRIMES, dtype)
    floating = tuple(i for i, a in enumerate(args) if a.dtype.kind == "f")

    def loss(*args):
        outputs = tree.flatten(example.f(*args))[0]
        return sum((np.sum(y * y) for y in outputs if y.dtype.kind == "f"), np.zeros((), dtype))

    def product(*args):
        return tg.hvp(loss, floating)(*args, tuple(args[i] for i in floating))

    for f in (example.f, tg.value_and_grad(loss, argnums=floating), product):
        with np.errstate(all="ignore"):
            try:
                f(*args)
            except Exception:
                return  # no second derivative, for example
            compiled = tg.compile(f)
            for _ in range(2):
                try:
                    compiled(*args)
                except TypeError as error:
                    assert "recorded" in str(error)  # it looks at values: if, masks
                    return
                if "for speed" not in compiled.source:
                    same_bits(compiled(*args), f(*args))
                args = [np.array(a) for a in args]
