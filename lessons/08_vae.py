# %% [markdown]
# # 8 · The variational autoencoder
#
# You derive the bound that a variational autoencoder (VAE) is trained on, line by line, and put a number on
# every line. You write its parts yourself. Then you train one on real handwritten digits and look at what it
# has learned.
#
# | | |
# |---|---|
# | In the notes | Chapter 17, "Probabilistic" |
# | In the book | Prince, *Understanding Deep Learning*, chapter 17 |
# | Before this | 4, 5, 6 and 7 go deeper into each step; you can also start here |
# | Reading | 45 minutes |
# | Running | 15 seconds |
#
# All logarithms are natural, so all sizes of information are in **nats** (1 nat = 1.443 bits).

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm

import tinygen as tg
from tinygen import gaussian, plots
from tinygen.check import check_grad
from tinygen.course import Slider, check_value, exercise, finish, said, yours
from tinygen.course.answers import vae as answers
from tinygen.course.answers.base import either
from tinygen.data import digits
from tinygen.models.vae import bounds, one_page
from tinygen.models.vae.estimator import VAE
from tinygen.oracles.linear_gaussian import LinearGaussian

rng = np.random.default_rng(8)  # every random number of this lesson comes from here

# %% [markdown]
# ## 1. A machine that makes digits
#
# You want a machine that makes new images of digits. A VAE is such a machine, and it has two steps.
#
# 1. Draw a short **latent** vector $z$ from a standard normal: $z \sim \mathcal{N}(0, I)$. This is the
#    **prior**.
# 2. A neural network $f[z, \phi]$ turns $z$ into the mean of an image. Add normal noise: that is $x$.
#
# Written as densities,
#
# $$Pr(z) = \mathcal{N}(z;\, 0, I), \qquad Pr(x \mid z, \phi) = \mathcal{N}(x;\, f[z, \phi],\, \sigma^2 I).$$
#
# > The notes say: "then add another *normal* Gaussian for noise". Read it as: a Gaussian with a variance
# > $\sigma^2$ of its own.
#
# Why not $\sigma = 1$? Take pixels between 0 and 1. If $f$ is linear, the machine keeps a direction of the
# data only if the data vary more along it than the noise does (lesson 9 proves that). Count those directions:

# %%
images, labels = digits.load()  # 1797 images of 8 x 8 pixels, with values 0 to 16
spread = np.linalg.eigvalsh(np.cov((images / 16).T, bias=True))  # variances along principal axes
print(f"largest variance along any direction: {spread.max():.3f}")
for sigma2 in (1.0, 0.1, 0.05, 0.01):
    print(f"noise variance {sigma2:4}: {np.sum(spread > sigma2):2} directions stand out")

# %% [markdown]
# With unit noise no direction is left: the noise drowns all there is to learn. So $\sigma^2$ is part of the
# model.
#
# ## 2. What training has to maximise
#
# The machine is good if the real images are likely under it. For one image $x$ the number to make large is the
# **evidence**
#
# $$\log Pr(x \mid \phi) = \log \int Pr(x, z \mid \phi)\, dz = \log \int Pr(x \mid z, \phi)\, Pr(z)\, dz .$$
#
# The loss for one image is minus this. Training sums it over all images.
#
# > The notes write $Pr(f = x)$ and $Pr(z \mid \phi)$. Two small repairs. What should be likely is the *image*,
# > so it is the density of $x$; $f$ is only its mean. And the prior has no $\phi$: nothing in it is learned.
#
# Take the smallest case, where everything can be computed: one number $x$, one latent $z$ and $f = wz$. Then
# $x$ is a sum of two independent normals, so the evidence is known exactly:
# $x \sim \mathcal{N}(0,\, w^2 + \sigma^2)$. The integral has to give the same number.

# %%
w, s2, x = 1.3, 0.4, 1.0  # the weight, the noise variance, the one thing that was observed


def log_normal(x, mean, var):
    return -0.5 * (np.log(2 * np.pi * var) + (x - mean) ** 2 / var)


z = np.linspace(-10, 10, 2001)  # a grid for the integral; dz is its step
dz = z[1] - z[0]

log_joint = log_normal(x, w * z, s2) + log_normal(z, 0, 1)  # log Pr(x, z), at each z of the grid
evidence = np.log(np.sum(np.exp(log_joint)) * dz)
print(f"log evidence by the integral: {evidence:.10f}")
print(f"log evidence in closed form:  {log_normal(x, 0, w**2 + s2):.10f}")

