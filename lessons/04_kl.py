# %% [markdown]
# # 4 · The Kullback-Leibler divergence
#
# How different is one distribution from another? You write the answer down in two ways, work it out for Gaussians,
# derive its gradients, and measure it from samples, with an error bar.
#
# | | |
# |---|---|
# | In the notes | "Preliminary: KL divergence" |
# | In the book | Prince, *Understanding Deep Learning*, appendix C.5 and chapter 17 |
# | Before this | 1; a little probability: density, mean, variance |
# | Reading | 50 minutes |
# | Running | 4 seconds |

# %%
import matplotlib.pyplot as plt
import numpy as np

from tinygen import gaussian
from tinygen.check import check_grad
from tinygen.course import Slider, check_value, exercise, finish, yours
from tinygen.course.answers import kl as answers
from tinygen.course.answers.base import either, is_infinite

rng = np.random.default_rng(4)  # every random number of this lesson comes from here

# %% [markdown]
# ## 1. Surprise
#
# Something happens that you gave the probability $q$. Call $-\log q$ your **surprise**: 0 if you were certain,
# large if you thought it unlikely. With the natural logarithm it is measured in **nats**.
#
# Let things happen with the probabilities $p_i$, while you believe in $q_i$. Your mean surprise is
# $-\sum_i p_i \log q_i$, the **cross-entropy**. If you knew the truth it would be $-\sum_i p_i \log p_i$, the
# **entropy**. What your wrong belief costs you is the difference:
#
# $$D_{KL}(P \,\|\, Q) = -\sum_i p_i \log q_i + \sum_i p_i \log p_i = \sum_i p_i \log \frac{p_i}{q_i} .$$
#
# For densities the sum becomes an integral. The notes have it in two forms, which are one number, since
# $\log \frac{a}{b} = -\log \frac{b}{a}$ ([checked](derivation:kl/two-forms)):
#
# $$
# D_{KL}(P \,\|\, Q) = \int P(x) \log \frac{P(x)}{Q(x)}\, dx = -\int P(x) \log \frac{Q(x)}{P(x)}\, dx .
# $$
#
# > The notes call it the divergence "from $Q$ to $P$". The formula is right. Since others say "from $P$ to $Q$" for the
# > same formula, this course says only "of $P$ **relative to** $Q$": it is a mean under the *first* of the two, the one
# > that things really follow.
#
# **Your turn.** Write it for probabilities. Two corners need care. What never happens ($p_i = 0$) costs
# nothing: $0 \log 0$ counts as 0. And if something happens that you held impossible ($p_i > 0$, $q_i = 0$), the
# cost is infinite. NumPy gives `nan` and warnings if you do not look after that. `np.where` computes both
# branches, so choose the entries first.


# %%
def kl_discrete(p, q):
    """The divergence of the probabilities p relative to q, two arrays (n,), in nats."""
    ### BEGIN SOLUTION
    happens = p > 0
    if np.any(q[happens] == 0):
        return np.inf
    return np.sum(p[happens] * np.log(p[happens] / q[happens]))
    ### END SOLUTION


def check_kl_discrete(kl_discrete):
    p, q = rng.random((2, 5))
    p, q = p / p.sum(), q / q.sum()
    common = check_value(kl_discrete, answers.kl_discrete, p, q, names="pq")
    rare, even = np.array([0.0, 0.3, 0.7]), np.full(3, 1 / 3)
    never = check_value(kl_discrete, answers.kl_discrete, rare, even, names="pq")
    return common, never, is_infinite(kl_discrete, even, rare)


test_kl_discrete = exercise(kl_discrete, check_kl_discrete)

