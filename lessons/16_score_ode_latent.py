# %% [markdown]
# # 16 · Score, flow and latent diffusion
#
# One network guesses noise, and more sits in that guess than you have used. It is the slope of a log density.
# Follow it without noise and you get a sampler of few steps, and the exact likelihood that the bound only
# bounded. Then you put a diffusion inside a VAE, and the course is complete.
#
# | | |
# |---|---|
# | In the notes | Chapter 18, its first line: "Now shuffle GAN/VAE/Normalizing" |
# | In the book | Prince, *Understanding Deep Learning*, section 18.6 and the notes at the end of chapter 18 |
# | Before this | 8, 9, 11, 12 and 14 |
# | Reading | 60 minutes |
# | Running | 14 seconds |

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinygen as tg
from tinygen import gaussian, metrics, plots
from tinygen.course import Slider, check_value, exercise, finish, yours
from tinygen.course.answers import score_ode_latent as answers
from tinygen.data import digits, toy
from tinygen.models.vae import one_page
from tinygen.models.diffusion.estimator import Diffusion
from tinygen.models.diffusion.likelihood import log_likelihood, terminal_mismatch
from tinygen.models.diffusion.schedule import Schedule
from tinygen.models.flow import Diagonal, Flow
from tinygen.models.vae.estimator import VAE
from tinygen.oracles.gaussian_diffusion import GaussianDiffusion
from tinygen.oracles.linear_gaussian import LinearGaussian
from tinygen.oracles.mixture_diffusion import MixtureDiffusion

rng = np.random.default_rng(16)  # every random number of this lesson comes from here

# %% [markdown]
# ## 1. The way uphill
#
# Noised data have the density $q_t(z)$ at step $t$. Its score, named at the end of lesson 14, is the gradient of
# the log density,
#
# $$\nabla_z \log q_t(z) .$$
#
# It points to where data is more likely. Note what it does not need: multiply a density by any constant, and
# its score stays the same. So nobody has to know the integral that makes a density sum to 1.
#
# You have it already, and here is why. The density of $z_t$ is a mean over the data,
# $q_t(z) = \mathbb{E}_x\, q(z \mid x)$, and each $q(z \mid x) = \mathcal{N}(z; \sqrt{\alpha_t}\, x, 1 - \alpha_t)$ has
# the score $-(z - \sqrt{\alpha_t}\, x) / (1 - \alpha_t) = -\epsilon / \sqrt{1 - \alpha_t}$. Differentiate under the
# mean and divide by $q_t(z)$. What appears is a mean over the posterior of $x$, and of $\epsilon$:
#
# $$
# \nabla \log q_t(z) = \frac{\mathbb{E}_x \big[ q(z \mid x)\, \nabla \log q(z \mid x) \big]}{q_t(z)}
# = -\frac{\mathbb{E}[\epsilon \mid z]}{\sqrt{1 - \alpha_t}} .
# $$
#
# ([checked](derivation:diffusion/score)) The best guess of the noise is the score, up to a factor that you
# know. And since $z = \sqrt{\alpha_t}\, x + \sqrt{1 - \alpha_t}\, \epsilon$ holds for the means too, so is
# the best guess of the data, the **denoiser**:
#
# $$\sqrt{\alpha_t}\; \mathbb{E}[x \mid z] = z + (1 - \alpha_t)\, \nabla \log q_t(z) .$$
#
# That is **Tweedie's formula**: to denoise, walk uphill, as far as the noise is large.
#
# **Your turn.** From the guess of the noise to both.


# %%
def tweedie(z, eps, alpha):
    """The score and E[x|z] from the guess eps of the noise: all (B, D); alpha a number. A pair."""
    ### BEGIN SOLUTION
    score = -eps / np.sqrt(1 - alpha)
    return score, (z + (1 - alpha) * score) / np.sqrt(alpha)
    ### END SOLUTION


def check_tweedie(tweedie):
    z, eps = rng.normal(size=(2, 5, 3))
    names, parts = ("z", "eps", "alpha"), ("the score", "E[x|z]")
    return check_value(tweedie, answers.tweedie, z, eps, 0.37, names=names, parts=parts)


test_tweedie = exercise(tweedie, check_tweedie)

# %% [markdown]
# Here is the field of arrows for the two moons, as a mixture of 32 normals, so that everything is known
# exactly. Behind it is the density. Move the slider from noise to data: at first all arrows point to the
# middle, then to the moons, then each to its nearest piece.

# %%
angle = np.pi * (np.arange(16) + 0.5) / 16
upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
centres = np.concatenate([upper, [1.0, 0.5] - upper]) - [0.5, 0.25]
moons = MixtureDiffusion(np.full(32, 1 / 32), centres, np.full(32, 0.1**2))
schedule = Schedule.log_linear(100, first=6.0, last=-8.0)


def guess_noise(z, alpha):
    """E[eps|z] for z (B, 2): each normal has its guess, and counts as much as it explains z."""
    away = z[:, None, :] - np.sqrt(alpha) * centres  # (B, 32, 2)
    var = alpha * 0.1**2 + 1 - alpha
    odds = tg.softmax(-0.5 * np.sum(away**2, axis=2) / var)  # (B, 32)
    return np.sqrt(1 - alpha) / var * np.sum(odds[:, :, None] * away, axis=1)


