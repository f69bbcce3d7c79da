# %% [markdown]
# # 6 · The evidence lower bound
#
# The heart of the notes: one chain of five lines. You put a number on each, find out exactly what is lost and
# where, climb the bound yourself, and see when it is tight.
#
# | | |
# |---|---|
# | In the notes | Chapter 17, "Probabilistic", the chain from log Pr(x) to the two terms |
# | In the book | Prince, *Understanding Deep Learning*, sections 17.3 to 17.5 |
# | Before this | 4 and 5 |
# | Reading | 50 minutes |
# | Running | 5 seconds |

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinygen as tg
from tinygen import gaussian
from tinygen.check import check_grad
from tinygen.course import Slider, check_value, derivation, exercise, finish, yours
from tinygen.course.answers import elbo as answers
from tinygen.course.answers.base import either
from tinygen.oracles.linear_gaussian import LinearGaussian

rng = np.random.default_rng(6)  # every random number of this lesson comes from here

# %% [markdown]
# ## 1. Jensen's inequality
#
# Take some positive numbers $v_i$ with probabilities $p_i$. The log of their mean and the mean of their logs
# are not the same. The logarithm bends down, so a chord between two of its points lies *below* the curve. A
# mean of logs lies on such a chord:
#
# $$\log \sum_i p_i v_i \geq \sum_i p_i \log v_i .$$
#
# They are equal only if all $v_i$ are equal. The difference is **Jensen's gap**.

# %% tags=["look"]
def chord(spread):
    """The logarithm, a chord from 2 - spread to 2 + spread, and the gap at its middle."""
    figure, ax = plt.subplots(figsize=(5.6, 3.0))
    u = np.linspace(0.05, 4, 300)
    ends = np.array([2 - spread, 2 + spread])
    ax.plot(u, np.log(u), label="log")
    ax.plot(ends, np.log(ends), "o-", label="chord")
    ax.plot([2, 2], [np.log(ends).mean(), np.log(2)], color="C3", linewidth=3, label="gap")
    ax.set(ylim=(-3, 1.6), xlabel="v", title=f"gap {np.log(2) - np.log(ends).mean():.4f} nats")
    ax.legend(loc="lower right")
    return figure


Slider(chord, np.linspace(1.9, 0, 14), label="spread {:.2f}", play=True)

# %% [markdown]
# **Your turn.** Write the gap.


# %%
def jensen_gap(v, p):
    """The log of the mean minus the mean of the log: values v (n,), probabilities p (n,)."""
    ### BEGIN SOLUTION
    return np.log(np.sum(p * v)) - np.sum(p * np.log(v))
    ### END SOLUTION


def check_jensen(jensen_gap):
    v, p = np.exp(rng.normal(size=5)), rng.random(5)
    return check_value(jensen_gap, answers.jensen_gap, v, p / p.sum(), names=("v", "p"))


test_jensen = exercise(jensen_gap, check_jensen)

# %% [markdown]
# For values that differ little the gap is about half their variance over their squared mean. Remember: *nearly
# equal values, nearly no gap*.
#
# ## 2. The chain
#
# The evidence is a mean. Bring in any density $q(z)$; then $Pr(x) = \int q(z) \frac{Pr(x, z)}{q(z)}\, dz$ is
# the mean of the weights $Pr(x, z) / q(z)$ over draws from $q$ (section 5 of lesson 5). Its logarithm is the
# log of a mean. Jensen turns it into a mean of logs, and that one can be estimated from single draws.
#
# Here is the chain of the notes as the package keeps it: every line is a function, computed here by quadrature,
# for the linear model $x \mid z \sim \mathcal{N}(wz, \sigma^2)$ and $q = \mathcal{N}(m, s^2)$.

# %%
derivation("elbo/chain")

