# %% [markdown]
# # 15 · Labels and guidance
#
# A diffusion model that makes what you ask for. You put the label where it belongs, train one network that
# knows both the labelled and the unlabelled guess, and push its samples further towards a label than the data
# are. Then you compute, exactly, what that push does. It is not what is often said of it.
#
# | | |
# |---|---|
# | In the notes | Chapter 18, "Conditional" |
# | In the book | Prince, *Understanding Deep Learning*, section 18.6 |
# | Before this | 10 and 14 |
# | Reading | 50 minutes |
# | Running | 8 seconds |

# %%
import functools

import matplotlib.pyplot as plt
import numpy as np

from tinygen import metrics, plots
from tinygen.course import Slider, check_value, derivation, exercise, finish, yours
from tinygen.course.answers import conditional_diffusion as answers
from tinygen.data import digits
from tinygen.models.diffusion import Diffusion, Schedule, net, one_page, process, samplers
from tinygen.models.diffusion.guidance import classifier_free
from tinygen.nn import train
from tinygen.nn.optim import CosineAdam
from tinygen.oracles.gaussian_diffusion import GaussianDiffusion
from tinygen.oracles.grid_density import pushed, transported
from tinygen.oracles.mixture_diffusion import MixtureDiffusion

rng = np.random.default_rng(15)  # every random number of this lesson comes from here
schedule = Schedule.linear(100)
T, alpha = schedule.T, schedule.alpha_bar

# %% [markdown]
# ## 1. Where the label goes
#
# > The notes say: "Same as VAEs, add a label $c$ and input into every $q = f_t$."
#
# Into every $f_t$: yes. But $f_t$ belongs to the model, and $q$ is the process that adds noise. It adds the
# same noise to every image, whatever is on it. So $q(z_t \mid x)$ has no label, and nothing in it is learned.
# (In a VAE $q$ is the encoder, which is learned; there the label goes into both networks, lesson 10.)
#
# What does a label change, then? The best guess. $\mathbb{E}[x \mid z_t, c]$ is a mean over fewer
# possibilities than $\mathbb{E}[x \mid z_t]$. And the guess without a label is the average of those with one,
# each weighted by how likely its label is. Here are two classes on a line, $\mathcal{N}(1, .7^2)$ and
# $\mathcal{N}(-1, .7^2)$, at $z_t = 0.2$ and $\alpha_t = 0.4$:

# %%
derivation("diffusion/label")

# %% [markdown]
# The label moves the guess from 0.20 to 0.83. In the plane, take the moons of lesson 14, and let the label say
# which moon. All of it is known exactly: a moon is a mixture of 16 normals.

# %%
angle = np.linspace(0, np.pi, 16)
upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
centres = 1.2 * (np.stack([upper, [1.0, 0.5] - upper]) - [0.5, 0.25])  # (2, 16, 2)
of_class = [MixtureDiffusion(np.full(16, 1 / 16), c, np.full(16, 0.15**2)) for c in centres]
moons = MixtureDiffusion(np.full(32, 1 / 32), centres.reshape(-1, 2), np.full(32, 0.15**2))
data, component = moons.sample(4000, rng)
labels = component // 16  # 0: the upper moon, 1: the lower one

# %% tags=["look"]
points, point_eps = data[:120], rng.normal(size=(120, 2))


def three_guesses(t):
    z = process.noisy(schedule, points, t, point_eps)
    figure, axes = plt.subplots(1, 3, figsize=(8.4, 2.9))
    oracles = {"told: upper": of_class[0], "not told": moons, "told: lower": of_class[1]}
    for ax, (name, oracle), color in zip(axes, oracles.items(), ("C0", "C8", "C1")):
        plots.dots(ax, data[200:500], size=1.5, color="#b4bbc2")
        plots.dots(ax, oracle.denoised(z, alpha[t]), color=color)
        ax.set(xlim=(-2.5, 2.5), ylim=(-2, 2), title=f"{name}, t = {t}")
        ax.set_aspect("equal")
    return figure


Slider(three_guesses, [5, 20, 35, 60, 100], label="t = {}", play=True)

