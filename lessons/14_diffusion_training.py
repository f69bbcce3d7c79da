# %% [markdown]
# # 14 · Training a diffusion model
#
# In lesson 13 the bound became a sum of squared errors, one for each step. Now a network makes the guesses. You
# decide what it guesses, train it on a few examples and a few steps at a time, and walk back from noise to
# data. On the way one letter of the notes turns out to be two.
#
# | | |
# |---|---|
# | In the notes | Chapter 18, "Implementation" |
# | In the book | Prince, *Understanding Deep Learning*, sections 18.4 to 18.6 |
# | Before this | 12 and 13 |
# | Reading | 50 minutes |
# | Running | 5 seconds |

# %%
import functools

import matplotlib.pyplot as plt
import numpy as np

from tinygen import metrics, plots
from tinygen.course import Slider, check_value, derivation, exercise, finish, yours
from tinygen.course.answers import diffusion_training as answers
from tinygen.models.diffusion import Schedule, net, one_page, process
from tinygen.models.diffusion.parameterization import error_scale
from tinygen.nn import train
from tinygen.nn.optim import CosineAdam
from tinygen.oracles.gaussian_diffusion import GaussianDiffusion
from tinygen.oracles.mixture_diffusion import MixtureDiffusion

rng = np.random.default_rng(14)  # every random number of this lesson comes from here
schedule = Schedule.linear(100)  # 100 steps: the betas and alphas of lesson 12, indexed by t
T, beta, alpha = schedule.T, schedule.beta, schedule.alpha_bar

# %% [markdown]
# ## 1. One guess, four names
#
# What has to be learned? Lesson 13 left one unknown in each step: $q(z_{t-1} \mid z_t, x)$ is known, but $x$ is
# not. The network sees $z_t$ and $t$, and it has to guess $x$. The noisy
#
# $$z_t = \sqrt{\alpha_t}\, x + \sqrt{1 - \alpha_t}\, \epsilon$$
#
# is one equation with two unknowns. Guess one of them, and the other follows. So the network may just as well
# guess $\epsilon$.
#
# **Your turn.** `alpha` is $\alpha_t$, a number.


# %%
def x_from_eps(z, eps, alpha):
    """The x that belongs to z (B, D), if eps (B, D) is the noise in it."""
    ### BEGIN SOLUTION
    return (z - np.sqrt(1 - alpha) * eps) / np.sqrt(alpha)
    ### END SOLUTION


def check_x_from_eps(x_from_eps):
    z, eps = rng.normal(size=(2, 5, 3))
    return check_value(x_from_eps, answers.x_from_eps, z, eps, 0.3, names=("z", "eps", "alpha"))


test_x_from_eps = exercise(x_from_eps, check_x_from_eps)

# %% [markdown]
# ([Checked](derivation:diffusion/x-from-noise).) You divide by $\sqrt{\alpha_t}$. For large $t$ that is nearly
# 0, and a small error in $\epsilon$ becomes a large one in $x$. The other way round you divide by
# $\sqrt{1 - \alpha_t}$, which is nearly 0 for small $t$. Is there a guess that is good at both ends?
#
# Yes. The squares of $\sqrt{\alpha_t}$ and $\sqrt{1 - \alpha_t}$ sum to 1: they are a cosine and a sine. So
# $z_t$ is one axis of a turned cross in the plane of $x$ and $\epsilon$. Call the other axis $v$:
#
# $$
# \begin{align*}
# z_t &= \sqrt{\alpha_t}\, x + \sqrt{1 - \alpha_t}\, \epsilon \\
# v &= \sqrt{\alpha_t}\, \epsilon - \sqrt{1 - \alpha_t}\, x
# \end{align*}
# $$
#
# You are shown how far a point lies along $z_t$. What you are not shown is how far it lies along $v$.

