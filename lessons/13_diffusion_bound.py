# %% [markdown]
# # 13 · The bound of a diffusion model
#
# The chain of the notes, from the log evidence to a sum of divergences. You write one term of it, and put a
# number on all of them, the one that the notes drop included. Then you meet data for which the bound *is* the
# log evidence, to the last digit: the sharpest test that a diffusion model can get.
#
# | | |
# |---|---|
# | In the notes | Chapter 18, from "our goal is to create NNs" to the end of the chain |
# | In the book | Prince, *Understanding Deep Learning*, sections 18.3 and 18.4 |
# | Before this | 6 and 12 |
# | Reading | 50 minutes |
# | Running | 5 seconds |

# %%
import matplotlib.pyplot as plt
import numpy as np

from tinygen import gaussian
from tinygen.check import check_unbiased
from tinygen.course import Slider, check_value, derivation, exercise, finish, said, yours
from tinygen.course.answers import diffusion_bound as answers
from tinygen.models.diffusion import Schedule, bound, process
from tinygen.oracles.gaussian_diffusion import GaussianDiffusion

rng = np.random.default_rng(13)  # every random number of this lesson comes from here

# %% [markdown]
# ## 1. The model
#
# Lesson 12 went down: from $x = z_0$ to $z_T$, by a fixed $q$. The model goes up. It starts from a standard
# normal and takes one step at a time:
#
# $$
# Pr(z_T) = \mathcal{N}(z_T;\, 0, I), \qquad
# Pr(z_{t-1} \mid z_t, \phi) = \mathcal{N}\big(z_{t-1};\, f_t(z_t, \phi_t),\, v_t I\big), \qquad x = z_0 .
# $$
#
# This is a model with latent variables, as in lesson 5, only that there are $T$ of them, each as large as $x$.
# And it is like a VAE whose encoder is $q$: given, not learned. All that is learned is in the means $f_t$.
#
# > The notes let $f_t$ "represent the mean of the conditional distribution $q(z_{t-1} \mid z_t)$". That is what
# > the best $f_t$ is. But $f_t$ belongs to the *model*. That $Pr(z_{t-1} \mid z_t)$ is normal, and its variance
# > $v_t$, are choices. $q(z_{t-1} \mid z_t)$ is not normal (lesson 12, section 8).
#
# ## 2. The chain
#
# How likely is an $x$ under the model? Integrate over the latents, over *all* of them. Then it goes as in
# lesson 6: bring in $q$, use Jensen's inequality, take the logarithm apart. Here is the chain, every line a
# number, for a small model with $T = 3$, so that the threefold integral can be done.

# %%
derivation("diffusion/bound")

