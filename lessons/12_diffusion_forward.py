# %% [markdown]
# # 12 · Diffusion, forwards
#
# A diffusion model destroys its data slowly, with noise, and then learns to undo each small step. Here you
# build the way down. Nothing in it is learned and everything in it is known exactly: any number of steps at
# once, one step back, and what is normal on the way and what is not.
#
# | | |
# |---|---|
# | In the notes | Chapter 18, from the diffusion kernel to "eventually, we get unit normal back" |
# | In the book | Prince, *Understanding Deep Learning*, sections 18.1 and 18.2 |
# | Before this | 4 and 5; 8 shows what a generative model is for |
# | Reading | 50 minutes |
# | Running | 4 seconds |

# %%
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np

from tinygen import plots
from tinygen.course import Slider, check_value, exercise, finish, notation, yours
from tinygen.course.answers import diffusion_forward as answers
from tinygen.data import digits
from tinygen.models.diffusion import Schedule
from tinygen.oracles.mixture_diffusion import MixtureDiffusion

rng = np.random.default_rng(12)  # every random number of this lesson comes from here

# %% [markdown]
# ## 1. One step
#
# A variational autoencoder has an encoder, and has to learn it. Suppose you do not want to. Take the most
# foolish encoder that there is: it adds noise. A little of it, again and again, until nothing of the data is
# left. Each step is so small that one could hope to undo it, and that will be the model. First the way down.
#
# Call the data $x = z_0$. Step $t$ turns $z_{t-1}$ into $z_t$, for $t = 1, \dots, T$. All $z_t$ have the shape
# of $x$: an image stays an image.
#
# Two rules about variances are all you need. If you multiply a random number by $c$, its variance is multiplied
# by $c^2$. If you add two independent ones, their variances add. So suppose that $z_{t-1}$ has the variance 1,
# and you add noise of the variance $\beta_t$, a number between 0 and 1. Then the sum has the variance
# $1 + \beta_t$, and after a thousand steps it has run away. To stay at 1, shrink first:
#
# $$z_t = \sqrt{1 - \beta_t}\, z_{t-1} + \sqrt{\beta_t}\, \epsilon_t, \qquad \epsilon_t \sim \mathcal{N}(0, I).$$
#
# This is the **diffusion kernel**. As a density it reads
# $q(z_t \mid z_{t-1}) = \mathcal{N}\big(z_t;\, \sqrt{1 - \beta_t}\, z_{t-1},\, \beta_t I\big)$.
#
# > The notes write $z_t = z_{t-1}\sqrt{1 - \beta_t} + \epsilon\sqrt{\beta}$. The second $\beta$ lacks its index: each
# > step has its own. So does the $\epsilon$: each step draws its own noise.
#
# **Your turn.** One step, for a whole batch.


# %%
def step(z, beta, eps):
    """z_t from z_{t-1}: z and the noise eps (B, D), beta one number. Returns (B, D)."""
    ### BEGIN SOLUTION
    return np.sqrt(1 - beta) * z + np.sqrt(beta) * eps
    ### END SOLUTION


def check_step(step):
    z, eps = rng.normal(size=(2, 7, 3))
    return check_value(step, answers.step, z, 0.3, eps, names=("z", "beta", "eps"))


test_step = exercise(step, check_step)

# %% [markdown]
# Watch it. The data are points on two half moons, moved and scaled so that each coordinate has mean 0 and
# variance 1. The $\beta_t$ rise in a line from 0.001 to 0.2 in 100 steps. The two colours are the two moons; the
# kernel does not know about them.

# %%
T = 100
beta = np.linspace(0.001, 0.2, T)  # beta_1, ..., beta_T: beta_t stands at index t - 1
one_step = yours(test_step, step, answers.step.alone)