# %% [markdown]
# ## 2. Never negative, and not symmetric
#
# Can a wrong belief pay? No. The logarithm lies below its tangent at 1: $\log u \leq u - 1$, with equality at
# $u = 1$ only. Put $u = q_i / p_i$:
#
# $$
# -D_{KL}(P \,\|\, Q) = \sum_i p_i \log \frac{q_i}{p_i} \leq \sum_i p_i \left( \frac{q_i}{p_i} - 1 \right)
# = \sum_i q_i - \sum_i p_i = 0 .
# $$
#
# So $D_{KL} \geq 0$, and it is 0 only if the two agree. But it is no distance: the two directions differ. For
# two normals of the same mean and the variances 1 and 4:

# %%
zero, four = np.zeros(1), np.log([4.0])
print(f"of N(0, 1) relative to N(0, 4): {gaussian.kl(zero, zero, zero, four):.5f} nats")
print(f"of N(0, 4) relative to N(0, 1): {gaussian.kl(zero, four, zero, zero):.5f} nats")

# %% [markdown]
# The second is the larger: a belief that is too narrow is surprised often.
#
# This has a consequence that you can see. Approximate a density with two humps by a single normal. There are
# two ways to be close.
#
# - Make $D_{KL}(P \,\|\, Q)$ small, where $P$ has the humps: $Q$ must not be small where $P$ is large. It
#   **covers** both.
# - Make $D_{KL}(Q \,\|\, P)$ small: $Q$ must not be large where $P$ is small. It **chooses** one.
#
# Remember the second one: it is the direction that a VAE uses, and the reason why its $q$ is sometimes too
# sure.


# %%
x = np.linspace(-6, 6, 601)
dx = x[1] - x[0]


def normal(mean, std):
    return np.exp(-0.5 * ((x - mean) / std) ** 2) / (std * np.sqrt(2 * np.pi))


def divergence(p, q):
    """The integral on the grid; where p is 0 nothing is added."""
    return np.sum(p * np.log((p + 1e-300) / (q + 1e-300))) * dx


def best(target, choose):
    """The best of many normals, as (mean, std), by the divergence `choose(q)`."""
    options = [(m, s) for m in np.arange(-4, 4.01, 0.1) for s in np.arange(0.3, 4.01, 0.1)]
    return min(options, key=lambda option: choose(normal(*option)))


def two_ways(distance):
    """The two best normals for two humps, `distance` apart."""
    target = 0.55 * normal(-distance / 2, 0.7) + 0.45 * normal(distance / 2, 0.7)
    figure, ax = plt.subplots(figsize=(5.6, 3.0))
    ax.fill_between(x, target, alpha=0.3, color="C8", label="P")
    covers = best(target, lambda q: divergence(target, q))
    chooses = best(target, lambda q: divergence(q, target))
    ax.plot(x, normal(*covers), label="best D(P || Q)")
    ax.plot(x, normal(*chooses), label="best D(Q || P)")
    ax.set(ylim=(0, 0.62), xlabel="x", ylabel="density", title=f"two humps, {distance:.1f} apart")
    ax.legend(loc="upper right", fontsize=8)
    return figure


# %% tags=["look", "cover"]
Slider(two_ways, np.arange(6, -0.1, -0.75), label="distance {:.2f}", play=True)

# %% [markdown]
# ## 3. Two Gaussians
#
# Let $P = \mathcal{N}(m_0, s_0^2)$ and $Q = \mathcal{N}(m_1, s_1^2)$. The log ratio is a quadratic in $x$:
#
# $$
# \log \frac{P(x)}{Q(x)} = \frac12 \left( \log \frac{s_1^2}{s_0^2}
# - \frac{(x - m_0)^2}{s_0^2} + \frac{(x - m_1)^2}{s_1^2} \right) .
# $$
#
# Take the mean under $P$. You need two facts: $\mathbb{E}(x - m_0)^2 = s_0^2$, and, since the cross term has
# mean 0, $\mathbb{E}(x - m_1)^2 = s_0^2 + (m_0 - m_1)^2$.
#
# **Your turn.** Finish it on paper, then write it for rows of independent coordinates: four arrays `(B, D)`,
# one number for each row. The variances come as logarithms, $\ell = \log s^2$. Every exponential of a
# difference is one division less.