some = moons.sample(5, rng)[0]
gap = guess_noise(some, 0.4) - moons.noise(some, 0.4)  # the package's own
print(f"largest difference from the package's mixture: {np.abs(gap).max():.1e}")

# %% tags=["look", "cover"]
def square(n):
    side = np.linspace(-2.2, 2.2, n)
    return np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)


to_score = yours(test_tweedie, tweedie, answers.tweedie.value)
plane, dense = square(12), square(60)
shades = [("C0", opacity) for opacity in np.linspace(0.1, 0.7, 5)]


def field(t):
    alpha = schedule.alpha_bar[t]
    _, ax = plt.subplots(figsize=(4.6, 4.4))
    density = np.exp(moons.log_prob(dense, alpha)).reshape(60, 60)
    side = np.linspace(-2.2, 2.2, 60)
    ax.contourf(side, side, density, levels=density.max() * np.linspace(0.03, 1, 6), colors=shades)
    arrows, _ = to_score(plane, guess_noise(plane, alpha), alpha)
    length = np.linalg.norm(arrows, axis=1, keepdims=True)
    arrows = arrows / np.sqrt(1 + length**2)  # long ones cut, so that all can be seen
    return plots.vector_field(plane, arrows, ax=ax, scale=22, title=f"alpha = {alpha:.4f}")


Slider(field, [100, 48, 36, 28, 20, 4], label="t = {}", play=True)

# %% [markdown]
# ## 2. Learning a score that nobody knows
#
# To train a network $f(z)$ you would like to make $\mathbb{E}\, | f(z) - \nabla \log q_t(z) |^2$ small. But
# the target is what you do not know. Take in its place the score of $q(z \mid x)$, which you know for each
# pair: **denoising score matching**,
#
# $$
# \mathbb{E}_{x, \epsilon} \Big| f(z) + \frac{\epsilon}{\sqrt{1 - \alpha_t}} \Big|^2 .
# $$
#
# Its target is noisy, but right on average, given $z$. So the two losses differ by a constant *whatever the
# network says* ([checked](derivation:diffusion/denoising-score)). With data at $\pm 1$ all can be computed on
# a grid. Three networks, none of them good:

# %%
alpha, grid = 0.6, np.linspace(-8, 8, 4001)
dz = grid[1] - grid[0]
of_x = [-(grid - np.sqrt(alpha) * x) / (1 - alpha) for x in (-1.0, 1.0)]  # the score of q(z|x)
given = [np.exp(-0.5 * (1 - alpha) * s**2) / np.sqrt(2 * np.pi * (1 - alpha)) for s in of_x]
true = (given[0] * of_x[0] + given[1] * of_x[1]) / (given[0] + given[1])
for name, guess in {"0": 0 * grid, "-z": -grid, "-3 tanh(z)": -3 * np.tanh(grid)}.items():
    explicit = sum(np.sum(0.5 * p * (guess - true) ** 2) * dz for p in given)
    denoising = sum(np.sum(0.5 * p * (guess - s) ** 2) * dz for p, s in zip(given, of_x))
    print(f"f = {name:10}  to the true score {explicit:.5f}, ", end="")
    print(f"to the pairs {denoising:.5f}, difference {denoising - explicit:.5f}")

# %% [markdown]
# That is why lesson 14 worked. Its loss is this one with a factor in front, and its network is a score.
#
# ## 3. From noisy steps to none
#
# The loss looked at $z_t$ given $x$, one $t$ at a time. Nothing in it knows *how* $z_{t-1}$ and $z_t$ hang
# together. So you may choose: any step that turns $q_t$ into $q_{t-1}$ will do. Take the two guesses at $z_t$
# apart, $\hat x$ and $\hat\epsilon$, and put them together for a lower noise. Some of the noise may be fresh,
# of variance $v_t$, as long as the total is right:
#
# $$
# z_{t-1} = \sqrt{\alpha_{t-1}}\; \hat x + \sqrt{1 - \alpha_{t-1} - v_t}\; \hat\epsilon + \sqrt{v_t}\; \text{noise} .
# $$
#
# This is **DDIM**. One usually writes $v_t = \eta^2 \tilde\beta_t$, with the variance $\tilde\beta_t$ of
# lesson 12. With $\eta = 1$ it is the ancestral sampler of lesson 14, in other letters. With $\eta = 0$ all
# noise is in the start, and the rest is a plain function of it.
#
# **Your turn.** One step.


# %%
def ddim_step(z, eps, noise, alpha, before, var):
    """z_{t-1} from z_t and the guess eps: (B, D); alpha_t, alpha_{t-1}, v_t are numbers."""
    ### BEGIN SOLUTION
    x = (z - np.sqrt(1 - alpha) * eps) / np.sqrt(alpha)
    return np.sqrt(before) * x + np.sqrt(1 - before - var) * eps + np.sqrt(var) * noise
    ### END SOLUTION