angle = np.pi * rng.random(100)
arc = np.stack([np.cos(angle), np.sin(angle)], axis=1)
moons = np.concatenate([arc, [1, 0.5] - arc]) + 0.05 * rng.normal(size=(200, 2))
moons = (moons - moons.mean(axis=0)) / moons.std(axis=0)
path = [moons]
for t in range(1, T + 1):
    path.append(one_step(path[-1], beta[t - 1], rng.normal(size=moons.shape)))
for t in (0, 10, 50, 100):
    print(f"t = {t:3}: variances of the coordinates {path[t].var(axis=0).round(2)}")

# %% tags=["look"]
def cloud(t):
    figure, ax = plt.subplots(figsize=(4.4, 4.2))
    for part in (path[t][:100], path[t][100:]):
        ax.scatter(*part.T, s=9, linewidths=0)
    ax.set(xlim=(-3.4, 3.4), ylim=(-3.4, 3.4), title=f"t = {t}")
    return figure


times = [0, 1, 2, 4, 8, 14, 20, 26, 36, 50, 70, 100]
Slider(cloud, times, label="t = {}", play=True)

# %% [markdown]
# Within forty steps the moons are gone. Whoever looks at the last frame has no idea what the first one was.
# The model will have to find its way from there.
#
# ## 2. All steps at once
#
# Training needs $z_t$ for random $t$. It would be a pity to run through all steps each time. So put two of them
# together:
#
# $$
# z_2 = \sqrt{1 - \beta_2}\, \big( \sqrt{1 - \beta_1}\, x + \sqrt{\beta_1}\, \epsilon_1 \big)
# + \sqrt{\beta_2}\, \epsilon_2
# = \sqrt{(1 - \beta_2)(1 - \beta_1)}\, x + \sqrt{(1 - \beta_2)\, \beta_1}\, \epsilon_1 + \sqrt{\beta_2}\, \epsilon_2 .
# $$
#
# A sum of independent normals is normal. Its variance is the sum of the variances,
# $(1 - \beta_2)\beta_1 + \beta_2 = 1 - (1 - \beta_2)(1 - \beta_1)$. So the two noises together are *one* normal
# noise, and two steps look like one step, with $(1 - \beta_1)(1 - \beta_2)$ in place of $1 - \beta$
# ([checked, by an integral](derivation:diffusion/two-steps)). Go on like that:
#
# $$
# \alpha_t = \prod_{s=1}^t (1 - \beta_s), \qquad z_t = \sqrt{\alpha_t}\, x + \sqrt{1 - \alpha_t}\, \epsilon, \qquad
# q(z_t \mid x) = \mathcal{N}\big(z_t;\, \sqrt{\alpha_t}\, x,\, (1 - \alpha_t) I\big).
# $$
#
# $\alpha_t$ falls from $\alpha_0 = 1$ towards 0 ([checked for many steps](derivation:diffusion/closed-form)).
#
# > The notes get here by "if $\sigma(z_0) = 1$ then by sum-of-squares $\sigma(z_t) = 1$". You did not need that.
# > $x$ was given, one number that does not vary; the variances were those of the noise. The formula holds for
# > every $x$. The product in the notes also needs its upper limit: it runs to $t$.
#
# **Your turn.** All $\alpha_t$, with $\alpha_0 = 1$ in front, so that $\alpha_t$ stands at index $t$.


# %%
def alphas(beta):
    """alpha_0, alpha_1, ..., alpha_T from beta_1, ..., beta_T: (T,) to (T + 1,)."""
    ### BEGIN SOLUTION
    return np.concatenate([[1.0], np.cumprod(1 - beta)])
    ### END SOLUTION


def check_alphas(alphas):
    return check_value(alphas, answers.alphas, 0.6 * rng.random(7), names=("beta",))


test_alphas = exercise(alphas, check_alphas)

# %% [markdown]
# **Your turn.** Now $z_t$ in one go, for a batch in which each row has its own $t$. `t` holds integers, so
# `alpha[t]` picks one number for each row. Mind the shapes.