# %%
def kl(mean0, logvar0, mean1, logvar1):
    """The divergence of N(mean0, e^logvar0) relative to N(mean1, e^logvar1): (B, D) to (B,)."""
    ### BEGIN SOLUTION
    ratio = np.exp(logvar0 - logvar1)
    square = (mean0 - mean1) ** 2 * np.exp(-logvar1)
    return 0.5 * np.sum(ratio + square - 1 - (logvar0 - logvar1), axis=-1)
    ### END SOLUTION


NAMES = ("mean0", "logvar0", "mean1", "logvar1")


def check_kl(kl):
    return check_value(kl, answers.kl, *rng.normal(size=(4, 7, 3)), names=NAMES)


test_kl = exercise(kl, check_kl)

# %% [markdown]
# Now the gradients. The two means enter through their difference only, so their derivatives are opposite. For
# the logarithms use $\frac{d}{d\ell} e^{\ell} = e^{\ell}$.
#
# **Your turn.** Four arrays, in the order of the arguments.


# %%
def kl_gradients(mean0, logvar0, mean1, logvar1):
    """The derivatives of sum(kl(...)) by the four arguments: four arrays (B, D)."""
    ### BEGIN SOLUTION
    ratio = np.exp(logvar0 - logvar1)
    by_mean0 = (mean0 - mean1) * np.exp(-logvar1)
    by_logvar1 = 0.5 * (1 - ratio - (mean0 - mean1) ** 2 * np.exp(-logvar1))
    return by_mean0, 0.5 * (ratio - 1), -by_mean0, by_logvar1
    ### END SOLUTION


def check_kl_gradients(kl_gradients):
    total = lambda *args: gaussian.kl(*args).sum()
    return check_grad(total, kl_gradients, *rng.normal(size=(4, 5, 3)), names=NAMES)


test_kl_gradients = exercise(kl_gradients, check_kl_gradients)

# %% [markdown]
# For $Q = \mathcal{N}(0, 1)$ this becomes the second term of a VAE: $\frac12 (e^{\ell} + m^2 - 1 - \ell)$, with
# the derivatives $m$ and $\frac12 (e^{\ell} - 1)$. The package keeps both, line by line, every line a function that is
# computed and compared with the line before: [the value](derivation:kl/standard) and [the
# gradient](derivation:kl/gradient). Each of them shows a wrong line too, the one that people write.
#
# What follows the arrows downhill? Start from four normals and let the divergence relative to
# $\mathcal{N}(0, 1)$ pull.

# %%
gradients = yours(test_kl_gradients, kl_gradients, lambda a, b, c, d: (
    gaussian.kl_grad_mean0(a, b, c, d), gaussian.kl_grad_logvar0(a, b, c, d), None, None))
mean, logvar = np.array([[-2.0], [2.5], [1.0], [-0.5]]), np.array([[-3.0], [1.5], [-1.0], [2.5]])
path = []
for _ in range(200):
    path.append((mean[:, 0], np.exp(logvar[:, 0] / 2)))
    by_mean, by_logvar, *_ = gradients(mean, logvar, np.zeros((4, 1)), np.zeros((4, 1)))
    mean, logvar = mean - 0.05 * by_mean, logvar - 0.05 * by_logvar
path = np.array(path)  # (200, 2, 4)

fig, ax = plt.subplots(figsize=(5.6, 3.2))
ax.plot(path[:, 0], path[:, 1])
ax.plot(path[0, 0], path[0, 1], "o", color="C8")
ax.plot(0, 1, "k*", markersize=12)
ax.set(xlabel="mean", ylabel="standard deviation", title="Downhill to N(0, 1), 200 steps")