# %% [markdown]
# So why not always integrate? Here the grid has 2001 points. With 16 latents it would have $2001^{16}$, more
# than there are atoms on Earth. The integral is **intractable**, and the rest of the lesson is about a way
# around it.
#
# ## 3. The chain, line by line
#
# Bring in a second density, $q(z \mid x, \theta)$. It is ours to choose: a normal with a mean and a standard
# deviation that a second network computes from $x$. Its job will be to say which $z$ could have made this
# $x$.
#
# $$
# \begin{align*}
# \log Pr(x \mid \phi) &= \log \int Pr(x, z \mid \phi)\, dz && (1) \\
# &= \log \int q(z \mid x, \theta)\, \frac{Pr(x, z \mid \phi)}{q(z \mid x, \theta)}\, dz && (2) \\
# &\geq \int q(z \mid x, \theta) \log \frac{Pr(x \mid z, \phi)\, Pr(z)}{q(z \mid x, \theta)}\, dz && (3) \\
# &= \int q(z \mid x, \theta) \log Pr(x \mid z, \phi)\, dz
#    + \int q(z \mid x, \theta) \log \frac{Pr(z)}{q(z \mid x, \theta)}\, dz && (4) \\
# &= \mathbb{E}_{q(z \mid x, \theta)} \big[ \log Pr(x \mid z, \phi) \big]
#    - D_{KL}\big[ q(z \mid x, \theta) \,\|\, Pr(z) \big] && (5)
# \end{align*}
# $$
#
# What happens from line to line:
#
# - (1) to (2): multiply and divide by $q$. Allowed wherever $q > 0$, and a normal is positive everywhere.
# - (2) to (3): **Jensen's inequality**. The logarithm is concave, so the log of a mean is at least the mean of
#   the log. This is the only line with $\geq$, so all that is lost is lost here.
# - (3) to (4): the logarithm of a product is a sum.
# - (4) to (5): names. The second integral is minus a Kullback-Leibler divergence.
#
# Line 5 is the **evidence lower bound**, the ELBO. The package keeps this chain, with a function for every
# line, and tries it at many points: [all lines hold](derivation:elbo/chain). Do it once yourself. Put a number
# on each line, with $q = \mathcal{N}(0.2,\, 0.7^2)$:

# %%
mean, std = 0.2, 0.7
log_q = log_normal(z, mean, std**2)
log_likelihood = log_normal(x, w * z, s2)  # log Pr(x|z), at each z of the grid
log_prior = log_normal(z, 0, 1)
q = np.exp(log_q)

# The closed forms of the two terms of line 5, for this linear model.
expected_fit = log_normal(x, w * mean, s2) - w**2 * std**2 / (2 * s2)
divergence = 0.5 * (std**2 + mean**2 - 1 - np.log(std**2))

lines = {
    "(1)": np.log(np.sum(np.exp(log_joint)) * dz),
    "(2)": np.log(np.sum(q * np.exp(log_joint - log_q)) * dz),
    "(3)": np.sum(q * (log_likelihood + log_prior - log_q)) * dz,
    "(4)": np.sum(q * log_likelihood) * dz + np.sum(q * (log_prior - log_q)) * dz,
    "(5)": expected_fit - divergence,
}
for name, value in lines.items():
    print(f"line {name}: {value:.10f}")

# %% [markdown]
# Lines 1 and 2 agree, lines 3, 4 and 5 agree, and between them a gap opens. How large is it? Take line 1 minus
# line 3:
#
# $$
# \log Pr(x) - \int q \log \frac{Pr(x, z)}{q}\, dz = \int q \log \frac{q\, Pr(x)}{Pr(x, z)}\, dz
# = \int q \log \frac{q(z)}{Pr(z \mid x)}\, dz = D_{KL}\big[ q \,\|\, Pr(z \mid x) \big].
# $$
#
# The gap is the divergence of $q$ relative to the **posterior** $Pr(z \mid x)$, what Bayes' rule says about $z$ once
# you have seen $x$. For the linear model the posterior is known: variance $v = 1/(1 + w^2/\sigma^2)$, mean
# $v w x/\sigma^2$.