# %% [markdown]
# The same noisy points, three guesses. Told the wrong moon, a point is put on it all the same: the label counts
# as much as the eyes. At the end only the label is left.
#
# ## 2. One network for both
#
# You will need both guesses, with a label and without. No second network is needed. In training, hide the label
# of some rows, and let "unknown" be a label as well. A network that is told "unknown" learns the guess without a
# label. It is called **label dropout**.
#
# **Your turn.** Hide each label with probability $p$. `u` holds one uniform number between 0 and 1 for each row;
# a hidden label is $-1$.


# %%
def dropped(labels, u, p):
    """The labels (B,), with -1 in the place of those whose uniform number u (B,) is below p."""
    ### BEGIN SOLUTION
    return np.where(u < p, -1, labels)
    ### END SOLUTION


def check_dropped(dropped):
    labels, u = rng.integers(0, 3, 23), rng.random(23)
    u[:2] = 0.1, 0.9
    return check_value(dropped, answers.dropped, labels, u, 0.4, names=("labels", "u", "p"))


test_dropped = exercise(dropped, check_dropped)

# %% [markdown]
# Now train it, as in lesson 14. A label goes in as a row with a 1 at its place, beside the features of $t$; the
# last place means unknown.

# %% tags=["look"]
hide = yours(test_dropped, dropped, answers.dropped)
logsnr = np.clip(schedule.logsnr, -15, 15)


def draw(rng, batch):
    t = rng.integers(1, T + 1, len(batch["c"]))
    c = hide(batch["c"], rng.random(len(t)), 0.2)
    told = net.conditioning(logsnr[t], net.one_hot(c, 2, len(c)))  # (B, 32 + 3)
    return {"eps": rng.normal(size=batch["x"].shape), "alpha": alpha[t][:, None], "told": told}


def loss(params, batch, noise):
    a = noise["alpha"]
    z = np.sqrt(a) * batch["x"] + np.sqrt(1 - a) * noise["eps"]
    return np.mean((net.predict(params, z, noise["told"]) - noise["eps"]) ** 2)


params = net.init(rng, 2, width=48, blocks=2, classes=2)
adam = functools.partial(CosineAdam, rate=3e-3, total=2500)
options = dict(rng=rng, batch_size=128, noise=draw, optimiser=adam)
pairs = {"x": data, "c": labels}
params, history = train.fit(loss, params, pairs, epochs=2500 * 128 / len(data), **options)
print(f"loss at the end {history['loss'][-500:].mean():.3f}")

# %% [markdown]
# Ask for each, from the same noise.

# %% tags=["look"]
few = schedule.respaced(25)  # every fourth step
few_logsnr = np.clip(few.logsnr, -15, 15)


def guess(label):
    """The network's guess of the noise as predict(z, t), told this label for all rows."""

    def predict(z, t):
        rows = net.one_hot(np.full(len(z), label), 2, len(z))
        told = net.conditioning(np.full(len(z), few_logsnr[t]), rows)
        return net.predict(params, z.astype(np.float32), told).astype(float)

    return predict


start, noises = rng.normal(size=(300, 2)), rng.normal(size=(few.T, 300, 2))


def made(predict):
    return one_page.last(one_page.ancestral(few, predict, "eps", start, noises))


fig, axes = plt.subplots(1, 3, figsize=(8.4, 2.9))
asked = (("upper", 0, "C0"), ("unknown", -1, "C8"), ("lower", 1, "C1"))
for ax, (name, label, color) in zip(axes, asked):
    samples = made(guess(label))
    plots.dots(ax, data[:300], size=1.5, color="#b4bbc2")
    plots.dots(ax, samples, color=color)
    ax.set(xlim=(-2.5, 2.5), ylim=(-2, 2), title=name)
    ax.set_aspect("equal")
    oracle = moons if label < 0 else of_class[label]
    real, other = oracle.sample(300, rng)[0], oracle.sample(300, rng)[0]
    print(f"{name:8} energy distance", metrics.energy_distance(real, samples, other=other))

