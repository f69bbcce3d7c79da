# %% [markdown]
# # 7 · The gradient of an expectation
#
# The bound is a mean over draws from $q$, and you want its gradient by the parameters *of* $q$. There are two
# ways to get it from samples. You write both, compute their variances exactly, and see why a VAE uses the one
# and not the other.
#
# | | |
# |---|---|
# | In the notes | Chapter 17: "fix a unit normal source of randomness", "a fixed sample" |
# | In the book | Prince, *Understanding Deep Learning*, section 17.7 |
# | Before this | 4 and 6 |
# | Reading | 40 minutes |
# | Running | 4 seconds |

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinygen as tg
from tinygen import plots
from tinygen.check import check_unbiased
from tinygen.course.answers import reparameterization as answers
from tinygen.course import check_value, exercise, finish, said, yours

rng = np.random.default_rng(7)  # every random number of this lesson comes from here

# %% [markdown]
# ## 1. The problem
#
# Take $x \sim \mathcal{N}(m, s^2)$ and some function $f$. You want the derivatives of
#
# $$F(m, s) = \mathbb{E}_{x \sim \mathcal{N}(m, s^2)} \big[ f(x) \big]$$
#
# by $m$ and by $s$, from draws of $x$ only. With $f(x) = (x - k)^2$ you know the answer, so you can judge.
# $F = (m - k)^2 + s^2$, and with $d = m - k$
#
# $$\frac{\partial F}{\partial m} = 2d, \qquad \frac{\partial F}{\partial s} = 2s .$$
#
# The difficulty: the parameters sit in the *distribution*. A draw is a number, and a number has no derivative
# by $m$.
#
# ## 2. Move the parameters into the function
#
# Draw $\epsilon \sim \mathcal{N}(0, 1)$ and put $x = m + s\epsilon$. Now the distribution is fixed and the
# parameters are in an ordinary function. Differentiate inside the mean:
#
# $$
# \frac{\partial F}{\partial m} = \mathbb{E}_\epsilon \Big[ f'(m + s\epsilon) \Big], \qquad
# \frac{\partial F}{\partial s} = \mathbb{E}_\epsilon \Big[ f'(m + s\epsilon)\, \epsilon \Big].
# $$
#
# This is the **reparameterised**, or pathwise, gradient ([checked](derivation:reparameterization/gradient)).
#
# **Your turn.** One value for each noise, for $f(x) = (x - k)^2$.


# %%
def pathwise(eps, m, s, k):
    """The pathwise estimates of (dF/dm, dF/ds) at x = m + s eps, eps (n,): two arrays (n,)."""
    ### BEGIN SOLUTION
    slope = 2 * (m + s * eps - k)
    return slope, slope * eps
    ### END SOLUTION


NAMES, PARTS = ("eps", "m", "s", "k"), ("dF/dm", "dF/ds")


def check_pathwise(pathwise):
    args = rng.normal(size=7), 0.8, 0.6, 0.3
    return check_value(pathwise, answers.pathwise, *args, names=NAMES, parts=PARTS)


test_pathwise = exercise(pathwise, check_pathwise)

# %% [markdown]
# ## 3. Differentiate the density
#
# The other way leaves the draws alone and differentiates the density $p(x; m, s)$ under the integral. With
# $\partial p = p\, \partial \log p$,
#
# $$
# \frac{\partial F}{\partial m} = \int f(x)\, \frac{\partial p}{\partial m}\, dx
# = \mathbb{E} \left[ f(x)\, \frac{\partial \log p(x)}{\partial m} \right],
# $$
#
# and the same for $s$. This is the **score-function** gradient
# ([checked](derivation:reparameterization/means)). It never needs $f'$: it works where $f$ jumps, and where
# $x$ is discrete.
#
# **Your turn.** Derive both derivatives of $\log p = -\log s - \frac{(x - m)^2}{2 s^2} + \text{const}$. Then
# write them with $\epsilon = (x - m)/s$; they become very short.


# %%
def score_function(eps, m, s, k):
    """The score-function estimates of dF/dm, dF/ds at x = m + s eps, eps (n,): two arrays (n,)."""
    ### BEGIN SOLUTION
    f = (m + s * eps - k) ** 2
    return f * eps / s, f * (eps**2 - 1) / s
    ### END SOLUTION