# %% [markdown]
# What happens, from top to bottom:
#
# - The integral is over $z_1, \dots, z_T$ together. (The notes write $dz_i$, as if it were one of them.)
# - At $\geq$ something is lost: the divergence of $q(z_1, \dots, z_T \mid x)$ relative to the model's own
#   posterior. As in lesson 6, with $T$ latents for one.
# - Then comes the step that the notes skip. Going down, $q$ is a product of kernels
#   $q(z_t \mid z_{t-1})$. Going up, the model is a product of $Pr(z_{t-1} \mid z_t)$. They run in opposite
#   directions, so you can't compare them factor by factor. Turn $q$ round, with Bayes' rule given $x$:
#
# $$q(z_t \mid z_{t-1}) = \frac{q(z_{t-1} \mid z_t, x)\, q(z_t \mid x)}{q(z_{t-1} \mid x)}, \qquad t \geq 2 .$$
#
# Multiply these from $t = 2$ to $T$. The fractions $q(z_t \mid x) / q(z_{t-1} \mid x)$ cancel, each with the
# next. What is left of them is $q(z_T \mid x) / q(z_1 \mid x)$, and $q(z_1 \mid x)$ cancels with the kernel of
# $t = 1$:
#
# $$q(z_1, \dots, z_T \mid x) = q(z_T \mid x) \prod_{t=2}^T q(z_{t-1} \mid z_t, x) .$$
#
# ([Checked.](derivation:diffusion/telescope)) Now both run the same way, and the logarithm of their ratio is a
# sum. The first factor, $q(z_T \mid x)$, meets the prior $Pr(z_T)$. The notes lose it. With it,
#
# $$
# \log Pr(x) \geq \underbrace{\mathbb{E}_{q(z_1 \mid x)} \log Pr(x \mid z_1)}_{\text{decoder term}}
# - \sum_{t=2}^T \mathbb{E}_{q(z_t \mid x)}
#   D_{KL}\big[ q(z_{t-1} \mid z_t, x) \,\|\, Pr(z_{t-1} \mid z_t) \big]
# - \underbrace{D_{KL}\big[ q(z_T \mid x) \,\|\, \mathcal{N}(0, I) \big]}_{\text{prior term}} .
# $$
#
# The right side is the bound. It is maximised; the loss is *minus* the bound.
#
# ## 3. One term
#
# > The notes say: "the terms of the KL-divergence are known normals, so we can express literally".
#
# Do it. Both normals have one variance for all $D$ coordinates, so lesson 4 gives
#
# $$
# D_{KL}\big[ \mathcal{N}(\mu, v I) \,\|\, \mathcal{N}(\mu', v' I) \big]
# = \frac12 \left[ \frac{|\mu - \mu'|^2}{v'} + D \left( \frac{v}{v'} - 1 - \log \frac{v}{v'} \right) \right] .
# $$
#
# If the variances are equal, only the squared difference of the means is left.
#
# **Your turn.** One number for each row.


# %%
def kl_step(mean, var, model_mean, model_var):
    """KL(N(mean, var I) || N(model_mean, model_var I)): means (B, D), variances numbers: (B,)."""
    ### BEGIN SOLUTION
    ratio = var / model_var
    apart = np.sum((mean - model_mean) ** 2, axis=-1) / model_var
    return 0.5 * (apart + mean.shape[-1] * (ratio - 1 - np.log(ratio)))
    ### END SOLUTION


def check_kl_step(kl_step):
    mean, model_mean = rng.normal(size=(2, 7, 3))
    names = ("mean", "var", "model_mean", "model_var")
    return check_value(kl_step, answers.kl_step, mean, 0.3, model_mean, 0.5, names=names)


test_kl_step = exercise(kl_step, check_kl_step)

# %% [markdown]
# From now on the package keeps the schedule. In a `Schedule` `s` you find `s.beta[t]`, `s.alpha_bar[t]` (the
# notes' $\alpha_t$) and `s.T`, for `t` from 0 to `T`. Two functions that you wrote in lesson 12 are there, too:
# `process.noisy(s, x, t, eps)` is $z_t$, and `process.posterior(s, z, x, t)` is the pair of mean and variance
# of $q(z_{t-1} \mid z_t, x)$, where `z` is $z_t$.
#
# A model is any function `model(z, t)` that returns the pair $f_t(z_t)$ and $v_t$.
#
# **Your turn.** One term of the sum, $t \geq 2$, for one draw of $z_t$. Draw $z_t$ with the noise; then
# compare. You may use your `kl_step`.


# %%
def one_term(x, t, eps, schedule, model):
    """KL(q(z_{t-1}|z_t, x) || Pr(z_{t-1}|z_t)) at the z_t that eps makes: x, eps (B, D) to (B,)."""
    ### BEGIN SOLUTION
    z = process.noisy(schedule, x, t, eps)
    mean, var = process.posterior(schedule, z, x, t)
    return kl_step(mean, var, *model(z, t))
    ### END SOLUTION


