"""Other packages' checkers at their defaults, put in front of the same NumPy function and the same gradient by hand.

Each peer is a function of a Trial that returns whether it accepts the gradient. Made with their own means for a
gradient from elsewhere: a custom Function (PyTorch), custom_vjp (JAX), primitive and defvjp (autograd). No orders above
the first and no forward mode, since a gradient by hand has neither. SciPy's check_grad returns a norm and no
verdict: here it accepts if that is at most 1e-6 of the gradient's norm.
"""

import warnings

import numpy as np


def _total(value):
    return sum(value.values()) if isinstance(value, dict) else value


def _checked(trial):
    """The positions of the checked arguments, and the loss and its gradient as functions of those alone."""
    subject, args = trial.subject, list(trial.args)
    names = list(trial.backward(*args))
    places = [subject.names.index(name) for name in names]

    def whole(values):
        full = list(args)
        for i, value in zip(places, values):
            full[i] = np.asarray(value)
        return full

    loss = lambda *values: _total(subject.f(*whole(values)))
    gradient = lambda *values: [np.asarray(trial.backward(*whole(values))[name]) for name in names]
    return [np.asarray(args[i]) for i in places], loss, gradient


def torch_peer():
    """torch.autograd.gradcheck (eps 1e-6, atol 1e-5, rtol 1e-3)."""
    import torch

    torch.set_num_threads(1)

    def accepts(trial):
        values, loss, gradient = _checked(trial)

        class ByHand(torch.autograd.Function):
            @staticmethod
            def forward(ctx, *tensors):
                ctx.save_for_backward(*tensors)
                return torch.as_tensor(np.asarray(loss(*(t.detach().numpy() for t in tensors))))

            @staticmethod
            def backward(ctx, g):
                found = gradient(*(t.detach().numpy() for t in ctx.saved_tensors))
                return tuple(g * torch.as_tensor(np.ascontiguousarray(part)) for part in found)

        tensors = [torch.tensor(v, requires_grad=True) for v in values]
        try:
            return torch.autograd.gradcheck(ByHand.apply, tensors, raise_exception=False)
        except RuntimeError:  # a gradient of the wrong shape
            return False

    return accepts


def jax_peer():
    """jax.test_util.check_grads (order 1, reverse mode, float64 enabled)."""
    import jax
    import jax.numpy as jnp
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)

    def accepts(trial):
        values, loss, gradient = _checked(trial)
        numpy = lambda xs: [np.asarray(x) for x in xs]
        f = jax.custom_vjp(lambda *xs: jnp.asarray(loss(*numpy(xs))))  # never traced: it is called outside jit
        f.defvjp(lambda *xs: (f(*xs), xs), lambda xs, g: tuple(g * jnp.asarray(part) for part in gradient(*numpy(xs))))
        try:
            check_grads(f, tuple(values), order=1, modes=["rev"])
        except (AssertionError, TypeError, ValueError):
            return False
        return True

    return accepts


def autograd_peer():
    """autograd.test_util.check_grads (order 1, reverse mode)."""
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    def accepts(trial):
        values, loss, gradient = _checked(trial)
        f = primitive(lambda *xs: float(loss(*xs)))
        defvjp(f, *(lambda y, *xs, k=k: lambda g: g * gradient(*xs)[k] for k in range(len(values))))
        try:
            check_grads(f, tuple(range(len(values))), modes=["rev"], order=1)(*values)
        except (AssertionError, TypeError, ValueError):
            return False
        return True

    return accepts


def scipy_peer():
    """scipy.optimize.check_grad (forward differences, step 1.5e-8)."""
    from scipy.optimize import check_grad

    def accepts(trial):
        values, loss, gradient = _checked(trial)
        ends = np.cumsum([0] + [v.size for v in values])

        def split(x):
            return [x[a:b].reshape(v.shape).astype(v.dtype) for a, b, v in zip(ends, ends[1:], values)]

        flat = lambda x: np.concatenate([part.ravel() for part in gradient(*split(x))])
        x = np.concatenate([v.ravel() for v in values]).astype(np.float64)
        found = flat(x)
        if found.shape != x.shape:
            return False
        return bool(check_grad(lambda x: float(loss(*split(x))), flat, x) <= 1e-6 * np.linalg.norm(found))

    return accepts


PEERS = {"PyTorch gradcheck": torch_peer, "JAX check_grads": jax_peer, "autograd check_grads": autograd_peer,
         "SciPy check_grad": scipy_peer}  # fmt: skip


def available():
    """{name: accepts} of the peers that are installed, and the names of those that are not."""
    found, missing = {}, []
    for name, make in PEERS.items():
        try:
            accepts = make()
        except ImportError:
            missing.append(name)
            continue
        found[name] = _quiet(accepts)
    return found, missing


def _quiet(accepts):
    def quietly(trial):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return accepts(trial)

    return quietly