def check_score(score_function):
    args = rng.normal(size=7), 0.8, 0.6, 0.3
    return check_value(score_function, answers.score_function, *args, names=NAMES, parts=PARTS)


test_score = exercise(score_function, check_score)

# %% [markdown]
# ## 4. The same mean, another spread
#
# Both are right on average. `check_unbiased` says so: it draws until it could see a bias of a tenth, and it
# raises a false alarm once in a million cases only.

# %%
m, s, k = 1.0, 0.5, -1.0
path = yours(test_pathwise, pathwise, answers.pathwise.alone)
score = yours(test_score, score_function, answers.score_function.alone)
truth = np.array([2 * (m - k), 2 * s])
for name, estimator in (("pathwise", path), ("score function", score)):

    def draw(rng, estimator=estimator):
        return np.stack(estimator(rng.normal(size=2000), m, s, k), axis=-1)  # (2000, 2)

    report = check_unbiased(draw, truth, rng=rng, draws=400_000)
    report.name = name
    print(said(report))

# %%
eps = rng.normal(size=20_000)
by_m = {"score function": score(eps, m, s, k)[0], "pathwise": path(eps, m, s, k)[0]}
fig = plots.histograms(by_m, range=(-25, 35), marks={"true": 2 * (m - k)}, bins=100)
fig.axes[0].set(xlabel="one estimate of dF/dm", title="One gradient, two estimators")

# %% [markdown]
# Same mean, and what a difference: the second needed sixteen times the draws to be decided. How large is it
# exactly? The pathwise estimate by $m$ is $2(d + s\epsilon)$, so its variance is $4s^2$. The score-function
# estimate is $(d + s\epsilon)^2 \epsilon / s$. Its second moment needs $\mathbb{E}\epsilon^2 = 1$,
# $\mathbb{E}\epsilon^4 = 3$, $\mathbb{E}\epsilon^6 = 15$ (odd powers have mean 0):
#
# $$
# \frac{1}{s^2} \mathbb{E} (d + s\epsilon)^4 \epsilon^2
# = \frac{1}{s^2} \left( d^4 + 6 d^2 s^2 \cdot 3 + s^4 \cdot 15 \right)
# = \frac{d^4}{s^2} + 18 d^2 + 15 s^2,
# $$
#
# and minus the square of the mean, $4d^2$, the variance is $\frac{d^4}{s^2} + 14 d^2 + 15 s^2$. It explodes as
# $s \to 0$, just when a VAE becomes sure.
#
# **Your turn.** The same for the derivative by $s$: the variance of $2(d + s\epsilon)\epsilon$, and of
# $(d + s\epsilon)^2 (\epsilon^2 - 1)/s$. You also need $\mathbb{E}\epsilon^8 = 105$.


# %%
def variances(d, s):
    """The variances of one estimate of dF/ds: of the pathwise one and of the score-function one."""
    ### BEGIN SOLUTION
    return 4 * d**2 + 8 * s**2, 2 * d**4 / s**2 + 60 * d**2 + 74 * s**2
    ### END SOLUTION


def check_variances(variances):
    d, s = rng.normal(size=5), 0.5 + rng.random(5)
    parts = ("pathwise", "score function")
    return check_value(variances, answers.variances, d, s, names="ds", parts=parts)


test_variances = exercise(variances, check_variances)

# %%
formula = yours(test_variances, variances, answers.variances.alone)
sample = [np.var(estimator(rng.normal(size=400_000), m, s, k)[1]) for estimator in (path, score)]
print("variances by formula:", [float(round(v, 2)) for v in formula(m - k, s)])
print("from 400,000 draws:  ", [float(round(v, 2)) for v in sample])

widths = np.geomspace(0.05, 3, 60)
ratio = lambda d: np.sqrt(formula(d, widths)[1] / formula(d, widths)[0])
fig, ax = plt.subplots()
for d in (0.5, 1.0, 2.0):
    ax.loglog(widths, ratio(d), label=f"d = {d}")
ax.set(xlabel="s", ylabel="ratio of the spreads", title="Score function over pathwise, dF/ds")
ax.legend()

# %% [markdown]
# To bring the noise of a mean down by a factor of 10 you need 100 times the draws. A ratio of 10 in this
# picture costs a hundred times the draws. That is the whole reason for the trick.
#
# The score function can be helped. Since $\mathbb{E}\, \partial \log p = 0$, you may subtract any constant from
# $f$, a **baseline**, without changing the mean:

# %%
x, f_mean = m + s * eps, (m - k) ** 2 + s**2
with_baseline = (((x - k) ** 2 - f_mean) * eps / s).std()
for name, values in by_m.items():
    print(f"spread of dF/dm, {name}: {values.std():.2f}")
print(f"spread of dF/dm, score function with the mean of f as baseline: {with_baseline:.2f}")

# %% [markdown]
# Where $z$ is discrete, this is the way to go. Where it is Gaussian and $f$ is smooth, take the path.
#
# ## 5. The first term of the bound
#
# > The notes say: "the first term can be approximated with a fixed sample $z$", and later "fix a unit normal
# > source of randomness $\epsilon$ and then rewrite to deterministic". "Fixed" can be read in three ways. Only one is
# > right.
#
# - **Keep the path.** $\epsilon$ is given, and $z = m + s\epsilon$ stays a function of $m$ and $s$. Right.
# - **Freeze $z$.** Then $\log Pr(x \mid z)$ does not depend on the encoder at all, and its gradient is 0.
# - **Keep the same $\epsilon$ for ever.** Then you climb another function, which knows one noise only.
#
# **Your turn.** For $x \mid z \sim \mathcal{N}(wz, \sigma^2)$ and $z = m + s\epsilon$: the derivatives of
# $\log Pr(x \mid z)$ by $m$ and by $s$, along the path.


# %%
def first_term_gradient(eps, m, s, x, w, s2):
    """One estimate of the derivatives of E log Pr(x|z) by m and by s for each eps (n,)."""
    ### BEGIN SOLUTION
    by_z = w * (x - w * (m + s * eps)) / s2
    return by_z, by_z * eps
    ### END SOLUTION


def check_first_term(first_term_gradient):
    names, parts = ("eps", "m", "s", "x", "w", "s2"), ("the one by m", "the one by s")
    args = rng.normal(size=7), 0.2, 0.7, 1.0, 1.3, 0.4
    return check_value(first_term_gradient, answers.first_term, *args, names=names, parts=parts)


test_first_term = exercise(first_term_gradient, check_first_term)

# %% [markdown]
# Compare with the exact derivatives at $w = 1.3$, $\sigma^2 = 0.4$, $x = 1$, $m = 0.2$, $s = 0.7$, and see what
# the other readings cost.

# %%
def log_likelihood(z, x=1.0, w=1.3, s2=0.4):
    return -0.5 * (np.log(2 * np.pi * s2) + (x - w * z) ** 2 / s2)


m, s = 0.2, 0.7
print(f"exact          {1.3 * (1 - 1.3 * m) / 0.4:.4f}  {-(1.3**2) * s / 0.4:.4f}")
estimate = yours(test_first_term, first_term_gradient, answers.first_term.alone)
by_m, by_s = estimate(rng.normal(size=200_000), m, s, 1.0, 1.3, 0.4)
print(f"along the path {by_m.mean():.4f}  {by_s.mean():.4f}")
z = m + s * rng.normal(size=200_000)  # frozen: numbers that have forgotten m and s
frozen = tg.grad(lambda m, s: np.mean(log_likelihood(z)) + 0 * (m + s), argnums=(0, 1))
print("z frozen      ", *(f"{float(d):.4f} " for d in frozen(m, s)))

# %% [markdown]
# And the same noise for ever? Climb the whole bound with one $\epsilon$, drawn once, and with a fresh one at
# each step.

# %%
def one_draw(m, logvar, eps):
    """The bound for x = 1 with one draw; the divergence is exact."""
    z = m + np.exp(logvar / 2) * eps
    return log_likelihood(z) - 0.5 * (np.exp(logvar) + m**2 - 1 - logvar)


climb = tg.grad(one_draw, argnums=(0, 1))
for name, noises in (("fresh eps", rng.normal(size=4000)), ("one eps", np.full(4000, 0.7))):
    m, logvar, tail = 0.0, 0.0, []
    for step, noise in enumerate(noises):
        by_m, by_logvar = climb(m, logvar, noise)
        m, logvar = m + 0.01 * by_m, logvar + 0.01 * by_logvar
        tail += [(m, np.exp(logvar))] * (step >= 2000)
    print(f"{name}: q = N({np.mean(tail, 0)[0]:.3f}, {np.mean(tail, 0)[1]:.3f})")