# %% [markdown]
# ## 3. Bayes' rule for slopes
#
# The **score** of a density is the gradient of its logarithm, $\nabla \log q(z_t)$, and the best guess of the
# noise is $-\sqrt{1 - \alpha_t}$ times the score (lesson 14). So everything about guesses can be said about
# scores, and scores have an easy algebra. Take the logarithm of Bayes' rule,
#
# $$
# \log q(z_t \mid c) = \log q(z_t) + \log Pr(c \mid z_t) - \log Pr(c) ,
# $$
#
# and differentiate by $z_t$. The last term is gone:
#
# $$
# \nabla \log q(z_t \mid c) = \nabla \log q(z_t) + \nabla \log Pr(c \mid z_t) .
# $$
#
# ([Checked](derivation:diffusion/label-score).) In words: if you have a model without labels, and a
# *classifier* that reads labels off noisy data, you have a model with labels. The classifier's gradient says in
# which direction the label becomes likelier.
#
# **Your turn.** For the two classes on the line. At step $t$ they are $\mathcal{N}(\pm\sqrt{\alpha_t}, s_t^2)$
# with $s_t^2 = .49\, \alpha_t + 1 - \alpha_t$, and $Pr(c = {+}1 \mid z_t)$ is the one density over the sum of
# both. Bring it into the form $1 / (1 + e^{-a z})$. Then differentiate its logarithm.


# %%
def classifier_gradient(z, alpha):
    """d/dz of log Pr(c = +1 | z) for classes N(+1, .49) and N(-1, .49): an array like z."""
    ### BEGIN SOLUTION
    slope = 2 * np.sqrt(alpha) / (0.49 * alpha + 1 - alpha)
    return slope / (1 + np.exp(slope * z))
    ### END SOLUTION


def check_classifier(classifier_gradient):
    z = rng.normal(size=7)
    names = ("z", "alpha")
    return check_value(classifier_gradient, answers.classifier_gradient, z, 0.4, names=names)


test_classifier = exercise(classifier_gradient, check_classifier)

# %% [markdown]
# Does it give the score of the class? To the last digit. So guidance by the *exact* classifier of noisy data
# **is** the conditional sampler.

# %%
pull = yours(test_classifier, classifier_gradient, answers.classifier_gradient)
both = MixtureDiffusion([0.5, 0.5], [[-1.0], [1.0]], [0.49, 0.49])
target = GaussianDiffusion(1.0, 0.49)  # the class +1 alone
z = np.linspace(-4, 4, 401)
for a in (0.9, 0.4, 0.01):
    by_bayes = both.score(z[:, None], a)[:, 0] + pull(z, a)
    off = np.abs(by_bayes - target.score(z, a)).max()
    print(f"alpha {a}: largest difference {off:.0e}")

# %% [markdown]
# A classifier that has only seen clean data would not do. At each $t$ it has to know what $z_t$ looks like.
#
# ## 4. Guidance
#
# And now the step that is not a derivation. Pull *harder*: take the classifier's gradient $1 + w$ times, with
# some $w > 0$. With the line above you can write that without any classifier:
#
# $$
# \begin{align*}
# & \nabla \log q(z_t) + (1 + w)\, \nabla \log Pr(c \mid z_t) \\
# &= (1 + w)\, \nabla \log q(z_t \mid c) - w\, \nabla \log q(z_t) .
# \end{align*}
# $$
#
# ([Checked](derivation:diffusion/guided-score).) The first is **classifier guidance**, the second
# **classifier-free guidance**. It needs just the two guesses that your network has. With $w = 0$ it is the plain
# conditional sampler. Beware of texts whose weight is $1 + w$: theirs is 1 where yours is 0.
#
# **Your turn.** The guided guess from the two guesses. The two factors sum to 1. Since noise, $x$, $v$ and score
# are straight lines in each other, one formula serves for all of them.


# %%
def guided(with_label, without, w):
    """The guided guess, from the guess with the label and the one without: arrays of one shape."""
    ### BEGIN SOLUTION
    return (1 + w) * with_label - w * without
    ### END SOLUTION


def check_guided(guided):
    with_label, without = rng.normal(size=(2, 5, 3))
    names = ("with_label", "without", "w")
    return check_value(guided, answers.guided, with_label, without, 2.5, names=names)


test_guided = exercise(guided, check_guided)

# %% [markdown]
# Push your network's moons. Blue was asked for the upper moon, orange for the lower one; grey are the data.

# %% tags=["look", "cover"]
combine = yours(test_guided, guided, answers.guided.alone)


