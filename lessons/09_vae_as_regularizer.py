# %% [markdown]
# # 9 · The VAE as a regularised autoencoder
#
# You read the loss of lesson 8 the other way round: as a network that copies its input, and a price on its
# code. You see what the copy alone cannot do, what noise alone does not do, what a weight $\beta$ on the price
# really changes, and you predict from the data, before any training, which latents will die.
#
# | | |
# |---|---|
# | In the notes | Chapter 17, "Regularization" |
# | In the book | Prince, *Understanding Deep Learning*, sections 17.6 and 17.8 |
# | Before this | 6 and 8 |
# | Reading | 50 minutes |
# | Running | 12 seconds |

# %%
import matplotlib.pyplot as plt
import numpy as np

from tinygen import metrics, plots
from tinygen.course import Slider, check_value, exercise, finish, yours
from tinygen.course.answers import vae_as_regularizer as answers
from tinygen.data import digits
from tinygen.models.vae import one_page
from tinygen.models.vae.one_page import encode
from tinygen.models.vae.decoders import Gaussian
from tinygen.models.vae.plain_autoencoder import Autoencoder
from tinygen.models.vae.estimator import VAE
from tinygen.oracles import linear_gaussian
from tinygen.oracles.linear_gaussian import LinearGaussian

rng = np.random.default_rng(9)  # every random number of this lesson comes from here
(train, _), _, (test, test_labels) = ((part / 16, labels) for part, labels in digits.split())

# %% [markdown]
# ## 1. Copying through a narrow door
#
# The notes draw the network as one line:
#
# $$x \;\to\; (\mu, \sigma) \;\to\; z = \mu + \sigma \epsilon \;\to\; x^* = f[z].$$
#
# With a normal decoder of variance $\sigma_x^2$, minus the bound of lesson 8 is
#
# $$
# \underbrace{\frac{|x - x^*|^2}{2 \sigma_x^2}}_{\text{is the copy good?}}
# + \underbrace{D_{KL}\big[ q(z \mid x) \,\|\, \mathcal{N}(0, I) \big]}_{\text{what does the code cost?}}
# + \text{a constant},
# $$
#
# averaged over the noise $\epsilon$. Leave out the noise and the price, and you have an **autoencoder**: it is
# trained to return what it was given.
#
# > The notes say: without the noise "it would just spit out what we gave in". That is so if the code has room
# > for all of $x$. With fewer latents than pixels, something is [lost](derivation:autoencoder/bottleneck).
#
# How much? Let encoder and decoder be linear, with $k$ latents. Around its mean the data is a cloud, longer in
# some directions than in others. Its **principal axes** are orthogonal, and the variances of the data along
# them are the eigenvalues $\lambda_1 \geq \dots \geq \lambda_D$ of the covariance matrix
#
# $$C = \frac1n \sum_i (x_i - \bar x)(x_i - \bar x)^\top .$$
#
# Keep the $k$ coordinates that vary most; replace the others by their mean. Nothing linear is better. What is
# lost on average is the variance of the others: $\lambda_{k+1} + \dots + \lambda_D$.
#
# **Your turn.** Compute that, from the images. (`np.linalg.eigvalsh` returns the eigenvalues of a symmetric
# matrix, the smallest first.)


# %%
def lost(X, k):
    """Mean over the rows of |x - x*|^2 for the best linear autoencoder: X (n, D), k latents."""
    ### BEGIN SOLUTION
    centred = X - X.mean(axis=0)
    eigenvalues = np.linalg.eigvalsh(centred.T @ centred / len(X))
    return eigenvalues[: X.shape[1] - k].sum()
    ### END SOLUTION


def check_lost(lost):
    X = rng.normal(size=(11, 5)) * np.array([3.0, 1.0, 2.0, 0.5, 1.5]) + rng.normal(size=5)
    return [check_value(lost, answers.lost, X, k, names=("X", "k")) for k in (1, 2)]


test_lost = exercise(lost, check_lost)

# %%
lost_by = yours(test_lost, lost, answers.lost.alone)
for k in (0, 2, 8, 32, 64):
    print(f"{k:2} latents: squared error {lost_by(train, k):.4f} an image")