# %% [markdown]
# Read the numbers from top to bottom. The one crossed out is a slip of the notes: what should be likely is
# $x$, and $f$ is only its mean. Then three lines agree. Then comes $\geq$, and something is lost. After it
# nothing is lost any more.
#
# And the loss has a name: it is $D_{KL}\big[ q(z) \,\|\, Pr(z \mid x) \big]$, the divergence of $q$ relative to the
# *posterior*, to the last digit. Why? Write the posterior into the chain, $Pr(x, z) = Pr(z \mid x)\, Pr(x)$:
#
# $$
# \log Pr(x) - \int q \log \frac{Pr(x, z)}{q}\, dz
# = \log Pr(x) - \int q \log \frac{Pr(z \mid x)\, Pr(x)}{q}\, dz
# = \int q \log \frac{q}{Pr(z \mid x)}\, dz .
# $$
#
# ([Its derivation.](derivation:elbo/gap)) So the bound is tight exactly if $q$ is the posterior. In the words of
# section 1: then all weights are equal.
#
# ## 3. Write it down
#
# For the linear model both terms can be done by hand. The mean of $(x - wz)^2$ under $q$ is
# $(x - wm)^2 + w^2 s^2$: a square and a variance. So
#
# $$
# \mathbb{E}_q \log Pr(x \mid z) = -\tfrac12 \log 2\pi\sigma^2 - \frac{(x - wm)^2 + w^2 s^2}{2\sigma^2}, \qquad
# D_{KL} = \tfrac12 \left( s^2 + m^2 - 1 - \log s^2 \right) .
# $$
#
# **Your turn.** The bound, with $\ell = \log s^2$ as `logvar`. Everything is a number.


# %%
def elbo(mean, logvar, x, w, s2):
    """The bound on log Pr(x) for q = N(mean, exp(logvar)), in nats."""
    ### BEGIN SOLUTION
    var = np.exp(logvar)
    fit = -0.5 * np.log(2 * np.pi * s2) - ((x - w * mean) ** 2 + w**2 * var) / (2 * s2)
    return fit - 0.5 * (var + mean**2 - 1 - logvar)
    ### END SOLUTION


def check_elbo(elbo):
    mean, logvar, x, w = rng.normal(size=(4, 5))
    names = ("mean", "logvar", "x", "w", "s2")
    return check_value(elbo, answers.elbo, mean, logvar, x, w, 0.3 + rng.random(5), names=names)


test_elbo = exercise(elbo, check_elbo)

# %% [markdown]
# **Your turn.** Its derivatives by `mean` and by `logvar`. Both terms contribute to both.


# %%
def elbo_gradient(mean, logvar, x, w, s2):
    """The derivatives of elbo by mean and by logvar: a pair."""
    ### BEGIN SOLUTION
    var = np.exp(logvar)
    return w * (x - w * mean) / s2 - mean, 0.5 * (1 - var - w**2 * var / s2)
    ### END SOLUTION


def check_elbo_gradient(elbo_gradient):
    mean, logvar, x, w = rng.normal(size=(4, 5))
    s2 = 0.3 + rng.random(5)

    def terms(mean, logvar):
        parts = answers.elbo(mean, logvar, x, w, s2)
        return {name: np.sum(part) for name, part in parts.items()}

    mine = lambda mean, logvar: elbo_gradient(mean, logvar, x, w, s2)
    return check_grad(terms, mine, mean, logvar, names=("mean", "logvar"))


test_elbo_gradient = exercise(elbo_gradient, check_elbo_gradient)

# %% [markdown]
# ## 4. Climb
#
# Start with some $q$ and walk uphill. Nobody tells you the posterior; you only follow the gradient of the
# bound.

# %%
x, w, s2 = 1.0, 1.3, 0.4
evidence = gaussian.log_density(np.array([x]), np.zeros(1), np.log([w**2 + s2]))
bound = yours(test_elbo, elbo, answers.elbo.alone)
gradient = yours(test_elbo_gradient, elbo_gradient, tg.grad(answers.elbo.alone, argnums=(0, 1)))