def pushed_moons(w):
    figure, ax = plt.subplots(figsize=(5.6, 3.6))
    plots.dots(ax, data[:400], size=1.5, color="#b4bbc2")
    for label, color in ((0, "C0"), (1, "C1")):
        predict = lambda z, t, c=label: combine(guess(c)(z, t), guess(-1)(z, t), w)
        plots.dots(ax, made(predict)[:200], color=color)
    ax.set(xlim=(-3.8, 3.8), ylim=(-2.5, 2.5), title=f"w = {w:g}")
    ax.set_aspect("equal")
    return figure


Slider(pushed_moons, [0, 0.5, 1, 2, 4, 8], label="w = {}", play=True)

# %% [markdown]
# With a little guidance the classes come clean apart. With more they leave the moons: the samples go where the
# *other* class is unlikely, whether there are data or not. The inner ends of the moons, where the two come near
# each other, are deserted.
#
# ## 5. What guidance does not sample
#
# At each $t$ the guided score is the gradient of the logarithm of $q(z_t)\, Pr(c \mid z_t)^{1 + w}$. So it is
# often said that guidance samples the **tilted** density
#
# $$\frac{1}{Z}\; q(x)\, Pr(c \mid x)^{1 + w} .$$
#
# Does it? On the line you can compute both.
#
# **Your turn.** The tilted density on a grid. Its sum times `step` is 1. The logarithms can be very negative:
# take the largest out first.


# %%
def tilted(log_marginal, log_class, w, step):
    """The density of q(x) Pr(c|x)^(1+w) on a grid of this step, from log q and log Pr(c|x) (n,)."""
    ### BEGIN SOLUTION
    logs = log_marginal + (1 + w) * log_class
    density = np.exp(logs - logs.max())
    return density / (density.sum() * step)
    ### END SOLUTION


def check_tilted(tilted):
    log_marginal, log_class = rng.normal(size=7), np.log(rng.random(7))
    names = ("log_marginal", "log_class", "w", "step")
    at = lambda shift: (log_marginal - shift, log_class, 2.5, 0.3)
    return [check_value(tilted, answers.tilted, *at(shift), names=names) for shift in (0, 2000)]


test_tilted = exercise(tilted, check_tilted)

# %% [markdown]
# And what comes out of the sampler? There is a sampler without noise (lesson 16 derives it): each start $z_T$
# has exactly one end $x$. So put a whole grid of starts through it, and carry the density of the standard normal
# along. No sample is drawn; this is the density itself.

# %%
line = Schedule.log_linear(200, 9.0, np.log(1e-4))
grid = np.linspace(-6, 6, 601)
step = grid[1] - grid[0]
bell = np.exp(-0.5 * grid**2) / np.sqrt(2 * np.pi)
log_q = both.log_prob(grid[:, None])
log_c = np.log(both.responsibilities(grid[:, None], 1.0)[:, 1])
tilt = yours(test_tilted, tilted, answers.tilted)


def ends(w):
    """Where the starts of the grid end, guided to the class +1 with the exact guesses."""
    of_target = lambda z, t: target.noise(z, line.alpha_bar[t])
    of_both = lambda z, t: both.noise(z, line.alpha_bar[t])
    guess = classifier_free(of_target, of_both, w)
    return one_page.last(samplers.heun(line, guess, "eps", grid[:, None]))[:, 0]


def moments(density, x=grid):
    mean = step * density @ x
    return mean, np.sqrt(step * density @ (x - mean) ** 2)


print("         guided sampler     tilted density")
weights = (0, 0.5, 1, 2, 3, 6)
out = {w: ends(w) for w in weights}
for w in weights:
    print("w = {:<4} mean {:.3f} sd {:.3f}".format(w, *moments(bell, out[w])), end="")
    print("   mean {:.3f} sd {:.3f}".format(*moments(tilt(log_q, log_c, w, step))))
far = step * bell[out[3] > 1].sum(), step * tilt(log_q, log_c, 3, step)[grid > 1].sum()
print("beyond 1 at w = 3: {:.1%} of the sampler's mass, {:.1%} of the tilted".format(*far))