# %% tags=["look"]
x_cloud = rng.choice([-1.0, 1.0], 160) + 0.15 * rng.normal(size=160)
eps_cloud = rng.normal(size=160)


def turned(t):
    a, b = np.sqrt(alpha[t]), np.sqrt(1 - alpha[t])
    figure, ax = plt.subplots(figsize=(4.6, 4.2))
    plots.dots(ax, np.stack([x_cloud, eps_cloud], axis=1), color="C8")
    for name, (right, up), color in (("z", (a, b), "C0"), ("v", (-b, a), "C1")):
        ax.plot([-2.6 * right, 2.6 * right], [-2.6 * up, 2.6 * up], color=color)
        ax.text(2.85 * right, 2.85 * up, name, color=color, fontsize=13, ha="center", va="center")
    ax.set(xlim=(-3.1, 3.1), ylim=(-3.1, 3.1), xlabel="x", ylabel="noise", title=f"t = {t}")
    ax.set_aspect("equal")
    return figure


Slider(turned, [1, 10, 20, 30, 50, 100], label="t = {}", play=True)

# %% [markdown]
# At the beginning $v$ is nearly the noise, at the end nearly minus $x$: always the part that $z_t$ does not
# show.
#
# **Your turn.** Turn back: from $z_t$ and $v$ to both $x$ and $\epsilon$. No division is needed.


# %%
def from_v(z, v, alpha):
    """The pair (x, eps) that belongs to z and v, all (B, D)."""
    ### BEGIN SOLUTION
    a, b = np.sqrt(alpha), np.sqrt(1 - alpha)
    return a * z - b * v, b * z + a * v
    ### END SOLUTION


def check_from_v(from_v):
    z, v = rng.normal(size=(2, 5, 3))
    names, parts = ("z", "v", "alpha"), ("x", "eps")
    return check_value(from_v, answers.from_v, z, v, 0.3, names=names, parts=parts)


test_from_v = exercise(from_v, check_from_v)

# %% [markdown]
# ([Checked](derivation:diffusion/x-from-v).) Whatever is guessed, the guess means an $x$. How much does an
# error of the guess weigh in $x$? Take the thousand steps of DDPM again:

# %%
ddpm, steps = Schedule.linear(1000), np.arange(1, 1001)
print("an error of .01 in   " + "".join(f"{kind:>10}" for kind in ("x", "eps", "v")))
for t in (1, 100, 500, 1000):
    errors = [0.01 / np.sqrt(error_scale(ddpm, kind)[t]) for kind in ("x", "eps", "v")]
    print(f"is in x, at t = {t:4}:" + "".join(f"{error:10.4f}" for error in errors))

# %% [markdown]
# An error of .01 in $\epsilon$ is one of 1.57 in $x$ at the end of the way. One in $v$ stays what it is, or
# becomes smaller.
#
# ## 2. What the best network says
#
# A network that is trained on squared errors learns a mean: $\mathbb{E}[x \mid z_t]$, over all $x$ that could
# have become this $z_t$. To see it, take data of which everything is known: two moons, made of 32 small
# normals. The noisy moons are then made of 32 normals too, and that mean is a formula. The package has it.

# %%
angle = np.linspace(0, np.pi, 16)
upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
centres = 1.2 * (np.concatenate([upper, [1.0, 0.5] - upper]) - [0.5, 0.25])  # (32, 2)
moons = MixtureDiffusion(np.full(32, 1 / 32), centres, np.full(32, 0.15**2))
data = moons.sample(4000, rng)[0]

# %% tags=["look"]
shown_x, shown_eps = data[:200], rng.normal(size=(200, 2))


def best_guess(t):
    z = process.noisy(schedule, shown_x, t, shown_eps)
    figure, axes = plt.subplots(1, 2, figsize=(7.0, 3.3))
    guess = moons.denoised(z, alpha[t])
    for ax, points, title in zip(axes, (z, guess), (f"z at t = {t}", "best guess of x")):
        plots.dots(ax, data[200:500], size=2, color="#b4bbc2")
        plots.dots(ax, points)
        ax.set(xlim=(-3, 3), ylim=(-2.6, 2.6), title=title)
        ax.set_aspect("equal")
    return figure