axes = linear_gaussian.principal(train)[1]  # (64, 64), a principal axis in each column
anything = rng.normal(size=(100, 64))  # no digit at all
error = np.sum((anything - anything @ axes @ axes.T) ** 2, axis=-1).mean()
print(f"pure noise through all 64 axes: error {error:.0e}")

# %% [markdown]
# With 64 latents for 64 pixels it copies everything, also what it has never seen, and has learned nothing about
# digits. With 8 it has to choose, and what it chooses is about digits. The notes call that "compressed".
#
# ## 2. A code of which nothing is known
#
# Now a bent autoencoder and a VAE, with 8 latents each. They copy new images about equally well: over ten seeds
# the VAE's squared error was 0.93 to 1.01 times the autoencoder's. Then decode codes that belong to no image:
# draw them from $\mathcal{N}(0, I)$. Under each other: the autoencoder; the same one, but the codes come from a
# normal with the mean and the covariance of its own codes; the VAE.

# %% tags=["look"]
options = dict(hidden=(128,), batch_size=50, learning_rate=5e-3, cosine_decay=True,
               validation_fraction=0, ema=0, random_state=8)  # fmt: skip
plain = Autoencoder(8, decoder=Gaussian(0.05), epochs=40, **options).fit(train)
model = VAE(8, decoder=Gaussian(0.05), epochs=40, **options).fit(train)
for name, net in {"autoencoder": plain, "VAE": model}.items():
    again = net.inverse_transform(net.transform(test))
    print(f"{name}: squared error of a copy {np.sum((test - again) ** 2, axis=-1).mean():.2f}")

draws, codes = rng.normal(size=(447, 8)), plain.transform(train)
fitted = codes.mean(0) + draws @ np.linalg.cholesky(np.cov(codes.T)).T
made = {"plain": plain.inverse_transform(draws), "plain, fitted": plain.inverse_transform(fitted),
        "VAE": model.inverse_transform(draws)}  # fmt: skip
print("energy distance to real images:")
for name, images in made.items():
    print(f"  {name:13} {metrics.energy_distance(test, images, other=train[:447])}")
fig = plots.images(np.concatenate([images[:12] for images in made.values()]), columns=12,
                   rows=list(made), low=0, high=1)  # fmt: skip

# %% [markdown]
# (The **energy distance** of two sets of images is near 0 if they come from the same distribution, and grows as
# they differ. In brackets: what two sets of real images give. No decoder noise is added here.)
#
# The first row is rubbish: nothing told the autoencoder to put its codes where $\mathcal{N}(0, I)$ is. The
# second row is the honest surprise. Fit a density to the codes *afterwards*, and the samples are good, here
# nearer to real ones than the VAE's. So an autoencoder is not simply "bad at sampling". What it lacks is a
# **known density of its codes**. You have to find one, nothing in training makes it fit, and no number says how
# likely an image is. The VAE's derivation gives all three: the density, the price for not filling it (section 8
# measures how well it does), and a bound on the likelihood.
#
# ## 3. Noise alone regularises nothing
#
# > The notes say: "The trained $\sigma$ adds noise to our sample", as what keeps the network from copying. But
# > $\sigma$ is *trained*. What would you do, if noise only made your copies worse?
#
# Take one latent, one pixel, $f = wz$. With a weight $\beta$ on the price the loss for one $x$ is
#
# $$
# \frac{(x - w\mu)^2 + w^2 \sigma^2}{2 \sigma_x^2}
# + \beta \cdot \tfrac12 \left( \sigma^2 + \mu^2 - 1 - \log \sigma^2 \right) + \text{a constant}.
# $$
#
# **Your turn.** Its derivative by $\sigma$, the standard deviation itself, called `std`. `s2` is $\sigma_x^2$.


# %%
def slope(std, w, s2, beta):
    """The derivative of the loss by std, entry by entry: four arrays (n,) to one."""
    ### BEGIN SOLUTION
    return w**2 * std / s2 + beta * (std - 1 / std)
    ### END SOLUTION