# %% [markdown]
# ## 4. From samples
#
# Often you can draw from $P$ and evaluate both densities, but nobody can do the integral. Then draw
# $x_1, \dots, x_n$ from $P$ and average the log ratio:
#
# $$D_{KL}(P \,\|\, Q) \approx \frac1n \sum_{i=1}^n r_i, \qquad r_i = \log \frac{P(x_i)}{Q(x_i)} .$$
#
# An average of random numbers is a random number. Give it with its **standard error**, the standard deviation
# of the $r_i$ over $\sqrt{n}$. Without it nobody can say what the digits mean.
#
# **Your turn.** From the $r_i$: the estimate, and its standard error. Estimate the variance with $n - 1$ below
# the line (`ddof=1`), because the mean was estimated from the same numbers.


# %%
def estimate(r):
    """The mean of r (n,) and its standard error: a pair of numbers."""
    ### BEGIN SOLUTION
    return r.mean(), r.std(ddof=1) / np.sqrt(len(r))
    ### END SOLUTION


def check_estimate(estimate):
    return check_value(estimate, answers.estimate, 1 + rng.normal(size=11), names="r",
                       parts=("the mean", "the standard error"))  # fmt: skip


test_estimate = exercise(estimate, check_estimate)

# %%
of_mean = yours(test_estimate, estimate, answers.estimate.alone)
p, q = (0.5, -0.4), (0.0, 0.3)  # mean and logvar of each
exact = gaussian.kl(*(np.array([v]) for v in p + q))
draws = p[0] + np.exp(p[1] / 2) * rng.normal(size=(100_000, 1))
r = gaussian.log_density(draws, np.array([p[0]]), np.array([p[1]])) - gaussian.log_density(
    draws, np.array([q[0]]), np.array([q[1]]))  # fmt: skip
for n in (10, 1000, 100_000):
    value, error = of_mean(r[:n])
    print(f"{n:6} draws: {value:.4f} +- {error:.4f}, {(value - exact) / error:+.1f} errors off")
print(f"exact:        {exact:.4f}")

# %% [markdown]
# Two things to see. A hundred times the draws give one more digit, not two. And the estimate is off by a few
# errors at most, as it should: within one error in two thirds of all cases, within two in 95 per cent.
#
# Single values $r_i$ may well be negative, though the divergence is not. Other terms have the same mean: since
# $\mathbb{E}_P[Q/P] = 1$, you may add $e^{-r} - 1$, which has mean 0. Then every single term is
# $e^{-r} - 1 + r \geq 0$. Is that better? Look before you believe it: once for two normals that are close, once
# for these two.

# %%
def log_ratios_of(p, q, n=100_000):
    one, other = ([np.array([v]) for v in pair] for pair in (p, q))
    draws = gaussian.sample(*one, rng.normal(size=(n, 1)))
    return gaussian.log_density(draws, *one) - gaussian.log_density(draws, *other)


for name, pair in (("close", ((0.1, 0.0), (0.0, 0.1))), ("these", (p, q))):
    r = log_ratios_of(*pair)
    for kind, terms in (("r", r), ("e^-r - 1 + r", np.exp(-r) - 1 + r)):
        value, error = of_mean(terms)
        print(f"{name}: mean of {kind:12} {value:.6f} +- {error:.6f}, smallest {terms.min():+.4f}")
print(f"variance of Q over that of P, for these: {np.exp(q[1] - p[1]):.3f}")

# %% [markdown]
# If the two are close it is far better: the large part of the noise cancels. If they are not, $Q/P$ is huge now
# and then, and it is worse. Here $Q$ has more than twice the variance of $P$, and then $\int Q^2 / P$ is
# infinite: the second estimate has no finite variance, and its error bar means nothing. No sample shows you
# that. A formula does.
#
# ## 5. Many dimensions that depend on each other
#
# The **covariance** of a random vector is the matrix $S$ of the means of $(z_i - m_i)(z_j - m_j)$: variances on its
# diagonal, and beside it how two coordinates vary together. With a full covariance $S$, the divergence relative to
# $\mathcal{N}(0, I)$ is
#
# $$\tfrac12 \left( \operatorname{tr} S + m^\top m - D - \log \det S \right) .$$
#
# Write $S = L L^\top$ with a lower triangular $L$ and a positive diagonal. Then $\operatorname{tr} S$ is the
# sum of the squares of all entries of $L$, and $\det S = \left( \prod_i L_{ii} \right)^2$. No matrix has to be
# inverted. [The package's derivation](derivation:kl/cholesky) has the steps.
#
# **Your turn.** `mean` is `(D,)` and `L` is `(D, D)`. What happens to the $\frac12$ before the logarithm?