Slider(best_guess, [1, 10, 20, 30, 50, 100], label="t = {}", play=True)

# %% [markdown]
# With little noise the guess is on a moon. With much noise it is the middle of everything, where no data are:
# the mean of many possibilities is not one of them. So you cannot jump from noise to data with one guess. You
# take one small step, look again, and guess again. A thousand small steps, each an easy question: that is the
# idea of diffusion.
#
# That is also why the notes' $f_t$, the mean of the model $Pr(z_{t-1} \mid z_t)$, is to be trained and not
# computed: with this mean in the place of $x$ it is the mean of $q(z_{t-1} \mid z_t)$, the right target. That
# the model is a normal around it stays a choice of ours (lesson 12).
#
# ## 3. Two noises under one letter
#
# One step back goes to the mean of $q(z_{t-1} \mid z_t, x)$, with the guess in place of $x$ (lesson 12):
#
# $$
# \frac{\sqrt{\alpha_{t-1}}\, \beta_t\, x + \sqrt{1 - \beta_t}\, (1 - \alpha_{t-1})\, z_t}{1 - \alpha_t} .
# $$
#
# Put in $x = (z_t - \sqrt{1 - \alpha_t}\, \epsilon) / \sqrt{\alpha_t}$ and collect the factors of $z_t$ and of
# $\epsilon$. You need $\alpha_t = (1 - \beta_t)\, \alpha_{t-1}$. Something short is left.
#
# **Your turn.** The mean, from $z_t$ and $\epsilon$. `beta` and `alpha` are $\beta_t$ and $\alpha_t$.


# %%
def reverse_mean(z, eps, beta, alpha):
    """The mean of q(z_{t-1} | z_t, x), if eps is the total noise in z: arrays (B, D)."""
    ### BEGIN SOLUTION
    return (z - beta / np.sqrt(1 - alpha) * eps) / np.sqrt(1 - beta)
    ### END SOLUTION


def check_reverse_mean(reverse_mean):
    z, eps = rng.normal(size=(2, 5, 3))
    names = ("z", "eps", "beta", "alpha")
    return check_value(reverse_mean, answers.reverse_mean, z, eps, 0.2, 0.3, names=names)


test_reverse_mean = exercise(reverse_mean, check_reverse_mean)

# %% [markdown]
# > The notes say: find the noise $\epsilon = \frac{z_t - z_{t-1} \sqrt{1 - \beta_t}}{\sqrt{\beta}}$, "then we get
# > a cute and nice expression". That is the noise of the *last step* alone (and the $\beta$ below wants its index $t$).
# > The $\epsilon$ above is the *total* noise, of all steps from $x$ to $z_t$. They are the same at $t = 1$
# > only.
#
# How are they related? Given $z_t$ and $x$, the mean of the last step's noise is
#
# $$
# \mathbb{E}[\epsilon_\text{step} \mid z_t, x] = \sqrt{\frac{\beta_t}{1 - \alpha_t}}\; \epsilon
# $$
#
# ([checked](derivation:diffusion/step-noise)), and its variance is $1 - \frac{\beta_t}{1 - \alpha_t}$
# ([checked](derivation:diffusion/step-noise-variance)). So a network may learn either. With the one-step noise,
# the mean one step back has the coefficient $\sqrt{\beta_t}$ in place of $\beta_t / \sqrt{1 - \alpha_t}$.
# Here it is, line by line:

# %%
derivation("diffusion/noise-mean")

# %% [markdown]
# The same mean, but not the same training. The total noise is settled by $z_t$ and $x$. The noise of the last
# step is not: it has a variance of its own, and near 1 it is nearly all of it. Two numbers for each: what is
# left if even $x$ is known, and what the best network leaves, on data of unit variance
# ([checked](derivation:diffusion/least-errors)).