def check_slope(slope):
    w, (std, s2, beta) = rng.normal(size=5), 0.3 + rng.random((3, 5))
    return check_value(slope, answers.slope, std, w, s2, beta, names=("std", "w", "s2", "beta"))


test_slope = exercise(slope, check_slope)

# %%
downhill = yours(test_slope, slope, answers.slope.alone)
for beta in (0.0, 0.25, 1.0, 4.0):
    std = 1.0
    for _ in range(400):
        std -= 0.05 * downhill(std, 1.3, 0.4, beta)
    formula = beta * 0.4 / (beta * 0.4 + 1.3**2)
    print(f"beta {beta:4}: std^2 ends at {std**2:.6f}; beta s2 / (beta s2 + w^2) = {formula:.6f}")

# %% tags=["look"]
stds = np.geomspace(0.02, 3, 300)


def loss_of(std, beta):
    return sum(answers.penalised(0.5, std, 1.0, 1.3, 0.4, beta).values())


fig = plots.curves(stds, {f"beta = {b}": loss_of(stds, b) for b in (0.0, 0.25, 1.0, 4.0)},
                   xlabel="standard deviation of q", ylabel="nats",
                   title="Only the price keeps the noise alive")  # fmt: skip
fig.axes[0].set(xscale="log", ylim=(0.5, 8))

# %% [markdown]
# Without the price the slope is $w^2 \sigma / \sigma_x^2 > 0$: less noise is always better, and gradient
# descent switches it off ([checked](derivation:autoencoder/noise)). With the price there is a $-\beta/\sigma$
# that pushes back, and the end is where both agree. Is that so for a real network? Here is the VAE on digits,
# with the price and without:

# %% tags=["look"]
print("            beta = 0                      beta = 1")
print("epochs      noise   spread of means       noise   spread of means")
for epochs in (1, 4, 16):
    line = f"{epochs:6}"
    for beta in (0.0, 1.0):
        net = VAE(8, decoder=Gaussian(0.05), beta=beta, epochs=epochs, **options).fit(train)
        mean, logvar = encode(net.params_, train.astype(np.float32))
        line += f" {np.exp(logvar / 2).mean():10.4f} {mean.std(axis=0).mean():17.2f}"
    print(line)

# %% [markdown]
# On the left the noise dies. What is left is an autoencoder.
#
# ## 4. What the weight does
#
# > The notes say of the bound: it makes us "pay for distance from the prior. *Hence*, we can add hyperparameter
# > $\beta$". You can, but not "hence": nothing in the chain of lesson 6 allows another price than 1.
#
# See what becomes of the bound. For $w = 1.3$, $\sigma_x^2 = 0.4$, $x = 1$ and each $\beta$: the best $q$, the
# weighted sum there, and the true bound (with weight 1) of the same $q$.

# %%
small, one = LinearGaussian([[1.3]], [0.0], 0.4), np.ones((1, 1))
evidence = small.log_evidence(one)[0]


def at_its_best(beta):
    """The weighted sum at its best q, and the bound of that q."""
    q = small.posterior(one, beta=beta)
    return small.elbo(one, *q, beta=beta)[0], small.elbo(one, *q)[0]


print(f"beta = 0.25: weighted sum {at_its_best(0.25)[0]:.3f}, log evidence {evidence:.3f}")
betas = np.geomspace(0.05, 8, 100)
weighted, true_bound = np.transpose([at_its_best(beta) for beta in betas])
fig = plots.curves(betas, {"weighted sum at its best q": weighted, "bound of that q": true_bound},
                   levels={"log evidence": evidence}, xlabel="beta", ylabel="nats",
                   title="Only beta = 1 touches; beta < 1 bounds nothing")  # fmt: skip
fig.axes[0].set_xscale("log")