# %%
posterior_var = 1 / (1 + w**2 / s2)
posterior_mean = posterior_var * w * x / s2
both = mean, 2 * np.log(std), posterior_mean, np.log(posterior_var)  # q, then the posterior
gap = gaussian.kl(*(np.array([value]) for value in both))
print(f"line 1 - line 5:            {lines['(1)'] - lines['(5)']:.10f}")
print(f"KL(q || posterior):         {gap:.10f}")

# %% [markdown]
# Slide $q$'s mean towards the posterior's, and watch the bound rise. With the posterior's width it touches;
# with another width it never does.

# %%
means = np.linspace(-1, 2, 241)


def bound(mean, std):
    """The ELBO of the linear model, line 5."""
    first = log_normal(x, w * mean, s2) - w**2 * std**2 / (2 * s2)
    return first - 0.5 * (std**2 + mean**2 - 1 - np.log(std**2))


fig = plots.curves(
    means,
    {"q as wide as the posterior": bound(means, posterior_var**0.5), "sd .7": bound(means, 0.7)},
    levels={"log evidence": evidence},
    xlabel="mean of q",
    ylabel="nats",
    title="The bound touches at the posterior",
)
fig.axes[0].set_ylim(-6, -1)


# %% tags=["look"]
def picture(mean, std=0.45):
    """The densities over z, and how far the bound is below the evidence, for q with this mean."""
    figure, ax = plt.subplots(figsize=(5.6, 3.2))
    for name, density in (("prior", np.exp(log_prior)), ("posterior", np.exp(log_joint - evidence)),
                          ("q", np.exp(log_normal(z, mean, std**2)))):
        ax.plot(z, density, label=name)
    gap = evidence - bound(mean, std)
    ax.set(xlim=(-3, 3), ylim=(0, 1.1), xlabel="z", ylabel="density", title=f"gap {gap:.3f} nats")
    ax.legend(loc="upper left")
    return figure


Slider(picture, np.linspace(-0.8, 1.6, 13), label="mean of q = {:.1f}", play=True)

# %% [markdown]
# > The notes say: if $q(z \mid x, \theta)$ truly resembles the prior $Pr(z)$, "then the first term is exactly
# > what we wanted to compute". It is not. The bound is tight if $q$ is the *posterior*.
#
# Here is the number. Take $w = 2$, $\sigma^2 = 0.1$, $x = 1$ and set $q$ equal to the prior. The divergence is
# then 0, and the first term stands alone.

# %%
first_term = log_normal(1.0, 0.0, 0.1) - 2.0**2 / (2 * 0.1)  # the mean of log Pr(x|z), z ~ N(0, 1)
wanted = log_normal(1.0, 0.0, 2.0**2 + 0.1)
print(f"first term with q = prior: {first_term:.3f}")
print(f"log evidence:              {wanted:.3f}")

# %% [markdown]
# Twenty-three nats apart. If training ever drives $q$ to the prior, the decoder cannot tell the images apart
# any more: that failure has a name, *posterior collapse*, and lesson 9 predicts when it comes.
#
# ## 4. The divergence, and its gradient
#
# The encoder gives a mean $\mu_j$ and a variance $\sigma_j^2$ for each latent $j$. We store the variance as
# $\ell_j = \log \sigma_j^2$, called `logvar`: it may be any real number, so a network can output it. Since all
# coordinates are independent, the divergences add up:
#
# $$
# D_{KL}\big[ \mathcal{N}(\mu, \sigma^2) \,\|\, \mathcal{N}(0, I) \big]
# = \sum_j \int \mathcal{N}(z; \mu_j, \sigma_j^2)\,
#   \log \frac{\mathcal{N}(z; \mu_j, \sigma_j^2)}{\mathcal{N}(z; 0, 1)}\, dz .
# $$
#
# The log ratio is $\frac12 \left( -\ell_j - (z - \mu_j)^2/\sigma_j^2 + z^2 \right)$. Under
# $z \sim \mathcal{N}(\mu_j, \sigma_j^2)$ you know $\mathbb{E}(z - \mu_j)^2$ and $\mathbb{E} z^2$. Finish it on
# paper.
#
# > The notes say "from $Q$ to $P$" for $D_{KL}(P \,\|\, Q)$. The formula is right. In words this course says "of $P$
# > relative to $Q$" (lesson 4): it is an expectation under the *first* argument, and it is not symmetric. It needs
# > $Q > 0$ wherever $P > 0$.
#
# **Your turn.** Write the divergence for a whole batch: `mean` and `logvar` have shape `(B, D)`, one number for
# each row comes out.