# %%
unit = GaussianDiffusion(mean=0.0, var=1.0)
print("              x known: step   total    best network: step   total")
for t in (1, 2, 500, 1000):
    share = ddpm.beta[t] / ddpm.sigma2[t]
    spread = unit.marginal(ddpm.alpha_bar[t])[1]  # the variance of z_t
    best = 1 - ddpm.beta[t] / spread, unit.least_error(ddpm.alpha_bar[t], "eps")
    print(f"t = {t:4} {1 - share:19.3f} {0:7.3f} {best[0]:21.3f} {best[1]:7.3f}")

# %% [markdown]
# Look at what a network is shown. The line is the best guess from $z_t$; the cloud around it is what it cannot
# know.

# %% tags=["look"]
x_unit, before_eps, step_eps = rng.normal(size=(3, 250))


def two_targets(t):
    z_before = process.noisy(ddpm, x_unit, t - 1, before_eps) if t > 1 else x_unit
    z = process.step(ddpm, z_before, t, step_eps)
    total = (z - np.sqrt(ddpm.alpha_bar[t]) * x_unit) / ddpm.sigma[t]
    figure, axes = plt.subplots(1, 2, figsize=(7.0, 3.2), sharey=True)
    slopes = ddpm.sigma[t], np.sqrt(ddpm.beta[t])  # of the best guess, for data of unit variance
    targets = {"total noise": total, "noise of the last step": step_eps}
    for ax, slope, (name, target) in zip(axes, slopes, targets.items()):
        plots.dots(ax, np.stack([z, target], axis=1), color="C8")
        ax.plot([-3.2, 3.2], [-3.2 * slope, 3.2 * slope], color="C0")
        error = np.mean((target - slope * z) ** 2)
        ax.set(xlim=(-3.2, 3.2), ylim=(-3.4, 3.4), xlabel=f"z at t = {t}")
        ax.set_title(f"{name}, error {error:.2f}")
    return figure


Slider(two_targets, [1, 10, 50, 200, 500, 1000], label="t = {}", play=True)

# %% [markdown]
# At $t = 1$ both are the same. Then the one-step noise stays a cloud for ever, and the little slope that matters
# has to be found under it. The total noise becomes clear as $t$ grows. So everybody trains on the total noise.
#
# And put into the formula for $x$, the one-step noise is simply wrong, as you saw in lesson 12. Section 8 shows
# what becomes of a sampler that does it.

# %% [markdown]
# ## 4. How hard is each guess?
#
# Even the best network has an error. On data $\mathcal{N}(0, \lambda)$ it is known, with
# $c = \alpha_t \lambda + 1 - \alpha_t$, the variance of $z_t$ ([checked](derivation:diffusion/least-errors)):
#
# | guess | least error | |
# |---|---|---|
# | $\epsilon$ | $\alpha_t \lambda / c$ | hard at small $t$ |
# | $x$ | $\lambda (1 - \alpha_t) / c$ | hard at large $t$ |
# | $v$ | $\lambda / c$ | |
# | $\epsilon_\text{step}$ | $1 - \beta_t / c$ | hard nearly everywhere |
#
# Move the variance of the data. Real images have directions of all variances, most of them small.

# %% tags=["look"]
colors = {"eps": "C0", "x": "C1", "v": "C2", "step": "C3"}


def least_errors(lam):
    oracle = GaussianDiffusion(0.0, lam)
    figure, ax = plt.subplots(figsize=(5.6, 3.4))
    for kind in ("eps", "x", "v"):
        ax.plot(steps, oracle.least_error(ddpm.alpha_bar[1:], kind), color=colors[kind], label=kind)
    spread = oracle.marginal(ddpm.alpha_bar[1:])[1]
    ax.plot(steps, 1 - ddpm.beta[1:] / spread, "--", color=colors["step"], label="one-step noise")
    ax.set(xlabel="t", ylabel="least squared error", ylim=(-0.03, max(1.08, 1.05 * lam)))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, frameon=False)
    return figure


