"""How good the normalizing flows are, against exact answers and real data: `python -m benchmarks.quality_flow`

Lines, aims, exit status and --quick are as in benchmarks.quality. Seconds are the processor's, all threads together.
Settings are chosen by validation rows alone, which no other line uses; the choice is in the output.
"""

import sys
import time

import numpy as np

import tinygen as tg
from benchmarks.quality import main
from tinygen.data import digits, toy
from tinygen.models import Flow
from tinygen.models.flow import Coupling, one_page
from tinygen.oracles import ChowLiu, affine_optimum, coupling_floor

TOYS = {  # name: (draw, log density, options, aim)
    "moons, noise .1": (toy.two_moons, toy.two_moons_log_density, dict(noise=0.1), 0.02),
    "moons, noise .05": (toy.two_moons, toy.two_moons_log_density, dict(noise=0.05), 0.02),
    "ring r 4, sd .5": (toy.ring, toy.ring_log_density, dict(radius=4.0, sd=0.5), 0.02),
    "ring r 2, sd .02": (toy.ring, toy.ring_log_density, {}, 0.08),
    "grid 5x5, sd .05": (toy.grid, toy.grid_log_density, {}, 0.08),
    "checkerboard": (toy.checkerboard, toy.checkerboard_log_density, {}, 0.08),
}
ROWS = dict(training=20_000, validation=20_000, test=20_000)
PLANE = [dict(bins=8, max_steps=4000), dict(bins=16, max_steps=6000), dict(bins=24, max_steps=9000)]
DIGITS = [
    dict(depth=4, hidden=(128, 128), dropout=0.4, max_steps=3000),
    dict(depth=6, hidden=(128, 128), dropout=0.3, max_steps=2250),
]
LENGTH = dict(validation_fraction=0, progress=False)  # all rows, a given length


def _rows(name, seed, part, quick):
    """Rows of a set; the parts of ROWS have nothing in common."""
    draw, _, made_by, _ = TOYS[name]
    return draw(1000 if quick else ROWS[part], np.random.default_rng([seed, list(ROWS).index(part)]), **made_by)


def _in_the_plane(name, seed, quick, **settings):
    """A flow that is fitted to a set, and the seconds that it took."""
    short = dict(max_steps=200, hidden=(32, 32)) if quick else {}
    X, started = _rows(name, seed, "training", quick), time.process_time()
    model = Flow(**settings | short, **LENGTH, random_state=seed).fit(X)
    return model, time.process_time() - started


def _kl(model, name, x):
    """KL(data || model) by the rows x, nats, and its standard error."""
    _, log_density, made_by, _ = TOYS[name]
    return _mean(log_density(x, **made_by) - model.score_samples(x))


def _mean(values):
    """Their mean and its standard error."""
    return float(values.mean()), float(values.std() / np.sqrt(len(values)))


def toys(quick):
    """Spline couplings in the plane: KL(data || model) by the exact likelihood on new points."""
    for name in list(TOYS)[: 1 if quick else None]:
        fitted = [_in_the_plane(name, 0, quick, **choice) for choice in PLANE]
        found = [_kl(model, name, _rows(name, 0, "validation", quick))[0] for model, _ in fitted]
        best = int(np.argmin(found))
        tried = ", ".join(f"{choice}: {kl:.4f}" for choice, kl in zip(PLANE, found))
        yield f"{name}: validation of {tried}; chosen: {PLANE[best]}", "", None
        for seed in range(1 if quick else 3):
            model, seconds = _in_the_plane(name, seed, quick, **PLANE[best]) if seed else fitted[best]
            x = _rows(name, seed, "test", quick)
            kl, error = _kl(model, name, x)
            aim = 0.6 if quick else TOYS[name][3]
            line = f"{name}, seed {seed}: KL {kl:.4f} +- {error:.4f} nat, trained in {seconds:.0f} s"
            yield line, f"<= {aim:g}, < 60 s", kl <= aim and (quick or seconds < 60)
            yield _log_det(f"{name}, seed {seed}", model, model.scaling_.to(x[:50]))


