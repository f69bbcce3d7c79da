# %% [markdown]
# # 10 · Labels, and a better bound
#
# You tell a VAE which digit it is looking at, and ask it for the digit that you want. You find out how little a
# single number says about whether it obeys well. Then you get more out of the bound: with $K$ draws in place of
# one it climbs towards the evidence, and you predict how fast.
#
# | | |
# |---|---|
# | In the notes | Chapter 18, "Conditional"; chapter 17, "the true negative log likelihood" |
# | In the book | Prince, *Understanding Deep Learning*, section 17.8; section 18.6 for the labels |
# | Before this | 6 and 8 |
# | Reading | 45 minutes |
# | Running | 12 seconds |

# %%
import matplotlib.pyplot as plt
import numpy as np

from tinygen import gaussian, metrics, plots
from tinygen.course import Slider, check_value, exercise, finish, yours
from tinygen.course.answers import conditional_vae as answers
from tinygen.course.answers.base import is_infinite
from tinygen.data import digits
from tinygen.models.vae import bounds
from tinygen.models.vae.conditional import ConditionalVAE
from tinygen.models.vae.estimator import VAE
from tinygen.oracles.linear_gaussian import LinearGaussian

rng = np.random.default_rng(10)  # every random number of this lesson comes from here

# %% [markdown]
# ## 1. Where a label goes
#
# > The notes say: "Same as VAEs, add a label $c$ and input into every $q = f_t$." For a VAE, read it line by
# > line through the chain: what is given, is given everywhere.
#
# You want $Pr(x \mid c)$: images of the digit $c$. Write a condition on $c$ into every density of the chain:
#
# $$
# \begin{align*}
# \log Pr(x \mid c) &= \log \int Pr(x, z \mid c)\, dz \\
# &\geq \mathbb{E}_{q(z \mid x, c)} \big[ \log Pr(x \mid z, c) \big]
#   - D_{KL}\big[ q(z \mid x, c) \,\|\, Pr(z \mid c) \big].
# \end{align*}
# $$
#
# [All lines hold](derivation:conditional/chain), and the gap is $D_{KL}\big[ q \,\|\, Pr(z \mid x, c) \big]$.
# So the label has three places:
#
# - **the decoder**, $Pr(x \mid z, c)$. Without it there, nothing obeys.
# - **the encoder**, $q(z \mid x, c)$. The best $q$ is $Pr(z \mid x, c)$, and that depends on $c$.
# - **the prior**, $Pr(z \mid c)$, *if you like*. You may give each class a normal of its own, and learn it.
#   With $\mathcal{N}(0, I)$ for all classes, $z$ has to be independent of the label: it is left with the style.
#
# (In a diffusion model it is different. There $q$ is fixed and [knows no label](derivation:diffusion/label);
# only the network gets it. That is lesson 15.)
#
# How do you hand a label to a network? Not as the number: 8 is not twice as much digit as 4. As a row of zeros
# with a single 1, a **one-hot** row, beside $x$ or beside $z$. Then each class has weights of its own in the
# first layer.
#
# **Your turn.** Put the one-hot rows on the right of `x`.


# %%
def beside(x, labels, classes):
    """x (B, D) and labels (B,), whole numbers from 0 to classes - 1, to (B, D + classes)."""
    ### BEGIN SOLUTION
    one_hot = np.zeros((len(x), classes))
    one_hot[np.arange(len(x)), labels] = 1
    return np.concatenate([x, one_hot], axis=1)
    ### END SOLUTION


def check_beside(beside):
    x, labels = rng.normal(size=(7, 3)), rng.permutation([0, 1, 1, 2, 2, 4, 4])
    names = ("x", "labels", "classes")
    return check_value(beside, answers.beside, x, labels, 5, names=names)


test_beside = exercise(beside, check_beside)