Slider(least_errors, np.geomspace(0.01, 3, 6), label="variance {:.3g}", play=True)

# %% [markdown]
# These are not four networks of different quality. The *best* guesses are one and the same, said in four ways.
# What differs is what a real network, which is never the best, gets right first. And that is decided by the
# weights.
#
# ## 5. The loss
#
# Lesson 13 gave each step of the bound its weight ([checked](derivation:diffusion/weights)). Nearly everybody
# leaves the weights out and minimises the **simple loss**, the mean of $|\epsilon - \hat\epsilon|^2$ over all
# $t$ alike. It is another objective, and no bound on anything. The two can prefer different networks. Take
# network A, which is off by a squared error of .02 in the noise up to $t = 50$, and network B, which is off by
# .002 at all other steps:

# %%
snr = ddpm.snr[1:]
weight = 0.5 * (snr[:-1] - snr[1:]) / snr[1:]  # of the error in the noise, t = 2, ..., 1000
early = steps[1:] <= 50
for name, off in (("A", np.where(early, 0.02, 0.0)), ("B", np.where(early, 0.0, 0.002))):
    nats = np.sum(weight * off)
    print(f"{name}: the simple loss is worse by {off.mean():.5f}, the bound by {nats:.4f} nats")
share = weight[early].sum() / weight.sum()
print(f"the first 50 of the 1000 steps have {share:.0%} of the bound's weight")

# %% [markdown]
# The simple loss likes A better, the bound likes B better. The bound counts nats, and many of them are in the
# finest details. The simple loss cares more for what one can see. Use the one that you mean, and say which it
# was.
#
# Now take a few examples and a few steps. You know the factors $N/B$ and $T$ from lesson 13; in a mean they
# cancel. But which few steps? One for the whole batch, one for each row, or one for each row and evenly spread?
# All three are right on average. Here is how much a batch of 256 varies, with the best guess for data
# $\mathcal{N}(0, 1)$:

# %%
def batch_loss(t):
    """The simple loss of the best guess on 256 fresh numbers, at the steps t (256,)."""
    x, eps = rng.normal(size=(2, 256))
    return np.mean((ddpm.sigma[t] * process.noisy(ddpm, x, t, eps) - eps) ** 2)


ways = {
    "one step for all": lambda: np.full(256, rng.integers(1, 1001)),
    "one for each row": lambda: rng.integers(1, 1001, 256),
    "evenly spread": lambda: one_page.uniform_times(rng, 1000, 256),
}
for name, draw_t in ways.items():
    losses = [batch_loss(draw_t()) for _ in range(500)]
    print(f"{name}: mean {np.mean(losses):.3f}, spread {np.std(losses):.4f}")

# %% [markdown]
# One step for the whole batch is eight times as noisy, at the same price: sixty times the batches for the same
# certainty. Spreading the steps evenly costs nothing either.
#
# **Your turn.** The simple loss of a batch. `alpha` has one $\alpha_t$ for each row, as a column `(B, 1)`: each
# row has its own $t$. `predict(z)` is the network's guess of the noise, `(B, D)`.


# %%
def simple_loss(predict, x, eps, alpha):
    """The mean squared error of the guessed noise: x and eps (B, D), alpha (B, 1), to a number."""
    ### BEGIN SOLUTION
    z = np.sqrt(alpha) * x + np.sqrt(1 - alpha) * eps
    return np.mean((predict(z) - eps) ** 2)
    ### END SOLUTION