# %%
def kl(mean, logvar):
    """The divergence of N(mean, exp(logvar)) relative to N(0, I): two arrays (B, D) to (B,)."""
    ### BEGIN SOLUTION
    return 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar, axis=-1)
    ### END SOLUTION


def check_kl(kl):
    mean, logvar = rng.normal(size=(7, 3)), rng.normal(size=(7, 3))
    return check_value(kl, answers.kl_standard, mean, logvar, names=("mean", "logvar"))


test_kl = exercise(kl, check_kl)

# %% [markdown]
# Training needs the gradient. Differentiate your formula by $\mu_j$ and by $\ell_j$. Careful with the second:
# it is the derivative by $\log \sigma^2$, not by $\sigma$ and not by $\log \sigma$.


# %%
def kl_gradient(mean, logvar):
    """The derivatives of sum(kl(mean, logvar)): a pair of arrays (B, D), by mean and by logvar."""
    ### BEGIN SOLUTION
    return mean, 0.5 * (np.exp(logvar) - 1)
    ### END SOLUTION


def check_kl_gradient(kl_gradient):
    mean, logvar = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    total = lambda mean, logvar: gaussian.kl_standard(mean, logvar).sum()
    return check_grad(total, kl_gradient, mean, logvar, names=("mean", "logvar"))


test_kl_gradient = exercise(kl_gradient, check_kl_gradient)

# %% [markdown]
# The check never saw a formula of yours that it believed. It measured the slope of the divergence from function
# values, with an error bar, and held your numbers against that.
#
# Each latent pays its own price. This is what it costs to be sure, and what it costs to be far from zero:

# %%
logvar = np.linspace(-5, 2.5, 200)
price = yours(test_kl, kl, gaussian.kl_standard)
fig = plots.curves(
    logvar, {f"mean {m}": price(np.full((200, 1), float(m)), logvar[:, None]) for m in (0, 1, 2)},
    xlabel="logvar", ylabel="nats", title="What one latent pays",
)

# %% [markdown]
# ## 5. A sample that you can differentiate
#
# The first term of line 5 is an expectation over $z \sim q$. You cannot integrate it, but you can *draw* a $z$
# and evaluate one number. On average, that number is right.
#
# A draw hides how $z$ depends on $\mu$ and $\sigma$, though, and the encoder learns through just that. So draw
# the noise first, and build $z$ from it:
#
# $$z = \mu + \sigma \,\odot\, \epsilon, \qquad \epsilon \sim \mathcal{N}(0, I).$$
#
# For a given $\epsilon$ this is a plain function of $\mu$ and $\sigma$. That is the **reparameterisation**.
#
# **Your turn.** Remember that you are given `logvar`, not $\sigma$.


# %%
def sample(mean, logvar, eps):
    """A draw from N(mean, exp(logvar)), built from standard normal noise eps: all (B, D)."""
    ### BEGIN SOLUTION
    return mean + np.exp(logvar / 2) * eps
    ### END SOLUTION


def check_sample(sample):
    mean, logvar, eps = rng.normal(size=(3, 7, 3))
    return check_value(sample, answers.sample, mean, logvar, eps, names=("mean", "logvar", "eps"))


test_sample = exercise(sample, check_sample)

# %% [markdown]
# Now backwards. Let $g = \partial L / \partial z$ arrive from the decoder, one number for each entry of $z$.
# What arrives at the mean, and what at `logvar`? Use the chain rule on your one line.


# %%
def sample_gradient(g, mean, logvar, eps):
    """Given g = dL/dz, the pair (dL/dmean, dL/dlogvar) for z = sample(mean, logvar, eps)."""
    ### BEGIN SOLUTION
    return g, 0.5 * g * np.exp(logvar / 2) * eps
    ### END SOLUTION


def check_sample_gradient(sample_gradient):
    g, mean, logvar, eps = rng.normal(size=(4, 5, 3))
    return check_grad(
        lambda mean, logvar: np.sum(g * gaussian.sample(mean, logvar, eps)),
        lambda mean, logvar: sample_gradient(g, mean, logvar, eps),
        mean, logvar, names=("mean", "logvar"),
    )  # fmt: skip


test_sample_gradient = exercise(sample_gradient, check_sample_gradient)