# %% tags=["look"]
def two_densities(w):
    figure, ax = plt.subplots(figsize=(5.8, 3.3))
    ax.plot(grid, np.exp(log_q), color="C8", label="all data")
    ax.plot(grid, np.exp(target.log_prob(grid)), color="C2", label="the class")
    ax.plot(grid, tilt(log_q, log_c, w, step), color="C1", label="tilted density")
    ax.plot(grid, transported(grid, bell, ends(w)), color="C0", label="guided sampler")
    ax.set(xlim=(-3, 4), ylim=(0, 1.2), xlabel="x", ylabel="density", title=f"w = {w:g}")
    ax.legend(loc="upper left")
    return figure


Slider(two_densities, [0, 0.5, 1, 2, 3, 4, 6], label="w = {}", play=True)

# %% [markdown]
# At $w = 0$ both are the class. (The sampler's mean is 0.993: its starts come from $\mathcal{N}(0, 1)$, which
# $z_T$ is not quite.) At $w = 3$ the tilted density has mean 1.223 and standard deviation .569, and the sampler
# puts out 1.937 and .405. Nearly all of its mass lies beyond the class's own mean.
#
# Why? The score at each $t$ must belong to *one* density, noised more and more. But to tilt and to add noise do
# not commute. Take $w = 3$, and compare the two orders ([checked](derivation:diffusion/guidance-not-tilted)):

# %%
clean = tilt(log_q, log_c, 3, step)
for a in (0.9, 0.4, 0.05):
    first_tilted = pushed(grid, clean, np.sqrt(a) * grid, 1 - a)
    log_qt = both.log_prob(grid[:, None], a)
    log_ct = np.log(both.responsibilities(grid[:, None], a)[:, 1])
    first_noised = tilt(log_qt, log_ct, 3, step)
    print(f"alpha {a:<4}: tilt, then noise: mean {moments(first_tilted)[0]:.3f};", end="")
    print(f" noise, then tilt: mean {moments(first_noised)[0]:.3f}")

# %% [markdown]
# The sampler takes its slopes from the second all the way down, and by the time that it sees the clean density
# it has been led too far out. A classifier of very noisy data is never sure, so it never stops pulling.
#
# ## 6. Fidelity and variety
#
# Guided samples are *more typical* than the data. That is why people like them: each single picture looks right.
# The price is variety. Measure both. **Fidelity** is how often a judge finds the class that was asked for. For
# variety, take the variance within a class, over that of real data.
#
# **Your turn.** The variance within classes: for each class, the squared distances from the class's mean, summed
# over the dimensions, averaged with $n - 1$ below; then the mean over the classes.


# %%
def within_variance(x, labels):
    """The variance within classes, averaged over them: x (n, D) and labels (n,) to a number."""
    ### BEGIN SOLUTION
    rows = [x[labels == c] for c in np.unique(labels)]
    return np.mean([np.var(r, axis=0, ddof=1).sum() for r in rows])
    ### END SOLUTION


def check_within(within_variance):
    x, classes = rng.normal(size=(23, 3)), np.repeat([0, 1, 2], [5, 7, 11])
    x += classes[:, None]
    return check_value(within_variance, answers.within_variance, x, classes, names=("x", "labels"))


test_within = exercise(within_variance, check_within)

# %% [markdown]
# Now digits. `Diffusion` does what you did above, with label dropout inside. Six hundred steps of training are
# few, so without guidance it makes poor digits.

# %% tags=["look"]
(train_x, train_c), (val_x, val_c), (test_x, test_c) = ((x / 16, c) for x, c in digits.split())
model = Diffusion(levels=17, width=64, blocks=1, epochs=60, batch_size=100, learning_rate=5e-3,
                  validation_fraction=0, cosine_decay=True, sampler="heun", sample_steps=12,
                  random_state=15)  # fmt: skip
model.fit(train_x, train_c)
judge = metrics.Nearest().fit(test_x, test_c)
variety = yours(test_within, within_variance, answers.within_variance)

wanted = np.tile(np.arange(10), 12)
strengths = np.array([0, 1, 2, 4, 8])
made_digits = [model.sample(y=wanted, guidance=w, random_state=1) for w in strengths]
fidelity = [metrics.fidelity(judge, s, wanted, val_x, val_c) for s in made_digits]
ratio = [variety(s, wanted) / variety(val_x, val_c) for s in made_digits]
fig = plots.images(np.concatenate([made_digits[i][:10] for i in (0, 1, 3, 4)]), low=0, high=1,
                   rows=["w = 0", "w = 1", "w = 4", "w = 8"])  # fmt: skip