def check_one_term(one_term):
    x, eps = rng.normal(size=(2, 7, 3))
    some_model = lambda z, t: (0.8 * z - 0.1 * t, 0.2 + 0.1 * t)
    args = x, 3, eps, Schedule([0.1, 0.2, 0.3, 0.4]), some_model
    names = ("x", "t", "eps", "schedule", "model")
    return check_value(one_term, answers.one_term, *args, names=names)


test_one_term = exercise(one_term, check_one_term)

# %% [markdown]
# That is all of the sum. The decoder term is the log density of a normal at $x$; the prior term you wrote in
# lesson 12.
#
# ## 4. A judge
#
# A bound has one nasty property: a wrong one still looks like a bound. You need a case in which you know the
# answer. Let the data be normal, $x \sim \mathcal{N}(m, \lambda)$, one number each. Then every density on the
# way down is normal,
#
# $$q(z_t) = \mathcal{N}\big(z_t;\, \sqrt{\alpha_t}\, m,\, c_t\big), \qquad c_t = \alpha_t \lambda + 1 - \alpha_t ,$$
#
# and so is the step back with $x$ *unknown*. You find it as you found the posterior in lesson 12: the same
# kernel, the same square to complete. Only what you know about $z_{t-1}$ beforehand is now $q(z_{t-1})$ instead
# of $q(z_{t-1} \mid x)$. So the precision is $\Lambda = \frac{1 - \beta_t}{\beta_t} + \frac{1}{c_{t-1}}$.
# The mean you find as before.
#
# **Your turn.** It is the best $f_t$ there can be. The variance as well.


# %%
def best_back(z, beta, before, m, lam):
    """Mean and variance of q(z_{t-1}|z_t=z) for data N(m, lam): beta_t, before = alpha_{t-1}."""
    ### BEGIN SOLUTION
    c = before * lam + 1 - before
    precision = (1 - beta) / beta + 1 / c
    mean = (np.sqrt(1 - beta) * z / beta + np.sqrt(before) * m / c) / precision
    return mean, 1 / precision
    ### END SOLUTION


def check_best_back(best_back):
    def both(*args):
        mean, var = best_back(*args)
        return mean, var + 0 * mean

    args, parts = (rng.normal(size=5), 0.3, 0.6, 0.5, 2.0), ("the mean", "the variance")
    names = ("z", "beta", "before", "m", "lam")
    return check_value(both, answers.best_back, *args, names=names, parts=parts)


test_best_back = exercise(best_back, check_best_back)

# %% [markdown]
# ([Its derivation](derivation:diffusion/reverse-kernel) has it in another form, which gives the same numbers.)
#
# Now take this for the model, at $t = 1$, too. Take $q(z_T)$ for its prior instead of $\mathcal{N}(0, 1)$. Then
# the model run upwards is the same process as $q$ run downwards. Its posterior of the latents is $q$, the
# divergence that Jensen costs is 0, and the bound must be the log density of the data: not on average, but *for
# every single $x$*.
#
# The mean over $z_t$ needs no draws here. Each term is a polynomial of degree 2 in the noise, and for such a
# one the mean over $\epsilon = 1$ and $\epsilon = -1$ *is* the mean over a standard normal.
#
# The package's `bound.terms(schedule, model, x, noises)` does what you would do now: it takes your term for all
# $t$, averages over the noises, and returns `decoder`, `kl`, `prior` and what they make together, `bound`.

# %%
best = yours(test_best_back, best_back, lambda *args: tuple(answers.best_back.alone(*args)))
kl = yours(test_kl_step, kl_step, answers.kl_step.alone)
both_signs = np.array([1.0, -1.0])[:, None, None]  # two noises, (2, 1, 1)


def model_of(m, lam, schedule):
    """The model that is right for data N(m, lam)."""

    def model(z, t):
        mean, var = best(z, schedule.beta[t], schedule.alpha_bar[t - 1], m, lam)
        return mean, np.max(var)

    return model