# %% [markdown]
# > The notes approximate the first term "with a fixed sample $z$". The sample is fixed only while you evaluate
# > it. If $z$ is frozen, the first term does not depend on the encoder at all.
#
# See what that would cost. In the linear model the first term is
# $\log \mathcal{N}(x; w\mu, \sigma^2) - w^2 s^2 / (2\sigma^2)$, if $q = \mathcal{N}(\mu, s^2)$. So its true
# derivatives are known. Compare the two readings, averaged over 200,000 draws:

# %%
eps = rng.normal(size=200_000)


def first_term_from(z):
    return np.mean(log_normal(x, w * z, s2))


def built(m, s):
    return first_term_from(m + s * eps)


def frozen(m, s, z=mean + std * eps):  # z is an array of numbers: it has forgotten mean and std
    return first_term_from(z) + 0 * (m + s)


readings = {
    "true": (w * (x - w * mean) / s2, -(w**2) * std / s2),
    "z built from eps": tg.grad(built, argnums=(0, 1))(mean, std),
    "z frozen": tg.grad(frozen, argnums=(0, 1))(mean, std),
}
for name, (by_mean, by_std) in readings.items():
    print(f"{name:17} d/dmean {by_mean:7.4f}   d/dstd {by_std:8.4f}")

# %% [markdown]
# With $z$ frozen the encoder hears nothing about the image. So: $\epsilon$ is drawn afresh at each step, and
# $z$ stays a function of mean and std. (The notes say so one line later: "fix a unit normal source of
# randomness $\epsilon$ and then rewrite to deterministic". Fixed means given, not the same one for ever.)
#
# ## 6. The likelihood of an image
#
# One part is missing: $\log Pr(x \mid z, \phi)$, how well the decoder's image explains the real one. With
# normal noise it is the log density of a normal, summed over the pixels.
#
# **Your turn.** `x` and `mean` have shape `(B, D)`, and `logvar` as well: here it is the logarithm of the
# noise variance of each pixel. Do not forget the constant: without it no two models can be compared.


# %%
def log_likelihood_of(x, mean, logvar):
    """The log density of x under N(mean, exp(logvar)): (B, D) three times to (B,), in nats."""
    ### BEGIN SOLUTION
    return -0.5 * np.sum((x - mean) ** 2 / np.exp(logvar) + logvar + np.log(2 * np.pi), axis=-1)
    ### END SOLUTION


def check_log_likelihood(log_likelihood_of):
    x, mean, logvar = rng.normal(size=(3, 7, 5))
    names = ("x", "mean", "logvar")
    return check_value(log_likelihood_of, answers.log_density, x, mean, logvar, names=names)


test_log_likelihood = exercise(log_likelihood_of, check_log_likelihood)

# %% [markdown]
# ## 7. Train it on real digits
#
# Now everything is on the table. For each image $x$ of a batch:
#
# 1. the encoder computes $\mu$ and $\ell$;
# 2. fresh noise makes $z = \mu + e^{\ell/2} \,\odot\, \epsilon$;
# 3. the decoder computes the mean of the image, $f[z, \phi]$;
# 4. the bound is $\log \mathcal{N}(x; f[z, \phi], \sigma^2 I) - D_{KL}\big[ q \,\|\, Pr(z) \big]$.
#
# Minus the mean of this over the batch is the loss. Its gradient by all weights of both networks, and by
# $\log \sigma^2$, goes to Adam. Both networks learn at once: the decoder to make images, the encoder to find
# their $z$.
#
# `VAE` in `tinygen.models.vae` does just these steps, with the divergence and the sample that you have written,
# and with the gradients that you have derived. Read it: it is short. Here it has 8 latents and one hidden layer
# of 128 in each network.

# %% tags=["look"]
(train, _), _, (test, test_labels) = ((part / 16, labels) for part, labels in digits.split())

options = dict(hidden=(128,), decoder="gaussian", batch_size=50, learning_rate=5e-3, random_state=8,
               scaling="none", validation_fraction=0, ema=0)  # fmt: skip
model = VAE(8, epochs=100, **options).fit(train)
history = model.history_
sigma2 = np.exp(model.params_["likelihood"]["logvar"]).item()
print(f"{len(history['loss'])} steps in {history['seconds'][-1]:.1f} s; sigma^2 = {sigma2:.4f}")

# %% [markdown]
# First the curves. The loss is a price in nats for each image. It can be negative, because the likelihood is a
# density and a density can be above 1.

