"""How good the normalizing flows are, against exact answers and real data: `python -m benchmarks.quality_flow`

Lines, aims, exit status and --quick are as in benchmarks.quality. Seconds are the processor's, all threads together.
"""

import sys
import time

import numpy as np

import tinygen as tg
from benchmarks.quality import main
from tinygen.data import digits, toy
from tinygen.models import Flow
from tinygen.models.flow import Coupling, one_page
from tinygen.oracles import ChowLiu

FINE = dict(bins=16, max_steps=6000)  # for edges and modes that are far apart
TOYS = {  # name: (draw, log density, options, the flow's settings, aim)
    "moons, noise .1": (toy.two_moons, toy.two_moons_log_density, dict(noise=0.1), {}, 0.02),
    "moons, noise .05": (toy.two_moons, toy.two_moons_log_density, dict(noise=0.05), {}, 0.02),
    "ring r 4, sd .5": (toy.ring, toy.ring_log_density, dict(radius=4.0, sd=0.5), {}, 0.02),
    "ring r 2, sd .02": (toy.ring, toy.ring_log_density, {}, FINE, 0.08),
    "grid 5x5, sd .05": (toy.grid, toy.grid_log_density, {}, FINE, 0.08),
    "checkerboard": (toy.checkerboard, toy.checkerboard_log_density, {}, FINE, 0.08),
}
DIGITS = dict(depth=6, hidden=(128, 128), dropout=0.3, levels=17, max_steps=2250, batch_size=256, ema=0.999,
              validation_fraction=0, progress=False)  # fmt: skip


def _toy(name, seed, quick, **options):
    draw, log_density, made_by, settings, _ = TOYS[name]
    rng = np.random.default_rng([seed, 0])
    X, x = draw(2000 if quick else 20_000, rng, **made_by), draw(1000 if quick else 20_000, rng, **made_by)
    settings = settings | options | (dict(max_steps=200, hidden=(32, 32), bins=8) if quick else {})
    started = time.process_time()
    model = Flow(**settings, patience=None, random_state=seed, progress=False).fit(X)
    seconds = time.process_time() - started
    gap = log_density(x, **made_by) - model.score_samples(x)
    return model, x, float(gap.mean()), float(gap.std() / np.sqrt(len(x))), seconds


def toys(quick):
    """Spline couplings in the plane: KL(data || model) by the exact likelihood on new points."""
    for seed in range(1 if quick else 3):
        for name in list(TOYS)[: 1 if quick else None]:
            model, x, kl, error, seconds = _toy(name, seed, quick)
            aim = 0.6 if quick else TOYS[name][4]
            line = f"{name}, seed {seed}: KL {kl:.4f} +- {error:.4f} nat, trained in {seconds:.0f} s"
            yield line, f"<= {aim:g}, < 60 s", kl <= aim and (quick or seconds < 60)
            worst = _log_det_error(model, model.scaling_.to(x[:50]))
            yield f"{name}, seed {seed}: ln |det| is the Jacobian's up to {worst:.1e}", "< 1e-8", worst < 1e-8


def affine(quick):
    """The contrast: eight affine couplings, and one on the moons, which no training brings below its floor."""
    for name in () if quick else TOYS:
        _, _, kl, error, seconds = _toy(name, 0, quick, layers="affine", depth=8, max_steps=6000)
        yield f"{name}, 8 affine couplings: KL {kl:.4f} +- {error:.4f} nat, trained in {seconds:.0f} s", "", None
    _, _, kl, error, _ = _toy("moons, noise .1", 0, quick, layers=[Coupling()], max_steps=2000)
    line = f"moons, noise .1, one affine coupling: KL {kl:.4f} +- {error:.4f} nat, its floor is .4768"
    yield line, "not below the floor by 4 errors", kl > 0.4768 - 4 * error


def likelihood(quick):
    """Digits in their published order, 1000/350/447: the bound on discrete values against the Chow-Liu tree."""
    (train, _), (validation, _), (test, _) = digits.split()
    tree = ChowLiu(train.astype(int), 17).log_prob(test.astype(int))
    settings = DIGITS | (dict(depth=2, hidden=(32, 32), max_steps=200) if quick else {})
    for seed in range(1 if quick else 3):
        started = time.process_time()
        model = Flow(**settings, random_state=seed).fit(train / 16)
        seconds = time.process_time() - started
        model.score_draws = 4 if quick else 50
        nats = {name: -model.score_samples(x / 16) for name, x in (("validation", validation), ("test", test))}
        for name, most in (("validation", 95), ("test", 92)):
            value, error = nats[name].mean(), nats[name].std() / np.sqrt(len(nats[name]))
            most = 150 if quick else most
            line = f"digits, seed {seed}: {name} {value:.2f} +- {error:.2f}, one draw's bound"
            yield line, f"<= {most}", value <= most
        better = -tree - nats["test"]
        line = f"digits, seed {seed}: better than the tree ({-tree.mean():.2f}) by {better.mean():.2f} +- "
        line += f"{better.std() / np.sqrt(len(better)):.2f} (paired), trained in {seconds:.0f} s"
        yield line, "> 2 errors", None if quick else better.mean() > 2 * better.std() / np.sqrt(len(better))
        model.bound = "iwae"
        values = [f"{-model.score(x / 16):.2f}" for x in (validation, test)]
        yield f"digits, seed {seed}, {model.bound_}: validation {values[0]}, test {values[1]}", "", None
        worst = _log_det_error(model, model.scaling_.to(model._real(test[:3] / 16, 0.5)[0]))
        yield f"digits, seed {seed}: ln |det| is the 64x64 Jacobian's up to {worst:.1e}", "< 1e-8", worst < 1e-8


def _log_det_error(model, x):
    """The largest difference between the flow's ln |det| at the rows x and slogdet of its Jacobian."""
    params = model._exact_params()
    log_det = one_page.forward(model.layers_, params, x)[1]
    f = lambda row: one_page.forward(model.layers_, params, row[None])[0][0]
    return float(max(abs(found - np.linalg.slogdet(tg.jacobian(f)(row))[1]) for row, found in zip(x, log_det)))


SECTIONS = {f.__name__: f for f in (toys, affine, likelihood)}


if __name__ == "__main__":
    sys.exit(main(sections=SECTIONS, about=__doc__))
