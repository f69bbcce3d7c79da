"""Flow layers and the mixture prior: each gradient by hand, automatic and numeric, first order and second."""

import inspect

import numpy as np
import pytest

import tinygen as tg
from tinygen.autodiff import primitive
from tinygen.claims.gradients import check
from tinygen.models.flow import affine, planar, radial, spline
from tinygen.models.vae import priors

NAMES = {
    affine: ["scale", "scale_inverse", "affine", "affine_inverse", "affine_log_det", "lu", "lu_inverse", "lu_log_det"],
    planar: ["invertible_u", "planar", "planar_inverse", "planar_log_det"],
    radial: ["radial", "radial_inverse", "radial_log_det"],
    spline: ["spline", "spline_log_slope", "spline_inverse"],
    priors: ["mixture_log_density"],
}
FUNCTIONS = [getattr(module, name) for module, names in NAMES.items() for name in names]
NO_ROWS = [spline.spline, spline.spline_log_slope, spline.spline_inverse]  # entry by entry
ids = dict(ids=lambda f: f.__name__ if callable(f) else str(f))
SHAPES = [(5,), (3, 5), (4, 4), (1, 1), (2, 3, 5)]  # of z; what has three axes has one parameter a row for two draws


def arguments(f, shape, rng):
    """By name: z in full, parameters without the axis of draws; a mixture of M components."""
    row, k, made = shape[-2:], shape[-1], {}
    M = 7 if k == 5 else k
    column, matrix = (*row[:-1], 1), (*row, k)
    others = dict(z=shape, x=shape, y=shape, b=column, alpha=column, beta=column, A=matrix, L=matrix, U=matrix,
                  log_share=(*row[:-1], M))  # fmt: skip
    if f is priors.mixture_log_density:
        others |= dict(mean=(*row[:-1], M, k), logvar=(*row[:-1], M, k))
    for name in inspect.signature(f).parameters:
        made[name] = rng.standard_normal(others.get(name, row)) + (1.5 * np.eye(k) if name in "AU" else 0)
    if f in (planar.planar_log_det, planar.planar_inverse):
        made["u"] = planar.invertible_u(made["u"], made["w"])
    if "alpha" in made:
        made["alpha"] = np.exp(made["alpha"])
        made["beta"] = np.exp(made["beta"]) - made["alpha"]
    if "d0" in made:
        width, height, made["d0"], made["d1"] = np.exp(0.5 * rng.standard_normal((4, *row)))
        made["x1"], made["y1"] = made["x0"] + width, made["y0"] + height
        share = rng.uniform(0.1, 0.9, shape)
        made |= {"y": made["y0"] + share * height} if "y" in made else {"x": made["x0"] + share * width}
    return made


def slope(f, i, w):
    """The derivative of sum cos f by argument i along w, to be differentiated again: no second derivative is 0."""
    return lambda *args: np.sum(w * tg.grad(lambda *args: np.sum(np.cos(f(*args))), argnums=i)(*args))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("f", FUNCTIONS, **ids)
def test_by_hand_automatic_and_numeric(f, shape):
    rng = np.random.default_rng(0)
    args = arguments(f, shape, rng)
    report = check(f, f.__wrapped__, args, (), rng)
    assert report.ok and len(report.entries) >= 2 * len(args), str(report)


@pytest.mark.parametrize("f", FUNCTIONS, **ids)
def test_second_order_by_hand_automatic_and_numeric(f):
    rng = np.random.default_rng(1)
    args = arguments(f, (2,) if f in NO_ROWS else (3, 2), rng)
    for i, a in enumerate(args.values()):
        w = rng.standard_normal(a.shape)
        report = check(slope(f, i, w), slope(f.__wrapped__, i, w), args, (), rng)
        assert report.ok, str(report)


@pytest.mark.parametrize("f", FUNCTIONS, **ids)
def test_float32_stays_float32(f):
    rng = np.random.default_rng(2)
    args = list(arguments(f, (3, 5), rng).values())
    run = tg.value_and_grad(lambda *a: np.sum(np.cos(f(*a))), argnums=tuple(range(len(args))))
    (value, gradient), (value32, gradient32) = run(*args), run(*(a.astype(np.float32) for a in args))
    for got, expected in zip((value32, *gradient32), (value, *gradient)):
        assert got.dtype == np.float32 and got.shape == expected.shape
        assert np.abs(got - expected).max() <= 200 * np.finfo(np.float32).eps * (1 + np.abs(expected).max())


@pytest.mark.parametrize("f", FUNCTIONS, **ids)
def test_a_rule_that_is_off_by_a_millionth_is_seen_both_ways(f, monkeypatch):
    monkeypatch.setattr("tinygen.check.gradient.find_causes", lambda *given: None)  # it is enough to be seen
    monkeypatch.setattr("tinygen.check.gradient.smallest_example", lambda *given: None)
    rng = np.random.default_rng(3)
    args = arguments(f, (2,), rng)
    for i, name in enumerate(args):
        factors = [1 + 1e-6 * (i == j) for j in range(len(args))]
        rules = [lambda g, y, *a, j=j, by=by: by * tg.vjp(f, argnums=j)(*a)[1](g) for j, by in enumerate(factors)]
        report = check(primitive(f, *rules), f.__wrapped__, args, set(args) - {name}, rng)
        failed = {entry.where for entry in report.entries if entry.verdict == "FAIL"}
        assert f"{name}, automatic" in failed and len(failed) > 1, str(report)
        assert all(where.startswith(name) for where in failed)


def test_a_matrix_that_is_not_square_is_refused():
    with pytest.raises(ValueError, match=r"affine: A is a square matrix and must have shape \(..., k, k\), got z"):
        affine.affine(np.ones(5), np.ones((3, 5)), np.ones(5))