def check_ddim_step(ddim_step):
    z, eps, noise = rng.normal(size=(3, 5, 3))
    names = ("z", "eps", "noise", "alpha", "before", "var")
    return check_value(ddim_step, answers.ddim_step, z, eps, noise, 0.37, 0.61, 0.13, names=names)


test_ddim_step = exercise(ddim_step, check_ddim_step)

# %% [markdown]
# Both samplers on the moons, with the exact guess, so that every fault is the sampler's. The slider is the
# number of steps. Both begin with the same 300 points. The grey bands are
# the moons.

# %% tags=["look"]
one_step = yours(test_ddim_step, ddim_step, answers.ddim_step.alone)
start, fresh = rng.normal(size=(300, 2)), rng.normal(size=(50, 300, 2))
real = moons.sample(600, rng)[0]


def walk(steps, eta):
    """Points after so many steps, with eta^2 of the fresh noise."""
    few, z = schedule.respaced(steps), start
    for t in range(steps, 0, -1):
        alpha, before = few.alpha_bar[t], few.alpha_bar[t - 1]
        var = eta**2 * few.posterior_var[t]
        z = one_step(z, guess_noise(z, alpha), fresh[t - 1], alpha, before, var)
    return z


def compared(steps):
    figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.4), sharey=True)
    for ax, eta, name in zip(axes, (1, 0), ("eta = 1, noise in each step", "eta = 0, no noise")):
        end = walk(steps, eta)
        far = metrics.energy_distance(real[:300], end, other=real[300:])
        for arc in (centres[:16], centres[16:]):
            ax.plot(*arc.T, color="C8", alpha=0.3, linewidth=14, solid_capstyle="round")
        ax.scatter(*end.T, s=5, linewidths=0)
        ax.set(xlim=(-2, 2), ylim=(-1.6, 1.6), title=f"{name}\nenergy distance {far.value:.4f}")
        ax.set_aspect("equal")
    return figure


Slider(compared, [1, 3, 6, 10, 20, 50], label="steps: {}", play=True)

# %% [markdown]
# With fifty steps both are right. With few, both are too narrow: $\hat x$ is a mean, and means vary less than
# data do. Noise or not makes less of a difference than you may have thought. But the points without noise
# move along a smooth curve, and for smooth curves there are better methods.
#
# ## 4. The curve itself
#
# Which curve? Measure everything in other units: $y = z / \sqrt{\alpha_t}$, which is the data plus noise of
# standard deviation $s = \sqrt{1 - \alpha_t} / \sqrt{\alpha_t}$. Divide the step with $\eta = 0$ by
# $\sqrt{\alpha_{t-1}}$ and use $\hat x = y - s\, \hat\epsilon$. What is left is very simple:
#
# $$
# y_{t-1} = y_t + (s_{t-1} - s_t)\, \hat\epsilon, \qquad \text{in the limit} \qquad
# \frac{dy}{ds} = \hat\epsilon(y, s) .
# $$
#
# A differential equation, an ordinary one (ODE): the **probability-flow ODE**. Its paths never cross, and at
# each $s$ the points along them have just the density that the noised data have
# ([checked](derivation:diffusion/flow)). Start from noise, follow it down to $s = 0$, and you have data.
#
# In the picture noise is on the right and data, two bumps, on the left. Shaded: the density of $z_t$. The
# same 24 starts with noise in each step, and without.

# %%
bumps = MixtureDiffusion([0.35, 0.65], [[-1.2], [0.8]], [0.15**2, 0.3**2])

# %% tags=["look"]
fine = Schedule.log_linear(200, first=7.0, last=-6.0)
starts, kicks = np.linspace(-2, 2, 24)[:, None], rng.normal(size=(200, 24, 1))
figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.2), sharey=True)
levels = np.linspace(-2.6, 2.6, 200)[:, None]
shade = np.stack([np.exp(bumps.log_prob(levels, a)) for a in fine.alpha_bar[1:]], axis=1)
for ax, eta, name in zip(axes, (1, 0), ("eta = 1", "eta = 0: the flow")):
    z, path = starts, [starts]
    for t in range(200, 1, -1):
        alpha, before = fine.alpha_bar[t], fine.alpha_bar[t - 1]
        var = eta**2 * fine.posterior_var[t]
        z = one_step(z, bumps.noise(z, alpha), kicks[t - 1], alpha, before, var)
        path.append(z)
    edges = [0.02, 0.1, 0.25, 0.5, 1.0, 2.0]
    ax.contourf(range(1, 201), levels[:, 0], shade, levels=edges, colors=shades)
    ax.plot(np.arange(200, 0, -2), np.concatenate(path[::2], axis=1).T, color="C1", linewidth=0.8)
    ax.set(xlabel="t", title=name)
axes[0].set_ylabel("z")

# %% [markdown]
# For normal data $\mathcal{N}(m, \lambda)$ the equation can be solved. The variance of $z_t$ is
# $c_t = \alpha_t \lambda + 1 - \alpha_t$, and the distance of $z$ from its mean is multiplied by exactly
# $\sqrt{c_s / c_t}$ on the way from $t$ to $s$ ([checked](derivation:diffusion/flow-gain)). What do few steps make
# of it? Normal data stay normal in each step, so the standard deviation at the end can be computed without a
# single draw:

