"""How good the GANs are, mode by mode and judged by others: `python -m benchmarks.quality_gan`

Lines, aims, exit status and --quick are as in benchmarks.quality. Seconds are the processor's, all threads together.
What an energy distance or a histogram of perfect samples would be stands beside each number (oracles.perfect_sampler).
"""

import os
import sys
import time
import warnings

import numpy as np

import tinygen as tg
from benchmarks.quality import five_aims, main
from tinygen import metrics, oracles
from tinygen.autodiff import tree
from tinygen.data import toy
from tinygen.models import GAN, ConditionalGAN
from tinygen.models.gan import collapse, one_page

ANGLE = np.pi / 4 * np.arange(8)
CIRCLE = np.stack([np.cos(ANGLE), np.sin(ANGLE)], 1)
LINE = 2.0 * (np.arange(5) - 2)
GRID = np.stack(np.meshgrid(LINE, LINE), -1).reshape(-1, 2)
TOYS = {  # name: (sampler, its options, centres of its modes, forest's aim)
    "ring of eight, r 2, sd .02": (toy.ring, dict(radius=2.0, sd=0.02), 2 * CIRCLE, 0.75),
    "ring of eight, r 4, sd .5": (toy.ring, dict(radius=4.0, sd=0.5), 4 * CIRCLE, 0.75),
    "two moons, noise .1": (toy.two_moons, dict(noise=0.1), None, 0.70),
}
CONTRAST = ("non_saturating", "saturating", "least_squares")
# A first choice, by no trial on any split.
CONDITIONAL = dict(hidden=(256, 256), latent=32, loss="relativistic", dropout=0.2, r1=0.3, r2=0.3, noise_sd=1 / 6,
                   max_steps=7000, batch_size=100, beta1=0.0, learning_rate=5e-4, ema=0.999, validation_fraction=0,
                   progress=False)  # fmt: skip


def _trained(draw, options, seed, quick, **settings):
    """A GAN on 20,000 draws, the seconds that took, and 2,000 draws of its own, of the data, and of the data again.

    quick: far fewer, and hardly trained.
    """
    n, rows = (2000, 200) if quick else (20_000, 2000)
    rng, started = np.random.default_rng([seed, 0]), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", collapse.CollapseWarning)  # the lines say it with numbers
        steps = dict(max_steps=30) if quick else {}
        model = GAN(**steps, **settings, random_state=seed, progress=False).fit(draw(n, rng, **options))
    seconds = time.process_time() - started
    return model, seconds, model.sample(rows), draw(rows, rng, **options), draw(rows, rng, **options)


def _modes(samples, centres, options):
    """One line about the modes of the samples, and what was found."""
    found, K = collapse.modes(samples, centres, options["sd"]), len(centres)
    perfect = oracles.histogram_kl(K, len(samples))
    line = f"{found.seen} of {K} modes, histogram KL {found.kl:.4f} (perfect: {perfect:.4f}), "
    line += f"sd ratio {found.sd_ratio:.2f}, within 3 sd {found.within:.2f} (perfect: {oracles.share_within(3):.2f})"
    return line, found


def _forest(real, fake, other):
    from sklearn.ensemble import RandomForestClassifier

    judge = RandomForestClassifier(200 if len(real) > 1000 else 10, random_state=0)
    return metrics.two_sample_accuracy(real[:1000], fake[:1000], other=other[:1000], classifier=judge)


def _toy(name, quick):
    draw, options, centres, aim = TOYS[name]
    for seed in range(1 if quick else 3):
        model, seconds, fake, real, other = _trained(draw, options, seed, quick)
        where = f"{name}, seed {seed}"
        if centres is not None:
            line, found = _modes(fake, centres, options)
            held = None if quick else found.seen == 8 and found.kl <= 0.02
            yield f"{where}: {line}", "8 of 8, KL <= .02", held
        forest = _forest(real, fake, other)
        held = None if quick else forest.value <= aim
        yield f"{where}: forest tells real from made {forest}", f"<= {aim:g}", held
        energy = metrics.energy_distance(real, fake, other=other)
        yield f"{where}: energy distance {energy}, trained in {seconds:.0f} s", "", None
        score, accuracy = model.score(real), model.accuracy(real)
        yield f"{where}: score {score:.3f} (.5 is perfect), discriminator's accuracy {accuracy}", "", None


def ring(quick):
    """Eight narrow modes far apart, three seeds, the defaults: modes, a forest's accuracy, the energy distance."""
    yield from _toy("ring of eight, r 2, sd .02", quick)
    missing = oracles.energy_mixture(2 * CIRCLE, np.full(8, 1 / 8), (np.arange(8) > 0) / 7, 0.02)
    yield f"what the energy distance would say of one mode missing: {missing:.4f}", "", None


def wide(quick):
    """Eight modes that nearly touch, likewise."""
    yield from _toy("ring of eight, r 4, sd .5", quick)