exact_var = 1 / (1 + 1.3**2 / 0.4)
print(f"posterior: N({exact_var * 1.3 / 0.4:.3f}, {exact_var:.3f})")

# %% [markdown]
# With one noise you find the best $q$ *for that noise*, which is another one. Fresh noise wanders around the
# right one; average over the wandering, or let the step size shrink.
#
# ## 6. A gradient without noise
#
# At the posterior every weight $Pr(x, z)/q(z)$ is the same number (lesson 5). So the estimate of the bound by
# one draw, $\log Pr(x, z) - \log q(z)$, has no noise there at all. Its gradient does, though, if you take it
# the plain way: $q$ appears twice, in the draw and in the density. The part through the density has mean 0, so
# leave it out. Only the path remains, and that one is 0 at the posterior for *every* draw
# ([checked](derivation:reparameterization/landing)). It is called "sticking the landing".

# %%
def log_weight(m, s, eps, density=None):
    """log Pr(x, z) - log q(z) for one draw; `density` holds the m and s inside log q."""
    z = m + s * eps
    dm, ds = density or (m, s)
    log_q = -0.5 * (np.log(2 * np.pi) + ((z - dm) / ds) ** 2) - np.log(ds)
    return log_likelihood(z) - 0.5 * (np.log(2 * np.pi) + z**2) - log_q


there = (exact_var * 1.3 / 0.4, np.sqrt(exact_var))
for eps in (-1.5, 0.1, 2.0):
    plain = tg.grad(lambda m, s, e=eps: log_weight(m, s, e), argnums=(0, 1))(*there)
    landed = tg.grad(lambda m, s, e=eps: log_weight(m, s, e, density=there), argnums=(0, 1))(*there)
    print(f"eps {eps:4}: plain", *(f"{float(d):+.3f}" for d in plain),
          "  path only", *(f"{float(d):+.0e}" for d in landed))  # fmt: skip

# %% [markdown]
# ## 7. Break it: find the planted mistake
#
# A batch of encodings, `mean` and `std` of shape `(B, D)`. Somebody draws the noise, and the estimate is
# unbiased: for each row it is right on average. But the mean over the batch is as noisy with 100 rows as with
# one.


# %%
def planted_draw(mean, std, noise):
    """One z for each row, from two arrays (B, D); noise(shape) draws standard normal numbers."""
    return mean + std * noise(mean.shape[-1:])


def noise(shape):
    return rng.normal(size=shape)


for rows in (1, 10, 100):
    mean, std = np.zeros((rows, 3)), np.ones((rows, 3))
    spread = np.std([planted_draw(mean, std, noise).mean() for _ in range(500)])
    print(f"{rows:3} rows: spread of the mean {spread:.3f}, should be {1 / (3 * rows) ** 0.5:.3f}")

# %% [markdown]
# **Your turn.** Write it without the mistake. (In which order you draw the noise does not matter.)


# %%
def repaired_draw(mean, std, noise):
    """One z for each row, from two arrays (B, D); noise(shape) draws standard normal numbers."""
    ### BEGIN SOLUTION
    return mean + std * noise(mean.shape)
    ### END SOLUTION


def check_repaired(repaired_draw):
    mean, std, seed = rng.normal(size=(7, 3)), 0.5 + rng.random((7, 3)), rng.integers(1000)
    return answers.own_noise(repaired_draw, answers.batch_draw, mean, std, seed)


test_repaired = exercise(repaired_draw, check_repaired)

# %% [markdown]
# NumPy's broadcasting was obliging again: one row of noise for all rows. Each row was right, and all were wrong
# together. (In the package the noise has the shape of the result, and another shape is refused.)
#
# ## 8. What the notes leave out
#
# - **Which distributions have a path?** All that can be made from fixed noise by a smooth function: normals, of
#   any covariance ($z = m + L\epsilon$), and whatever has an invertible distribution function. Labels do not.
# - **Noise is an argument.** In this package every random function takes its noise, or a generator. Then it can
#   be run again, checked by finite differences, and recorded. That is the reparameterisation once more:
#   randomness moved out of the function.
# - **What is printed elsewhere.** The notebook that goes with the book's section on this trick gives sampled numbers
#   for such an expectation and its derivative as true values. Exact ones stand [in a
#   derivation](derivation:reparameterization/book), with [its
#   derivative](derivation:reparameterization/book-gradient).

# %% tags=["script"]
if __name__ == "__main__":
    finish(globals())