s, truth = Schedule.constant(100, 0.0151), GaussianDiffusion(0.5, 2.0)
model = model_of(0.5, 2.0, s)
x = np.array([[-3.0], [-1.0], [0.5], [2.0], [4.0]])
ours = bound.terms(s, model, x, both_signs, prior=truth.marginal(s.alpha_bar[-1]))
print("      x     log density           bound")
for value, exact, b in zip(x[:, 0], truth.log_prob(x)[:, 0], ours.bound):
    print(f"{value:7.1f} {exact:15.10f} {b:15.10f}")

# %% [markdown]
# Ninety-nine divergences, a decoder term and a prior term, and ten digits agree ([for other
# betas](derivation:diffusion/bound-exact)). One wrong index in any of them, and they would not. If you ever
# write a diffusion model, run it on normal data first.
#
# With the prior $\mathcal{N}(0, 1)$ that the model really has, something is lost. How much, on average over the
# data? Exactly the divergence of $q(z_T)$ relative to $\mathcal{N}(0, 1)$
# ([checked](derivation:diffusion/prior-mismatch)). The bound is of degree 2 in $x$, too, so two values of $x$
# give its mean.

# %%
pair = truth.mean + np.sqrt(truth.var) * np.array([[1.0], [-1.0]])  # for means over the data
mean_end, var_end = truth.marginal(s.alpha_bar[-1])
lost = truth.log_prob(pair).mean() - bound.terms(s, model, pair, both_signs).bound.mean()
print(f"lost on average {lost:.6f} nats")
print(f"KL(q(z_T) || N(0, 1)) {0.5 * (var_end + mean_end**2 - 1 - np.log(var_end)):.6f} nats")

# %% [markdown]
# And without the term that the notes drop? Take data of mean 0 and variance 1. Then $q(z_T)$ is
# $\mathcal{N}(0, 1)$, and the whole bound is exact.
#
# > In the notes the chain has "=" before the sum. It is off by the prior term.

# %%
model = model_of(0.0, 1.0, s)
x = np.array([[0.0], [1.0], [2.0]])
ours = bound.terms(s, model, x, both_signs)
notes = ours.decoder - ours.kl.sum(axis=0)  # the last line of the notes
print("    x   log density   bound   the notes' line")
for value, b, without in zip(x[:, 0], ours.bound, notes):
    exact = GaussianDiffusion(0.0, 1.0).log_prob(value)
    print(f"{value:5.1f} {exact:13.6f} {b:9.6f} {without:13.6f}")

# %% [markdown]
# A lower bound that lies *above* what it bounds, for every $x$ here. The dropped term
# $\frac12 [\alpha_T x^2 - \alpha_T - \log(1 - \alpha_T)]$ is constant in $\phi$, so training does not notice.
# But any number that you report is too good by as much ([checked](derivation:diffusion/dropped-term)): 0.123
# nats a dimension with this schedule, $2 \cdot 10^{-5}$ with the thousand steps of DDPM.
#
# ## 5. Each term by its step
#
# Now let the model be wrong: it believes in a variance of the data that is not the true one. Slide it, and see
# which steps notice. (Data $\mathcal{N}(0.5, 2)$, linear schedule, 50 steps.)

# %% tags=["look"]
linear = Schedule.linear(50)
t = np.arange(2, 51)
floor = bound.terms(linear, model_of(0.5, 2.0, linear), pair, both_signs)


def terms_of(lam):
    mine = bound.terms(linear, model_of(0.5, lam, linear), pair, both_signs)
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.1))
    left.semilogy(t, floor.kl.mean(axis=1), color="C8", label="right model")
    left.semilogy(t, mine.kl.mean(axis=1), "--", color="C0", label="this model")
    left.set(xlabel="t", ylabel="KL of step t, nats", ylim=(1e-6, 2), xlim=(0, 51))
    left.minorticks_off()
    left.legend()
    right.plot(t, (mine.kl - floor.kl).mean(axis=1), color="C0", label="KLs")
    right.plot(1, (floor.decoder - mine.decoder).mean(), "o", color="C1", label="decoder")
    right.set(xlabel="t", ylabel="nats lost", ylim=(-0.003, 0.078), xlim=(0, 51))
    right.legend()
    right.set_title(f"{floor.bound.mean() - mine.bound.mean():.4f} nats lost in all")
    left.set_title(f"model's variance {lam:.2f}, true 2")
    return figure