# %% tags=["look"]
fig, ax = plt.subplots(figsize=(5.6, 3.2))
ax.plot(strengths, [f.value for f in fidelity], "o-", label="fidelity")
ax.plot(strengths, ratio, "o-", label="variance within, over real")
ax.axhline(fidelity[0].floor, color="C0", linestyle="--", label="fidelity of real digits")
ax.axhline(1, color="C1", linestyle="--", label="variance of real digits")
ax.set(xlabel="w", ylabel="share, or ratio", ylim=(0, 1.8), title="Digits, guided")
ax.legend()
spread = [moments(bell, out[w])[1] ** 2 / 0.49 for w in weights]
print("on the line, exact guesses, variance over that of the class:")
print("  ".join(f"w = {w}: {s:.3f}" for w, s in zip(weights, spread)))

# %% [markdown]
# Two things go on at once. The network is poor: its digits scatter more than real ones, and guidance hides
# that, because what is atypical is pushed away. And even with exact guesses the variance shrinks, as on the
# line. A judge may then recognise as many of the samples as of real digits, or more. That is not quality: it is a
# sign that something is missing. So report both numbers, with what real data reach.
#
# ## 7. Break it: find the planted mistake
#
# Somebody writes the rows with a 1 at the label's place. Hidden labels are $-1$. Training goes well. Then, asked
# for the lower moon, the model makes upper ones too, and without a label it makes mostly lower ones.


# %%
def planted_one_hot(labels, classes):
    """Rows that tell the network the labels (B,), 0 to classes - 1; a hidden one is -1."""
    return np.eye(classes)[labels]


def learned(one_hot, label):
    """The share of upper moons among all rows of the training data that look like this label."""
    hidden = np.where(np.random.default_rng(2).random(len(labels)) < 0.2, -1, labels)
    told = one_hot(hidden, 2)
    alike = np.all(told == one_hot(np.array([label]), 2), axis=1)
    return np.mean(labels[alike] == 0)


for name, label in (("upper", 0), ("lower", 1), ("no label", -1)):
    print(f"told {name:8}: {learned(planted_one_hot, label):.0%} of what it sees are upper moons")

# %% [markdown]
# With classes 0 and 1 the share should be 100 %, 0 % and 50 %.
#
# **Your turn.** The network should be able to tell three cases apart. How many different rows does it see?
# Repair it: `classes + 1` columns, class $k$ in column $k$, and the unknown in the last one.


# %%
def repaired_one_hot(labels, classes):
    """Rows (B, classes + 1) that tell the network the labels (B,), 0 to classes - 1, or -1."""
    ### BEGIN SOLUTION
    return np.eye(classes + 1)[labels]  # -1 is the last column
    ### END SOLUTION


def check_repaired(repaired_one_hot):
    some = rng.permutation([2, -1, 0, 1, -1, 3, 2])
    return check_value(repaired_one_hot, answers.one_hot, some, 4, names=("labels", "classes"))


test_repaired = exercise(repaired_one_hot, check_repaired)

# %% [markdown]
# No error, no warning: $-1$ is a fine index, it counts from the end. Guided, the last class would even lose its
# guidance, since its two guesses are the same. Whenever a number means "nothing", ask what the next function
# makes of it.
#
# ## 8. What the notes leave out
#
# - **A label can be anything.** A sentence, another picture, a sound: whatever a network can turn into numbers
#   goes in beside the features of $t$. Then there are no class counts to check against, and $w$ is chosen by
#   eye.
# - **The model is a classifier.** $Pr(c \mid x)$ is proportional to $Pr(x \mid c)\, Pr(c)$.
#   `score_samples(X, y)` gives the bound or the likelihood with a label (lesson 16); compare the labels.
# - **What to do about the push.** Guide only at the middle noise levels, where the class is decided, or let $w$
#   fall with $t$. Neither samples the tilted density. For that one needs corrections by sampling, which cost
#   more.

# %% tags=["script"]
if __name__ == "__main__":
    finish(globals())