# %% [markdown]
# ## 2. The bound, given the label
#
# Take the linear model again, with one number $x$ and one latent. The label shifts what the decoder makes, and
# chooses the prior:
#
# $$
# z \mid c \sim \mathcal{N}(a_c, v_c), \qquad x \mid z, c \sim \mathcal{N}(w z + b_c, \sigma^2), \qquad
# q = \mathcal{N}(\mu, s^2).
# $$
#
# The first term you know from lesson 6, and the divergence of two normals from lesson 4.
#
# **Your turn.** One bound for each row. `shift`, `prior_mean` and `prior_logvar` have an entry for each class.


# %%
def conditional_bound(x, labels, mean, logvar, w, s2, shift, prior_mean, prior_logvar):
    """The bound on log Pr(x | c): x, labels, mean, logvar (B,); the last three (classes,)."""
    ### BEGIN SOLUTION
    var, prior_var = np.exp(logvar), np.exp(prior_logvar[labels])
    off = x - w * mean - shift[labels]
    first = -0.5 * (np.log(2 * np.pi * s2) + (off**2 + w**2 * var) / s2)
    ratio = (var + (mean - prior_mean[labels]) ** 2) / prior_var
    return first - 0.5 * (ratio - 1 - np.log(var / prior_var))
    ### END SOLUTION


BOUND_NAMES = ("x", "labels", "mean", "logvar", "w", "s2", "shift", "prior_mean", "prior_logvar")


def check_conditional_bound(conditional_bound):
    (x, mean, logvar), classes = rng.normal(size=(3, 7)), rng.normal(size=(3, 5))
    labels = rng.permutation([0, 1, 1, 2, 3, 4, 4])
    return check_value(conditional_bound, answers.conditional_bound, x, labels, mean, logvar,
                       1.3, 0.4, *classes, names=BOUND_NAMES)  # fmt: skip


test_conditional_bound = exercise(conditional_bound, check_conditional_bound)

# %% [markdown]
# Now hide the label from the encoder, and only from it. Say the two classes are equally frequent, with shifts
# $+1$ and $-1$. You see $x = 0$. If the class is the first, $z$ must have been negative; if the second,
# positive. One normal has to answer for both, so it sits between, where neither is:

# %%
w, s2, shift = 1.3, 0.4, np.array([1.0, -1.0])
var = s2 / (w**2 + s2)
own_mean = w * (0.0 - shift) / (w**2 + s2)  # of Pr(z | x, c), for either class
bound_of = yours(test_conditional_bound, conditional_bound, answers.conditional_bound.alone)


def mean_bound(mean):
    """The bound at x = 0, averaged over the classes; `mean` is q's, for each class."""
    nothing, logvar, labels = np.zeros(2), np.full(2, np.log(var)), np.arange(2)
    return bound_of(nothing, labels, mean, logvar, w, s2, shift, nothing, nothing).mean()


print(f"encoder knows the label: {mean_bound(own_mean):.4f} nats")
print(f"encoder does not:        {mean_bound(np.full(2, own_mean.mean())):.4f} nats")
print(f"difference {own_mean.var() / (2 * var):.4f}: no larger encoder helps")

# %% [markdown]
# The loss is the variance of the two means over twice the posterior's variance
# ([checked](derivation:conditional/blind-encoder)).
#
# ## 3. Train it
#
# `ConditionalVAE` is the VAE of lesson 8 with these three changes. Pixels are whole numbers from 0 to 16 here,
# so this time the decoder gives each of the 17 values a probability (`decoder="logistic"`). The bound is then
# on the logarithm of a probability. And the images are shuffled first: in their published order the last ones
# come from other writers.

# %% tags=["look"]
images, labels = digits.load()
order = np.random.default_rng(10).permutation(len(images))
train, other, test = np.split(images[order] / 16, [1000, 1350])
train_labels, other_labels, test_labels = np.split(labels[order], [1000, 1350])

options = dict(hidden=(128,), decoder="logistic", epochs=100, batch_size=50, learning_rate=5e-3,
               cosine_decay=True, validation_fraction=0, ema=0, random_state=1)  # fmt: skip