# %% tags=["look"]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.0))
steps = np.arange(1, len(history["loss"]) + 1)
plots.curves(steps, {"- bound": history["loss"]}, ax=left, smooth=21, xlabel="step", ylabel="nats")
plots.curves(steps, {"divergence": history["kl"]}, ax=right, smooth=21, xlabel="step")
left.set(ylim=(-35, 40), title="minus the bound")
right.set(title="its divergence term")

# %% [markdown]
# A falling curve proves little: a wrong loss falls as well. Two better questions.
#
# **Was the gradient right?** Take a small VAE, the same code, and hold each of its derivatives against finite
# differences of the loss.

# %%
small = one_page.init(rng, 6, 2, hidden=(5,), decoder="gaussian", dtype=np.float64)
some_x, some_eps = rng.normal(size=(3, 6)), rng.normal(size=(3, 2))


def small_loss(params):
    return one_page.loss(params, some_x, some_eps, decoder="gaussian")[0]


print(said(check_grad(small_loss, None, small, names=("params",))))

# %% [markdown]
# **Is the model any good?** Ask it about 447 images that it has never seen, and compare with models that know
# less:
#
# - *no latents*: the mean image plus noise. Each pixel is independent of all others.
# - *the best linear VAE*: decoder $Wz + b$ with 8 latents. For this one no training is needed, since its
#   optimum is known in closed form (lesson 9), and so is its evidence. No linear VAE of that size fits the
#   training images better.

# %% tags=["look"]
nothing = gaussian.log_density(test, train.mean(0), np.full(64, np.log(train.var(0).mean())))
linear = LinearGaussian.optimum(train, 8).log_evidence(test)
ours = model.score_samples(test)  # the bound, for each image


def show(name, nats):
    print(f"{name:32} {nats.mean():7.2f} +- {nats.std() / len(nats) ** 0.5:.2f} nats an image")


show("no latents, log evidence", nothing)
show("best linear VAE, log evidence", linear)
show("your VAE, lower bound", ours)
show("your VAE minus best linear VAE", ours - linear)

# %% [markdown]
# The errors are standard errors of the mean. The last line is the one to trust: it compares the two on the
# *same* images, so what makes an image hard for both cancels. And the comparison is unfair to you: yours is a
# lower bound, the other an exact value.
#
# ## 8. Look at it
#
# **Reconstructions.** Encode a test image, take the mean of $q$, decode it. Eight numbers have to carry the
# image.

# %% tags=["look"]
codes = model.transform(test)  # the mean of q, (447, 8)
again = model.inverse_transform(codes)
fig = plots.reconstructions(test[:10], again[:10], low=0, high=1)

# %% [markdown]
# **Samples.** No image goes in: $z$ comes from the prior. Above is the mean that the decoder makes of it;
# below the full model with its noise. The notes are right that the noise has to be added: without it this is
# not a draw from the model.

# %% tags=["look"]
draws = np.random.default_rng(1).standard_normal((10, 8))
means = model.inverse_transform(draws)
noisy = means + sigma2**0.5 * rng.normal(size=means.shape)
fig = plots.images(np.concatenate([means, noisy]), rows=["mean", "draw"], low=0, high=1)

# %% [markdown]
# Most are digits. Some are between two digits. That is what the prior asks for: it fills the whole space, also
# where no image was encoded.
#
# **Interpolation.** Walk from the code of one image to the code of another.

# %% tags=["look"]
def between(t, start=0, end=3):
    figure, axes = plt.subplots(1, 3, figsize=(5.6, 2.1))
    code = (1 - t) * codes[start] + t * codes[end]
    pictures = test[start], model.inverse_transform(code[None])[0], test[end]
    for ax, image, name in zip(axes, pictures, ("from", f"t = {t:.2f}", "to")):
        plots.images(image[None], ax=ax, low=0, high=1, title=name)
    return figure


Slider(between, np.linspace(0, 1, 17), label="t = {:.2f}", play=True)

# %% [markdown]
# **The latent plane.** Train once more, with only two latents. Now every image is a point of a plane, and you
# can look at all of it. The labels were never used in training.

# %% tags=["look", "cover"]
plane = VAE(2, epochs=150, **options).fit(train)
fig = plots.latent_plane(plane.transform(test), test_labels, title="Test images, encoded")

# %% tags=["look"]
steps = norm.ppf(np.linspace(0.03, 0.97, 13))  # equal shares of the prior between them
grid = np.stack(np.meshgrid(steps, steps[::-1]), axis=-1).reshape(-1, 2)
decoded = plane.inverse_transform(grid)
fig = plots.images(decoded, columns=13, low=0, high=1, title="The plane, decoded")