def affine(quick):
    """The contrast: eight affine couplings, and one on the moons, which no training brings below its floor."""
    for name in () if quick else TOYS:
        model, seconds = _in_the_plane(name, 0, quick, layers="affine", depth=8, max_steps=6000)
        x = _rows(name, 0, "test", quick)
        kl, error = _kl(model, name, x)
        yield f"{name}, 8 affine couplings: KL {kl:.4f} +- {error:.4f} nat, trained in {seconds:.0f} s", "", None
        yield _log_det(f"{name}, 8 affine couplings", model, model.scaling_.to(x[:50]))
    name = "moons, noise .1"
    pairs = lambda a, b: np.stack(np.broadcast_arrays(a, b), -1)
    log_p = lambda a, b: np.stack([toy.two_moons_log_density(row, noise=0.1) for row in pairs(a, b)])
    floor = coupling_floor(log_p, np.linspace(-1.7, 2.7, 221), np.linspace(-1.25, 1.75, 151)).gap
    model, _ = _in_the_plane(name, 0, quick, layers=[Coupling()], max_steps=2000)
    kl, error = _kl(model, name, _rows(name, 0, "test", quick))
    line = f"{name}, one affine coupling: KL {kl:.4f} +- {error:.4f} nat, its floor is {floor:.4f}"
    yield line, "not below the floor by 4 errors", kl > floor - 4 * error


def likelihood(quick):
    """Digits in their published order, 1000/350/447: the bound on discrete values against the Chow-Liu tree."""
    (train, _), (validation, _), (test, _) = digits.split()
    settings = dict(levels=17, ema=0.999, **LENGTH) | (dict(depth=2, hidden=(32, 32), max_steps=200) if quick else {})

    def fit(choice, seed):
        started = time.process_time()
        model = Flow(**choice | settings, score_draws=4 if quick else 50, random_state=seed).fit(train / 16)
        return model, time.process_time() - started

    tree = -ChowLiu(train.astype(int), 17).log_prob(test.astype(int))
    noise = np.random.default_rng(0).random(train.shape)
    yield f"digits, training, the best affine flow: {affine_optimum(train + noise).nll:.2f}, one draw's bound", "", None
    choices = DIGITS[:1] if quick else DIGITS
    fitted = [fit(choice, 0) for choice in choices]
    found = [-model.score(validation / 16) for model, _ in fitted]
    best = int(np.argmin(found))
    tried = ", ".join(f"{choice}: {nats:.2f}" for choice, nats in zip(choices, found))
    yield f"digits: validation of {tried}; chosen: {choices[best]}", "", None
    for seed in range(1 if quick else 3):
        model, seconds = fit(choices[best], seed) if seed else fitted[best]
        nats = {name: -model.score_samples(x / 16) for name, x in (("validation", validation), ("test", test))}
        for name, most in (("validation", 95), ("test", 92)):
            (value, error), most = _mean(nats[name]), 150 if quick else most
            line = f"digits, seed {seed}: {name} {value:.2f} +- {error:.2f}, one draw's bound"
            yield line, f"<= {most}", value <= most
        better, error = _mean(tree - nats["test"])
        line = f"digits, seed {seed}: better than the tree ({tree.mean():.2f}) by {better:.2f} +- {error:.2f} (paired)"
        yield f"{line}, trained in {seconds:.0f} s", "> 2 errors", None if quick else better > 2 * error
        model.bound = "iwae"
        values = [f"{-model.score(x / 16):.2f}" for x in (validation, test)]
        yield f"digits, seed {seed}, {model.bound_}: validation {values[0]}, test {values[1]}", "", None
        yield _log_det(f"digits, seed {seed}", model, model.scaling_.to(model._real(test[:3] / 16, 0.5)[0]))


def _log_det(name, model, x):
    """The line that says how far the flow's ln |det| at the rows x is from slogdet of its Jacobian, at most."""
    params = model._exact_params()
    log_det = one_page.forward(model.layers_, params, x)[1]
    f = lambda row: one_page.forward(model.layers_, params, row[None])[0][0]
    worst = max(abs(found - np.linalg.slogdet(tg.jacobian(f)(row))[1]) for row, found in zip(x, log_det))
    return f"{name}: ln |det| is the Jacobian's ({x.shape[1]}x{x.shape[1]}) up to {worst:.1e}", "< 1e-8", worst < 1e-8


SECTIONS = {f.__name__: f for f in (toys, affine, likelihood)}


if __name__ == "__main__":
    sys.exit(main(sections=SECTIONS, about=__doc__))