Slider(terms_of, 2.0 ** np.arange(-1, 3.1, 0.5), label="variance {:.2f}", play=True)

# %% [markdown]
# Two things to see.
#
# **The terms of the right model are not 0.** $q(z_{t-1} \mid z_t, x)$ knows $x$, and no model does. What is
# left is the price of finding out about $x$, paid in small coins, most of it near the data. All terms together
# are the average of $-\log Pr(x)$.
#
# **A mistake costs only where it can be seen.** For large $t$ everything is noise, and nobody can tell one
# variance of the data from another. The loss sits at the small and middle $t$.
#
# In all you lose the divergence of the data relative to the model, no more: a model of this kind is the right
# one for some other normal data, so *its* bound is exact, too. The picture shows at which steps one divergence
# is paid (that is the chain rule of lesson 4). For the model that believes in variance 4:

# %% tags=["look"]
mine = bound.terms(linear, model_of(0.5, 4.0, linear), pair, both_signs)
divergence = gaussian.kl(np.array([0.5]), np.log([2.0]), np.array([0.5]), np.log([4.0]))
print(f"lost {floor.bound.mean() - mine.bound.mean():.6f}, divergence {divergence:.6f} nats")

# %% [markdown]
# ## 6. What a network says
#
# A network could give $f_t$ directly. It is better to let it say what it cannot know, $x$, and do the rest with
# the formula of lesson 12: $f_t(z_t)$ is the mean of $q(z_{t-1} \mid z_t, \hat x)$ at the network's guess
# $\hat x$. That mean is a weighted sum of $x$ and $z_t$, with the weight
# $\sqrt{\alpha_{t-1}}\, \beta_t / (1 - \alpha_t)$ for $x$. So if the variance is $\tilde\beta_t$,
#
# $$
# \text{one term} = \frac{|\Delta\mu|^2}{2 \tilde\beta_t}
# = \frac{\alpha_{t-1}\, \beta_t^2}{(1 - \alpha_t)^2} \cdot
# \frac{1 - \alpha_t}{2 \beta_t (1 - \alpha_{t-1})}\, |x - \hat x|^2
# = \frac{\alpha_{t-1}\, \beta_t}{2 (1 - \alpha_t)(1 - \alpha_{t-1})}\, |x - \hat x|^2 .
# $$
#
# With $\beta_t = 1 - \alpha_t / \alpha_{t-1}$ and $\mathrm{SNR}_t = \alpha_t / (1 - \alpha_t)$ this is very
# short:
#
# $$\text{one term} = \tfrac12 \left( \mathrm{SNR}_{t-1} - \mathrm{SNR}_t \right) |x - \hat x|^2 .$$
#
# The signal that this step takes away, times how badly the network knows it. Instead of $x$ the network can
# guess the total noise $\epsilon$. Since $z_t$ is given and
# $z_t = \sqrt{\alpha_t}\, x + \sqrt{1 - \alpha_t}\, \epsilon$, an error in the one is an error in the other:
# $\sqrt{\alpha_t}\, (x - \hat x) = -\sqrt{1 - \alpha_t}\, (\epsilon - \hat\epsilon)$.
#
# **Your turn.** The factor of $|x - \hat x|^2$, and the factor of $|\epsilon - \hat\epsilon|^2$.