# %%
def noisy(x, t, alpha, eps):
    """z_t from x and the noise eps (B, D), steps t (B,) and alpha (T + 1,). Returns (B, D)."""
    ### BEGIN SOLUTION
    kept = alpha[t][:, None]  # (B, 1)
    return np.sqrt(kept) * x + np.sqrt(1 - kept) * eps
    ### END SOLUTION


def check_noisy(noisy):
    x, eps = rng.normal(size=(2, 5, 5))  # square: a wrong axis gives wrong numbers, no error
    t, alpha = rng.permutation(11)[:5] + 1, answers.alphas(0.1 + 0.3 * rng.random(11))
    return check_value(noisy, answers.noisy, x, t, alpha, eps, names=("x", "t", "alpha", "eps"))


test_noisy = exercise(noisy, check_noisy)

# %% [markdown]
# Three digits, each with one noise of its own, at ten times. Their values go from $-1$ to $1$.

# %%
alpha = yours(test_alphas, alphas, answers.alphas)(beta)
jump = yours(test_noisy, noisy, answers.noisy.alone)

images, labels = digits.load()
three = np.stack([images[labels == k][0] for k in (0, 3, 4)]) / 8 - 1  # (3, 64)
times = np.array([0, 5, 10, 15, 20, 30, 40, 50, 70, 100])
x = np.repeat(three, len(times), axis=0)  # (30, 64): each digit ten times
eps = np.repeat(rng.normal(size=three.shape), len(times), axis=0)
z = jump(x, np.tile(times, 3), alpha, eps)
fig = plots.images(z, columns=10, low=-1.5, high=1.5)
fig.axes[0].set_xticks(4 + 9 * np.arange(10), [f"t = {t}" if t == 0 else t for t in times])

# %% [markdown]
# ## 3. Which noise?
#
# Two formulas, and an $\epsilon$ in both. They are not the same noise. In the kernel it is the noise of one
# step, $\epsilon_t$. In the formula for all steps it is the **total noise**, made of all of them:
#
# $$
# \epsilon = \frac{1}{\sqrt{1 - \alpha_t}} \sum_{s=1}^t \sqrt{\beta_s\, \alpha_t / \alpha_s}\; \epsilon_s .
# $$
#
# ([Checked](derivation:diffusion/one-noise), and so is that [the squares of the weights sum to
# 1](derivation:diffusion/sum-of-squares).) The two agree at $t = 1$ only.
#
# > The notes use one letter for both, and in "Implementation" a network is to find the noise of one step. So
# > keep them apart from the start.
#
# Run 200,000 points through 50 steps, and look back at the noise of the last one. How much does it have to do
# with the total noise? (Both have variance 1. The mean of their product would be 1 if they were the same, and 0
# if they were independent.) And what if you put it into the formula, to get $x$ back?

# %%
t, z = 50, np.full(200_000, 0.7)  # every point starts from x = 0.7
for b in beta[:t]:
    last = rng.normal(size=z.shape)
    z = np.sqrt(1 - b) * z + np.sqrt(b) * last
total = (z - np.sqrt(alpha[t]) * 0.7) / np.sqrt(1 - alpha[t])
share = beta[t - 1] / (1 - alpha[t])

print(f"mean of last * total {np.mean(last * total):.3f}, by formula {np.sqrt(share):.3f}")
unknown = last - np.sqrt(share) * total
print(f"left over if the total is known {np.var(unknown):.3f}, by formula {1 - share:.3f}")
for name, noise in (("total noise", total), ("noise of the last step", last)):
    back = (z - np.sqrt(1 - alpha[t]) * noise) / np.sqrt(alpha[t])
    print(f"x from the {name}: {back.mean():.2f}, standard deviation {back.std():.2f}")

# %% [markdown]
# Given $z_t$ and $x$ the total noise is known to the last digit. The noise of the last step is not: of its
# variance 1, the part $1 - \beta_t / (1 - \alpha_t)$ is left open
# ([checked](derivation:diffusion/step-noise-variance)), and its mean is
# $\sqrt{\beta_t / (1 - \alpha_t)}\, \epsilon$ ([checked](derivation:diffusion/step-noise)). With the thousand
# betas of the well-known paper (DDPM, section 5) the open part is large:

# %%
ddpm = np.linspace(1e-4, 0.02, 1000)
left = 1 - ddpm / (1 - np.cumprod(1 - ddpm))
for t in (1, 2, 500):
    print(f"t = {t:3}: {abs(left[t - 1]):.3f} of the variance is open, even if x is known")

# %% [markdown]
# What this does to training is for lesson 14.
#
# ## 4. One table of letters
#
# You will meet these quantities in papers and in code, and nearly everywhere $\alpha_t$ is something else. This
# table is the one that the package's code follows. (Its last rows come in section 7 and in lesson 13.)

# %%
notation()

# %% [markdown]
# So the paper's $\alpha_t$ is $1 - \beta_t$, and its $\bar\alpha_t$ is the $\alpha_t$ of the notes and of the
# book. Before you copy a formula, look up which one it means. In this lesson `alpha[t]` is the notes' $\alpha_t$;
# in the package it is called `alpha_bar[t]`.
#
# ## 5. When x varies too
#
# Until now $x$ was given. Now draw it from the data, and ask for the density of all $z_t$ together, the
# **marginal**
#
# $$q(z_t) = \int q(z_t \mid x)\, Pr(x)\, dx .$$
#
# Its mean and variance follow from the same two rules.
#
# **Your turn.** For data of any mean and any variance.


# %%
def marginal(mean, var, alpha):
    """Mean and variance of z_t, for data of this mean and variance: a pair, alpha is alpha_t."""
    ### BEGIN SOLUTION
    return np.sqrt(alpha) * mean, alpha * var + 1 - alpha
    ### END SOLUTION


def check_marginal(marginal):
    mean, var, alpha = rng.normal(size=5), 3 * rng.random(5), rng.random(5)
    names, parts = ("mean", "var", "alpha"), ("the mean", "the variance")
    return check_value(marginal, answers.marginal, mean, var, alpha, names=names, parts=parts)


test_marginal = exercise(marginal, check_marginal)

# %%
moments = yours(test_marginal, marginal, answers.marginal.alone)
some = (0, 5, 20, 50, 100)
print("variance at t =", *(f"{t:8}" for t in some))
for var in (0.25, 1.0, 4.0):
    print(" " * 15, *(f"{moments(0.0, var, alpha[t])[1]:8.3f}" for t in some))

# %% [markdown]
# So $\mathrm{Var}\, z_t = \alpha_t\, \mathrm{Var}\, x + 1 - \alpha_t$
# ([checked](derivation:diffusion/variance)). It is 1 throughout if it is 1 at the start, as the notes say.
# Otherwise it moves to 1.
#
# Is $z_t$ then a standard normal? Not at all. Variance 1 is one number, and a density is a shape. Take the data
# $x = 1$ or $x = -1$, half and half: mean 0, variance 1. Then $q(z_t)$ is two bells.
#
# A number for the shape is the **excess kurtosis**: the mean of $z^4$ over the square of the mean of $z^2$,
# minus 3. For every normal of mean 0 it is 0. Here, with $\mathbb{E} \epsilon^4 = 3$,
#
# $$
# \mathbb{E} z_t^4 = \alpha_t^2 + 6 \alpha_t (1 - \alpha_t) + 3 (1 - \alpha_t)^2 = 3 - 2 \alpha_t^2,
# $$
#
# so it is $-2\alpha_t^2$ ([checked](derivation:diffusion/not-normal)): 0 only if nothing of $x$ is left. For such
# data, and for any mixture of normals, the package has $q(z_t)$ in closed form, so you can integrate it.

