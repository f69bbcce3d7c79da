# %% [markdown]
# # 5 · Latent variables
#
# A model with something hidden in it: $z$ causes $x$, and you see only $x$. You compute how likely an $x$
# is, by an integral, as long as that can be done. Then you see why it soon cannot be done, and what sampling
# can and cannot rescue.
#
# | | |
# |---|---|
# | In the notes | Chapter 17, "Probabilistic", the integral that is "intractable" |
# | In the book | Prince, *Understanding Deep Learning*, sections 17.1, 17.2 and 17.8.1 |
# | Before this | 1 and 4 |
# | Reading | 40 minutes |
# | Running | 4 seconds |

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinygen as tg
from tinygen import plots
from tinygen.course import Slider, check_value, exercise, finish, yours
from tinygen.course.answers import latent_variables as answers
from tinygen.oracles.linear_gaussian import LinearGaussian

rng = np.random.default_rng(5)  # every random number of this lesson comes from here

# %% [markdown]
# ## 1. A simple cause, a complicated effect
#
# Draw $z$ from a standard normal. Bend it with a function $f$. Add a little noise. The result $x$ can have a
# density of almost any shape, though everything that went in is simple:
#
# $$z \sim \mathcal{N}(0, 1), \qquad x \mid z \sim \mathcal{N}(f(z), \sigma^2).$$
#
# Here is a bent $f$, and what becomes of 20,000 draws.

# %%
def f(z):
    return 1.5 * np.tanh(2 * z) + 0.4 * z


s2 = 0.05  # the noise variance
z_draws = rng.normal(size=20_000)
x_draws = f(z_draws) + np.sqrt(s2) * rng.normal(size=20_000)
fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.0))
plots.histograms({"z": z_draws}, ax=left, xlabel="z", title="the cause")
plots.histograms({"x": x_draws}, ax=right, xlabel="x", title="the effect")

# %% [markdown]
# How likely is an $x$? It could come from any $z$, so all of them contribute:
#
# $$Pr(x) = \int Pr(x \mid z)\, Pr(z)\, dz .$$
#
# This is the **evidence**. To learn $f$ from data is to make it large for the $x$ that you have.
#
# > The notes write $Pr(z \mid \phi)$ for the prior in one line. The prior has no parameters: everything that is
# > learned sits in $f$.
#
# ## 2. The integral on a grid
#
# With one latent you can simply integrate. Replace the integral by a sum over a grid of step $\Delta$. For a
# smooth function that dies out at both ends, this is astonishingly precise.
#
# One thing must be done right. $Pr(x \mid z)$ is often smaller than any number that the computer can hold:
# `np.exp(-1000)` is 0, and the logarithm of that is minus infinity. So stay with logarithms and take the
# largest one out of the sum:
#
# $$\log \sum_i e^{a_i} = A + \log \sum_i e^{a_i - A}, \qquad A = \max_i a_i .$$
#
# **Your turn.** `log_joint` holds $\log Pr(x, z)$ at the points of the grid, for one $x$ in each row.


# %%
def log_evidence(log_joint, step):
    """The log of the integral of exp(log_joint) over the last axis: (B, n) to (B,)."""
    ### BEGIN SOLUTION
    top = log_joint.max(axis=-1)
    return top + np.log(np.sum(np.exp(log_joint - top[:, None]), axis=-1) * step)
    ### END SOLUTION


def check_log_evidence(log_evidence):
    log_joint = rng.normal(size=(5, 11))
    far = log_joint - 2000 * np.arange(5.0)[:, None]  # the last rows underflow
    return [check_value(log_evidence, answers.log_evidence, a, 0.3, names=("log_joint", "step"))
            for a in (log_joint, far)]  # fmt: skip


test_log_evidence = exercise(log_evidence, check_log_evidence)

# %%
def log_normal(x, mean, var):
    return -0.5 * (np.log(2 * np.pi * var) + (x - mean) ** 2 / var)