# %%
def weights(before, alpha):
    """The factors of |x - x_hat|^2 and of |eps - eps_hat|^2 in one term: alpha_{t-1}, alpha_t."""
    ### BEGIN SOLUTION
    snr = alpha / (1 - alpha)
    on_x = 0.5 * (before / (1 - before) - snr)
    return on_x, on_x / snr
    ### END SOLUTION


def check_weights(weights):
    before = 0.3 + 0.6 * rng.random(5)
    args = before, before * (0.4 + 0.5 * rng.random(5))
    parts = "the factor of x", "the factor of eps"
    return check_value(weights, answers.weights, *args, names=("before", "alpha"), parts=parts)


test_weights = exercise(weights, check_weights)

# %%
factors = yours(test_weights, weights, answers.weights.alone)
ddpm = Schedule.linear(1000)
on_x, on_eps = factors(ddpm.alpha_bar[1:-1], ddpm.alpha_bar[2:])  # t = 2, ..., 1000
fig, ax = plt.subplots(figsize=(5.8, 3.1))
steps = np.arange(2, 1001)
ax.loglog(steps, on_x, label="of the squared error in x")
ax.loglog(steps, on_eps, label="of the squared error in the noise")
ax.axhline(1, color="C8", linestyle="--", linewidth=1.2, label="the simple loss: 1 at each step")
ax.set(xlabel="t", ylabel="factor", title="One term of the bound, 1000 steps")
ax.legend()

# %% [markdown]
# ([Both forms, checked.](derivation:diffusion/weights)) In terms of $x$ the factors cover almost ten powers of
# ten; in terms of the noise two, most of that in the first steps. That is one reason to predict noise.
#
# Many programs drop the factors, and minimise $|\epsilon - \hat\epsilon|^2$ as it is. This is the **simple
# loss**. It is another objective than the bound: next to the others, the first steps count for much less, and
# there the finest detail is decided.
#
# ## 7. The variance is chosen
#
# The best $f_t$ is known; what about $v_t$? Two choices are in use: $\beta_t$, and $\tilde\beta_t$, the
# variance that is left when $x$ is known. For normal data you know the right one, the second result of
# `best_back`; call it $V_t$. With the right mean, the wrong variance costs per step
#
# $$\tfrac12 \left( \rho - 1 - \log \rho \right), \qquad \rho = V_t / v_t .$$
#
# Add this up for schedules of more and more steps.

# %%
def cost(s, v, m=0.5, lam=2.0):
    """What variances v[t] cost in nats, t = 2, ..., T, if the mean is right."""
    right = best(np.zeros(s.T - 1), s.beta[2:], s.alpha_bar[1:-1], m, lam)[1]
    ratio = right / v[2:]
    return 0.5 * np.sum(ratio - 1 - np.log(ratio))


counts = np.array([5, 10, 20, 50, 100, 1000, 10_000, 100_000])
print("     T      beta   posterior")
of_beta, of_posterior = [], []
for T in counts:
    s = Schedule.cosine(T)
    of_beta.append(cost(s, s.beta))
    of_posterior.append(cost(s, s.posterior_var))
    print(f"{T:6} {of_beta[-1]:9.5f} {of_posterior[-1]:11.5f}")

# %% tags=["look"]
fig, ax = plt.subplots(figsize=(5.8, 3.0))
ax.loglog(counts, of_beta, "o-", label="$v_t = \\beta_t$")
ax.loglog(counts, of_posterior, "o-", label="$v_t = \\tilde\\beta_t$")
ax.set(xlabel="number of steps T", ylabel="nats lost", title="The price of a wrong variance")
ax.legend()