def check_simple_loss(simple_loss):
    x, eps = rng.normal(size=(2, 5, 3))
    column = 0.1 + 0.8 * rng.random((5, 1))
    predict = lambda z: np.tanh(z) + 0.1
    names = ("predict", "x", "eps", "alpha")
    return check_value(simple_loss, answers.simple_loss, predict, x, eps, column, names=names)


test_simple_loss = exercise(simple_loss, check_simple_loss)

# %% [markdown]
# ## 6. Train
#
# One network for all steps. So it has to be told $t$, and a single number is hard to use: neighbouring steps
# differ in the third digit. Tell it sines and cosines instead, slow ones and fast ones. The slow ones say
# roughly where you are, the fast ones exactly. (The package takes them of $\log \text{SNR}_t$, so that a
# network can be used with another schedule.)

# %%
told = net.conditioning(schedule.logsnr.clip(-15, 15))  # (T + 1, 32): what it is told at each t
fig, ax = plt.subplots(figsize=(5.6, 2.6))
ax.imshow(told[1:].T, aspect="auto", cmap="RdBu", extent=(0.5, T + 0.5, 32, 0))
ax.set(xlabel="t", ylabel="feature", title="What the network is told")

# %% [markdown]
# The network itself is that of lesson 3 with two changes. It has **residual** blocks: each adds something to
# what it was given, instead of replacing it. And each block is told $t$ again. Read `net.predict`, it is eight
# lines.
#
# Each step of training: 128 points, for each a $t$ and fresh noise. `train.fit` records the step once and
# replays it. The size of the steps falls to 0, so that the noise of training dies out.

# %% tags=["look"]
of_batch = yours(test_simple_loss, simple_loss, answers.simple_loss.alone)


def loss(params, x, noise):
    predict = lambda z: net.predict(params, z, noise["told"])
    return of_batch(predict, x, noise["eps"], noise["alpha"])


def draw(rng, x):
    t = rng.integers(1, T + 1, len(x))  # one for each row
    return {"eps": rng.normal(size=x.shape), "alpha": alpha[t][:, None], "told": told[t]}


params = net.init(rng, 2, width=48, blocks=2)
adam = functools.partial(CosineAdam, rate=3e-3, total=2500)
options = dict(rng=rng, batch_size=128, noise=draw, optimiser=adam)
params, history = train.fit(loss, params, data, epochs=2500 * 128 / len(data), **options)
fig = plots.history(history)
fig.axes[0].set(ylim=(0, 0.8), ylabel="simple loss", title="The loss while training")

# %% [markdown]
# The loss falls, and then it stays at a little over .2. Is that good? You can't tell, until you know what
# nobody can know. For the moons the exact mean $\mathbb{E}[\epsilon \mid z_t]$ is a formula. So measure the
# loss at each $t$, and the loss of that best guess. What is between them is the network's own error, and
# nothing else:
#
# $$
# \mathbb{E}|\epsilon - \hat\epsilon|^2
# = \mathbb{E}\big|\epsilon - \mathbb{E}[\epsilon \mid z_t]\big|^2
# + \mathbb{E}\big|\mathbb{E}[\epsilon \mid z_t] - \hat\epsilon\big|^2 .
# $$

# %% tags=["look"]
def trained(z, t):
    """The network's guess of the noise."""
    of_rows = np.repeat(told[t][None], len(z), axis=0)
    return net.predict(params, z.astype(np.float32), of_rows).astype(float)


def exact_eps(z, t):
    return moons.noise(z, alpha[t])


fresh, looked = moons.sample(2000, rng)[0], [1, 2, 3, 4, 6, 8, 11, 15, 20, 30, 40, 60, 100]
parts = {"trained": [], "best possible": [], "its own error": []}
for t in looked:
    noise = rng.normal(size=fresh.shape)
    z = process.noisy(schedule, fresh, t, noise)
    says, best = trained(z, t), exact_eps(z, t)
    for name, gap in zip(parts, (says - noise, best - noise, says - best)):
        parts[name].append(np.mean(gap**2))