# %%
normal_data = GaussianDiffusion(mean=0.0, var=0.3)
last = schedule.alpha_bar[-1]
print(f"data: {0.3**0.5:.4f}, the flow from N(0, 1): {normal_data.ode_gain(last, 1.0):.4f}")
for steps in (5, 10, 20, 100):
    few = schedule.respaced(steps)
    _, quiet = normal_data.ddim_law(few.alpha_bar, np.zeros(steps + 1))
    _, noisy = normal_data.ddim_law(few.alpha_bar, few.posterior_var)
    print(f"{steps:3} steps: {noisy**0.5:.4f} with eta = 1, {quiet**0.5:.4f} with eta = 0")

# %% [markdown]
# ## 5. Better steps
#
# DDIM with $\eta = 0$ follows the slope at the beginning of each step: Euler's method. The slope at the end
# is as good a guess, if you only knew the end. So go there, look at the slope, and come back: use the mean of
# both. That is **Heun's method**.
#
# **Your turn.** `v(y, s)` is the slope. It is called twice.


# %%
def heun_step(v, y, s, after):
    """y at noise `after`, from y (B, D) at noise s, along dy/ds = v(y, s)."""
    ### BEGIN SOLUTION
    slope = v(y, s)
    guess = y + (after - s) * slope
    return y + (after - s) * 0.5 * (slope + v(guess, after))
    ### END SOLUTION


def check_heun_step(heun_step):
    y = rng.normal(size=(5, 3))
    names = ("v", "y", "s", "after")
    slope = lambda y, s: np.sin(y) * s + np.exp(-(s**2))
    return check_value(heun_step, answers.heun_step, slope, y, 1.3, 0.8, names=names)


test_heun_step = exercise(heun_step, check_heun_step)

# %% [markdown]
# How much is gained? Halve the step. Euler's error halves: it is of **first order**. Heun's falls to a
# quarter, second order. The classical Runge-Kutta method, RK4, looks four times a step and is of fourth
# order: a sixteenth. On doubly logarithmic axes an order is a slope. The fair axis counts how often the
# network is called, since that is what costs.

# %%
def euler_step(v, y, s, after):
    return y + (after - s) * v(y, s)


def rk4_step(v, y, s, after):
    h, half = after - s, (s + after) / 2
    a = v(y, s)
    b = v(y + h / 2 * a, half)
    c = v(y + h / 2 * b, half)
    return y + h / 6 * (a + 2 * b + 2 * c + v(y + h * c, after))


def along(step, v, y, steps, first=20.0, last=0.02):
    """Follow dy/ds = v from noise `first` down to `last`, in steps that are even in log s."""
    s = np.geomspace(first, last, steps + 1)
    for i in range(steps):
        y = step(v, y, s[i], s[i + 1])
    return y


def slope_normal(y, s):  # the exact guess of the noise, for data N(0, 0.3)
    return s * y / (0.3 + s**2)