# %% [markdown]
# With $\beta_t$ the loss goes to 0 as the steps become small. With $\tilde\beta_t$ something stays, however
# many steps you take. It comes from the first few steps: at $t = 2$,
# $\tilde\beta_t$ is less than half of $\beta_t$, as if the model already knew $x$. Choosing $\beta_t$ is
# exactly right for data of variance 1, and $\tilde\beta_t$ if the data are one single point. Between these two
# lies the truth of most data, and one can learn it, or [compute the
# best](derivation:diffusion/reverse-variance).
#
# ## 8. A few evidence and a few layers
#
# The loss sums over all $N$ examples and all $T$ terms. Nobody computes that for one step of training.
#
# > The notes say: "just grab a few evidence and a few layer, and go".
#
# Right, with two factors. Draw $B$ of the $N$ examples, and for each of them *one* $t$ from $1, \dots, T$, all
# equally likely. What you drew has to stand for all that you did not:
#
# $$
# \text{bound, summed over all data} \approx
# \frac{N}{B} \sum_{i=1}^B \big[ T \cdot \text{term}_{t_i}(x_i) - \text{prior term}(x_i) \big],
# $$
#
# where the term is $\log Pr(x \mid z_1)$ if $t = 1$, and minus the divergence otherwise.
#
# **Your turn.** The right side, as one number.


# %%
def batch_estimate(terms, prior, T, N):
    """The bound summed over N examples, from a batch: drawn terms (B,), prior terms (B,)."""
    ### BEGIN SOLUTION
    return N / len(terms) * np.sum(T * terms - prior)
    ### END SOLUTION


def check_batch(batch_estimate):
    terms, prior = rng.normal(size=5), rng.random(5)
    return check_value(batch_estimate, answers.batch_estimate, terms, prior, 7, 23,
                       names=("terms", "prior", "T", "N"))  # fmt: skip


test_batch = exercise(batch_estimate, check_batch)

# %% [markdown]
# Is it right on average? Ask for 23 examples and 10 steps. `check_unbiased` is told how to draw one estimate,
# and what the mean should be.

# %%
few = Schedule.constant(10, 0.2)
examples = truth.mean + np.sqrt(truth.var) * rng.normal(size=(23, 1))
found = bound.terms(few, model_of(0.5, 2.0, few), examples, both_signs)
table = np.concatenate([found.decoder[None], -found.kl])  # (T, N): the term of step t in row t - 1
estimate = yours(test_batch, batch_estimate, answers.batch_estimate.alone)


def draw(rng):
    rows = rng.integers(23, size=(500, 4))  # 500 batches of 4 examples
    t = rng.integers(1, 11, size=(500, 4))
    return np.array([estimate(table[k - 1, r], found.prior[r], 10, 23) for r, k in zip(rows, t)])


report = check_unbiased(draw, found.bound.sum(), rng=rng)
report.name = "estimate"
print(said(report))

print(f"the bound, summed over all data     {found.bound.sum():8.2f} nats")
for name, drawn, factor in (
    ("t from 1 to T, factor T ", table, 10),
    ("t from 1 to T, no factor", table, 1),
    ("t from 2 to T, factor T ", table[1:], 10),
):
    mean = factor * drawn.mean(axis=0).sum() - found.prior.sum()  # over all choices of rows and t
    print(f"mean of the estimate, {name} {mean:8.2f} nats")

# %% [markdown]
# Without the factor it is another number, and not in proportion: the prior term is not drawn. The last line is
# what happens if somebody reads "$t = 2$ to $T$" off the chain and draws only those. The decoder term is one of
# the $T$, and has to be drawn, too. ([The factors, by counting all choices.](derivation:diffusion/few-layers))
#
# ## 9. Break it: find the planted mistake
#
# Somebody writes the bound in one loop, and saves the case $t = 1$. There $q(z_0 \mid z_1, x)$ has the variance
# 0, since $x$ is known, and the logarithm fails. So they put the variance of $t = 2$ there. Data
# $\mathcal{N}(0, 1)$, the right model: what should come out is $\log Pr(x)$.