def moons(quick):
    """Two moons, likewise."""
    yield from _toy("two moons, noise .1", quick)


def contrast(quick):
    """Without penalties, on the ring of eight: the modes that are lost. No aim: it is what the penalties are for."""
    draw, options, centres, _ = TOYS["ring of eight, r 2, sd .02"]
    for loss in CONTRAST:
        model, _, fake, *_ = _trained(draw, options, 0, quick, loss=loss, r1=0, r2=0)
        yield f"{loss}, no penalty: {_modes(fake, centres, options)[0]}", "", None
        for sentence in model.warnings_:
            yield f"    it warns: {sentence}", "", None


def grid(quick):
    """The 5 x 5 grid, sd .05, which these games do not learn: shown, with what the energy distance makes of it."""
    options = dict(sd=0.05)
    _, _, fake, real, other = _trained(toy.grid, options, 0, quick)
    line, found = _modes(fake, GRID, options)
    yield f"grid: {line}", "", None
    for row in np.round(100 * found.histogram.reshape(5, 5)).astype(int):
        yield f"    % by nearest mode (each should be 4): {' '.join(f'{share:3d}' for share in row)}", "", None
    corner = oracles.energy_mixture(GRID, np.full(25, 1 / 25), (np.arange(25) > 0) / 24, 0.05)
    energy = metrics.energy_distance(real, fake, other=other)
    yield f"grid: energy distance {energy}; of a corner missing it is {corner:.4f}", "", None
    yield f"grid: forest tells real from made {_forest(real, fake, other)}", "", None


def conditional(quick):
    """Conditional digits on random splits 1000/350/447: the judge learns from the 350, the samples face the 447."""
    if not quick:
        yield from five_aims(lambda x, y, split: ConditionalGAN(**CONDITIONAL, random_state=split).fit(x, y))


def speed(quick):
    """The critic's step with R1 (loss, gradient through two orders), against JAX jit, interleaved, one thread each."""
    if os.environ.get("OMP_NUM_THREADS") != "1":
        yield "speed: not measured; set OMP_NUM_THREADS=1, so that both have one thread", "", None
        return
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    import jax
    import jax.numpy as jnp

    def net(layers, x):
        *hidden, last = layers
        for layer in hidden:
            x = x @ layer["W"] + layer["b"]
            x = jnp.maximum(x, 0.2 * x)
        return x @ last["W"] + last["b"]

    def theirs(D, G, x, z):
        at = lambda x: net(D, x)[:, 0]
        loss = jnp.mean(jax.nn.softplus(-at(x)) + jax.nn.softplus(at(net(G, z))))
        slope = jax.grad(lambda x: jnp.sum(at(x)))(x)
        return loss + 0.1 * 0.5 * jnp.sum(slope**2) / len(x)

    rng, B = np.random.default_rng(0), 256
    params = one_page.init(rng, 2, 2)
    x, z = rng.standard_normal((2, B, 2), np.float32)
    batch, noise = {"x": x}, {"z": z, "on_real": np.zeros_like(x), "on_fake": np.zeros_like(x)}
    loss = lambda *args: one_page.discriminator_loss(*args, r1=0.1)
    own = tg.compile(tg.value_and_grad(loss, has_aux=True))
    D, G = params["D"], params["G"]
    jitted, at = jax.jit(jax.value_and_grad(theirs)), jax.tree_util.tree_map(jnp.asarray, (D, G, x, z))
    runs = {"JAX": lambda: jax.block_until_ready(jitted(*at)), "tinygen": lambda: own(D, G, batch, noise)}
    (value, _), gradient = runs["tinygen"]()
    expected, expected_gradient = runs["JAX"]()
    pairs = zip(tree.flatten(gradient)[0], tree.flatten(expected_gradient)[0])
    off = max(np.abs(ours - np.asarray(theirs)).max() for ours, theirs in pairs)
    yield f"the same loss and gradient: off by {abs(value - float(expected)):.0e} and {off:.0e}", "< 1e-5", off < 1e-5
    took = {name: [] for name in runs}
    for _ in range(20 if quick else 100):
        for name, run in runs.items():
            started = time.perf_counter()
            for _ in range(5):
                run()
            took[name].append((time.perf_counter() - started) / 5)
    theirs, ours = (np.median(took[name]) for name in runs)
    line = f"R1 critic step, batch 256, 2-128-128-1: {1e3 * ours:.2f} ms, JAX jit {1e3 * theirs:.2f} ms, medians"
    yield f"{line}, ratio {ours / theirs:.2f}", "<= 1.3", ours / theirs <= 1.3


SECTIONS = {f.__name__: f for f in (speed, ring, wide, moons, contrast, grid, conditional)}


if __name__ == "__main__":
    sys.exit(main(sections=SECTIONS, about=__doc__))