plain = VAE(8, **options).fit(train)
model = ConditionalVAE(8, learned_prior=1, **options).fit(train, train_labels)

# %% [markdown]
# Ask for digits. In each row the noise $\epsilon$ is the same for all ten columns, so $z$ is the same number of
# standard deviations away from each class's own mean.

# %% tags=["look"]
prior = model.params_["prior"]
everyone = np.arange(10)


def digits_from(eps):
    """The mean image of each class for the same noise eps (8,): (10, 64)."""
    z = prior["mean"] + np.exp(prior["logvar"] / 2) * eps
    return model.inverse_transform(z, everyone)


noises = rng.normal(size=(7, 8))
fig = plots.images(np.concatenate([digits_from(eps) for eps in noises]), low=0, high=1,
                   title="Rows share their noise, columns their label")  # fmt: skip


# %% tags=["look", "cover"]
def styles(angle):
    """All ten digits, while the noise turns from one draw to another."""
    turned = np.cos(angle) * noises[0] + np.sin(angle) * noises[1]
    return plots.images(digits_from(turned), low=0, high=1)


Slider(styles, np.linspace(0, 2 * np.pi, 25), label="angle {:.2f}", play=True)

# %% [markdown]
# ## 4. Does it do it well?
#
# Count. A **judge**, a nearest-neighbour classifier that learned from 350 other images, says whether a sample
# is the digit that was ordered: that share is the **fidelity**. But a model that makes one perfect 3, always
# the same, would score 1. So look also at the **variance** within a class, over that of real images; at the
# **coverage**, how many real images have a sample nearby; and let a classifier try to tell samples from real
# images, .5 being a coin.
#
# Every such number needs its **floor**: what *real* images get. And it needs a rival. Ours knows next to
# nothing: the mean and the covariance of each class, rounded to whole numbers. No network at all.

# %% tags=["look"]
samples = model.sample(y=test_labels, random_state=0)
rival = np.empty_like(test)
for c in everyone:
    of_class = train[train_labels == c]
    root = (of_class - of_class.mean(0)) / len(of_class) ** 0.5  # root.T @ root: the covariance
    noise = rng.normal(size=(np.sum(test_labels == c), len(of_class)))
    rival[test_labels == c] = of_class.mean(0) + noise @ root
rival = np.clip(np.rint(16 * rival), 0, 16) / 16
judge = metrics.Nearest().fit(other, other_labels)

for name, made in {"conditional VAE": samples, "a normal for each class": rival}.items():
    print(name)
    real = train[: len(test)]
    print("  fidelity      ", metrics.fidelity(judge, made, test_labels, test, test_labels))
    print("  variance ratio", metrics.variance_ratio(test, test_labels, made, test_labels))
    print("  coverage      ", metrics.coverage(test, made, other=real))
    print("  told from real", metrics.two_sample_accuracy(test, made, other=real))
first = [np.flatnonzero(test_labels == c)[:2] for c in everyone]  # two of each class
rows = [part[[i[k] for i in first]] for part in (test, samples, rival) for k in (0, 1)]
fig = plots.images(np.concatenate(rows), low=0, high=1,
                   rows=["real", "", "VAE", "", "normal", ""])  # fmt: skip

# %% [markdown]
# Read the numbers, then look at the picture. By coverage the rival is ahead, with each of ten seeds of the
# training; by whether a classifier can tell, now the one and now the other. From the numbers alone you could not
# say which of the two was trained on strokes and which one knows means and covariances only. The eye can: the
# rival's digits are grey and smeared.
#
# The numbers are not wrong. Each looks at one thing. A smeared 3 lies near real 3s, and is recognised as one.
# None of the four looks at strokes. So report several, each with its floor and its error, beside a rival that
# is known to be bad, and show the samples. Here is one more number. It tells these two apart at once, and may
# say nothing about the next two:

# %% tags=["look"]
for name, made in {"real": test, "conditional VAE": samples, "normal": rival}.items():
    print(f"{name:16} {np.mean(made == 0):.3f} of the pixels are quite white")