mean, logvar, path = -1.5, 1.0, []
for _ in range(60):
    path.append((mean, logvar))
    by_mean, by_logvar = gradient(mean, logvar, x, w, s2)
    mean, logvar = mean + 0.1 * by_mean, logvar + 0.1 * by_logvar
gaps = [evidence - bound(m, l, x, w, s2) for m, l in path]
for step in (0, 5, 20, 59):
    m, l = path[step]
    print(f"step {step:2}: q = N({m:.4f}, {np.exp(l):.4f}), gap {gaps[step]:.6f} nats")

# %% tags=["look"]
z = np.linspace(-4, 4, 401)
density = lambda mean, var: np.exp(-0.5 * (z - mean) ** 2 / var) / np.sqrt(2 * np.pi * var)
exact_posterior = density(*answers.posterior.alone(x, w, s2))


def climbing(step):
    m, l = path[step]
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 2.9))
    left.plot(z, exact_posterior, color="C1", label="posterior")
    left.plot(z, density(m, np.exp(l)), color="C0", label="q")
    left.set(xlabel="z", ylim=(0, 1), title=f"step {step}")
    left.legend()
    right.semilogy(gaps, color="C8")
    right.plot(step, gaps[step], "o", color="C3")
    right.set(xlabel="step", ylabel="gap in nats", title="Jensen's gap closes")
    return figure


Slider(climbing, [0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 30, 59], label="step {}", play=True)

# %% [markdown]
# Where does it end? Where both derivatives are 0.
#
# **Your turn.** Solve for the mean and the variance there. That is the posterior, and you found it without
# Bayes' rule.


# %%
def posterior(x, w, s2):
    """Mean and variance of z given x, for x | z ~ N(w z, s2) and z ~ N(0, 1): a pair."""
    ### BEGIN SOLUTION
    return w * x / (w**2 + s2), s2 / (w**2 + s2)
    ### END SOLUTION


def check_posterior(posterior):
    x, w = rng.normal(size=(2, 5))
    names, parts = ("x", "w", "s2"), ("the mean", "the variance")
    args = x, w, 0.3 + rng.random(5)
    return check_value(posterior, answers.posterior, *args, names=names, parts=parts)


test_posterior = exercise(posterior, check_posterior)

# %% [markdown]
# > The notes say: if $q$ resembles the prior $Pr(z)$, "then the first term is exactly what we wanted to
# > compute". It is not. If $q$ is the prior, the first term is the whole bound, and that is not tight. If $q$ is the
# > *posterior*, the bound is tight, but then it is the first term *minus* the divergence ([both, as
# > numbers](derivation:elbo/tight)).
#
# With $w = 2$, $\sigma^2 = 0.1$, $x = 1$ and $q$ = prior the divergence is 0, and the first term stands alone:

# %%
first_term = answers.elbo(0.0, 0.0, 1.0, 2.0, 0.1)["first term"]
wanted = gaussian.log_density(np.ones(1), np.zeros(1), np.log([4.1]))
print(f"first term {first_term:.3f}, log evidence {wanted:.3f}")

# %% [markdown]
# ## 5. When no normal is the posterior
#
# Bend the decoder, as in lesson 5. The posterior is no normal any more. The best $q$ is then the normal with
# the highest bound, and a gap remains. Here everything is integrated on a grid and $q$ climbs by `tg.grad`;
# the gradient goes through the quadrature.

# %% tags=["look"]
eps = np.linspace(-6, 6, 241)  # the grid moves with q: z = mean + std * eps
weight = np.exp(-0.5 * eps**2)
weight /= weight.sum()


def bent_joint(z, x):
    f = 1.5 * np.tanh(2 * z) + 0.4 * z
    log_prior = -0.5 * (np.log(2 * np.pi) + z**2)
    return log_prior - 0.5 * (np.log(2 * np.pi * 0.05) + (x - f) ** 2 / 0.05)