# %% [markdown]
# Neighbours in the plane look alike, and the digits flow into each other. Nobody asked for that in words. The
# divergence did: it pays for codes that are spread like the prior and are as blurred as the image allows.
#
# ## 9. Break it: find the planted mistake
#
# Somebody has written the bound of the linear model, with one draw of noise for each row. Their test passes:
# the gradient agrees with finite differences. Look:

# %%
def planted(mean, logvar, eps):
    """One draw of the bound for x = 1, w = 1.3, sigma^2 = 0.4: three arrays (B, 1) to (B,)."""
    z = mean + np.exp(logvar) * eps
    fit = -0.5 * ((x - w * z) ** 2 / s2 + np.log(2 * np.pi * s2))
    return fit.sum(-1) - 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar, axis=-1)


point = np.array([[posterior_mean]]), np.array([[np.log(posterior_var)]]), rng.normal(size=(1, 1))
report = check_grad(lambda mean, logvar: planted(mean, logvar, point[2]).sum(), None, *point[:2])
print(report.verdict, "- the gradient is the gradient of what is written")

values = planted(*point[:2], rng.normal(size=(400_000, 1)))  # one point, many draws
print(f"mean of the planted bound: {values.mean():.4f} +- {values.std() / len(values) ** 0.5:.4f}")
print(f"log evidence:              {evidence:.4f}")

# %% [markdown]
# A right gradient of a wrong function. A lower bound that lies *above* what it bounds, by far more than its
# error: that cannot be.
#
# **Your turn.** Find it, and write the function without it. One line differs. (The divergence is exact here, only
# the first term is drawn. The estimate of lesson 6, which draws all of it, has the same mean and passes too.)


# %%
def repaired(mean, logvar, eps):
    """One draw of the bound for x = 1, w = 1.3, sigma^2 = 0.4: three arrays (B, 1) to (B,)."""
    ### BEGIN SOLUTION
    z = mean + np.exp(logvar / 2) * eps  # logvar is log sigma^2, so sigma is exp(logvar / 2)
    fit = -0.5 * ((x - w * z) ** 2 / s2 + np.log(2 * np.pi * s2))
    return fit.sum(-1) - 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar, axis=-1)
    ### END SOLUTION


def check_repaired(repaired):
    args, names = rng.normal(size=(3, 7, 1)), ("mean", "logvar", "eps")
    return either(repaired, answers.linear_bound, *answers.drawing, *args, names=names)


test_repaired = exercise(repaired, check_repaired)

# %% [markdown]
# ## 10. What the notes leave out
#
# - **The bound is not the likelihood.** It is off by the divergence of $q$ relative to the true posterior, image by
#   image. So minus the bound is an *upper* bound of the negative log likelihood. Averaging many weights
#   $Pr(x, z)/q(z \mid x)$ before the logarithm closes the gap (lesson 10). Here for the first 100 test images, which
#   have another mean than all 447 in section 7:

# %% tags=["look"]
some = test[:100].astype(np.float32)
eps = np.random.default_rng(3).standard_normal((500, 100, 8), np.float32)  # 500 for each image
log_weight = bounds.log_weights(model.params_, some, eps, decoder="gaussian")
for draws in (1, 5, 50, 500):
    better = tg.logsumexp(log_weight[:draws], axis=0) - np.log(draws)
    print(f"{draws:3} draws: {better.mean():.2f} nats")

# %% [markdown]
# - **What the noise is.** A normal density for pixels that end at 0 and at 1 puts weight where no pixel can be.
#   `decoder="bernoulli"` is the usual other choice; with it the numbers of section 7 would be in another unit,
#   and the two must not be compared.
# - **How many latents are used.** Each latent has its own divergence. One that stays near 0 carries nothing:

# %% tags=["look"]
used = one_page.latent_kl(model.params_, test.astype(np.float32)).mean(0)
fig = plots.latent_kl(used)

# %% [markdown]
# - **Two views.** Here the divergence came out of a derivation. Lesson 9 reads the same loss as an autoencoder
#   with a penalty, asks what its weight $\beta$ does, and predicts which latents collapse.
# - **Labels.** The model has never seen one. Lesson 10 puts them in.

# %% tags=["script"]
if __name__ == "__main__":
    finish(globals())