z = np.linspace(-6, 6, 1201)
dz = z[1] - z[0]
integrate = yours(test_log_evidence, log_evidence, answers.log_evidence.alone)


def log_joint(x):
    """log Pr(x, z) for each x (B,) and each z of the grid: (B, n)."""
    return log_normal(x[:, None], f(z), s2) + log_normal(z, 0, 1)


x_grid = np.linspace(-3.5, 3.5, 281)
density = np.exp(integrate(log_joint(x_grid), dz))
print(f"the density integrates to {np.sum(density) * (x_grid[1] - x_grid[0]):.6f}")
title = "The evidence is the density of x"
fig = plots.histograms({"draws of x": x_draws}, bins=90, xlabel="x", title=title)
fig.axes[0].plot(x_grid, density, color="C1", label="by the integral")
fig.axes[0].legend()

# %% [markdown]
# ## 3. Looking back: the posterior
#
# You see $x$. Which $z$ was it? Bayes' rule answers with a density,
#
# $$Pr(z \mid x) = \frac{Pr(x \mid z)\, Pr(z)}{Pr(x)},$$
#
# and you have all three. Its mean and its variance say what you know now about $z$.
#
# **Your turn.** The weights of the grid points are $e^{\log Pr(x, z)}$, made to sum to 1. Mind the underflow
# again.


# %%
def posterior_moments(log_joint, z):
    """Mean and variance of z given x, on the grid z (n,): (B, n) to a pair of arrays (B,)."""
    ### BEGIN SOLUTION
    weight = np.exp(log_joint - log_joint.max(axis=-1, keepdims=True))
    weight /= weight.sum(axis=-1, keepdims=True)
    mean = weight @ z
    return mean, weight @ z**2 - mean**2
    ### END SOLUTION


def check_posterior(posterior_moments):
    log_joint, z = rng.normal(size=(5, 11)), np.linspace(-2, 2, 11)
    far = log_joint - 1500 * np.arange(1, 6.0)[:, None]
    names, parts = ("log_joint", "z"), ("the mean", "the variance")
    wanted = dict(names=names, parts=parts)
    return [check_value(posterior_moments, answers.posterior_moments, a, z, **wanted)
            for a in (log_joint, far)]  # fmt: skip


test_posterior = exercise(posterior_moments, check_posterior)

# %% tags=["look"]
def look_back(x):
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 2.9))
    left.plot(z, f(z), color="C8")
    left.axhline(x, color="C3", linewidth=1)
    left.set(xlabel="z", ylabel="f(z)", xlim=(-3, 3), title=f"x = {x:.2f}")
    joint = log_joint(np.array([x]))[0]
    posterior = np.exp(joint - joint.max())
    right.plot(z, np.exp(log_normal(z, 0, 1)), label="prior")
    right.plot(z, posterior / posterior.sum() / dz, label="posterior")
    right.set(xlabel="z", xlim=(-3, 3), ylim=(0, 4.2), title="what is known of z")
    right.legend(loc="upper left")
    return figure


Slider(look_back, np.linspace(-2.4, 2.4, 17), label="x = {:.2f}", play=True)

# %% [markdown]
# Where $f$ is steep, one $x$ pins $z$ down. Where it is flat, many $z$ give almost the same $x$, and the
# posterior is wide and lopsided. It is no normal: keep that in mind for lesson 6, which approximates it by one.
#
# ## 4. Why not always like this
#
# With $k$ latents the grid has $1201^k$ points. Two latents are fine. With ten it is $10^{30}$. So try what
# always seems to work: draw.
#
# $$
# Pr(x) = \mathbb{E}_{z \sim Pr(z)} \big[ Pr(x \mid z) \big] \approx \frac1n \sum_{i=1}^n Pr(x \mid z_i), \qquad
# z_i \sim \mathcal{N}(0, I) .
# $$
#
# **Your turn.** The logarithm of that mean, from the $\log Pr(x \mid z_i)$.