def bent_bound(q, x):
    z = q[0] + np.exp(q[1] / 2) * eps
    entropy = 0.5 * (np.log(2 * np.pi) + 1 + q[1])
    return np.sum(weight * bent_joint(z, x)) + entropy


z_grid = np.linspace(-6, 6, 4001)
for x in (0.3, 1.2, 2.1):
    log_evidence = np.log(np.sum(np.exp(bent_joint(z_grid, x))) * (z_grid[1] - z_grid[0]))
    q = np.array([x / 2, -2.0])
    for _ in range(1500):
        q = q + 0.008 * tg.grad(bent_bound)(q, x)
    best = bent_bound(q, x)
    print(f"x = {x}: best q = N({q[0]:.3f}, {np.exp(q[1]):.4f}), ", end="")
    print(f"bound {best:.4f}, evidence {log_evidence:.4f}, gap {log_evidence - best:.4f}")

# %% [markdown]
# Small where $f$ is nearly straight, larger where it bends. This part of the gap is the **approximation gap**:
# it comes from the family of $q$. (A VAE has a second part: its encoder does not find the best $q$ for each
# image. Lesson 9 measures both.)
#
# ## 6. Two latents that explain each other away
#
# With several latents a VAE takes a $q$ in which they are independent: a *diagonal* covariance. The posterior
# usually is not like that. If two latents both could have caused $x$, more of one means less of the other:
# they are correlated, given $x$.
#
# For a linear model the posterior is normal with a precision matrix $\Lambda = I + W^\top W / \sigma^2$. Among
# all diagonal normals the best has the right mean and the variances $1 / \Lambda_{jj}$. What remains is
#
# $$\tfrac12 \Big[ \sum_j \log \Lambda_{jj} - \log \det \Lambda \Big] .$$
#
# **Your turn.** Use `np.linalg.slogdet`, which returns the sign and the logarithm: a determinant itself
# overflows easily.


# %%
def diagonal_gap(precision):
    """The gap that the best diagonal q leaves: from the posterior's precision matrix (k, k)."""
    ### BEGIN SOLUTION
    return 0.5 * (np.sum(np.log(np.diag(precision))) - np.linalg.slogdet(precision)[1])
    ### END SOLUTION


def check_diagonal_gap(diagonal_gap):
    W = rng.normal(size=(5, 3))
    precision = np.eye(3) + W.T @ W / 0.4
    return check_value(diagonal_gap, answers.diagonal_gap, precision, names=("precision",))


test_diagonal_gap = exercise(diagonal_gap, check_diagonal_gap)

# %% tags=["look"]
gap_of = yours(test_diagonal_gap, diagonal_gap, answers.diagonal_gap.alone)


def two_latents(angle):
    """Posterior and best diagonal q, if the columns of W enclose this angle (in degrees)."""
    a = np.radians(angle)
    model = LinearGaussian(2 * np.array([[1.0, np.cos(a)], [0.0, np.sin(a)]]), np.zeros(2), 0.5)
    precision = model.precision()
    figure, ax = plt.subplots(figsize=(5.6, 3.6))
    turn = np.linspace(0, 2 * np.pi, 100)
    circle = np.stack([np.cos(turn), np.sin(turn)])
    outline = np.linalg.cholesky(np.linalg.inv(precision)) @ circle
    ax.plot(*(2 * outline), color="C1", label="posterior, two standard deviations")
    diagonal = circle / np.sqrt(np.diag(precision))[:, None]
    ax.plot(*(2 * diagonal), color="C0", label="best diagonal q")
    ax.set(xlim=(-2.4, 2.4), ylim=(-2, 2), xlabel="z 1", ylabel="z 2")
    ax.set_title(f"angle {angle:.0f} degrees, gap {gap_of(precision):.3f} nats")
    ax.legend(loc="upper right")
    return figure


Slider(two_latents, np.arange(90, 4, -7.5), label="angle {:.0f}", play=True)