# %%
two = MixtureDiffusion([0.5, 0.5], [[-1.0], [1.0]], [0.0, 0.0])  # the data at -1 and +1
wide = np.linspace(-9, 9, 1801)
for a in (0.832, 0.5, 0.1):
    q = np.exp(two.log_prob(wide[:, None], a)) * (wide[1] - wide[0])
    print(f"alpha_t = {a}: variance {q @ wide**2:.3f}, ", end="")
    print(f"excess kurtosis {q @ wide**4 / (q @ wide**2) ** 2 - 3:.3f}, by formula {-2 * a**2:.3f}")

# %% tags=["look", "cover"]
grid = np.linspace(-3, 3, 101)
density = np.array([np.exp(two.log_prob(grid[:, None], a)) for a in alpha[1:]]).T  # (101, T)
bell = np.exp(-0.5 * grid**2) / np.sqrt(2 * np.pi)
some = np.repeat([[1.0], [-1.0]], 3, axis=0)
walks = [some]
for b in beta:
    walks.append(one_step(walks[-1], b, rng.normal(size=some.shape)))
walks = np.concatenate(walks, axis=1)  # (6, T + 1)


def through_time(t):
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.1), width_ratios=(3, 2))
    left.imshow(density / density.max(axis=0), extent=(1, T, -3, 3), aspect="auto", origin="lower",
                interpolation="none")  # fmt: skip
    left.plot(walks.T, color="white", linewidth=0.8)
    left.axvline(t, color="C3", linewidth=1.5)
    left.set(xlabel="t", ylabel="z", xlim=(0, T), ylim=(-3, 3), title="density of all, six walks")
    right.fill_between(grid, density[:, t - 1], alpha=0.4, label=f"z at t = {t}")
    right.plot(grid, bell, "--", color="C1", label="unit normal")
    right.set(xlabel="z", ylim=(0, 1.75), title=f"excess kurtosis {-2 * alpha[t] ** 2:.3f}")
    right.legend(loc="upper right", fontsize=8)
    return figure


Slider(through_time, [5, 8, 11, 14, 17, 20, 25, 31, 36, 42, 60, 100], label="t = {}", play=True)

# %% [markdown]
# (In the left picture each column is scaled to its own maximum.) Read it from right to left, and you see what
# the model will have to do: start from a bell, and decide early enough which of the two points to walk to.
#
# ## 6. Is it normal in the end?
#
# > The notes say: "eventually, we get unit normal back". In the limit $\alpha_T \to 0$. For finitely many steps
# > something of $x$ remains in $z_T$, and how much is a number.
#
# The number is the divergence of $q(z_T \mid x)$ relative to the standard normal, from lesson 4. The mean is
# $\sqrt{\alpha_T}\, x$, the variance of each of the $D$ coordinates is $1 - \alpha_T$.
#
# **Your turn.** One number for each row of `x`, in nats.


# %%
def terminal_mismatch(x, alpha):
    """KL(q(z_T|x) || N(0, I)) of each row of x (B, D), where alpha is alpha_T: (B,)."""
    ### BEGIN SOLUTION
    D = x.shape[-1]
    return 0.5 * (alpha * np.sum(x**2, axis=-1) - D * alpha - D * np.log(1 - alpha))
    ### END SOLUTION


def check_terminal(terminal_mismatch):
    x = rng.normal(size=(7, 3))
    return check_value(terminal_mismatch, answers.terminal_mismatch, x, 0.4, names=("x", "alpha"))


test_terminal = exercise(terminal_mismatch, check_terminal)

# %% [markdown]
# The list of all $\beta_t$ is called the **schedule**. Here are three kinds. *Linear*: $\beta_t$ rises in a
# line. *Cosine*: $\alpha_t$ falls like a squared cosine. *Constant*: the same $\beta$ in each step.
#
# How noisy $z_t$ is says the **signal-to-noise ratio**, $\mathrm{SNR}_t = \alpha_t / (1 - \alpha_t)$: the squared
# factor of $x$ over that of the noise. It falls from infinity towards 0, and its logarithm is a good axis.

