"""The claims about flows hold at several seeds, and fail when what they judge is broken."""

import numpy as np
import pytest

from tinygen.claims import claims
from tinygen.models import Flow, scaling
from tinygen.models.flow import continuous, estimator, layers, one_page, spline
from tinygen.oracles import flow_optimum

SLIGHT = 1 + 1e-3


@pytest.mark.parametrize("found", claims("flow/layers", "flow/estimator", "flow/oracles"), ids=lambda found: found.name)
@pytest.mark.parametrize("seed", range(2))
def test_claim(found, seed):
    outcome = found.run(seed)
    assert outcome.report.ok, str(outcome.report)


def scaled(f):
    return lambda *args, **options: SLIGHT * f(*args, **options)


def part(i):
    """That part of what f returns is off by a little."""

    def breaking(f):
        def wrong(*args, **options):
            found = list(f(*args, **options))
            found[i] = found[i] * SLIGHT
            return tuple(found)

        return wrong

    return breaking


def named(name):
    """That field of the named tuple that f returns is off by a little."""
    return lambda f: lambda *args: (found := f(*args))._replace(**{name: getattr(found, name) * SLIGHT})


def not_negated(f):
    return lambda *args, **options: (*(found := f(*args, **options))[:1], -found[1])


def without_labels_lower(f):
    """The mixture over the labels is a factor too small."""
    return lambda self, X, y=None: f(self, X, y) - 1e-3 * (y is None)


def columns_forgotten(f):
    """The scales' part of the log density is left out."""
    return property(lambda self: 0.0)


def overwritten(f):
    """The log det of the last layer alone."""
    return lambda layers, params, x, c=None, keep=None: (
        f(layers, params, x, c)[0],
        f(layers[-1:], params[-1:], f(layers[:-1], params[:-1], x, c)[0], c)[1],
    )


def summed_over_the_batch(f):
    return lambda *args: (*(found := f(*args))[:1], np.sum(found[1]))


def no_tails(f):
    """The formula of the nearest interval, where the identity should be."""
    return lambda x, knots: (np.ones_like(x, bool), x)


def half_a_bin(f):
    return lambda i, u, levels: f(i, (1 - u) / 2, levels)


def constant_lost(f):
    """ln(1 - 2 alpha) left out of the logit's slope."""
    return lambda v, alpha: (*(found := f(v, alpha))[:1], found[1] - np.log(1 - 2 * alpha))


BROKEN = [
    ("layers/coupling", one_page, "forward", overwritten),
    ("layers/coupling", one_page, "forward", summed_over_the_batch),
    ("layers/spline", spline, "interval", lambda f: lambda x, knots, by: f(x, knots, 1 - by)),
    ("layers/spline", spline, "_inside", no_tails),
    ("estimator/whole-values", estimator, "fill", half_a_bin),
    ("estimator/whole-values", estimator, "logit", constant_lost),
    ("layers/coupling", layers.Coupling, "forward", part(1)),
    ("layers/coupling", layers.Scale, "inverse", not_negated),
    ("layers/spline-coupling", spline, "spline_log_slope", scaled),
    ("layers/autoregressive", layers.Autoregressive, "inverse", not_negated),
    ("layers/inverse-autoregressive", layers.Autoregressive, "forward", part(1)),
    ("layers/continuous", continuous, "slope_and_divergence", part(1)),
    ("estimator/both-ways", one_page, "sample", scaled),
    ("estimator/both-ways", scaling.Scaling, "log_det", columns_forgotten),
    ("estimator/density", one_page, "log_density", scaled),
    ("estimator/density", Flow, "score_samples", without_labels_lower),
    ("estimator/whole-values", estimator, "fill", lambda f: lambda i, u, levels: f(i, u, levels - 1)),
    ("estimator/whole-values", estimator, "logit", part(1)),
    ("oracles/gaussians", flow_optimum, "affine_optimum", named("L")),
    ("oracles/gaussians", flow_optimum, "diagonal_gap", scaled),
    ("oracles/gaussians", flow_optimum, "sequential_regression", part(1)),
    ("oracles/floors", flow_optimum, "volume_preserving_gap", scaled),
    ("oracles/floors", flow_optimum, "coupling_gap", scaled),
    ("oracles/floors", flow_optimum, "coupling_floor", part(1)),
    ("oracles/rising-map", flow_optimum, "rising_map", part(1)),
    ("oracles/whole-values", flow_optimum, "dequantised_normal", named("two")),
]


@pytest.mark.parametrize("name, where, what, wrong", BROKEN, ids=[f"{b[0]}-{b[2]}" for b in BROKEN])
def test_what_is_broken_fails_its_claim(name, where, what, wrong, monkeypatch):
    monkeypatch.setattr(where, what, wrong(getattr(where, what)))
    (found,) = claims(f"flow/{name}")
    assert found.run().report.verdict == "FAIL"