# %% [markdown]
# The diagonal $q$ is too sure: its variances $1 / \Lambda_{jj}$ are at most the posterior's own variances of $z_j$,
# the diagonal of $\Lambda^{-1}$, and smaller wherever the latents are correlated. (Its outline does not lie inside the
# posterior's: across the long axis it sticks out.) That is the direction of the divergence, "choose rather than
# cover", from lesson 4.
#
# ## 7. Break it: find the planted mistake
#
# Somebody writes the bound as a mean over draws of $q$. "The joint density is all there is to know", they say,
# and climb.


# %%
def planted_bound(mean, logvar, eps, x=1.0, w=1.3, s2=0.4):
    """One draw of the bound for each noise: z = mean + std eps, of the shape of eps."""
    z = mean + np.exp(logvar / 2) * eps
    log_likelihood = -0.5 * (np.log(2 * np.pi * s2) + (x - w * z) ** 2 / s2)
    return log_likelihood - 0.5 * (np.log(2 * np.pi) + z**2)


mean, logvar, eps = 0.0, 0.0, rng.normal(size=500)
for step in range(2001):
    if step % 500 == 0:
        print(f"step {step:4}: q = N({mean:.3f}, {np.exp(logvar):.2e})")
    climb = tg.grad(lambda m, l: np.mean(planted_bound(m, l, eps)), argnums=(0, 1))(mean, logvar)
    mean, logvar = mean + 0.02 * climb[0], logvar + 0.1 * climb[1]

# %% [markdown]
# The mean is right, and the variance runs to 0: $q$ shrinks to a point. Something that rewards a wide $q$ is
# missing.
#
# **Your turn.** Compare with the line after the $\geq$ of the chain, and write it right: one draw of that line for
# each noise, all three densities at the same $z$. (Two of them together have a mean that you know, minus the
# divergence. Who puts that in has another estimate of the same number; both are right.)


# %%
def repaired_bound(mean, logvar, eps, x=1.0, w=1.3, s2=0.4):
    """One draw of the bound for each noise: z = mean + std eps, of the shape of eps."""
    ### BEGIN SOLUTION
    z = mean + np.exp(logvar / 2) * eps
    log_likelihood = -0.5 * (np.log(2 * np.pi * s2) + (x - w * z) ** 2 / s2)
    log_q = -0.5 * (np.log(2 * np.pi) + logvar + eps**2)
    return log_likelihood - 0.5 * (np.log(2 * np.pi) + z**2) - log_q
    ### END SOLUTION


def check_repaired(repaired_bound):
    args, names = rng.normal(size=(3, 7)), ("mean", "logvar", "eps")
    return either(repaired_bound, answers.bound_draws, *answers.drawing, *args, names=names)


test_repaired = exercise(repaired_bound, check_repaired)

# %% [markdown]
# The missing term, minus the mean of $\log q$, is the **entropy** of $q$: how much uncertainty it admits.
# Without it you get the single best $z$, and a model that is sure of everything.
#
# ## 8. What the notes leave out
#
# - **It is for one $x$.** $L(x, \phi)$ is the loss of one example. Training sums over all of them, each with
#   its own $q$. For a batch of $B$ out of $N$ examples, drawn at random, multiply by $N/B$: each example is in the
#   batch with probability $B/N$, so the mean of the product is the sum over all. ([The loss of one
#   example.](derivation:elbo/loss))
# - **The sign.** The bound is maximised. The loss is minus the bound.
# - **What learning does with the gap.** The decoder's parameters appear in the evidence and in the gap. Raising
#   the bound can raise the evidence, or it can make the posterior more like the $q$ that you are able to write
#   down. Both happen.
# - **Nothing here needed a normal.** [The same chain with a bent decoder](derivation:elbo/chain-nonlinear), and
#   [with a label as latent](derivation:elbo/chain-discrete).

# %% tags=["script"]
if __name__ == "__main__":
    finish(globals())