# %%
mismatch = yours(test_terminal, terminal_mismatch, answers.terminal_mismatch.alone)
kinds = {
    "linear, T = 1000 (DDPM)": Schedule.linear(1000),
    "cosine, T = 1000": Schedule.cosine(1000),
    "linear, T = 100": Schedule.linear(100),
    "constant .0151, T = 100": Schedule.constant(100, 0.0151),
}
for name, schedule in kinds.items():
    end = schedule.alpha_bar[-1]
    nats = mismatch(np.ones((1, 1)), end)[0]  # x = 1: right on average, if the data have variance 1
    print(f"{name:24} alpha_T = {end:.1e}, mismatch {nats:.1e} nats a dimension")

# %% tags=["look"]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.0))
for name, schedule in kinds.items():
    if name != "linear, T = 100":  # on this axis it lies on that of 1000 steps
        u = np.arange(1, schedule.T + 1) / schedule.T
        left.plot(u, schedule.alpha_bar[1:], label=name.split(",")[0])
        right.plot(u, schedule.logsnr[1:])
left.set(xlabel="t / T", title="$\\alpha_t$: what is left of the data's variance")
left.legend()
right.set(xlabel="t / T", ylim=(-14, 10), title="log SNR")

# %% [markdown]
# The linear and the cosine schedule end close enough to a standard normal. The constant one does not: an eighth
# of a nat *for each dimension*, 8 nats for an image of 64 pixels. Whoever starts from a standard normal there
# starts in the wrong place. ([The formula, checked.](derivation:diffusion/limit)) The package computes it for
# every schedule, and warns:

# %%
print(fill(Schedule.constant(100, 0.0151).report(), 90))

# %% [markdown]
# ## 7. One step back, if x is known
#
# You stand at $z_t$. Where were you one step before? If $x$ is known too, Bayes' rule answers:
#
# $$
# q(z_{t-1} \mid z_t, x) = \frac{q(z_t \mid z_{t-1})\, q(z_{t-1} \mid x)}{q(z_t \mid x)} .
# $$
#
# (In the first factor $x$ may be left out: the kernel looks at $z_{t-1}$ only.) The denominator does not depend
# on $z_{t-1}$. Write $u$ for $z_{t-1}$, in one dimension, and look at the logarithm as a function of $u$:
#
# $$
# -\frac12 \left[ \frac{(z_t - \sqrt{1 - \beta_t}\, u)^2}{\beta_t}
# + \frac{(u - \sqrt{\alpha_{t-1}}\, x)^2}{1 - \alpha_{t-1}} \right] + \text{const}
# = -\frac12 \Lambda u^2 + b u + \text{const},
# $$
#
# $$
# \Lambda = \frac{1 - \beta_t}{\beta_t} + \frac{1}{1 - \alpha_{t-1}}, \qquad
# b = \frac{\sqrt{1 - \beta_t}\, z_t}{\beta_t} + \frac{\sqrt{\alpha_{t-1}}\, x}{1 - \alpha_{t-1}} .
# $$
#
# It is a parabola in $u$, so the density is normal. **Complete the square**:
# $-\frac12 \Lambda u^2 + bu = -\frac12 \Lambda (u - b/\Lambda)^2 + \text{const}$. So the mean is $b / \Lambda$ and the
# variance $1 / \Lambda$. Bring $\Lambda$ to one fraction and use $\alpha_t = (1 - \beta_t)\, \alpha_{t-1}$; much
# cancels.
#
# **Your turn.** `before` is $\alpha_{t-1}$.


# %%
def posterior(x, z, beta, before):
    """Mean and variance of z_{t-1} given z = z_t and x; beta is beta_t, before is alpha_{t-1}."""
    ### BEGIN SOLUTION
    left = 1 - (1 - beta) * before  # 1 - alpha_t
    mean = (np.sqrt(before) * beta * x + np.sqrt(1 - beta) * (1 - before) * z) / left
    return mean, beta * (1 - before) / left
    ### END SOLUTION