# %% [markdown]
# ## 5. Take the label out again
#
# The model gives (a bound on) $\log Pr(x \mid c)$, for any $c$. Then it also gives $\log Pr(x)$ without a
# label:
#
# $$\log Pr(x) = \log \sum_c Pr(c)\, Pr(x \mid c),$$
#
# and, since the logarithm and the sum both grow with their parts, bounds put in make [a bound
# come out](derivation:conditional/without-label).
#
# **Your turn.** `bounds` holds one for each row and each class, `frequencies` the $Pr(c)$. Mind the underflow:
# these are numbers like $-90$, and can be like $-9000$.


# %%
def without_label(bounds, frequencies):
    """A bound on log Pr(x), (B,): from bounds (B, classes) and frequencies (classes,)."""
    ### BEGIN SOLUTION
    joint = bounds + np.log(frequencies)
    top = joint.max(axis=1)
    return top + np.log(np.sum(np.exp(joint - top[:, None]), axis=1))
    ### END SOLUTION


def check_without_label(without_label):
    frequencies = 0.2 + rng.random(5)
    table = rng.normal(size=(7, 5))
    frequencies /= frequencies.sum()
    names = ("bounds", "frequencies")
    return [check_value(without_label, answers.without_label, a, frequencies, names=names)
            for a in (table, table - 9000)]  # fmt: skip


test_without_label = exercise(without_label, check_without_label)

# %% tags=["look"]
table = np.stack([model.score_samples(test, np.full(len(test), c)) for c in everyone], axis=1)
summed_out = yours(test_without_label, without_label, answers.without_label.alone)
given, total = table[np.arange(len(test)), test_labels], summed_out(table, model.frequencies_)
unlabelled = plain.score_samples(test)


def show(name, nats):
    print(f"{name:40} {nats.mean():7.2f} +- {nats.std() / len(nats) ** 0.5:.2f} nats an image")


show("VAE", unlabelled)
show("conditional VAE, label summed out", total)
show("conditional VAE, label given", given)
show("what the conditional model gains", total - unlabelled)
show("what knowing the label is worth", given - total)
print(f"the most that a label of ten can be worth: ln 10 = {np.log(10):.3f}")
guess = np.argmax(table + np.log(model.frequencies_), axis=1)
neighbours = metrics.Nearest().fit(train, train_labels).predict(test)
print(f"most probable class is right: {np.mean(guess == test_labels):.3f} of the test images;"
      f" nearest neighbours: {np.mean(neighbours == test_labels):.3f}")  # fmt: skip

# %% [markdown]
# What the conditional model gains, it gains on the same question, $\log Pr(x)$. How much of that is a better
# model and how much a tighter bound, these numbers cannot say.
#
# Two things come out for nothing. Since $Pr(x) \geq Pr(c)\, Pr(x \mid c)$, knowing the label is worth
# $-\log Pr(c)$ at most, $\ln 10$ if all ten are equally frequent. Here it is worth nearly that: an image of a
# digit leaves little doubt. And the generator is a **classifier**: the class under which the image is most
# likely is nearly always the right one.
#
# ## 6. A better bound
#
# > The notes say: $q$ is a mechanism "for computing the true negative log likelihood". The bound only bounds
# > it. How close can you get, without another model and without more training?
#
# Lesson 5 had an unbiased estimate of the evidence: a mean of the weights $w_k = Pr(x, z_k)/q(z_k)$, with
# $z_k \sim q$. The bound of lesson 6 takes one weight, and its logarithm. Take $K$ of them *before* the
# logarithm:
#
# $$\mathcal{L}_K = \mathbb{E} \left[ \log \frac1K \sum_{k=1}^K w_k \right] .$$
#
# This is the **importance-weighted bound**, IWAE for short. $\mathcal{L}_1$ is the bound that you know.
# Jensen's inequality says again that $\mathcal{L}_K \leq \log \mathbb{E}\, w = \log Pr(x)$, and [more draws
# never hurt](derivation:iwae/order): $\mathcal{L}_1 \leq \mathcal{L}_2 \leq \mathcal{L}_3 \leq \dots$
#
# **Your turn.** You have `S` draws of the log weight for each image. Make $S/K$ groups of them, rows $0$ to
# $K - 1$ first, estimate $\mathcal{L}_K$ by each, and average.