# %%
def planted_bound(x, eps, schedule, model):
    """The bound of each row of x (B, D); the noise eps (B, D) makes every z_t: (B,)."""
    var = schedule.posterior_var.copy()
    var[1] = var[2]  # it is 0, which has no logarithm
    total = -schedule.terminal_mismatch(x)
    for t in range(1, schedule.T + 1):
        z = process.noisy(schedule, x, t, eps)
        mean, _ = process.posterior(schedule, z, x, t)
        total = total - kl(mean, var[t], *model(z, t))
    return total


x, one = np.array([[-2.0], [0.0], [1.0]]), np.ones((3, 1))
exact = GaussianDiffusion(0.0, 1.0).log_prob(x)[:, 0]
for T in (10, 100, 1000):
    s = Schedule.linear(T)
    model = model_of(0.0, 1.0, s)
    found = (planted_bound(x, one, s, model) + planted_bound(x, -one, s, model)) / 2
    print(f"T = {T:4}: planted {found.round(3)}, log Pr(x) {exact.round(3)}")

# %% [markdown]
# Too low, by the same for every $x$. A lower bound that is too low is still a lower bound! Training does not
# notice either: a constant has no gradient. Only a case whose answer you know shows it. And it gets worse with
# more steps.
#
# **Your turn.** Write it right. `gaussian.log_density(x, mean, logvar)` gives one number for each row.


# %%
def repaired_bound(x, eps, schedule, model):
    """The bound of each row of x (B, D); the noise eps (B, D) makes every z_t: (B,)."""
    ### BEGIN SOLUTION
    mean, var = model(process.noisy(schedule, x, 1, eps), 1)
    total = gaussian.log_density(x, mean, np.log(var)) - schedule.terminal_mismatch(x)
    for t in range(2, schedule.T + 1):
        total = total - one_term(x, t, eps, schedule, model)
    return total
    ### END SOLUTION


def check_repaired(repaired_bound):
    x, eps = rng.normal(size=(2, 5, 3))
    some_model = lambda z, t: (0.8 * z - 0.1 * t, 0.2 + 0.1 * t)
    args = x, eps, Schedule([0.1, 0.2, 0.3, 0.4]), some_model
    return check_value(repaired_bound, answers.whole_bound, *args,
                       names=("x", "eps", "schedule", "model"))  # fmt: skip


test_repaired = exercise(repaired_bound, check_repaired)

# %%
right = yours(test_repaired, repaired_bound, answers.whole_bound.alone)
print("repaired", ((right(x, one, s, model) + right(x, -one, s, model)) / 2).round(6))
print("exact   ", exact.round(6))

# %% [markdown]
# At $t = 1$ nothing is to be compared: $x$ is no latent, it is there. How likely is it, given $z_1$? That is
# the decoder term, and it makes the number a likelihood.
#
# ## 10. What the notes leave out
#
# - **Bits per dimension.** Papers give $-\text{bound} / (D \log 2)$: how many bits a pixel costs, if you code
#   images with this model. For a density it depends on the unit of $x$, so it means something only for discrete
#   values, with a decoder that gives them probabilities:

# %%
unit = bound.terms(s, model, x, both_signs).bits_per_dim(1)
print("bits per dimension:                ", unit.round(3))
in_255ths = -GaussianDiffusion(0.0, 255.0**2).log_prob(255 * x)[:, 0] / np.log(2)
print("the same data, in units 255 smaller:", in_255ths.round(3))

# %% [markdown]
# - **More steps, better bound.** With a right mean and $v_t = \beta_t$ the loss of section 7 goes to 0. In the
#   limit of infinitely many steps the sum becomes an integral over the signal-to-noise ratio, and it depends on
#   the schedule no more, only on where it starts and ends.
# - **Where the noise came from.** All expectations here were exact, by two points. With a network they are not
#   polynomials, and you draw $\epsilon$: that is the reparameterised sample of lesson 7, with nothing in $q$ to
#   learn.
# - **A label** goes into $f_t$, not into $q$ (lesson 15).

# %% tags=["script"]
if __name__ == "__main__":
    finish(globals())