# %%
def log_mean(log_weight):
    """The log of the mean of exp(log_weight) over the first axis: (n, B) to (B,)."""
    ### BEGIN SOLUTION
    top = log_weight.max(axis=0)
    return top + np.log(np.mean(np.exp(log_weight - top), axis=0))
    ### END SOLUTION


def check_log_mean(log_mean):
    log_weight = rng.normal(size=(11, 5))
    far = log_weight - 2000 * np.arange(5.0)
    names = ("log_weight",)
    return [check_value(log_mean, answers.log_mean, a, names=names) for a in (log_weight, far)]


test_log_mean = exercise(log_mean, check_log_mean)

# %% [markdown]
# Does it work? Take a model whose evidence is known exactly: a linear one,
# $x \mid z \sim \mathcal{N}(Wz, \sigma^2 I)$, with more and more latents. For each size one $x$ from the
# model, and ten thousand draws from the prior.

# %% tags=["look"]
of_mean = yours(test_log_mean, log_mean, answers.log_mean.alone)


def by_drawing(k, n=10_000, noise=0.1):
    """The exact log evidence of one x with k latents and 2k pixels, and ten estimates of it."""
    model = LinearGaussian(rng.normal(size=(2 * k, k)), np.zeros(2 * k), noise)
    x, _ = model.sample(1, rng)
    estimates = []
    for _ in range(10):
        draws = rng.normal(size=(n, k))
        log_likelihood = log_normal(x, draws @ model.W.T, noise).sum(-1)
        estimates.append(of_mean(log_likelihood[:, None])[0])
    return model.log_evidence(x)[0], np.array(estimates)


print("latents     exact    ten estimates: lowest   highest   nats too low on average")
sizes = (1, 2, 4, 8, 16)
for k in sizes:
    exact, estimates = by_drawing(k)
    low, high = estimates.min(), estimates.max()
    print(f"{k:7} {exact:9.2f} {low:24.2f} {high:9.2f} {exact - estimates.mean():12.2f}")

# %% [markdown]
# With one latent it is fine. With sixteen it is off by far more than its own spread, and always to the same
# side: too low. The ten estimates disagree by many nats, so something is wrong; but they do not say on which side the
# truth lies, nor how far. The highest of them is still too low.
#
# The reason: almost all $z$ from the prior explain this $x$ badly. What counts is the tiny region where the
# posterior sits, and nobody went there. In sixteen dimensions ten thousand draws never hit it. That is what
# **intractable** means: not that the integral does not exist, but that neither a grid nor blind drawing gets
# near it.
#
# ## 5. Draw where it counts
#
# So do not draw from the prior. Draw from some $q(z)$ that knows $x$, and correct for it:
#
# $$
# Pr(x) = \int q(z)\, \frac{Pr(x \mid z)\, Pr(z)}{q(z)}\, dz
# = \mathbb{E}_{z \sim q} \left[ \frac{Pr(x, z)}{q(z)} \right] .
# $$
#
# This is **importance sampling**. It is exact for every $q$ that is positive where it has to be. How well it
# works is another matter: it lives on weights that are nearly equal.
#
# **Your turn.** The logarithms of the weights $Pr(x, z) / q(z)$ for the linear model with one latent, at draws
# $z = m + s \epsilon$ of $q = \mathcal{N}(m, s^2)$.


# %%
def log_weights(eps, m, s, x, w, s2):
    """log Pr(x, z) - log q(z) at z = m + s eps, where x | z ~ N(w z, s2): an array like eps."""
    ### BEGIN SOLUTION
    z = m + s * eps
    return log_normal(x, w * z, s2) + log_normal(z, 0, 1) - log_normal(z, m, s**2)
    ### END SOLUTION


def check_log_weights(log_weights):
    numbers = 0.3, 0.7, 1.2, 1.3, 0.4  # m, s, x, w, s2
    names = ("eps", "m", "s", "x", "w", "s2")
    return check_value(log_weights, answers.log_weights, rng.normal(size=7), *numbers, names=names)