# %%
def iwae(log_weight, K):
    """An estimate of L_K for each image: log weights (S, B), where K divides S, to (B,)."""
    ### BEGIN SOLUTION
    groups = log_weight.reshape(-1, K, log_weight.shape[1])
    top = groups.max(axis=1, keepdims=True)
    inside = np.mean(np.exp(groups - top), axis=1)
    return np.mean(top[:, 0] + np.log(inside), axis=0)
    ### END SOLUTION


def check_iwae(iwae):
    log_weight = 2 * rng.normal(size=(12, 5)) - np.array([0.0, 3.0, 50.0, 900.0, 9000.0])
    names = ("log_weight", "K")
    return [check_value(iwae, answers.iwae, log_weight, K, names=names) for K in (3, 4)]


test_iwae = exercise(iwae, check_iwae)

# %% [markdown]
# Try it where the evidence is known: $x \mid z \sim \mathcal{N}(wz, \sigma^2)$, $x = 1$, and
# $q = \mathcal{N}(0.2, 0.7^2)$ as in lesson 8.

# %%
exact = LinearGaussian([[w]], [0.0], s2).log_evidence(np.ones((1, 1)))[0]
post_mean = w * 1.0 / (w**2 + s2)  # the posterior's; its variance is still `var`
bound_with = yours(test_iwae, iwae, answers.iwae.alone)


def log_ratio(mean, std, eps):
    """log of a weight over the evidence, which is log Pr(z|x) - log q(z), at z = mean + std eps."""
    z = mean + std * eps
    log_normal = lambda z, mean, var: -0.5 * (np.log(2 * np.pi * var) + (z - mean) ** 2 / var)
    return log_normal(z, post_mean, var) - log_normal(z, mean, std**2)


log_weight = exact + log_ratio(0.2, 0.7, rng.normal(size=(2**16, 1)))
for K in (1, 2, 4, 16, 64):
    print(f"L_{K:<3} {bound_with(log_weight, K)[0]:.4f}")
print(f"log evidence {exact:.4f}")

# %% [markdown]
# It climbs, fast at first. How fast? Divide the weights by the evidence: $r_k = w_k / Pr(x)$ has the mean 1.
# Call $\bar r$ the mean of $K$ of them. Since $\mathbb{E}[\bar r - 1] = 0$ you may add it without changing
# anything:
#
# $$
# \log Pr(x) - \mathcal{L}_K = -\mathbb{E} \log \bar r = \mathbb{E} \big[ \bar r - 1 - \log \bar r \big]
# \approx \mathbb{E} \Big[ \tfrac12 (\bar r - 1)^2 \Big] = \frac{\mathrm{Var}\, r}{2K} .
# $$
#
# The [bracket is never negative](derivation:iwae/gap), and near $\bar r = 1$ it is a parabola. So for large $K$
# the gap is **half the variance of a weight, over $K$**. (For estimating the gap the bracket is far better than
# $-\log \bar r$, too: most of the noise is gone.)
#
# And the variance? $r = Pr(z \mid x)/q(z)$, so $\mathbb{E}_q\, r^2 = \int Pr(z \mid x)^2 / q(z)\, dz$. Let the
# posterior be $\mathcal{N}(\mu, v)$ and $q = \mathcal{N}(\mu + d, s^2)$. Up to constants the logarithm of what
# you integrate is
#
# $$-\frac{(z - \mu)^2}{v} + \frac{(z - \mu - d)^2}{2 s^2},$$
#
# a parabola. It has to open downwards, or the integral is infinite. Complete the square: the result is
#
# $$
# \mathbb{E}_q\, r^2 = \frac{s^2}{\sqrt{v\, (2 s^2 - v)}} \exp \frac{d^2}{2 s^2 - v}
# \qquad \text{if } s^2 > \tfrac12 v .
# $$
#
# **Your turn.** The variance ([its derivation](derivation:iwae/variance)). Return `np.inf` where it is infinite;
# `np.where` chooses entry by entry.