exact = np.sqrt((0.3 + 0.02**2) / (0.3 + 20**2))  # the gain, in y
methods = {"DDIM (Euler)": (euler_step, 1), "RK4": (rk4_step, 4)}
methods["Heun"] = (yours(test_heun_step, heun_step, answers.heun_step.value), 2)
calls = np.array([8, 16, 32, 64, 128, 256, 512])
errors = {
    name: [abs(along(step, slope_normal, 1.0, n // cost) - exact) / exact for n in calls]
    for name, (step, cost) in methods.items()
}
for name, error in errors.items():
    order = np.log2(error[-2] / error[-1])
    print(f"{name:13} order {order:.2f}, error with 64 calls {error[3]:.1e}")

# %% tags=["look"]
fig = plots.error_curve(calls, errors, xlabel="calls of the network", ylabel="relative error",
                        title="An order is a slope")  # fmt: skip

# %% [markdown]
# With 8 calls the simplest method wins, from 16 on it is RK4, and from 32 on Heun's method too is ahead of Euler's. A
# trained network adds a second error, that of its guess, and no solver removes it. Once the solver's error is below
# that one, more calls or a higher order gain nothing.
#
# ## 6. The exact likelihood
#
# The flow turns noise into data and back, without a choice on the way. So it carries *densities*, too. Lesson
# 13 had to be content with a bound. Here is the exact thing.
#
# Take a small step $y' = y + h\, v(y)$. A little box around $y$ becomes a box around $y'$, and its volume
# grows by the factor $\det (I + h \nabla v) \approx 1 + h \sum_i \partial v_i / \partial y_i$. That sum is
# the **divergence** of the field $v$, written $\nabla \cdot v$. (The same word as in "Kullback-Leibler
# divergence", for another thing.) What is in the box stays in it. So the density falls by that factor, and
# its log changes at the rate $-\nabla \cdot v$ ([checked](derivation:diffusion/flow-likelihood)):
#
# $$
# \log p(x) = \log p(y_T) + \int_{s_0}^{s_T} \nabla \cdot \hat\epsilon(y_s, s)\, ds , \qquad
# \log p(y_T) = \log \mathcal{N}(z_T; 0, I) + \tfrac{D}{2} \log \alpha_T .
# $$
#
# The last term turns the density of $z_T = \sqrt{\alpha_T}\, y_T$ into that of $y_T$: $z_T$ is squeezed, so
# its density is higher.
#
# **Your turn.** `divergence` is the integral, one number for each row.


# %%
def log_p(end, divergence, alpha):
    """log p(x) from z_T (B, D), the integral (B,) of the divergence, and alpha_T: (B,), in nats."""
    ### BEGIN SOLUTION
    D = end.shape[1]
    standard = -0.5 * np.sum(end**2 + np.log(2 * np.pi), axis=1)
    return standard + D / 2 * np.log(alpha) + divergence
    ### END SOLUTION


def check_log_p(log_p):
    end, divergence = rng.normal(size=(5, 3)), rng.normal(size=5)
    names = ("end", "divergence", "alpha")
    return check_value(log_p, answers.log_p, end, divergence, 0.02, names=names)


test_log_p = exercise(log_p, check_log_p)

# %% [markdown]
# (The path begins at a small $s_0$ and not at 0. So it is the density of data with that little noise.)
#
# Try it on the two bumps. Walk from each $x$ of a grid *up* to the noise, and add up the divergence on the
# way. In one dimension it is a derivative, and `tg.grad` has it. No density of the data goes in, only the
# guess of the noise. Out comes a density.

# %%
finish_off = yours(test_log_p, log_p, answers.log_p.alone)
centre, spread, share = bumps.means[:, 0], np.array([0.15**2, 0.3**2]), np.array([0.35, 0.65])


def guess_bumps(y, s):
    """The exact guess of the noise in y (B, 1), in plain NumPy: so tg.grad can take it."""
    var = spread + s**2
    odds = tg.softmax(np.log(share) - 0.5 * np.log(var) - 0.5 * (y - centre) ** 2 / var)  # (B, 2)
    return s * np.sum(odds * (y - centre) / var, axis=1, keepdims=True)


def by_flow(x, steps, first=0.005, last=60.0):
    """log p of each x (B, 1): Heun's method up the flow, trapezoids for the divergence."""
    rate = lambda y, s: tg.grad(lambda y: np.sum(guess_bumps(y, s)))(y)[:, 0]
    s, y, total = np.geomspace(first, last, steps + 1), x, 0.0
    for i in range(steps):
        ahead = methods["Heun"][0](guess_bumps, y, s[i], s[i + 1])
        total = total + (s[i + 1] - s[i]) / 2 * (rate(y, s[i]) + rate(ahead, s[i + 1]))
        y = ahead
    alpha = 1 / (1 + last**2)
    return finish_off(np.sqrt(alpha) * y, total, alpha)


x = np.linspace(-2, 2.2, 169)[:, None]
known = bumps.log_prob(x)
by_steps = {steps: by_flow(x, steps) for steps in (20, 40, 160)}
for steps, found in by_steps.items():
    wrong = np.abs(np.exp(found) - np.exp(known)).max()
    total = np.sum(np.exp(found)) * (x[1, 0] - x[0, 0])
    print(f"{steps:3} steps: largest error {wrong:.4f}, the density integrates to {total:.4f}")

# %% tags=["look"]
shown = {f"{steps} steps": np.exp(found) for steps, found in by_steps.items()}
fig = plots.curves(x[:, 0], shown | {"exact": np.exp(known)}, xlabel="x", ylabel="density",
                   title="A density, from guesses of noise alone")  # fmt: skip

# %% [markdown]
# Two different errors are left in such a number: the *solver's*, and the *mismatch at the end*, because $z_T$
# is taken for standard normal and is only nearly so. They must not be mixed up: the first falls with the
# number of steps, the second does not. `log_likelihood` of the package reports the first. The second is $\log
# \mathcal{N}(z_T; 0, I) - \log q_T(z_T)$, where $q_T$ is known. Here are both for 50 points of the moons,
# with paths that end at several signal-to-noise ratios:

# %%
def alpha_of(logsnr):
    return 1 / (1 + np.exp(-logsnr))


def mismatch(z, logsnr):
    """log N(z; 0, I) - log q(z) of each row."""
    return terminal_mismatch(z, lambda z: moons.log_prob(z, alpha_of(logsnr)))


some = moons.sample(50, rng)[0]
guess_at = lambda z, logsnr: guess_noise(z, alpha_of(logsnr))
for end in (0.0, -3.0, -9.0):
    for steps in (10, 40):
        found = log_likelihood(guess_at, some, logsnr=(9.0, end), steps=steps)
        errors = (np.abs(e).mean() for e in (found.solver_error, mismatch(found.end, end)))
        solver, ending = (f"{error:.1e}" for error in errors)
        print(f"log SNR to {end:4}, {steps} steps: solver {solver}, mismatch {ending} nats")

# %% [markdown]
# > The notes say that $q$ is there "for computing the true negative log likelihood", and "eventually, we get unit
# > normal back". A bound does not compute it, and "eventually" is never quite reached. The flow computes it, and
# > both errors have a size.
#
# **Many dimensions.** The divergence needs one derivative for each coordinate: for an image of 64 pixels, 64
# walks backwards at each step. There is a cheap estimate. Draw random signs $u$. Then $\mathbb{E}[u_i u_j]$
# is 1 for $i = j$ and 0 else, so for any matrix $J$
#
# $$\mathbb{E}\big[u^\top J\, u\big] = \sum_{ij} J_{ij}\, \mathbb{E}[u_i u_j] = \sum_i J_{ii} .$$
#
# With $J$ the Jacobian of $v$, one walk backwards gives $J^\top u$. This is **Hutchinson's estimate**.
#
# **Your turn.** `pull(u)` is $J^\top u$ for each row.


# %%
def hutchinson(pull, probes):
    """The mean of u . pull(u) over the probes u: (K, B, D) to (B,)."""
    ### BEGIN SOLUTION
    return np.mean([np.sum(u * pull(u), axis=1) for u in probes], axis=0)
    ### END SOLUTION


def check_hutchinson(hutchinson):
    jacobian = rng.normal(size=(5, 3, 3))
    pull = lambda u: np.einsum("bij,bi->bj", jacobian, u)
    probes = rng.choice([-1.0, 1.0], size=(7, 5, 3))
    return check_value(hutchinson, answers.hutchinson, pull, probes, names=("pull", "probes"))


test_hutchinson = exercise(hutchinson, check_hutchinson)

# %% [markdown]
# On digits: data as ten normals, one around the mean of each class, and the field at one noised image.

# %%
(train, labels), _, (test, _) = ((part / 16, y) for part, y in digits.split())
class_means = np.stack([train[labels == k].mean(axis=0) for k in range(10)])  # (10, 64)
estimate = yours(test_hutchinson, hutchinson, answers.hutchinson.value)


def guess_digits(z, alpha=0.5):
    away = z[:, None, :] - np.sqrt(alpha) * class_means  # (B, 10, 64)
    var = alpha * 0.05 + 1 - alpha
    odds = tg.softmax(-0.5 * np.sum(away**2, axis=2) / var)
    return np.sqrt(1 - alpha) / var * np.sum(odds[:, :, None] * away, axis=1)


z = np.sqrt(0.5) * (test[:1] + rng.normal(size=(1, 64)))
_, pull = tg.vjp(guess_digits)(z)
print(f"exact, 64 walks: {sum(pull(np.eye(64)[i:i + 1])[0, i] for i in range(64)):.4f}")
for K in (10, 100, 1000):
    each = np.array([estimate(pull, u[None])[0] for u in rng.choice([-1.0, 1.0], size=(K, 1, 64))])
    print(f"{K:4} probes: {each.mean():8.4f} +- {each.std(ddof=1) / K**0.5:.4f}")

# %% [markdown]
# ## 7. An absolute scale
#
# With an exact likelihood models can be compared, even with the truth. By lesson 4 the mean of $-\log
# p_{\text{model}}(x)$ over real data is the entropy of the data plus the divergence of the data relative to
# the model. The entropy is an **entropy floor**: no model gets below it, and the distance to it *is* the
# divergence. For two real moons (a continuous arc plus noise of 0.1) the floor is known: 1.00758 nats.
#
# Three models of it: one normal, and a diffusion after 3 and after 80 passes through 4000 points. `Diffusion`
# is the package's estimator: a network as in lesson 14, and `score_samples` walks the flow.

# %% tags=["look"]
points, judge = (toy.two_moons(n, rng, noise=0.1) for n in (4000, 200))
truth = toy.two_moons_log_density(judge, noise=0.1)
factor = np.linalg.cholesky(np.cov(points.T))
scores = {"one normal": gaussian.log_density_cholesky(judge, points.mean(axis=0), factor)}
for epochs in (3, 80):
    model = Diffusion(predicts="eps", width=32, blocks=2, batch_size=200, learning_rate=1e-2,
                      epochs=epochs, validation_fraction=0, cosine_decay=True, scaling="one",
                      score_steps=20, random_state=16).fit(points)  # fmt: skip
    scores[f"diffusion, {epochs} passes"] = model.score_samples(judge)
for name, score in scores.items():
    gap = truth - score  # on the same points, so that what is hard for both cancels
    nats = toy.two_moons_entropy(noise=0.1) + gap.mean()
    print(f"{name:22} {nats:.3f} nats, divergence ", end="")
    print(f"{gap.mean():.3f} +- {gap.std() / len(gap) ** 0.5:.3f}")

# %% [markdown]
# After three passes the network is worse than a single normal, and after eighty there is still something to
# win: you know how much, in nats. No picture of samples tells you that.
#
# ## 8. Shuffled together
#
# > The notes begin the chapter with: "Now shuffle GAN/VAE/Normalizing, and multiple by 100."
#
# You have seen the cards. A diffusion is a VAE with very many latents and an encoder that is fixed (lesson
# 13). Its flow is one in the sense of lesson 11: an invertible map with a known determinant. Now take the first
# literally, and put a diffusion *into* a VAE.
#
# Why? A VAE draws $z$ from its prior, but its decoder has only seen the codes of real images. The more the codes
# are allowed to differ from the prior, the sharper the images can be, and the worse are the draws from the prior:
# that was the choice of $\beta$ in lesson 9. Do not choose. Take a small $\beta$, encode all images, and let a
# diffusion learn the density that the codes have. Then draw $z$ from the diffusion. This is **latent diffusion**.
# It works in 8 dimensions here and not in 64, and that is its other use: for large images it saves nearly all
# the work.

# %% tags=["look"]
vae = VAE(8, beta=0.1, hidden=(128,), decoder="gaussian", batch_size=50, learning_rate=5e-3,
          epochs=50, scaling="none", validation_fraction=0, ema=0,
          random_state=8).fit(train)  # fmt: skip


def codes(images):
    """One draw of z from q(z|x) for each image: (B, 64) to (B, 8)."""
    mean, logvar = one_page.encode(vae.params_, images.astype(np.float32))
    return gaussian.sample(mean, logvar, rng.standard_normal(mean.shape, np.float32))


prior = Diffusion(width=64, epochs=120, batch_size=100, score_steps=16, scaling="one",
                  validation_fraction=0, cosine_decay=True, random_state=8)  # fmt: skip
known = codes(train)
prior.fit(known)
from_normal = vae.inverse_transform(rng.normal(size=(20, 8)))
from_diffusion = vae.inverse_transform(prior.sample(20, random_state=1))
names = ["prior", "", "diffusion", ""]
fig = plots.images(np.concatenate([from_normal, from_diffusion]), rows=names, low=0, high=1)

# %% [markdown]
# Above, the decoder is asked for codes that it has never seen. Below, for codes like those it knows. The bound
# says so in nats. With the diffusion in place of the prior it is
#
# $$
# \log Pr(x) \geq \mathbb{E}_{q(z \mid x)}
# \big[ \log Pr(x \mid z) + \log p_{\text{diffusion}}(z) - \log q(z \mid x) \big] ,
# $$
#
# and the middle term is exact, by section 6. The two other terms stay as they are. So the bound rises by
# $\log p_{\text{diffusion}}(z) - \log \mathcal{N}(z; 0, I)$, on average over the codes. On images that
# neither has seen:

# %% tags=["look"]
z = codes(test[:100])
gain = prior.score_samples(z) - gaussian.log_density(z, np.zeros_like(z), np.zeros_like(z))
bound = vae.score_samples(test[:100])
print(f"bound of the VAE {bound.mean():.2f} nats an image; it rises by ", end="")
print(f"{gain.mean():.2f} +- {gain.std() / len(z) ** 0.5:.2f}")

# %% [markdown]
# (`LatentDiffusion` in the package is these lines as one estimator. The small $\beta$ was chosen for the pictures: for
# the bound alone one trains with $\beta = 1$.)
#
# **How much is there to gain?** Call $q(z)$ the density of all codes together, as in lesson 9, and let $p'$ be a
# learned prior. While the encoder stays as it is, the bound rises on average by
#
# $$
# \mathbb{E}_{q(z)} \log \frac{p'(z)}{\mathcal{N}(z; 0, I)}
# = D_{KL}\big[ q(z) \,\|\, \mathcal{N}(0, I) \big] - D_{KL}\big[ q(z) \,\|\, p'(z) \big]
# $$
#
# ([checked](derivation:flow/prior)): at most by the first divergence, which is the second part of the rate. What the
# code tells about $x$ has to be paid under any prior. Any density that can be scored and sampled will do for $p'$, so
# take a flow too. First the linear model, where all is known: data of variance 4, which the model with $w = 1.3$ and
# $\sigma^2 = 0.4$ takes for data of variance 2.09.

# %% tags=["look"]
linear = LinearGaussian([[1.3]], [0.0], 0.4)


def linear_codes(n):
    """One draw of z from the posterior for each of n data of variance 4: (n, 1)."""
    mean, cov = linear.posterior(2 * rng.normal(size=(n, 1)))
    return mean + np.sqrt(cov[0, 0]) * rng.normal(size=(n, 1))


spread = (1.3 / 2.09) ** 2 * 4 + 0.4 / 2.09  # of all codes together: of the means, and around them
most = gaussian.kl(np.zeros(1), np.log([spread]), np.zeros(1), np.zeros(1))
of_code = 0.5 * np.log(spread / (0.4 / 2.09))
print(f"rate {of_code + most:.4f} = mutual information {of_code:.4f}", end="")
print(f" + most that a prior gains {most:.4f}")
scale = Flow([Diagonal()], max_steps=400, scaling="none", random_state=16, progress=False)
scale.fit(linear_codes(4000))
new = linear_codes(20_000)
gained = scale.score_samples(new) - gaussian.log_density(new, 0.0, 0.0)
print(f"a flow z -> z e^s + t gains {gained.mean():.4f} +- {gained.std() / len(new) ** 0.5:.4f}")

# %% [markdown]
# Now for the digits, six couplings that are trained on the same codes as the diffusion, and judged on the same:

# %% tags=["look"]
flow = Flow("affine", depth=6, hidden=(32,), dropout=0.2, max_steps=800, batch_size=100,
            learning_rate=5e-3, validation_fraction=0, random_state=8, progress=False)  # fmt: skip
by_flow = flow.fit(known).score_samples(z) - gaussian.log_density(z, 0.0, 0.0)
gains = {"diffusion": gain, "flow": by_flow, "diffusion minus flow": gain - by_flow}
for name, values in gains.items():
    print(f"{name:20} {values.mean():6.2f} +- {values.std() / len(z) ** 0.5:.2f} nats")
from_flow = vae.inverse_transform(flow.sample(20, random_state=1))
fig = plots.images(from_flow, rows=["flow", ""], low=0, high=1)

# %% [markdown]
# The flow makes its $z$ in one pass and the diffusion in many, and both have an exact density of their own. Here the
# encoder did not know which prior was coming. `VAE(prior="flow")` trains flow, encoder and decoder together.
#
# ## 9. Break it: find the planted mistake
#
# Somebody likes the flow, but thinks in $z$ and $t$. They take the mean of the ancestral step, $(z_t +
# \beta_t\, \text{score}) / \sqrt{1 - \beta_t}$, keep what is of first order in $\beta_t$, and leave out the
# noise: "the flow is the walk without noise".


# %%
def planted_step(z, eps, beta, alpha):
    """z_{t-1} from z_t (B, D) and the guess eps of the noise, to first order in beta_t."""
    score = -eps / np.sqrt(1 - alpha)
    return z + beta / 2 * z + beta * score


slow = Schedule.linear(400)


def down(step, says, z):
    for t in range(400, 0, -1):
        z = step(z, says(z, slow.alpha_bar[t]), slow.beta[t], slow.alpha_bar[t])
    return z


for var in (0.3, 1.0, 4.0):
    data = GaussianDiffusion(0.0, var)
    end = down(planted_step, data.noise, np.ones(1))[0] ** 2
    print(f"data of variance {var}: ends with {end:.4f}")

# %% tags=["look"]
walked = down(planted_step, guess_noise, start)
figure, ax = plt.subplots(figsize=(5.6, 3.6))
ax.scatter(*real.T, s=5, color="C8", alpha=0.5, linewidths=0, label="data")
ax.scatter(*walked.T, s=7, linewidths=0, label="the planted flow")
ax.set_aspect("equal")
ax.legend()

# %% [markdown]
# The points are pulled into two heaps where there are no data, and nothing is spread as it should be. Look at
# the variances: going back one step, normal data have to get from $c_t$ to $c_{t-1} = (c_t - \beta_t) / (1 -
# \beta_t)$, which is $c_t + \beta_t c_t - \beta_t$ to first order. Here the score is $-z / c_t$. What does
# the planted step do to a variance?
#
# **Your turn.** Repair it: three terms, to first order in $\beta_t$.


# %%
def repaired_step(z, eps, beta, alpha):
    """z_{t-1} from z_t (B, D) and the guess eps of the noise, to first order in beta_t."""
    ### BEGIN SOLUTION
    score = -eps / np.sqrt(1 - alpha)
    return z + beta / 2 * (z + score)
    ### END SOLUTION


def check_repaired(repaired_step):
    z, eps = rng.normal(size=(2, 5, 3))
    names = ("z", "eps", "beta", "alpha")
    return check_value(repaired_step, answers.flow_step, z, eps, 0.02, 0.4, names=names)


test_repaired = exercise(repaired_step, check_repaired)

# %%
flow_step = yours(test_repaired, repaired_step, answers.flow_step.alone)
for var in (0.3, 1.0, 4.0):
    data = GaussianDiffusion(0.0, var)
    end = down(flow_step, data.noise, np.ones(1))[0] ** 2
    print(f"data of variance {var}: ends with {end:.4f}")

# %% [markdown]
# So the noisy walk follows the score twice as far as the flow. Half of it makes up for the noise that is
# added. Leave out the noise, and that half has to go, too.
#
# ## 10. What the notes leave out, and where to go
#
# - **Two likelihoods.** A trained network defines two models: the ancestral sampler's, of which you have
#   the bound of lesson 13, and the flow's, of which you have the exact value. With the true score they agree in
#   the limit of many steps. With a trained one they do not quite, and neither is *the* likelihood of "the diffusion
#   model".
# - **Straighter paths.** The flow bends, so it needs steps. *Flow matching* (`flow_matching` in the package)
#   learns the field of straight paths from noise to data. It is the same idea with another schedule.
# - **Fewer calls.** A second network can learn to jump along the flow: distillation, consistency models. Now the
#   last card of the notes is in play: a discriminator often helps it.
# - **Large pictures.** The recipe is the one of section 8: an autoencoder, a diffusion of its codes, and words
#   instead of digits as the condition (lesson 15). What differs is the network, and the money.
# - **Go on.** Derive something that is not here, write it down line by line, and let `tinygen check` tell you
#   whether it is right, and if not, which mistake it is.

# %% tags=["script"]
if __name__ == "__main__":
    finish(globals())