# %%
def kl_full(mean, L):
    """The divergence of N(mean, L L^T) relative to N(0, I), L lower triangular: a number."""
    ### BEGIN SOLUTION
    return 0.5 * (np.sum(L**2) + np.sum(mean**2) - len(mean)) - np.sum(np.log(np.diag(L)))
    ### END SOLUTION


def check_kl_full(kl_full):
    L = np.tril(rng.normal(size=(3, 3)), -1) + np.diag(0.5 + rng.random(3))
    return check_value(kl_full, answers.kl_full, rng.normal(size=3), L, names=("mean", "L"))


test_kl_full = exercise(kl_full, check_kl_full)

# %% [markdown]
# ## 6. Break it: find the planted mistake
#
# This function returns the log ratios for an estimate like that of section 4. It runs, the numbers look
# harmless, and their mean has a small error bar.


# %%
def planted_ratios(mean0, logvar0, mean1, logvar1, eps):
    """Log ratios whose mean is kl(mean0, logvar0, mean1, logvar1): five arrays (B, D) to (B,)."""
    x = mean1 + np.exp(logvar1 / 2) * eps
    return gaussian.log_density(x, mean0, logvar0) - gaussian.log_density(x, mean1, logvar1)


four_numbers = [np.array([[v]]) for v in (0.5, -0.4, 0.0, 0.3)]
r = planted_ratios(*four_numbers, rng.normal(size=(100_000, 1)))
print(f"estimate {r.mean():.4f} +- {r.std() / len(r) ** 0.5:.4f}, exact {exact:.4f}")

# %% [markdown]
# A negative divergence. That cannot be, whatever the distributions are. So a sign? Look at the size as well.
#
# **Your turn.** Write it without the mistake.


# %%
def repaired_ratios(mean0, logvar0, mean1, logvar1, eps):
    """Log ratios whose mean is kl(mean0, logvar0, mean1, logvar1): five arrays (B, D) to (B,)."""
    ### BEGIN SOLUTION
    x = mean0 + np.exp(logvar0 / 2) * eps  # the mean is taken under the first of the two
    return gaussian.log_density(x, mean0, logvar0) - gaussian.log_density(x, mean1, logvar1)
    ### END SOLUTION


def check_repaired(repaired_ratios):
    args, names = rng.normal(size=(5, 7, 3)), (*NAMES, "eps")
    return either(repaired_ratios, answers.log_ratios, *answers.drawing, *args, names=names)


test_repaired = exercise(repaired_ratios, check_repaired)

# %% [markdown]
# What the planted function estimates is minus the divergence in the *other* direction. "Of $P$ relative to
# $Q$" says under which one to draw.
#
# ## 7. What the notes leave out
#
# - **It can be infinite.** $Q$ must be positive wherever $P$ is. Of two different uniform distributions at least one
#   has an infinite divergence relative to the other. For a VAE this never happens: normals are
#   positive everywhere.
# - **It does not depend on the units.** Measure $x$ in metres or in feet, or bend the axis with any invertible
#   function: both densities change by the same factor, and the ratio stays ([for affine
#   maps](derivation:kl/affine)). An entropy does change.
# - **It adds up.** For independent parts the divergences add, and in general there is a chain rule: first the
#   one coordinate, then the other given the first ([checked](derivation:kl/chain-rule)). The bound for
#   diffusion in lesson 13 is made with it.

# %% tags=["script"]
if __name__ == "__main__":
    finish(globals())