fig = plots.curves(looked, parts, xlabel="t", ylabel="squared error of the noise")
fig.axes[0].set(xscale="log", title="Not everything can be learned")

# %% [markdown]
# Nearly all of the loss is what nobody can know. Its own error is largest where the noise is about as wide as
# the moons are thick: there the fine shape of the data is decided.
#
# ## 7. Walk back
#
# Start from $z_T \sim \mathcal{N}(0, I)$. Then step by step: guess the noise, go to the mean, and add noise of
# variance $\tilde\beta_t = \beta_t \frac{1 - \alpha_{t-1}}{1 - \alpha_t}$. This is the **ancestral sampler**:
# each $z_{t-1}$ is drawn given its ancestor $z_t$.
#
# **Your turn.** One such step. `beta` and `alpha` are arrays, indexed by $t = 0, \dots, T$. Look at what your
# formula does at $t = 1$: no noise should be added there.


# %%
def ancestral_step(z, eps, t, noise, beta, alpha):
    """z_{t-1} from z_t and the guessed total noise eps, with fresh noise: all (B, D)."""
    ### BEGIN SOLUTION
    mean = (z - beta[t] / np.sqrt(1 - alpha[t]) * eps) / np.sqrt(1 - beta[t])
    return mean + np.sqrt(beta[t] * (1 - alpha[t - 1]) / (1 - alpha[t])) * noise
    ### END SOLUTION


def check_ancestral_step(ancestral_step):
    z, eps, noise = rng.normal(size=(3, 5, 3))
    few = Schedule([0.1, 0.3, 0.5, 0.4])
    names = ("z", "eps", "t", "noise", "beta", "alpha")
    at = lambda t: (z, eps, t, noise, few.beta, few.alpha_bar)
    one = lambda t: check_value(ancestral_step, answers.ancestral_step, *at(t), names=names)
    return [one(3), one(1)]


test_ancestral_step = exercise(ancestral_step, check_ancestral_step)

# %% tags=["look"]
one_step = yours(test_ancestral_step, ancestral_step, answers.ancestral_step.alone)


def walk(says, start, noises):
    """z_T, ..., z_0, with the guess says(z, t)."""
    z, path = start, [start]
    for t in range(T, 0, -1):
        z = one_step(z, says(z, t), t, noises[t - 1], beta, alpha)
        path.append(z)
    return path


start, noises = rng.normal(size=(400, 2)), rng.normal(size=(T, 400, 2))
by_net, by_exact = walk(trained, start, noises), walk(exact_eps, start, noises)


def going_back(t):
    figure, axes = plt.subplots(1, 2, figsize=(7.0, 3.3))
    for ax, path, name in zip(axes, (by_net, by_exact), ("trained network", "exact guess")):
        plots.dots(ax, path[T - t][:250])
        ax.set(xlim=(-3, 3), ylim=(-2.6, 2.6), title=f"{name}, t = {t}")
        ax.set_aspect("equal")
    return figure


back = [100, 60, 40, 30, 22, 17, 13, 9, 6, 3, 0]
Slider(going_back, back, label="t = {}", play=True)

# %% [markdown]
# Both got the same noise, and nearly the same points come out. Nothing happens for a long time, and then it is
# decided quickly which moon a point belongs to.
#
# How good are they? A distance between two sets of samples means nothing alone. Put beside it what *real* data
# reach against other real data. The **energy distance** is 0 if both sets come from one law; and a classifier
# that tries to tell samples from real points is right half of the time, if it can't.

# %% tags=["look"]
real, other = (moons.sample(400, rng)[0] for _ in range(2))
for name, samples in (("trained", by_net[-1]), ("exact", by_exact[-1])):
    print(f"{name:8} energy distance", metrics.energy_distance(real, samples, other=other))
    print(f"{name:8} told apart     ", metrics.two_sample_accuracy(real, samples, other=other))