# %% [markdown]
# With $\beta > 1$ the sum is a bound, a looser one. With $\beta < 1$ it climbs *above* what it should bound
# ([all lines](derivation:beta/bound)). It is then no bound, and no reason for the choice is left but that
# the copies look good.
#
# Yet for a normal decoder there is a reading that saves it. Look at what depends on $q$ and on $f$, and take
# $\beta$ out:
#
# $$
# \frac{|x - x^*|^2}{2 \sigma_x^2} + \beta D_{KL}
# = \beta \left( \frac{|x - x^*|^2}{2 \beta \sigma_x^2} + D_{KL} \right) .
# $$
#
# In the bracket stands a true VAE, with price 1, whose decoder has the variance $\beta \sigma_x^2$. A positive
# factor in front moves no minimum. So **a $\beta$-VAE with a normal decoder is the VAE of another noise
# variance** ([checked](derivation:beta/decoder-variance)). You saw it above: `std` ended at the posterior's
# width for the variance $\beta \sigma_x^2$.
#
# This works backwards too, and that is useful: many programs minimise $a\, |x - x^*|^2 + b\, D_{KL}$ with some
# $a$ and $b$ that happened to be convenient, and with no variance in sight. There is one all the same.
#
# **Your turn.** Which $\sigma_x^2$ makes that loss a VAE's?


# %%
def decoder_variance(a, b):
    """The variance for which a |x - x*|^2 + b KL has the minima of minus the bound."""
    ### BEGIN SOLUTION
    return b / (2 * a)
    ### END SOLUTION


def check_decoder_variance(decoder_variance):
    a, b = 0.2 + rng.random((2, 5))
    return check_value(decoder_variance, answers.decoder_variance, a, b, names=("a", "b"))


test_decoder_variance = exercise(decoder_variance, check_decoder_variance)

# %% [markdown]
# ## 5. Two currencies
#
# Forget $\beta$ for a moment and measure the two terms apart, as means over the data:
#
# - the **rate** $R = D_{KL}\big[ q(z \mid x) \,\|\, \mathcal{N}(0, I) \big]$: how many nats the code takes;
# - the **distortion** $\Delta = |x - x^*|^2$, averaged over the noise: how bad the copy is.
#
# Every autoencoder with noise is a point $(R, \Delta)$. A higher rate buys a lower distortion, and $\beta$ says
# what a nat costs.
#
# **Your turn.** For the decoder $Wz + b$ and $q = \mathcal{N}(\mu, \sigma^2)$ no sampling is needed. You know
# the rate. For the distortion use what you know of a mean of squares: the square of the mean, and
# the variance. $Wz$ has the mean $W\mu$, and the noise of latent $j$ moves it along column $j$ of $W$.


# %%
def rate_and_distortion(x, W, b, mean, logvar):
    """Both as means over the batch: x (B, D), W (D, k), b (D,), mean and logvar (B, k)."""
    ### BEGIN SOLUTION
    kl = 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar, axis=-1)
    copy = np.sum((x - b - mean @ W.T) ** 2, axis=-1)
    blur = np.exp(logvar) @ np.sum(W**2, axis=0)
    return np.mean(kl), np.mean(copy + blur)
    ### END SOLUTION


def check_rate(rate_and_distortion):
    W, b = rng.normal(size=(5, 3)), rng.normal(size=5)
    x, (mean, logvar) = rng.normal(size=(7, 5)), rng.normal(size=(2, 7, 3))
    names, parts = ("x", "W", "b", "mean", "logvar"), ("the rate", "the distortion")
    args = x, W, b, mean, logvar
    wanted = dict(names=names, parts=parts)
    return check_value(rate_and_distortion, answers.rate_distortion, *args, **wanted)


test_rate = exercise(rate_and_distortion, check_rate)