# %%
def weight_variance(d, q_var, post_var):
    """Var of Pr(z|x) / q(z) under q, for normals whose means are d apart, entry by entry."""
    ### BEGIN SOLUTION
    left = np.maximum(2 * q_var - post_var, 0)
    with np.errstate(divide="ignore", over="ignore"):
        second = q_var / np.sqrt(post_var * left) * np.exp(d**2 / left)
    return np.where(left > 0, second - 1, np.inf)
    ### END SOLUTION


def check_weight_variance(weight_variance):
    post_var, d = 0.3 + rng.random(5), 0.2 + rng.random(5)
    q_var = post_var * (0.7 + rng.random(5))
    names = ("d", "q_var", "post_var")
    return [check_value(weight_variance, answers.weight_variance, d, q_var, post_var, names=names),
            is_infinite(weight_variance, 0.3, 0.2, 0.5)]  # fmt: skip


test_weight_variance = exercise(weight_variance, check_weight_variance)

# %% [markdown]
# Three choices of $q$: the one above; one with the posterior's mean that is a little too narrow; and one that
# is narrower than the limit. The dots are measured, with the bracket; the lines are your formula over $2K$.

# %%
spread = yours(test_weight_variance, weight_variance, answers.weight_variance.alone)
draws = rng.normal(size=2**17)
sizes = 2 ** np.arange(9)
fig, ax = plt.subplots(figsize=(5.6, 3.6))
choices = {"mean .2, std .7": (0.2, 0.7), "too narrow": (post_mean, 0.85 * var**0.5),
           "below the limit": (post_mean, 0.55 * var**0.5)}  # fmt: skip
for name, (mean, std) in choices.items():
    r = np.exp(log_ratio(mean, std, draws))
    bars = [r.reshape(-1, K).mean(axis=1) for K in sizes]
    gaps = np.array([np.mean(bar - 1 - np.log(bar)) for bar in bars])
    errors = np.array([np.std(bar - 1 - np.log(bar)) / len(bar) ** 0.5 for bar in bars])
    (dots, *_) = ax.errorbar(sizes, gaps, 2 * errors, fmt="o", markersize=4, label=name)
    limited = std**2 > var / 2
    size = spread(post_mean - mean, std**2, var) if limited else np.inf
    print(f"{name:16} Var r = {size:.3f}, gap at K = 64: {gaps[6]:.5f} +- {errors[6]:.5f};"
          f" Var r / 2K = {size / 128:.5f}")  # fmt: skip
    if limited:
        ax.plot(sizes, size / (2 * sizes), color=dots.get_color(), linewidth=1)
ax.set(xscale="log", yscale="log", xlabel="K", ylabel="gap in nats")
ax.set_title("The gap closes like 1/K")
ax.legend()

# %% [markdown]
# Where the variance is finite, the dots join their line. Below the limit there is no line: the gap still
# closes, but slower than $1/K$, because now and then a $z$ in the tail gets an enormous weight. And the error
# bars cannot be trusted there either, for the same reason. A $q$ that is too narrow is dangerous, one that is
# too wide only wasteful. (The bound of lesson 6 trains *narrow* ones. With several correlated latents even the
# best diagonal $q$ can be below the limit.)
#
# ## 7. On the digits
#
# For a network you do not know the variance, and you do not need it. Draw 256 latents for each of 200 test
# images, and let $K$ grow.