def check_posterior(posterior):
    x, z = rng.normal(size=(2, 5))
    names, parts = ("x", "z", "beta", "before"), ("the mean", "the variance")
    args = x, z, 0.1 + 0.5 * rng.random(5), 0.2 + 0.6 * rng.random(5)
    return check_value(posterior, answers.posterior, *args, names=names, parts=parts)


test_posterior = exercise(posterior, check_posterior)

# %% [markdown]
# The variance has a name, $\tilde\beta_t = \beta_t \frac{1 - \alpha_{t-1}}{1 - \alpha_t}$. It does not depend on $x$
# or $z_t$, and it is below $\beta_t$: to know $x$ helps. The mean is a weighted sum of $x$ and $z_t$. ([Both
# checked, by an integral.](derivation:diffusion/posterior)) All of it holds for each coordinate by itself.
#
# ## 8. One step back, if x is not known
#
# This is what generating needs, and here the trouble starts. $x$ is what you are after. You have to average
# over all $x$ that could have led to $z_t$:
#
# $$
# q(z_{t-1} \mid z_t) = \int q(z_{t-1} \mid z_t, x)\, q(x \mid z_t)\, dx .
# $$
#
# For data at $\pm 1$ that is two normals, one for each $x$, and their sum is no normal. Take
# $\alpha_{t-1} = 0.6$ and $z_t = 0$, right in the middle, and make the step smaller and smaller.

# %%
back = yours(test_posterior, posterior, answers.posterior.alone)


def one_back(beta, before, z=0.0):
    """For data at -1 and 1: means and variance of both normals, and the weights of both."""
    odds = two.responsibilities(np.array([[z]]), (1 - beta) * before)[0]  # Pr(x|z), x = -1 and 1
    (low, var), (high, _) = (back(x, z, beta, before) for x in (-1.0, 1.0))
    return np.array([low, high]), var, odds


def kurtosis(means, var, odds):
    away = means - odds @ means
    fourth = odds @ (away**4 + 6 * away**2 * var + 3 * var**2)
    return fourth / (odds @ away**2 + var) ** 2 - 3


for b, before in ((0.5, 0.6), (0.02, 0.6), (0.02, 0.98)):
    print(f"beta = {b:4}, alpha before = {before}: ", end="")
    print(f"excess kurtosis {kurtosis(*one_back(b, before)):.3f}")

# %% tags=["look"]
def backwards(b):
    means, var, odds = one_back(b, 0.6)
    u = np.linspace(-2.6, 2.6, 161)
    normal = lambda mean, var: np.exp(-0.5 * (u - mean) ** 2 / var) / np.sqrt(2 * np.pi * var)
    parts = [w * normal(m, var) for w, m in zip(odds, means)]
    centre = odds @ means
    figure, ax = plt.subplots(figsize=(5.8, 3.2))
    for part, name in zip(parts, ("from x = $-$1", "from x = 1")):
        ax.fill_between(u, part / sum(parts).max(), alpha=0.35, label=name)
    ax.plot(u, sum(parts) / sum(parts).max(), color="C2", label="their sum")
    fitted = normal(centre, var + odds @ (means - centre) ** 2)
    ax.plot(u, fitted / sum(parts).max(), "--", color="C3", label="normal, same mean and variance")
    excess = kurtosis(means, var, odds)
    ax.set(xlabel="z, one step before", ylabel="density over the sum's maximum", ylim=(0, 1.75))
    ax.set_title(f"excess kurtosis {excess:.4f}")
    ax.legend(loc="upper right", fontsize=8)
    return figure


Slider(backwards, [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02],
       label="beta = {}", play=True)  # fmt: skip