# %% [markdown]
# ## 6. The water level
#
# What is the best that a linear VAE can do? Its axes do not disturb each other, so take one: the data has
# variance $\lambda$ along it, the latent enters with a weight $w$, and the noise has the variance
# $t = \beta \sigma_x^2$, by section 4. The model says $x \sim \mathcal{N}(0, w^2 + t)$, so
#
# $$
# \frac1n \sum_i \log Pr(x_i) = -\tfrac12 \left[ \log 2\pi (w^2 + t) + \frac{\lambda}{w^2 + t} \right],
# $$
#
# which is largest at $w^2 + t = \lambda$. That needs $\lambda > t$. If the data vary *less* than the noise, the
# best is $w = 0$: the decoder ignores the latent, its $q$ is the prior, and its price is 0. The latent has
# **collapsed** ([checked](derivation:collapse/alive)).
#
# If it is alive, its posterior has the variance $t/\lambda$ (lesson 6: noise over $w^2$ + noise). Its means
# spread over the data with the variance $1 - t/\lambda$: together the two make the prior's 1. So on average it
# pays
#
# $$
# \tfrac12 \left[ \frac{t}{\lambda} + \Big(1 - \frac{t}{\lambda}\Big) - 1 - \log \frac{t}{\lambda} \right] .
# $$
#
# **Your turn.** Simplify, and write it for all axes at once, dead ones included.


# %%
def latent_price(eigenvalues, s2, beta):
    """Mean KL of the latent of each axis, nats: eigenvalues (D,), two numbers, to (D,)."""
    ### BEGIN SOLUTION
    return 0.5 * np.log(np.maximum(eigenvalues, beta * s2) / (beta * s2))
    ### END SOLUTION


def check_latent_price(latent_price):
    eigenvalues = np.sort(np.exp(rng.normal(size=7)))[::-1]
    names = ("eigenvalues", "s2", "beta")
    return [check_value(latent_price, answers.latent_price, eigenvalues, s2, beta, names=names)
            for s2, beta in ((0.4, 2.2), (0.3, 0.25), (0.9 * eigenvalues[2], 0.9))]  # fmt: skip


test_latent_price = exercise(latent_price, check_latent_price)

# %% [markdown]
# And what is left of the axis? If it is alive, $\Delta = t$, [whatever $\lambda$
# was](derivation:collapse/distortion). If not, all of it: $\Delta = \lambda$. Picture a water level at $t$ over
# a ground of heights $\lambda_j$: what stands out of the water is [paid for](derivation:collapse/price), and
# everything is blurred up to the level. Move it.

# %%
price = yours(test_latent_price, latent_price, answers.latent_price.alone)
variances = linear_gaussian.principal(train)[0]
curve = linear_gaussian.rate_distortion(variances, np.geomspace(0.01, 0.7, 200))

# %% tags=["look"]
shown, fixed, axis = test[[3, 40, 78]], rng.normal(size=(3, 64)), np.arange(1, 41)


def level(t, s2=0.05):
    """The best linear VAE of the digits at this level: its axes, its place, its copies."""
    best = LinearGaussian.optimum(train, 64, s2=s2, beta=t / s2)
    mean, logvar = best.best_diagonal(shown, beta=t / s2)
    copies = (mean + np.exp(logvar / 2) * fixed) @ best.W.T + best.b
    alive = price(variances[:40], s2, t / s2) > 0
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(8.4, 2.9), width_ratios=(5, 4, 3))
    left.vlines(axis, 1e-3, variances[:40], colors=np.where(alive, "C0", "C8"), linewidth=2.5)
    left.axhline(t, color="C3", linewidth=1.5)
    left.set(yscale="log", ylim=(0.005, 1), xlabel="axis", xticks=[1, 20, 40])
    left.set(ylabel="variance", title=f"{alive.sum()} latents alive")
    left.minorticks_off()
    middle.plot(*curve)
    middle.plot(*linear_gaussian.rate_distortion(variances, t), "o", color="C3")
    middle.set(xlabel="rate in nats", ylabel="distortion", xticks=[0, 20, 40], yticks=[0, 2, 4])
    both = np.stack([shown, copies], axis=1).reshape(-1, 64)
    plots.images(both, columns=2, ax=right, low=0, high=1, title="image, copy")
    return figure


Slider(level, np.geomspace(0.7, 0.014, 9), label="level {:.3f}", play=True)

# %% [markdown]
# Note how the axes drown from the right, and all at the level of the noise. And note the copies: blurred
# digits, then the mean digit, whatever came in.
#
# Now look at the losses that people write, with your two formulas. Which noise do they assume, and how many of
# at most 32 latents stay alive on these digits?