# %% tags=["look"]
some, c = test[:200].astype(np.float32), np.eye(10, dtype=np.float32)[test_labels[:200]]
eps = rng.standard_normal((256, 200, 8), np.float32)
of_digits = bounds.log_weights(model.params_, some, eps, c, decoder="logistic")  # (256, 200)
one = bound_with(of_digits, 1)
for K in (1, 4, 16, 64, 256):
    nats = bound_with(of_digits, K)
    gain = nats - one
    print(f"L_{K:<4} {nats.mean():8.3f} +- {nats.std() / 200**0.5:.3f};"
          f" above L_1 by {gain.mean():.3f} +- {gain.std() / 200**0.5:.3f}")  # fmt: skip

# %% [markdown]
# Two kinds of error, again. The first is how much *images* differ, and all rows share it. The second is of the
# paired difference, and only that can say that $\mathcal{L}_K$ has grown. When you quote a bound, quote its
# $K$: numbers with different $K$ must not be compared.
#
# ## 8. Break it: find the planted mistake
#
# Somebody evaluates a model: $K$ weights for each image, the mean inside the logarithm as it should be, no
# overflow. The model is linear, so that its evidence is known.


# %%
def planted_score(log_weight):
    """Mean of L_K over the images, nats an image: log weights (K, B) to a number."""
    top = log_weight.max()
    return top + np.log(np.mean(np.exp(log_weight - top)))


data = digits.load()[0] / 16
linear = LinearGaussian.optimum(data[:1000], 8)
tested = data[1350:]
mean, logvar = linear.best_diagonal(tested)
z = mean + 1.1 * np.exp(logvar / 2) * rng.normal(size=(64, *mean.shape))  # a little too wide
log_weights = (gaussian.log_density(tested, z @ linear.W.T + linear.b, float(np.log(linear.s2)))
               + gaussian.log_density(z, 0.0, 0.0)
               - gaussian.log_density(z, mean, logvar + 2 * np.log(1.1)))  # fmt: skip
print(f"planted score:     {planted_score(log_weights):.3f} nats an image")
print(f"mean log evidence: {linear.log_evidence(tested).mean():.3f} nats an image")
print(f"best single image: {linear.log_evidence(tested).max():.3f} nats")

# %% [markdown]
# It is called a bound, and is far above. No sample is wrong, no sign, no factor.
#
# **Your turn.** What is averaged before the logarithm, and what after? Write it right, without underflow.


# %%
def repaired_score(log_weight):
    """Mean of L_K over the images, nats an image: log weights (K, B) to a number."""
    ### BEGIN SOLUTION
    top = log_weight.max(axis=0)
    of_each = top + np.log(np.mean(np.exp(log_weight - top), axis=0))
    return of_each.mean()
    ### END SOLUTION


def check_repaired(repaired_score):
    log_weight = 2 * rng.normal(size=(7, 5)) - np.array([0.0, 3.0, 50.0, 900.0, 3000.0])
    return check_value(repaired_score, answers.score, log_weight, names=("log_weight",))


test_repaired = exercise(repaired_score, check_repaired)

# %% [markdown]
# Weights of *one* image may be averaged before the logarithm: they all estimate the same number. Densities of
# *different* images may not. Their mean is ruled by the easiest image, and Jensen turns against you: the log of
# the mean is above the mean of the logs, and there it is no bound of what you report.
#
# ## 9. What the notes leave out
#
# - **Training with $\mathcal{L}_K$.** You can (`objective="iwae"`). The decoder gains. The encoder's gradient,
#   however, drowns in noise as $K$ grows, since all $q$ become nearly equally good. Lesson 7's trick of keeping
#   only the path, done twice (`objective="dreg"`), cures that.
# - **What $\mathcal{L}_K$ says of $q$.** Less and less. With a large $K$ a poor $q$ gives a good bound, so do
#   not read the quality of the encoder from it.
# - **A prior with more than one hump.** `learned_prior=10` gives each class ten normals: there are several ways
#   to write a 7. Its divergence has no closed form and is estimated from the draw, as
#   $\log q(z) - \log Pr(z \mid c)$.
# - **Missing labels.** If only some images have one, use section 5 for the others: the label is then one more
#   latent, and it is summed out.

# %% tags=["script"]
if __name__ == "__main__":
    finish(globals())
