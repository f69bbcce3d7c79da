"""What is said of GANs, claimed to be right: optimal discriminators, steps, duals, distances, dynamics, penalties.

Each closed form is held against a computation that shares nothing with it, at random arguments.
"""

import numpy as np

import tinygen as tg
from tinygen.check.registry import claim
from tinygen.check.report import Report
from tinygen.derivations.densities import entry, normal
from tinygen.measure.numeric import derivative, directional
from tinygen.models.gan import losses, penalties
from tinygen.oracles import discriminator, f_divergences, gan_dynamics, perfect_sampler, wasserstein
from tinygen.oracles.linear_gan import LinearGAN

GOODFELLOW = "Goodfellow et al. 2014; tinygen/oracles/discriminator.py"
LINE = np.zeros(()), np.ones(())  # from 0, in the direction of t
DYNAMICS = "Mescheder, Geiger and Nowozin 2018; tinygen/oracles/gan_dynamics.py"


def pair(rng):
    """Mean and sd of p and of q, away from each other by some."""
    return rng.uniform(0.3, 1.2), rng.uniform(0.7, 1.2), 0.0, 1.0


def even_grid(nodes, numbers):
    """Spacing and both densities on an even grid: another quadrature than the oracle's."""
    x = np.linspace(-16, 16, nodes)
    mean_p, sd_p, mean_q, sd_q = numbers
    return x[1] - x[0], normal(x, mean_p, sd_p**2), normal(x, mean_q, sd_q**2)