# %% [markdown]
# With a large step you see both. With a small one the sum is a bell, as far as the eye can tell. That is why
# diffusion takes many small steps: *each step back is then nearly normal*, and a network only has to find its
# mean.
#
# But look at the third number above. The same small step, and far from normal: at $\alpha_{t-1} = 0.98$ the two
# bells of $q(z_{t-1})$ are as narrow as the step is long. What counts is $\beta_t$ against the finest detail that
# $q(z_{t-1})$ still has ([the formula](derivation:diffusion/reverse-not-normal)). So steps have to be small near
# the data, and may grow with the noise. Linear and cosine schedules do that.
#
# > The notes say that $f_t$ represents "the mean of the conditional distribution $q(z_{t-1} \mid z_t)$". As a
# > target that is right. But $q(z_{t-1} \mid z_t)$ is not normal; $f_t$ is the mean of the *model*
# > $Pr(z_{t-1} \mid z_t)$, which is normal because we choose it so.
#
# There is one kind of data for which all is normal: normal data. Then this step back is known in closed form,
# too ([its derivation](derivation:diffusion/reverse-kernel)), and lesson 13 uses it as a judge.
#
# ## 9. Break it: find the planted mistake
#
# A hundred steps are many when you want a sample. Somebody wants to visit only every tenth: $t = 10, 20, \dots,
# 100$. "A step has a $\beta_t$. I take those ten."


# %%
def planted_betas(beta, times):
    """The betas of a diffusion that visits only these times: beta (T,), times (K,) to (K,)."""
    return beta[times - 1]


times = np.arange(10, 101, 10)
few = planted_betas(beta, times)
z = moons
for b in few:
    z = one_step(z, b, rng.normal(size=z.shape))
print("variances of the coordinates at the end:", z.var(axis=0).round(2))

# %% [markdown]
# A fine test: variance 1, as it should be. It is worth nothing. With *any* betas variance 1 stays variance 1.
# Ask what is left of the data:

# %%
for name, b in (("all 100 steps", beta), ("planted 10 steps", few)):
    end = np.prod(1 - b)
    print(f"{name:17} alpha_T = {end:.1e}, mismatch {mismatch(np.ones((1, 1)), end)[0]:.1e} nats")

# %% [markdown]
# After the ten steps nearly a third of the variance is still the data's. Who starts there from pure noise
# starts in the wrong place.
#
# **Your turn.** A step from time $s$ to time $t$ has to do all that the steps between did. Section 2 tells how
# the factors go together. At each visited time $\alpha$ must be what it was before.


# %%
def repaired_betas(beta, times):
    """The betas of a diffusion that visits only these times: beta (T,), times (K,) to (K,)."""
    ### BEGIN SOLUTION
    visited = np.concatenate([[1.0], np.cumprod(1 - beta)[times - 1]])
    return 1 - visited[1:] / visited[:-1]
    ### END SOLUTION


def check_repaired(repaired_betas):
    times = np.array([2, 3, 7, 11])
    beta = 0.05 + 0.3 * rng.random(11)
    return check_value(repaired_betas, answers.respaced, beta, times, names=("beta", "times"))


test_repaired = exercise(repaired_betas, check_repaired)

# %%
respaced = yours(test_repaired, repaired_betas, answers.respaced.alone)(beta, times)
print("ten betas that do the work of a hundred:")
print(respaced.round(3))
print(f"alpha_T = {np.prod(1 - respaced):.1e}")

# %% [markdown]
# Each is far larger than the ten that it stands for ([checked](derivation:diffusion/respaced)). That is the
# price: by section 8, a step back over such a distance is further from normal.
#
# ## 10. What the notes leave out
#
# - **Nothing is compressed.** $z_t$ is as large as $x$. A VAE has a bottleneck; here the information is not
#   squeezed but drowned.
# - **Nothing here is learned, and nothing knows about labels.** $q$ is fixed. All learning goes into the way
#   back.
# - **It does not depend on the data.** The same few lines destroy moons, digits and sound. Only their scale
#   matters: bring the data to variance of about 1, or $\alpha_t$ means something else for them.
# - **Time is only a label.** Two schedules that pass through the same $\alpha$ visit the same densities $q$. What
#   a schedule chooses is where the steps are spent.

# %% tags=["script"]
if __name__ == "__main__":
    finish(globals())