# %%
variance_of = yours(test_decoder_variance, decoder_variance, answers.decoder_variance.alone)
losses = {
    "sum over pixels + KL": (1, 1),
    "half the sum over pixels + KL": (1 / 2, 1),
    "mean over pixels + KL": (1 / 64, 1),
    "mean over pixels + mean of KL over 32 latents": (1 / 64, 1 / 32),
    "sum over pixels + KL / 10": (1, 1 / 10),
}
for name, (a, b) in losses.items():
    s2 = variance_of(a, b)
    alive = np.count_nonzero(price(variances[:32], s2, 1.0))
    print(f"{name:46} variance {s2:6.2f}, {alive:2} latents alive")

# %% [markdown]
# Four of these five learn nothing at all, or next to nothing, from pixels between 0 and 1. They have chosen a
# noise as large as the image, without noticing that they chose.
#
# ## 7. Does a trained VAE obey?
#
# The formulas are about the best linear VAE. Train some, by gradient descent, with sampled $z$, and see. And
# train bent ones, for which no formula is known.

# %% tags=["look"]
def trained(beta, hidden, latents, s2=0.05, **more):
    """Rate and distortion of a VAE on the training images, and the mean KL of each latent."""
    net = VAE(latents, hidden=hidden, decoder=Gaussian(s2), beta=beta, cosine_decay=True,
              validation_fraction=0, ema=0, random_state=0, **more).fit(train)  # fmt: skip
    rows, noise = train.astype(np.float32), rng.standard_normal((16, 1000, latents), np.float32)
    terms = one_page.elbo_terms(net.params_, rows, noise, decoder=Gaussian(s2))
    constant = 32 * np.log(2 * np.pi * s2)  # 64 pixels, half of it each
    squared_error = -2 * s2 * (terms["reconstruction"].mean() + constant)
    return terms["kl"].mean(), squared_error, one_page.latent_kl(net.params_, rows).mean(axis=0)


slow = dict(epochs=400, batch_size=250, learning_rate=3e-2)
quick = dict(epochs=60, batch_size=50, learning_rate=5e-3)
straight = {beta: trained(beta, (), 16, **slow) for beta in (2.0, 6.0)}
bent = {beta: trained(beta, (128,), 16, **quick) for beta in (1.0, 2.0, 4.0)}
rates, distortions = curve
for name, points in {"linear": straight, "bent": bent}.items():
    for beta, (rate, distortion, _) in points.items():
        least = np.interp(rate, rates[::-1], distortions[::-1])
        print(f"{name:6} beta {beta}: rate {rate:6.3f}, distortion {distortion:.3f},"
              f" on the curve {least:.3f}")  # fmt: skip

# %% tags=["look"]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.8, 3.4))
for name, points in {"linear VAE": straight, "bent VAE": bent}.items():
    found = np.transpose([point[:2] for point in points.values()])
    plots.rate_distortion(*found, labels=list(points), name=name, ax=left,
                          curve=curve if name == "linear VAE" else None)  # fmt: skip
left.set(xlim=(0, 5), ylim=(-0.5, 24), title="Rate and distortion, by beta")
plots.latent_kl(straight[2.0][2], expected=price(variances[:16], 0.05, 2.0), ax=right,
                title="Price of each latent, beta = 2")  # fmt: skip

# %% [markdown]
# On the left: the curve is the least rate of *any* code with that distortion, if the data is normal
# (Shannon's **rate-distortion function**). The linear VAEs sit on it, up to what training left undone. The bent
# ones go below, on these training images. That is no contradiction: digits are not normal, and a bent decoder
# makes use of it.
#
# On the right: the eigenvalues of the data have predicted, before training, which latents live and what each of
# them pays. The last ones, just above the water, are the last to be learned.
#
# ## 8. What should resemble the prior?
#
# > The notes say: "if $q(z \mid x, \theta)$ truly resembles $Pr(z)$ then the first term is exactly what we
# > wanted to compute". You have seen the number, $-24.768$ in place of $-1.746$. Now you can say what happens
# > there.
#
# If $q(z \mid x)$ is the prior for every $x$, the rate is 0: every latent has collapsed. The first term is then
# the evidence in one case only, that the decoder ignores $z$ anyway:

# %%
for w in (2.0, 1.0, 0.1, 0.0):
    case = LinearGaussian([[w]], [0.0], 0.1)
    first, _ = case.elbo_terms(one, np.zeros((1, 1)), np.eye(1))
    gap = case.log_evidence(one)[0] - first[0]
    print(f"w = {w}: first term {first[0]:8.3f}, log evidence {first[0] + gap:7.3f}, gap {gap:.3f}")

# %% [markdown]
# But there is something true in the sentence. Call $q(z) = \frac1n \sum_i q(z \mid x_i)$ the density of all
# codes together. Write
# $\log \frac{q(z \mid x)}{Pr(z)} = \log \frac{q(z \mid x)}{q(z)} + \log \frac{q(z)}{Pr(z)}$ into the rate, and
# it [falls into two parts](derivation:collapse/rate):
#
# $$
# R = \underbrace{\frac1n \sum_i D_{KL}\big[ q(z \mid x_i) \,\|\, q(z) \big]}_{\text{what the code tells about } x}
# + \underbrace{D_{KL}\big[ q(z) \,\|\, Pr(z) \big]}_{\text{do all codes fill the prior?}}
# $$
#
# Only the second should vanish: *all codes together* should resemble the prior. Each one alone should not. The
# first part, the **mutual information** of $x$ and $z$, is what you train the thing for.

# %% tags=["look"]
plane = VAE(2, decoder=Gaussian(0.05), epochs=60, **options).fit(train)
diagnosis = plane.diagnose(test)
print(f"rate {diagnosis.rate:.2f} nats = mutual information {diagnosis.mutual_information:.2f}"
      f" + divergence of all codes relative to the prior {diagnosis.marginal_kl:.2f}")  # fmt: skip

# %% [markdown]
# ## 9. What $q$ is
#
# > The notes say: $q$ is "not an inverse/discriminator in the conventional sense; it just serves as an implicit
# > compromise mechanism for computing the true negative log likelihood".
#
# Two repairs. What is computed is an *upper bound* on the negative log likelihood, exact only if $q$ is the
# posterior. And $q$ is not just a device: it is the **approximate posterior**, the best answer that the encoder
# has to "which $z$ made this $x$?". In that sense it *is* an inverse of the decoder, a probabilistic one.
#
# With two latents the true posterior can be had on a grid (lesson 5). Compare, for some test images:

# %% tags=["look"]
offsets = np.linspace(-1.6, 1.6, 121)
around = np.stack(np.meshgrid(offsets, offsets), axis=-1).reshape(-1, 2)
turn = np.linspace(0, 2 * np.pi, 80)
shades = [("C1", opacity) for opacity in np.linspace(0.1, 0.8, 7)]


def where(i):
    """One image; its true posterior near q's mean, and two standard deviations of q."""
    mean, logvar = (a[0] for a in encode(plane.params_, test[[i]].astype(np.float32)))
    z, std = mean + around, np.exp(logvar / 2)
    squares = np.sum((test[i] - plane.inverse_transform(z)) ** 2, axis=-1)
    log_joint = -0.5 * (squares / 0.05 + np.sum(z**2, axis=-1))
    posterior = np.exp(log_joint - log_joint.max()).reshape(121, 121)
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.6, 3.4), width_ratios=(0.6, 1))
    plots.images(test[[i]], ax=left, low=0, high=1, title=f"a {test_labels[i]}")
    levels = np.linspace(0.02, 1, 8)
    right.contourf(mean[0] + offsets, mean[1] + offsets, posterior, levels=levels, colors=shades)
    right.plot(mean[0] + 2 * std[0] * np.cos(turn), mean[1] + 2 * std[1] * np.sin(turn))
    right.set(xlabel="z 1", ylabel="z 2", aspect="equal", title="posterior (shaded) and q")
    return figure


Slider(where, [0, 1, 3, 4, 9, 11, 14], label="test image {}")

# %% [markdown]
# Mostly $q$ is near the posterior; for the last image it is not. What it misses costs nats, of two kinds. The
# **approximation gap**: no diagonal normal is the posterior (lesson 6). The **amortisation gap**: a better
# normal exists for this image, but the encoder, which has one set of weights for all images, did not return it.