@claim("gan/oracles/value", kind="identity", source=GOODFELLOW)
def value(rng):
    """V at the best D is 2 JSD - 2 ln 2; any other D loses 2 E_m KL(Bern D* || Bern D); the two ratio checks are 1."""
    numbers = pair(rng)
    found = discriminator.Pair.gaussian(*numbers)
    l = found.log_ratio
    h, p, q = even_grid(6401, numbers)
    a, b = 0.3 * rng.normal(size=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        by_hand = h * np.nansum(p * np.log(p / (p + q)) + q * np.log(q / (p + q)))
    other = l + a + b * found.x
    return Report(
        "gan/oracles/value",
        [
            entry("V(D*)", found.value(l), by_hand, 1e-9),
            entry("2 JSD - 2 ln 2", 2 * found.jsd() - 2 * np.log(2), by_hand, 1e-9),
            entry("regret", found.regret(other), found.value(l) - found.value(other), 1e-10),
            entry("E_q D/(1-D), E_p (1-D)/D", np.array(found.ratio_checks(l)), np.ones(2), 1e-10),
            entry("accuracy", 2 * found.accuracy(l) - 1, h * np.sum(np.abs(p - q)) / 2, 1e-4),
        ],
    )


@claim("gan/models/steps", kind="identity", source=GOODFELLOW)
def steps(rng):
    """The generator's step by each logistic loss is the derivative of its divergence, though D is held fixed."""
    mean, sd, _, _ = pair(rng)
    found = discriminator.Pair.gaussian(mean, sd, 0, 1)
    l_slope = found.x - (found.x - mean) / sd**2
    at = lambda t: discriminator.Pair.gaussian(mean, sd, float(t[0]), 1)
    divergences = {
        losses.saturating_generator: lambda t: 2 * at(t).jsd(),
        losses.non_saturating_generator: lambda t: at(t).expect_q(-at(t).log_ratio) - 2 * at(t).jsd(),
    }
    entries = []
    for loss, divergence in divergences.items():
        slope = len(l_slope) * tg.grad(loss)(found.log_ratio)  # of each row
        expected, bar = derivative(divergence, np.zeros(1))
        step = found.generator_step(l_slope * slope).mean
        entries.append(entry(loss.__name__, step, expected, float(bar.max()) + 1e-8))
    return Report("gan/models/steps", entries)


@claim("gan/oracles/duals", kind="identity", source="Nowozin, Cseke and Tomioka 2016")
def duals(rng):
    """Each f-divergence is its dual at the best critic, and no other critic gives more."""
    found, entries = discriminator.Pair.gaussian(*pair(rng)), []
    near = np.abs(found.x) < 4
    for name, family in f_divergences.FAMILY.items():
        T = family.critic(found.log_ratio)
        value = f_divergences.divergence(found, name)
        entries.append(entry(name, f_divergences.dual(found, name, T), value, 1e-8))
        less = f_divergences.dual(found, name, T * np.where(near, rng.uniform(0.8, 1, T.shape), 1))
        entries.append(entry(f"{name}, a bound", less < value, 1, 0))
    T, constant = found.log_ratio + 0.3 * np.where(near, np.sin(found.x + rng.uniform(0, 6)), 0), rng.normal()
    tighter, best = (f_divergences.donsker_varadhan(found, critic) for critic in (T, found.log_ratio))
    bound = f_divergences.divergence(found, "kl")
    entries += [
        entry("Donsker-Varadhan, at the best", best, bound, 1e-9),
        entry("Donsker-Varadhan, any constant", f_divergences.donsker_varadhan(found, T + constant), tighter, 1e-9),
        entry("between the dual and KL", f_divergences.dual(found, "kl", 1 + T) <= tighter <= bound, 1, 0),
    ]
    return Report("gan/oracles/duals", entries)


@claim("gan/oracles/densities", kind="identity", source="Mao et al. 2017; tinygen/oracles/f_divergences.py")
def closed_forms(rng):
    """Log ratios of Gaussians and of counts, chi^2, least squares: in closed form, and by sums over densities."""
    from scipy.stats import multivariate_normal, poisson

    numbers = pair(rng)
    h, p, q = even_grid(6401, numbers)
    R, m = 0.4 * rng.normal(size=(2, 2, 2)) + np.eye(2), rng.normal(size=(2, 2))
    S, x = R @ np.swapaxes(R, 1, 2), rng.normal(size=2)
    A, b, c = discriminator.gaussian_log_ratio(m[1], S[1], m[0], S[0])
    k, rates = rng.integers(9, size=5), rng.uniform(1, 5, 2)
    fake, real = np.sort(rng.normal(size=2))
    D = (real * p + fake * q) / np.maximum(p + q, 1e-300)
    triangle, least = f_divergences.least_squares_terms(discriminator.Pair.gaussian(*numbers), fake=fake, real=real)
    log = lambda i: multivariate_normal(m[i], S[i]).logpdf(x)
    return Report(
        "gan/oracles/densities",
        [
            entry("Gaussians", x @ A @ x + b @ x + c, log(1) - log(0), 1e-10),
            entry("counts", discriminator.poisson_log_ratio(k, *rates),
                  poisson(rates[0]).logpmf(k) - poisson(rates[1]).logpmf(k), 1e-10),
            entry("chi^2", f_divergences.pearson_gaussian(*numbers), h * np.sum((p - q) ** 2 / q), 1e-8),
            entry("least squares' value", triangle, h * np.sum((p - q) ** 2 / np.maximum(p + q, 1e-300)), 1e-9),
            entry("its minimum", least, h * np.sum(p * (D - real) ** 2 + q * (D - fake) ** 2) / 2, 1e-9),
        ],
    )  # fmt: skip


@claim("gan/oracles/wasserstein", kind="identity", source="tinygen/oracles/wasserstein.py")
def distances(rng):
    """W1 of Gaussians against int |F - G|; W2 against the optimal map; WGAN-GP's number against its own integral."""
    from scipy.stats import norm, wasserstein_distance

    numbers = pair(rng)
    x = np.linspace(-16, 16, 32001)
    gap = norm(*numbers[2:]).cdf(x) - norm(*numbers[:2]).cdf(x)
    R = 0.5 * rng.normal(size=(2, 2, 2)) + np.eye(2)
    S0, S1 = R @ np.swapaxes(R, 1, 2)
    root = lambda S: (lambda v, U: (U * np.sqrt(v)) @ U.T)(*np.linalg.eigh(S))
    inverse = np.linalg.inv(root(S0))
    T = inverse @ root(root(S0) @ S1 @ root(S0)) @ inverse - np.eye(2)
    m = rng.normal(size=2)
    r = wasserstein.interpolate_density(x, *numbers)
    lam = rng.uniform(1, 10)
    found = wasserstein.penalised_critic(np.full_like(x, x[1] - x[0]), -gap, 0 * gap, r, lam=lam)
    objective = lambda s: (x[1] - x[0]) * np.sum(gap * s - lam * r * (np.abs(s) - 1) ** 2)
    direction = np.cos(x + rng.uniform(0, 6))
    rows, others = rng.normal(size=5), rng.normal(size=7)
    shift, clip, any_w = rng.normal(size=3), rng.uniform(0.1, 1), rng.uniform(-1, 1, (99, 3))
    (w, estimate), (clipped, less) = (wasserstein.linear_critic(shift, clip=c) for c in (None, clip))
    of_slope_1 = (any_w / np.linalg.norm(any_w, axis=1, keepdims=True)) @ shift
    net = [rng.normal(size=(3, 4)), rng.normal(size=(4, 1))]
    slope_of_net = np.linalg.norm(tg.grad(lambda z: np.sum(np.tanh(z @ net[0]) @ net[1]))(rng.normal(size=3)))
    slope, bar = directional(lambda t: objective(found.slope + t * direction), *LINE)
    return Report(
        "gan/oracles/wasserstein",
        [
            entry("W1", wasserstein.w1_gaussian(*numbers), (x[1] - x[0]) * np.sum(np.abs(gap)), 1e-5),
            entry("W2", wasserstein.w2_squared_gaussian(m, S0, 0 * m, S1), m @ m + np.trace(T @ S0 @ T), 1e-10),
            entry("W1 of rows", wasserstein.w1_rows(rows, others), wasserstein_distance(rows, others), 1e-12),
            entry("linear critic", np.array([w @ w, estimate]), np.array([1, np.linalg.norm(shift)]), 1e-12),
            entry("none is better", of_slope_1.max() <= estimate and (clip * any_w @ shift).max() <= less, 1, 0),
            entry("clipped", np.abs(clipped), np.full(3, clip), 1e-15),
            entry("a net's slope is below the bound", slope_of_net <= wasserstein.lipschitz_bound(net), 1, 0),
            entry("WGAN-GP is stationary", slope, 0.0, bar + 1e-9),
            entry("WGAN-GP, objective", found.objective, objective(found.slope), 1e-10),
        ],
    )


@claim("gan/oracles/dynamics", kind="identity", source=DYNAMICS)
def dynamics(rng):
    """The Dirac-GAN's matrix of each update order is what its real steps do near the equilibrium."""
    h, entries = rng.uniform(0.1, 0.4), []
    start = 1e-4 * rng.normal(size=2)
    for order in gan_dynamics.ORDERS:
        M = gan_dynamics.dirac_matrix(order, h=h, slope=0.5)
        path = gan_dynamics.dirac_path(order, start, 2, h=h)
        state = start if len(M) == 2 else np.concatenate([path[1], path[0]])
        expected = (M @ (M @ state if len(M) == 2 else state))[:2]
        entries.append(entry(order, path[2] / 1e-4, expected / 1e-4, 1e-5))
    theta, psi = rng.normal(size=2)
    grown = gan_dynamics.dirac_path("simultaneous", (theta, psi), 1, h=h)[1]
    factor = 1 + (h / (1 + np.exp(theta * psi))) ** 2
    entries.append(entry("simultaneous, exactly", np.sum(grown**2), factor * (theta**2 + psi**2), 1e-12))
    return Report("gan/oracles/dynamics", entries)


@claim("gan/oracles/continuous", kind="identity", source=DYNAMICS)
def flows_of_games(rng):
    """Of small steps: noise and the quadratic game by their Jacobians, what is conserved, and how fast r falls."""
    from scipy.integrate import solve_ivp

    sd, rho, s = rng.uniform(0.3, 1.5), rng.uniform(0, 1), rng.uniform(0.5, 2)
    e, weight = np.polynomial.hermite_e.hermegauss(20)
    weight = weight / weight.sum()
    f = lambda t: weight @ np.log(1 / (1 + np.exp(-t)))  # the mean over the noise
    objective = lambda z: f(z[1] * (z[0] + sd * e)) + f(-z[1] * sd * e)
    noisy = tg.jacobian(lambda z: tg.grad(objective)(z) * np.array([-1, 1]))(np.zeros(2))
    quadratic = tg.jacobian(lambda z: np.stack(gan_dynamics.quadratic_velocity(*z, sd=s, rho=rho)))(np.array([0, s]))
    w, theta = rng.normal(), rng.uniform(0.2, 0.9) * s
    climbed = tg.grad(lambda z: gan_dynamics.quadratic_energy(*z, sd=s))(np.array([w, theta]))
    turns = gan_dynamics.quadratic_turning_point(theta, sd=s)
    energies = [gan_dynamics.quadratic_energy(0, t, sd=s) for t in (theta, turns)]
    start, t = 0.2 * np.array([np.cos(w), np.sin(w)]), 300.0
    velocity = lambda t, z: gan_dynamics.dirac_velocity(*z, non_saturating=True)
    end = solve_ivp(velocity, (0, t), start, rtol=1e-9, atol=1e-12).y[:, -1]
    sum_and_product = lambda one, two: np.array([one + two, one * two]).real
    trace_and_det = lambda J: np.array([np.trace(J), np.linalg.det(J)])
    return Report(
        "gan/oracles/continuous",
        [
            entry("instance noise", sum_and_product(*gan_dynamics.instance_noise_eigenvalues(sd)),
                  trace_and_det(noisy), 1e-9),
            entry("quadratic", sum_and_product(*gan_dynamics.quadratic_eigenvalues(s, rho)),
                  trace_and_det(quadratic), 1e-9),
            entry("conserved", climbed @ gan_dynamics.quadratic_velocity(w, theta, sd=s), 0.0, 1e-10),
            entry("it turns", energies[0], energies[1], 1e-9),
            entry("elsewhere", turns > s, 1, 0),
            entry("non-saturating, r^2", end @ end, gan_dynamics.non_saturating_radius(t, 0.2), 3e-4),
        ],
    )  # fmt: skip


@claim("gan/oracles/linear", kind="identity", source="tinygen/oracles/linear_gan.py")
def linear(rng):
    """The quadratic critic is the best one, and the generator's best A A' is the data's principal part."""
    D, k = 3, 1
    Q = np.linalg.qr(rng.normal(size=(D, D)))[0]
    game = LinearGAN(rng.normal(size=D), Q @ np.diag([3.0, 1.5, 0.4]) @ Q.T, rng.uniform(0.3, 2))
    A, b = game.optimum(k)
    dA, db, dB, dc = rng.normal(size=(D, k)), rng.normal(size=D), rng.normal(size=(D, D)), rng.normal(size=D)
    at = rng.normal(size=(D, k)), rng.normal(size=D)
    B, c = game.critic(*at)
    by_critic, bar = directional(lambda t: game.objective(*at, B + t * (dB + dB.T), c + t * dc), *LINE)
    by_generator, bar2 = directional(lambda t: game.value(A + t * dA, b + t * db), *LINE)
    return Report(
        "gan/oracles/linear",
        [
            entry("the critic is stationary", by_critic, 0.0, bar + 1e-9),
            entry("the generator is stationary", by_generator, 0.0, bar2 + 1e-9),
            entry("value left", game.value(A, b), (1.5**2 + 0.4**2) / (8 * game.rho), 1e-10),
            entry("value", game.value(*at), game.objective(*at, B, c), 1e-10),
        ],
    )


@claim("gan/oracles/sampler", kind="identity", source="tinygen/oracles/perfect_sampler.py")
def sampler(rng):
    """What a perfect sampler scores, against all outcomes counted (modes, histogram) and an integral (energy)."""
    import itertools

    modes, n = 3, int(rng.integers(3, 7))
    draws = list(itertools.product(range(modes), repeat=n))
    seen = np.array([len(set(d)) for d in draws])
    share = np.array([np.bincount(d, minlength=modes) for d in draws]) / n
    kl = np.sum(share * np.log(np.where(share > 0, modes * share, 1)), 1)
    none = perfect_sampler.missing_modes(modes + n, n)
    left, both = np.full(modes, 1 / modes), np.full(modes, 1 / (modes + n))
    mixed = (left + both) / 2
    jsd = (modes * (both * np.log(both / mixed) + left * np.log(left / mixed))[0] + n / (modes + n) * np.log(2)) / 2
    numbers = pair(rng)
    h, p, q = even_grid(32001, numbers)
    F, G = h * np.cumsum(p), h * np.cumsum(q)
    angle, distance, sd = np.linspace(0, 2 * np.pi, 101)[:-1], rng.uniform(0.1, 3), rng.uniform(0.3, 1)
    r = np.linspace(0, distance + 12 * sd, 4001)
    square = (r[:, None] * np.cos(angle) - distance) ** 2 + (r[:, None] * np.sin(angle)) ** 2
    bell = np.exp(-square / (2 * sd**2)).mean(1) / sd**2  # over the angle
    return Report(
        "gan/oracles/sampler",
        [
            entry("modes missed", perfect_sampler.modes_missed(modes, n), np.mean(modes - seen), 1e-12),
            entry("all modes seen", perfect_sampler.all_modes_seen(modes, n), np.mean(seen == modes), 1e-12),
            entry("histogram", perfect_sampler.histogram_kl(modes, n), kl.mean(), 1e-12),
            entry("missing modes, TV", none.tv, n / (modes + n), 1e-12),
            entry("missing modes, JSD", none.jsd, jsd, 1e-12),
            entry("missing modes, KL(q||p)", none[2], np.sum(left * np.log(left / both)), 1e-12),
            entry("energy", perfect_sampler.energy_gaussian(*numbers), 2 * h * np.sum((F - G) ** 2), 1e-5),
            entry("Rice mean", perfect_sampler.rice_mean(distance, sd), np.trapezoid(r**2 * bell, r), 1e-4),
        ],
    )


@claim("gan/models/penalties", kind="identity", source="Gulrajani et al. 2017; Mescheder et al. 2018")
def penalty(rng):
    """Penalties of a linear critic in closed form, and row by row; of a curved one, against numeric slopes."""
    n, D = 7, 3
    w, x, y = rng.normal(size=D), rng.normal(size=(n, D)), rng.normal(size=(n, D))
    u, W = rng.uniform(size=(n, 1)), rng.normal(size=(D, 2))
    curved = lambda x: np.tanh(x @ W) @ np.array([1.0, -0.7])
    slopes = [derivative(lambda v: float(curved(v[None])[0]), row) for row in x]
    square = np.mean([np.sum(s**2) for s, _ in slopes]) / 2
    bar = float(np.mean([2 * np.sum(np.abs(s) * b) for s, b in slopes])) + 1e-10
    return Report(
        "gan/models/penalties",
        [
            entry("R1, linear", penalties.r1(lambda x: x @ w, x), w @ w / 2, 1e-11),
            entry("gradient penalty, linear", penalties.gradient_penalty(lambda x: x @ w, x, y, u),
                  (np.linalg.norm(w) - 1) ** 2, 1e-11),
            entry("R1, curved", penalties.r1(curved, x), square, bar),
            entry("row by row", penalties.r1(curved, x),
                  np.mean([penalties.r1(curved, x[i : i + 1]) for i in range(n)]), 1e-12),
        ],
    )  # fmt: skip