test_log_weights = exercise(log_weights, check_log_weights)

# %%
weights_of = yours(test_log_weights, log_weights, answers.log_weights.alone)
w, noise, x = 1.3, 0.4, 1.0
var = 1 / (1 + w**2 / noise)
posterior = var * w * x / noise, np.sqrt(var)
eps = rng.normal(size=1000)
print(f"exact log evidence {log_normal(x, 0, w**2 + noise):.6f}")
for name, (m, s) in {"prior": (0.0, 1.0), "a guess": (0.2, 0.7), "posterior": posterior}.items():
    a = weights_of(eps, m, s, x, w, noise)
    estimate = tg.logsumexp(a) - np.log(len(a))
    print(f"q = {name:10} estimate {estimate:.6f}, spread of the log weights {a.std():.1e}")

# %% [markdown]
# With $q$ equal to the posterior, *every single weight* is the evidence. One draw is enough. That is no
# wonder: $Pr(x, z) / Pr(z \mid x) = Pr(x)$, whatever $z$ is.
#
# So the best $q$ is the posterior, which you do not have. A VAE trains a network that guesses it. And it does
# not average weights, but their logarithms: that is lesson 6.
#
# ## 6. Break it: find the planted mistake
#
# Somebody estimates the log evidence from draws of the prior. No underflow, no crash, a small spread.


# %%
def planted_estimate(log_weight):
    """The log of the mean weight, from the log weights: (n, B) to (B,)."""
    return np.mean(log_weight, axis=0)


exact = log_normal(x, 0, w**2 + noise)
for n in (100, 10_000, 1_000_000):
    a = log_normal(x, w * rng.normal(size=(n, 1)), noise)
    print(f"{n:7} draws: planted {planted_estimate(a)[0]:.3f}, exact {exact:.3f}")

# %% [markdown]
# More draws do not help. It converges, to the wrong number, and always to one that is too low.
#
# **Your turn.** Two operations have changed places. Write it right, without underflow. (Then read the wrong one
# again. It is a mistake here, and a fine idea elsewhere: the mean of the logarithms is a *lower bound*, which
# never overflows and whose gradient is easy. It is the E, the LB and the O of the next lesson.)


# %%
def repaired_estimate(log_weight):
    """The log of the mean weight, from the log weights: (n, B) to (B,)."""
    ### BEGIN SOLUTION
    top = log_weight.max(axis=0, keepdims=True)
    return (top + np.log(np.exp(log_weight - top).mean(axis=0, keepdims=True)))[0]
    ### END SOLUTION


def check_repaired(repaired_estimate):
    log_weight = 2 * rng.normal(size=(7, 3)) - np.array([0.0, 3.0, 3000.0])
    return check_value(repaired_estimate, answers.log_mean, log_weight, names=("log_weight",))


test_repaired = exercise(repaired_estimate, check_repaired)

# %% [markdown]
# ## 7. What the notes leave out
#
# - **The estimate is biased, after the logarithm.** The mean of the weights is right on average. Its logarithm
#   is too low on average, by Jensen's inequality. For many draws $n$ it is too low by $V / (2 n E^2)$, with $E$ and
#   $V$ the mean and the variance of one weight (lesson 10).
# - **Two latents are no problem.** For up to two latents the package integrates on a grid, with an error
#   estimate. That is how it knows the true posterior when lesson 9 asks how much a VAE loses.
# - **Discrete latents.** If $z$ is one of $K$ labels, the integral is a sum, and you are done. The trouble
#   comes with many.
#
# `tg.logsumexp` is the sum of section 2, with its derivative, the softmax of lesson 1:

# %%
a = rng.normal(size=4)
print("gradient of logsumexp:", tg.grad(tg.logsumexp)(a).round(4))
print("softmax:              ", tg.softmax(a).round(4))

# %% tags=["script"]
if __name__ == "__main__":
    finish(globals())