# %% tags=["look"]
for name, (gap, error) in {"approximation": diagnosis.approximation_gap,
                           "amortisation": diagnosis.amortisation_gap}.items():  # fmt: skip
    print(f"{name} gap: {gap:.2f} +- {error:.2f} nats an image")

# %% [markdown]
# On images that it has not seen, what costs most is the encoder's guess.
#
# ## 10. Break it: find the planted mistake
#
# Somebody writes the loss of a VAE, with a sum over the pixels and a mean over the batch. It is short, every
# shape is right, and it trains without complaint.


# %%
def planted_loss(x, again, mean, logvar, s2):
    """Minus the bound, mean over the batch: x, again (B, D), mean, logvar (B, k), s2 a number."""
    fit = 0.5 * np.sum((x - again) ** 2 / s2 + np.log(2 * np.pi * s2), axis=-1)
    return np.mean(fit) + 0.5 * np.mean(np.exp(logvar) + mean**2 - 1 - logvar)


best = LinearGaussian.optimum(train, 8)  # its evidence is known, and q is its posterior
mean, logvar = best.best_diagonal(train)
values = []
for _ in range(50):
    z = mean + np.exp(logvar / 2) * rng.normal(size=mean.shape)
    spread = np.broadcast_to(logvar, mean.shape)
    values.append(-planted_loss(train, z @ best.W.T + best.b, mean, spread, best.s2))
print(f"minus the planted loss: {np.mean(values):.3f} +- {np.std(values) / 50**0.5:.3f}")
print(f"log evidence:           {best.log_evidence(train).mean():.3f}")

# %% [markdown]
# A lower bound above what it bounds: you know that sign from lesson 8. Here the samples are right. Which
# $\beta$ is this, without anybody having written a $\beta$?
#
# **Your turn.** Write the loss that is minus the bound.


# %%
def repaired_loss(x, again, mean, logvar, s2):
    """Minus the bound, mean over the batch: x, again (B, D), mean, logvar (B, k), s2 a number."""
    ### BEGIN SOLUTION
    fit = 0.5 * np.sum((x - again) ** 2 / s2 + np.log(2 * np.pi * s2), axis=-1)
    divergence = 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar, axis=-1)
    return np.mean(fit + divergence)
    ### END SOLUTION


def check_repaired(repaired_loss):
    x, again = rng.normal(size=(2, 7, 5))
    mean, logvar = rng.normal(size=(2, 7, 3))
    names = ("x", "again", "mean", "logvar", "s2")
    return check_value(repaired_loss, answers.loss, x, again, mean, logvar, 0.3, names=names)


test_repaired = exercise(repaired_loss, check_repaired)

# %% [markdown]
# One `mean` over both axes: over the batch, where it belongs, and over the $k$ latents, where it makes
# $\beta = 1/k$. Add latents to that model, and each of them gets cheaper.
#
# ## 11. What the notes leave out
#
# - **A learned $\sigma_x^2$ makes $\beta$ needless.** Lesson 8 learned it with the rest, at price 1. The best
#   value is the mean squared residual of a pixel, the noise of $z$ included. Choose $\beta$ by hand and you
#   choose the noise by hand.
# - **Which axes?** Turn $z$ by any rotation, and $Wz$ with it: the prior does not notice. Only the diagonal $q$
#   does, and it prefers the principal axes, where the posterior is diagonal too. That a latent "means"
#   something is no more than that.
# - **Collapse that the data did not ask for.** A latent may also die because training killed it: early on the
#   code is useless, so its price is all that is felt. Remedies are to raise the price slowly (`warmup`) and to
#   let each latent use some nats for nothing (`free_bits`). A decoder that is strong enough to do without $z$
#   does without it.
# - **Rate and distortion say more than their sum.** Two models with the same bound can have quite different
#   codes. The `diagnose` of section 8 measures all of it:

# %% tags=["look"]
print(diagnosis)

# %% tags=["script"]
if __name__ == "__main__":
    finish(globals())