# %% [markdown]
# Read each number with its error, and beside what real data reach: a difference within the error says nothing either
# way. Both compare 400 points with 400 others. How likely the network holds data that it has not seen is another
# question, and a sharper one; it needs lesson 16.
#
# ## 8. Break it: find the planted mistake
#
# One word first. The gradient of a log density by the point, $\nabla \log q(z_t)$, is called its **score**; it shows to
# where the noisy data are denser. The best guess of a noise is the score times a known factor
# ([checked](derivation:diffusion/score)): $\mathbb{E}[\epsilon \mid z_t] = -\sqrt{1 - \alpha_t}\, \nabla \log q(z_t)$
# for the total noise, and $-\sqrt{\beta_t}\, \nabla \log q(z_t)$ for that of the last step.
#
# Somebody follows the notes to the letter. The network learns the noise of the last step, and it learns it
# perfectly: its loss is as low as it can be. The sampler takes it from there:


# %%
def planted_step(z, eps_step, t, noise, beta, alpha):
    """z_{t-1} from z_t and the guessed noise of the last step, with fresh noise: all (B, D)."""
    mean = (z - beta[t] / np.sqrt(1 - alpha[t]) * eps_step) / np.sqrt(1 - beta[t])
    return mean + np.sqrt(beta[t] * (1 - alpha[t - 1]) / (1 - alpha[t])) * noise


def perfect(z, t):
    """E[eps_step | z_t], exact for the moons."""
    return -np.sqrt(beta[t]) * moons.score(z, alpha[t])


z = rng.normal(size=(200, 2))
moon_spread = lambda t: np.sqrt(alpha[t] * data.var() + 1 - alpha[t])
for t in range(T, 0, -1):
    z = planted_step(z, perfect(z, t), t, rng.normal(size=z.shape), beta, alpha)
    if t in (100, 75, 50, 25, 1):
        print(f"z at t = {t - 1:2}: spread {z.std():6.2f}, should be {moon_spread(t - 1):.2f}")

# %% [markdown]
# The points fly apart. Yet every line looks like the one that you wrote yourself.
#
# **Your turn.** Which of the two noises does it have, and what goes with that one? Repair it.


# %%
def repaired_step(z, eps_step, t, noise, beta, alpha):
    """z_{t-1} from z_t and the guessed noise of the last step, with fresh noise: all (B, D)."""
    ### BEGIN SOLUTION
    mean = (z - np.sqrt(beta[t]) * eps_step) / np.sqrt(1 - beta[t])
    return mean + np.sqrt(beta[t] * (1 - alpha[t - 1]) / (1 - alpha[t])) * noise
    ### END SOLUTION


def check_repaired(repaired_step):
    z, eps_step, noise = rng.normal(size=(3, 5, 3))
    few = Schedule([0.1, 0.3, 0.5, 0.4])
    names = ("z", "eps_step", "t", "noise", "beta", "alpha")
    at = (z, eps_step, 3, noise, few.beta, few.alpha_bar)
    return check_value(repaired_step, answers.step_from_step_noise, *at, names=names)


test_repaired = exercise(repaired_step, check_repaired)

# %% [markdown]
# A low loss says that the network does what it was asked. It does not say that the sampler asks the same
# question.
#
# ## 9. What the notes leave out
#
# - **Which network is kept.** The last one, after the size of the steps has fallen to 0. Or a running mean of
#   its weights, which costs nothing and is what `Diffusion` keeps.
# - **The guess knows where the data are.** It is the score, up to a factor, as `perfect` above used it. The next two
#   lessons live on it.
# - **Fewer steps.** A hundred calls of the network for one picture is slow. On a way back without noise, with better
#   steps, some thirty are enough (lesson 16).
# - **It is in the package.** `Diffusion(predicts="eps").fit(data)` does all of this, `predicts="v"` too.

# %% tags=["script"]
if __name__ == "__main__":
    finish(globals())
