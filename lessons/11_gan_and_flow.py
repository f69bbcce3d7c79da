# %% [markdown]
# # 11 · Two other answers
#
# A VAE settles for a bound. Two other families do not: one gives up the likelihood and lets a second network judge
# the samples, the other builds its network so that the likelihood is exact. You write the key steps of both, see
# what goes wrong with two players, and find out why a VAE's $q$ is neither of the two.
#
# | | |
# |---|---|
# | In the notes | "not an inverse/discriminator in the conventional sense"; "Now shuffle GAN/VAE/Normalizing" |
# | In the book | Prince, *Understanding Deep Learning*, chapters 15 and 16 |
# | Before this | 4, 6, 8 and 9 |
# | Reading | 70 minutes |
# | Running | 16 seconds |

# %%
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap

import tinygen as tg
from tinygen import gaussian, plots
from tinygen.autodiff import tree
from tinygen.course import Slider, check_value, exercise, finish, yours
from tinygen.course.answers import gan_and_flow as answers
from tinygen.data import toy
from tinygen.models import GAN, VAE, Diffusion, Flow
from tinygen.models.flow import Coupling, Spline
from tinygen.models.flow import one_page as flow
from tinygen.models.gan import losses, penalties
from tinygen.models.gan import one_page as gan
from tinygen.nn.optim import Adam
from tinygen.oracles import LinearGaussian, Pair, coupling_floor, dirac_matrix, dirac_path
from tinygen.oracles import generator_slopes, spectral_radius

rng = np.random.default_rng(11)  # every random number of this lesson comes from here

# %% [markdown]
# ## 1. A judge in place of a likelihood
#
# Let data come from $p$, and let a machine make samples from $q$: it draws $z \sim \mathcal{N}(0, I)$ and puts out
# $x = G(z)$. There is no noise afterwards and no encoder, and nobody can compute $q(x)$. This machine is the
# **generator**. How do you train it without a likelihood?
#
# Hire a judge. The **discriminator** looks at a row $x$, real or made, and puts out a number $l(x)$, the logit of
# the probability $D(x) = \sigma(l(x)) = 1/(1 + e^{-l(x)})$ that the row is real. It is a classifier, and its loss
# is the cross-entropy of lesson 1, with one mean for each of its two kinds of rows:
#
# $$
# -V(D) = -\mathbb{E}_{x \sim p} \log D(x) - \mathbb{E}_{x \sim q} \log(1 - D(x)) .
# $$
#
# Two networks that learn against each other like this are a **GAN**, a generative adversarial network.
#
# **Your turn.** Write the loss for the logits of $B$ real and $B$ made rows. It has to be finite at logits of
# $\pm 800$ too: $-\log \sigma(l) = \log(1 + e^{-l})$, and `np.logaddexp` computes such a sum without overflow.


# %%
def discriminator_loss(real, fake):
    """-V(D) from the logits of real and of made rows, each (B,): a number."""
    ### BEGIN SOLUTION
    return np.mean(np.logaddexp(0, -real)) + np.mean(np.logaddexp(0, fake))
    ### END SOLUTION


def check_discriminator_loss(discriminator_loss):
    far, names = np.array([800.0, -800.0]), ("real", "fake")
    return [check_value(discriminator_loss, answers.discriminator_loss, *logits, names=names)
            for logits in (rng.normal(size=(2, 7)), (far, far))]  # fmt: skip


test_discriminator_loss = exercise(discriminator_loss, check_discriminator_loss)

# %% [markdown]
# Which judge is the best one? At one $x$ the two densities give $p \log D + q \log(1 - D)$. Its derivative by the
# logit is $p\,(1 - D) - q\,D$, so
#
# $$
# D^*(x) = \frac{p(x)}{p(x) + q(x)}, \qquad l^*(x) = \log \frac{p(x)}{q(x)} .
# $$
#
# ([checked](derivation:gan/optimum)) That is more than a verdict. The best logit is the logarithm of a **density
# ratio**, and classifying rows is enough to learn it: nobody has to know $p$ or $q$. Put $D^*$ in, and
#
# $$V(D^*) = -2 \log 2 + 2\, \mathrm{JSD}(p, q) ,$$
#
# where the **Jensen-Shannon divergence** is the mean of the two divergences of $p$ and of $q$ relative to their
# average $\frac{p + q}{2}$ ([checked](derivation:gan/value), with what any other judge loses). It is symmetric and
# lies between 0 and $\log 2$. At 0, when $q = p$, the best judge says $\frac12$ everywhere.


# %%
def judge_of(distance):
    """Data N(1, 1), samples N(1 - distance, 1), and the best discriminator between them."""
    pair = Pair.gaussian(1.0, 1.0, 1.0 - distance, 1.0)
    keep = np.flatnonzero(np.abs(pair.x - 0.5) < 5)[::6]
    figure, ax = plt.subplots(figsize=(5.6, 2.9))
    ax.plot(pair.x[keep], np.exp(pair.log_p[keep]), label="p")
    ax.plot(pair.x[keep], np.exp(pair.log_q[keep]), label="q")
    ax.plot(pair.x[keep], 1 / (1 + np.exp(-pair.log_ratio[keep])), "--", color="C8", label="D*")
    accuracy = pair.accuracy(pair.log_ratio)
    ax.set(xlabel="x", ylim=(0, 1.02), title=f"JSD {pair.jsd():.3f}, accuracy {accuracy:.3f}")
    ax.legend(loc="center right", fontsize=8)
    return figure


# %% tags=["look"]
Slider(judge_of, np.linspace(3, 0, 5), label="means {:.2f} apart", play=True)

# %% [markdown]
# ## 2. A ratio from samples
#
# Take $p = \mathcal{N}(1, 1)$ and $q = \mathcal{N}(0, 1)$. Then $l^*(x) = x - \frac12$, a straight line. Fit a line
# to samples with your loss, by Newton's method, and compare:

# %%
n = 4000
real, fake = 1 + rng.normal(size=n), rng.normal(size=n)
loss_of = yours(test_discriminator_loss, discriminator_loss, answers.discriminator_loss.alone)


def line_loss(line):
    return loss_of(line[0] + line[1] * real, line[0] + line[1] * fake)


line = np.zeros(2)
for _ in range(6):
    line = line - np.linalg.solve(tg.hessian(line_loss)(line), tg.grad(line_loss)(line))
pair = Pair.gaussian(1.0, 1.0, 0.0, 1.0)
errors = pair.logistic_regression_sd(np.ones_like(pair.x), pair.x) / np.sqrt(n)
for name, value, error, exact in zip(("constant", "slope"), line, errors, (-0.5, 1.0)):
    print(f"{name:8} {value:7.4f} +- {error:.4f}, exact {exact:.1f}")
best = pair.value(pair.log_ratio)
print(f"V of the fitted line, on its own rows {-line_loss(line):.4f}; of the best judge {best:.4f}")

# %% [markdown]
# In a GAN nobody knows the exact line. Is there a test for a judge that needs no density? There is. If $D$ is
# $D^*$, then $\frac{D}{1 - D} = e^{l}$ is the ratio $p/q$, and
#
# $$
# \mathbb{E}_q \left[ \frac{D}{1 - D} \right] = \int q\, \frac{p}{q}\, dx = 1, \qquad
# \mathbb{E}_p \left[ \frac{1 - D}{D} \right] = 1 .
# $$
#
# **Your turn.** Both means, from the logits of real and of made rows.


# %%
def ratio_checks(real, fake):
    """E_q[D/(1-D)] and E_p[(1-D)/D] from the logits, each (B,): a pair of numbers."""
    ### BEGIN SOLUTION
    return np.mean(np.exp(fake)), np.mean(np.exp(-real))
    ### END SOLUTION


def check_ratio_checks(ratio_checks):
    names, parts = ("real", "fake"), ("E_q[D/(1-D)]", "E_p[(1-D)/D]")
    logits = rng.normal(size=(2, 7))
    return check_value(ratio_checks, answers.ratio_checks, *logits, names=names, parts=parts)


test_ratio_checks = exercise(ratio_checks, check_ratio_checks)

# %%
checks = yours(test_ratio_checks, ratio_checks, answers.ratio_checks.alone)
judges = {"fitted line": lambda x: line[0] + line[1] * x, "without its constant": lambda x: x}
for name, judge in judges.items():
    made, held = checks(judge(real), judge(fake))
    exact = pair.ratio_checks(judge(pair.x))
    print(f"{name:21} {made:.3f} {held:.3f}   exact {exact[0]:.3f} {exact[1]:.3f}")

# %% [markdown]
# A judge without its constant separates the two kinds in the right order, and still its ratio is wrong by a factor
# of $\sqrt e = 1.649$. (That they are 1 proves nothing: these are two numbers about a whole function.)
#
# ## 3. What the generator hears
#
# The generator wants its rows to be taken for real. It gets no data at all, only the judge's slope: the gradient of
# a loss by the logits of its own rows, and from there by the chain rule through the judge's network into its own.
# Two losses are in use:
#
# $$
# \text{saturating: } \mathbb{E}_q \log(1 - D(x)), \qquad \text{non-saturating: } \mathbb{E}_q [-\log D(x)] .
# $$
#
# The first is the judge's own value $V$, which the generator lowers while the judge raises it.
#
# **Your turn.** The derivatives of both by the logits $l_1, \dots, l_B$ of the made rows. The expectation is a mean
# over the rows.


# %%
def generator_gradients(fake):
    """Of mean log(1 - D), and of mean -log D, by the logits (B,) of made rows: two arrays (B,)."""
    ### BEGIN SOLUTION
    return -1 / (1 + np.exp(-fake)) / len(fake), -1 / (1 + np.exp(fake)) / len(fake)
    ### END SOLUTION


def check_generator_gradients(generator_gradients):
    parts, fake = ("the saturating one", "the non-saturating one"), rng.normal(size=7)
    return check_value(generator_gradients, answers.generator_gradients, fake, names=("fake",),
                       parts=parts)  # fmt: skip


test_generator_gradients = exercise(generator_gradients, check_generator_gradients)

# %% [markdown]
# Both are negative: every logit should rise. But they differ where it matters. Let the generator make
# $\mathcal{N}(t, 1)$, hold the best judge still, and take the step at $t = 0$ for data that are far away:

# %%
for far in (1.0, 3.0, 6.0):
    pair = Pair.gaussian(far, 1.0, 0.0, 1.0)
    by_logit = generator_slopes(pair.log_ratio)  # of one row; your formula without 1/B
    one, other = (pair.generator_step(far * by_logit[name]).mean
                  for name in ("saturating", "non_saturating"))  # fmt: skip
    print(f"data at {far:.0f}: saturating {one:8.4f}, non-saturating {other:8.4f}", end="")
    print(f", sum {one + other:.4f}")

# %% [markdown]
# When the judge is sure, the saturating loss says almost nothing, just when the generator needs it most. The other
# one pulls. They are not two ways to one goal, either: the first step is the gradient of $2\,\mathrm{JSD}$, and the
# two add up to the gradient of $D_{KL}(q \,\|\, p)$ ([checked](derivation:gan/step)). "Detach the judge" means
# here: its parameters are held still. The gradient must still pass *through* it.
#
# ## 4. Two players
#
# So far one of the two was held still. Now both move. The smallest GAN of all is the **Dirac-GAN**: every data point
# is 0, the generator's only output is the number $\theta$, and the judge is $\psi x$ (here it votes for "made", which
# saves a minus sign). With $f(t) = \log \sigma(t)$, so that $f'(t) = \sigma(-t)$, the judge climbs
# $f(\theta\psi) + f(0)$ and the generator descends it. A step of size $h$ of each:
#
# $$
# \psi \leftarrow \psi + h\, f'(\theta\psi)\, \theta, \qquad \theta \leftarrow \theta - h\, f'(\theta\psi)\, \psi .
# $$
#
# There is one equilibrium, $\theta = \psi = 0$. Do they get there?
#
# **Your turn.** One round in which they take turns: the judge moves first, and the generator answers the judge as it
# is *then*.


# %%
def alternating_round(theta, psi, h):
    """One round of the Dirac-GAN, the judge first: the new theta and psi, a pair of numbers."""
    ### BEGIN SOLUTION
    psi = psi + h * theta / (1 + np.exp(theta * psi))
    return theta - h * psi / (1 + np.exp(theta * psi)), psi
    ### END SOLUTION


def check_alternating_round(alternating_round):
    theta, psi = rng.uniform(0.5, 1.5, size=2)
    expected, names = answers.alternating_round, ("theta", "psi", "h")
    return check_value(alternating_round, expected, theta, -psi, 0.3, names=names, parts=names[:2])


test_alternating_round = exercise(alternating_round, check_alternating_round)

# %% [markdown]
# Besides taking turns, they may move at once, or look ahead: **extragradient** takes a step on trial, and then goes
# from the start with the slopes found there. Run the three for 120 rounds:

# %%
H = 0.3
take_turns = yours(test_alternating_round, alternating_round, answers.alternating_round.alone)
turns = [np.array([1.0, 0.5])]
for _ in range(120):
    turns.append(np.array(take_turns(*turns[-1], H)))
paths = {"at once": dirac_path("simultaneous", (1.0, 0.5), 120, h=H), "in turns": np.array(turns),
         "with a look ahead": dirac_path("extragradient", (1.0, 0.5), 120, h=H)}  # fmt: skip


def players(rounds):
    """The three paths up to so many rounds."""
    figure, ax = plt.subplots(figsize=(5.6, 4.0))
    for i, (name, path) in enumerate(paths.items()):
        ax.plot(*path[: rounds + 1].T, color=f"C{i}", label=name)
        ax.plot(*path[rounds], "o", color=f"C{i}")
    ax.plot(0, 0, "k*", markersize=9)
    ax.set(xlim=(-4, 4), ylim=(-3, 3), aspect="equal", xlabel="theta", ylabel="psi")
    ax.legend(loc="upper right", fontsize=8)
    return figure


# %% tags=["look"]
Slider(players, range(20, 121, 20), label="round {}", play=True)

# %% [markdown]
# At once, they spiral out: the steps of the two are at a right angle to the line to the equilibrium, so that
# $\theta^2 + \psi^2$ grows in every round, at every step size ([checked](derivation:gan/dirac)). In turns they go
# round and round and come no nearer. With a look ahead they arrive. Near the equilibrium a round is a matrix, and
# its largest eigenvalue in absolute value says what happens: above 1 they leave, at 1 they circle, below 1 they
# arrive. A penalty of $\frac{\gamma}{2}$ times the square of the judge's slope at the data, known as **R1**, takes
# $h\gamma\psi$ off its step and helps, too:

# %%
for name, order, gamma in (("at once", "simultaneous", 0.0), ("in turns", "alternating", 0.0),
                           ("with a look ahead", "extragradient", 0.0),
                           ("in turns, R1 of 0.3", "alternating", 0.3)):  # fmt: skip
    M = dirac_matrix(order, h=H, slope=0.5, gamma=gamma)
    print(f"{name:20} {spectral_radius(M):.5f}")

# %% [markdown]
# A falling loss is no sign here, and neither is a rising one. In lesson 8 the loss bounded something. The losses of
# two players only say who is ahead.
#
# ## 5. A generator that runs ahead
#
# Hold a judge still and ask for the generator's best answer to it. Its loss is a mean over its rows, and a mean is
# lowest if *every* row goes to where the judge is most convinced: one point, whatever the data. So a generator that
# runs ahead of its judge puts all its samples there. The judge learns to reject that point, and they move on
# together. This is **mode collapse**: $q$ covers a part of $p$ at a time.
#
# Here is a game in a few lines. `gan` and `losses` are the package's; a round is one step of the judge and some
# `answers` of the generator.


# %%
def play(generate, G, real, rounds, *, seed, answers=1, gamma=0.0, hidden=(64, 64), rate=1e-3):
    """Play the rounds, and yield the parameters (G, D) after each."""
    own, B = np.random.default_rng(seed), 128
    width = real(own, 1).shape[1]
    d, shape_d = tree.ravel(gan.init(own, width, width, hidden=hidden)["D"])
    g, shape_g = tree.ravel(G)
    D, G = shape_d(d), shape_g(g)  # views: what changes d changes D

    def judge(D, G, x, z):
        at, made = (lambda rows: gan.logits(D, rows)), generate(G, z)
        loss = losses.logistic_discriminator(at(x), at(made))
        return loss + gamma * (penalties.r1(at, x) + penalties.r2(at, made)) if gamma else loss

    def generator(G, D, z):
        return losses.non_saturating_generator(gan.logits(D, generate(G, z)))

    by_d, by_g = (tg.compile(tg.value_and_grad(loss)) for loss in (judge, generator))
    adam_d, adam_g = (Adam(vector, rate=rate, beta1=0.5, beta2=0.99) for vector in (d, g))
    noise = lambda: own.standard_normal((B, width), np.float32)
    for _ in range(rounds):
        adam_d.step(tree.ravel(by_d(D, G, real(own, B).astype(np.float32), noise())[1])[0])
        for _ in range(answers):
            adam_g.step(tree.ravel(by_g(G, D, noise())[1])[0])
        yield G, D


angle = 2 * np.pi * np.arange(8) / 8
CENTRES = 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def ring_game(seed, *, rounds, looks=12, **options):
    """Samples (looks, 200, 2) of a game about a ring of eight normals."""
    own = np.random.default_rng(seed)
    G, z = gan.init(own, 2, 2, hidden=(64, 64))["G"], own.standard_normal((200, 2), np.float32)
    real = lambda rng, n: toy.ring(n, rng, sd=0.1)
    game = play(gan.generate, G, real, rounds, seed=seed, **options)
    return np.array([gan.generate(G, z) for i, (G, _) in enumerate(game, 1)
                     if i % (rounds // looks) == 0])  # fmt: skip


def modes(samples):
    """How many of the eight get a tenth of their share, and what share of all is near a centre."""
    distance = np.linalg.norm(samples[:, None] - CENTRES, axis=-1)
    share = np.bincount(distance.argmin(axis=1), minlength=8) / len(samples)
    return np.sum(share > 1 / 80), np.mean(distance.min(axis=1) < 0.3)


# %% tags=["look"]
games = {"5 answers a round": dict(rounds=240, answers=5), "1 answer": dict(rounds=840),
         "1 answer, penalised": dict(rounds=840, gamma=0.5)}  # fmt: skip
games = {name: ring_game(1, **options) for name, options in games.items()}


def three_games(look):
    """Samples of the three games at this look."""
    figure, axes = plt.subplots(1, 3, figsize=(8.4, 3.0))
    for i, (ax, (name, samples)) in enumerate(zip(axes, games.items())):
        plots.dots(ax, CENTRES, size=6, color="C8")
        plots.dots(ax, samples[look - 1], size=2, color=f"C{i}")
        ax.set(xlim=(-3.4, 3.4), ylim=(-3.4, 3.4), aspect="equal", title=name, xticks=[], yticks=[])
    return figure


for name, samples in games.items():
    covered = " ".join(str(modes(look)[0]) for look in samples[6:])
    print(f"{name:20} modes at the last looks {covered}, at the end near a centre ", end="")
    print(f"{modes(samples[-1])[1]:.2f}")
Slider(three_games, range(2, 13, 2), label="look {} of 12", play=True)

# %% [markdown]
# With five answers to each step of the judge the samples rush from one part of the ring to the next: press Play. With
# one answer, the judge keeps up and all eight stay covered. What the penalty adds is what it added in section 4: the
# judge's slopes stay small, and more samples settle near the centres. (Over ten seeds: with five answers 3 to 7 of
# the eight were covered at the end, with one answer all of them; and in each of the ten the penalty brought more
# samples near a centre.)
#
# ## 6. An exact likelihood
#
# The other answer: build the network so that its density can be written down. Let the map $f$ from the data to the
# noise be **invertible**, $z = f(x)$, and let $z$ be normal. In one dimension $x$ lies below a point just when $z$
# lies below its image, and differentiating that gives $p(x) = \mathcal{N}(f(x); 0, 1)\, |f'(x)|$
# ([checked](derivation:flow/change-of-variables)). In $D$ dimensions the slope becomes the determinant of the
# Jacobian, by which $f$ multiplies areas and volumes. This is the **change of variables**:
#
# $$\log p(x) = \log \mathcal{N}\big( f(x); 0, I \big) + \log \left| \det \frac{\partial f}{\partial x} \right| .$$
#
# It is an equation. There is no bound, no gap, and no second network. Such a model is a **flow**, or normalising flow;
# to draw from it, draw $z$ and go back, $x = f^{-1}(z)$.
#
# **Your turn.** The simplest flow in $D$ dimensions: $z = A x + b$ for each row $x$, with an invertible matrix $A$
# whose determinant may be negative. `np.linalg.slogdet` returns the sign and the logarithm of the absolute value.


# %%
def affine_log_density(x, A, b):
    """log p of each row of x (B, D), if A x + b is N(0, I); A (D, D), b (D,). (B,), nats."""
    ### BEGIN SOLUTION
    z = x @ A.T + b
    return -0.5 * np.sum(z**2 + np.log(2 * np.pi), axis=-1) + np.linalg.slogdet(A)[1]
    ### END SOLUTION


def check_affine_log_density(affine_log_density):
    A = rng.normal(size=(3, 3)) + np.diag([1.5, -1.5, 1.5])
    A = A if np.linalg.det(A) < 0 else A * [-1.0, 1.0, 1.0]
    args = rng.normal(size=(7, 3)), A, rng.normal(size=3)
    return check_value(affine_log_density, answers.affine_log_density, *args, names=("x", "A", "b"))


test_affine_log_density = exercise(affine_log_density, check_affine_log_density)

# %% [markdown]
# Where does the determinant come from? From areas: the same probability in a cell twice as large is half the
# density. Below, a square grid of noise is bent into the plane of the data; the darker a cell, the denser it is. All
# cells of one shade on the left hold the same probability on the right, over another area.


# %%
def bend(z, amount):
    """Noise to data in the plane, an invertible map for each amount from 0 to 1."""
    a, b = z[..., 0], z[..., 1]
    b = b * np.exp(-amount * 0.8 * np.tanh(a)) + amount * (0.4 * a**2 - 0.6)
    return np.stack([a, b], axis=-1)


shades = ListedColormap([("C0", opacity) for opacity in np.linspace(0, 0.9, 16)])


def areas(amount):
    """The grid of noise and where it goes; cells filled by their density."""
    line = np.linspace(-2.4, 2.4, 11)
    corners = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1)  # (11, 11, 2)
    middle = corners[:-1, :-1] + 0.24
    moved = bend(corners, amount)
    side, up = moved[1:, :-1] - moved[:-1, :-1], moved[:-1, 1:] - moved[:-1, :-1]
    area = np.abs(side[..., 0] * up[..., 1] - side[..., 1] * up[..., 0]) / 0.48**2
    noise = np.exp(gaussian.log_density(middle, 0.0, 0.0))
    figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.4))
    for ax, points, density in zip(axes, (corners, moved), (noise, noise / area)):
        ax.pcolormesh(*np.moveaxis(points, -1, 0), density, cmap=shades, vmin=0, vmax=0.3,
                      edgecolors="C8", linewidth=0.3)  # fmt: skip
        ax.set(xlim=(-2.6, 2.6), ylim=(-3.6, 3.6), xticks=[-2, 0, 2], yticks=[-2, 0, 2])
    axes[0].set(title="noise z")
    axes[1].set(title=f"data x: areas times {area.min():.2f} to {area.max():.2f}")
    return figure


# %% tags=["look", "cover"]
Slider(areas, [0, 0.25, 0.5, 0.75, 1], label="bent by {:.2f}", play=True)

# %% [markdown]
# ## 7. Couplings
#
# For a network with $D$ inputs and outputs the determinant costs $D^3$ operations, and there need not be an inverse.
# The way out is a layer whose Jacobian is triangular. Split the columns of $x$ into $a$ and $b$. A **coupling**
# leaves $a$ as it is and lets it say what happens to $b$:
#
# $$z = \big( a,\; b \odot e^{s(a)} + t(a) \big), \qquad \log \left| \det \right| = \sum_j s_j(a) .$$
#
# $s$ and $t$ are networks. They stand beside the diagonal of the Jacobian, so that their slopes do not enter
# ([checked](derivation:flow/coupling)), and they need no inverse: $a$ is there on both sides. Here is a coupling of
# three columns that keeps the first:


# %%
def scale_of(a):
    """s(a): (B, 1) to (B, 2)."""
    return np.tanh(np.concatenate([a + 0.5, 0.3 * a - 0.2], axis=1))


def shift_of(a):
    """t(a): (B, 1) to (B, 2)."""
    return np.concatenate([a**2, 1 - a], axis=1)


def coupling(x):
    """z (B, 3) and log |det dz/dx| (B,) for the rows of x (B, 3)."""
    a, b, s = x[:, :1], x[:, 1:], scale_of(x[:, :1])
    return np.concatenate([a, b * np.exp(s) + shift_of(a)], axis=1), s.sum(axis=1)


# %% [markdown]
# **Your turn.** The way back, with the log determinant of the way *back*.


# %%
def coupling_inverse(z):
    """x (B, 3) and log |det dx/dz| (B,) for the rows of z (B, 3): a pair of arrays."""
    ### BEGIN SOLUTION
    a, b = z[:, :1], z[:, 1:]
    s = scale_of(a)
    return np.concatenate([a, (b - shift_of(a)) * np.exp(-s)], axis=1), -s.sum(axis=1)
    ### END SOLUTION


def check_coupling_inverse(coupling_inverse):
    return check_value(coupling_inverse, answers.coupling_inverse, rng.normal(size=(7, 3)),
                       names=("z",), parts=("x", "the log det"))  # fmt: skip


test_coupling_inverse = exercise(coupling_inverse, check_coupling_inverse)

# %%
back = yours(test_coupling_inverse, coupling_inverse, answers.coupling_inverse)
x = np.array([[0.3, -0.7, 1.1]])
z, there = coupling(x)
again, home = back(z)
jacobian = tg.jacobian(lambda x: coupling(x)[0])(x)[0, :, 0, :]
print(f"log det {there[0]:.6f}, of the whole Jacobian {np.linalg.slogdet(jacobian)[1]:.6f}")
print(f"there and back: {np.abs(again - x).max():.0e} off, both log dets {there[0] + home[0]:.0e}")

# %% [markdown]
# How much can one coupling do? Exactly this much: given $a$, it is a normal with any mean and any variance, and $a$
# itself keeps its shape. So for data from $p$ **no training whatever** brings the divergence of the data relative to
# one coupling below
#
# $$
# D_{KL}\big[ p(a) \,\|\, \mathcal{N}_a \big]
# + \mathbb{E}_a \Big[ \tfrac12 \log 2 \pi e \, \operatorname{Var}(b \mid a) - H(b \mid a) \Big] ,
# $$
#
# with $\mathcal{N}_a$ the normal with the mean and variance of $a$, and $H$ the entropy. For the two moons the floor
# can be integrated, and by lesson 4 you can see how far above it a trained coupling is: the mean of
# $\log p(x) - \log q(x)$ over new points estimates its divergence.

# %% tags=["look"]
grid_a, grid_b = np.linspace(-1.9, 2.9, 241), np.linspace(-1.4, 1.9, 166)
in_plane = lambda a, b: np.stack(np.broadcast_arrays(a, b), axis=-1)
moons_log_p = lambda a, b: toy.two_moons_log_density(in_plane(a, b), noise=0.1)
floor = coupling_floor(moons_log_p, grid_a, grid_b)
print(f"floor of one coupling {floor.gap:.4f} nats, of which {floor.given:.4f} for b given a")

points, judged = (toy.two_moons(n, rng, noise=0.1) for n in (4000, 2000))
truth = toy.two_moons_log_density(judged, noise=0.1)
options = dict(learning_rate=5e-3, validation_fraction=0, random_state=11, progress=False)
flows = {
    "one coupling": Flow([Coupling()], max_steps=1000, **options),
    "two couplings": Flow([Coupling(), Coupling(flip=True)], max_steps=500, **options),
    "two spline couplings": Flow("spline", depth=2, hidden=(32, 32), max_steps=400, **options),
}
for name, model in flows.items():
    gap = truth - model.fit(points).score_samples(judged)
    print(f"{name:21} {gap.mean():.4f} +- {gap.std() / len(gap) ** 0.5:.4f} nats")

# %% tags=["look"]
fig, axes = plt.subplots(1, 4, figsize=(9.2, 2.5), sharex=True, sharey=True)
drawn = {"data": judged[:300]} | {name: model.sample(300) for name, model in flows.items()}
for i, (ax, (name, rows)) in enumerate(zip(axes, drawn.items())):
    plots.dots(ax, rows, size=2, color="C8" if not i else f"C{i - 1}")
    ax.set(title=name, aspect="equal", xlim=(-2.2, 3.2), ylim=(-1.8, 2.3))

# %% [markdown]
# One coupling fills the space between the moons: at a given $a$ it has only one normal. A second one that moves the
# other column sees what the first has done. A **spline coupling** replaces $b \mapsto b\, e^s + t$ by a rising curve
# through knots which the network places, so that already at a given $a$ it can have two humps.
#
# ## 8. Why $q$ is neither
#
# > The notes call the encoder's $q(z \mid x)$ "not an inverse/discriminator in the conventional sense". You now have
# > both words, and can say in numbers why.
#
# Take the linear model of lesson 6, $z \sim \mathcal{N}(0, 1)$ and $x \mid z \sim \mathcal{N}(wz, \sigma^2)$, and the
# best $q$ that there is, the posterior. **It is no inverse**, though it is exact:

# %%
w, s2 = 1.3, 0.4
model = LinearGaussian([[w]], [0.0], s2)
(mean,), var = (part[0] for part in model.posterior(np.ones((1, 1))))
print(f"x = 1: inverse x/w {1 / w:.4f}, mean of q {mean:.4f}, which is decoded to {w * mean:.4f}")
print(f"mean squared distance of x and w z, z from q: {(1 - w * mean) ** 2 + w**2 * var[0]:.4f}")
for s in (0.1, 0.01, 0.001):
    evidence = LinearGaussian([[w]], [0.0], s).log_evidence(np.ones((1, 1)))[0]
    inverse = gaussian.log_density(np.array([1 / w]), 0.0, 0.0) - np.log(w)
    print(f"noise variance {s:5}: log Pr(x) minus log p of the flow {evidence - inverse:.7f}")

# %% [markdown]
# The posterior knows that part of $x$ is noise, and pulls $z$ towards the prior. Only when the noise of the decoder
# goes to 0 does it shrink to the inverse, and the bound becomes the change of variables: **a flow is a VAE without
# noise** ([checked](derivation:flow/vae)).
#
# **Is it a discriminator?** It is one, but of another question. By section 1 the best logit for telling pairs
# $(x, z)$ with $z \sim q(z \mid x)$ from pairs in which $z$ is drawn from the prior, is the log ratio of the two.
#
# **Your turn.** That logit for the linear model, $q$ being its posterior
# $\mathcal{N}\big( \frac{wx}{w^2 + \sigma^2}, \frac{\sigma^2}{w^2 + \sigma^2} \big)$.


# %%
def pair_logit(x, z, w, s2):
    """The best logit of the pairs (x, z): x, z arrays (B,), w and s2 = sigma^2 numbers. (B,)."""
    ### BEGIN SOLUTION
    mean, var = w * x / (w**2 + s2), s2 / (w**2 + s2)
    return -0.5 * (np.log(var) + (z - mean) ** 2 / var - z**2)
    ### END SOLUTION


def check_pair_logit(pair_logit):
    x, z = rng.normal(size=(2, 7))
    return check_value(pair_logit, answers.pair_logit, x, z, 1.3, 0.4, names=("x", "z", "w", "s2"))


test_pair_logit = exercise(pair_logit, check_pair_logit)

# %%
logit_of = yours(test_pair_logit, pair_logit, answers.pair_logit.alone)
some_x, some_z = model.sample(200_000, rng)
logits = logit_of(some_x[:, 0], some_z[:, 0], w, s2)
error = logits.std() / len(logits) ** 0.5
print(f"mean logit of the model's own pairs {logits.mean():.4f} +- {error:.4f}")
print(f"rate of the VAE, 1/2 log((w^2 + sigma^2)/sigma^2): {0.5 * np.log((w**2 + s2) / s2):.4f}")

# %% [markdown]
# The mean of this logit is the rate, the second term of the bound ([checked](derivation:gan/pairs)), and it is not 0
# *at the perfect model*. There the discriminator of a GAN says 0 for every $x$, since $q = p$, and has nothing to do.
# The encoder has: it tells which $z$ belongs to which $x$. If $q(z \mid x)$ came near the prior, that would be
# posterior collapse. Only all codes together should look like it (lesson 9).
#
# ## 9. Four families
#
# What can you ask of which model? Do not believe a table: ask. Each of the four is trained for a moment on the moons.
#
# - If it scores rows, what do the scores' exponentials integrate to? A density gives 1. A lower bound on one gives
#   less, by what the bound loses.
# - If it has a judge, are the two ratios of section 2 near 1?
# - Can it be sampled? And from a row to its code and back, how far is the row away?


# %%
side = 0.15
a, b = np.meshgrid(np.arange(-2.6, 3.6, side), np.arange(-2.2, 2.7, side))
cells = np.column_stack([a.ravel(), b.ravel()])


def asked(model, rows):
    """What a model answers about the rows of the plane; - where it has no answer."""
    answer = dict.fromkeys(("exp of its scores", "ratios", "samples", "there and back"), "-")
    if hasattr(model, "score_samples"):
        mass = np.sum(np.exp(model.score_samples(cells))) * side**2
        answer["exp of its scores"] = f"{mass:.3f} ({model.bound_})"
    if hasattr(model, "decision_function"):
        judged = (model.decision_function(part) for part in (rows, model.sample(len(rows))))
        answer["ratios"] = "{:.2f} {:.2f}".format(*checks(*judged))
    answer["samples"] = "yes" if model.sample(3).shape == (3, 2) else "-"
    again = None
    if hasattr(model, "invert"):  # a diffusion: along its flow and back
        again = model.sample(noise=model.invert(rows))
    elif hasattr(model, "transform"):
        again = model.inverse_transform(model.transform(rows))
    if again is not None:
        answer["there and back"] = f"{np.abs(again - rows).max():.0e}"
    return answer


# %% tags=["look"]
short = dict(random_state=11, progress=False, validation_fraction=0)
family = {
    "VAE": VAE(2, hidden=(32,), bound="elbo", max_steps=600, learning_rate=5e-3, **short),
    "GAN": GAN(hidden=(32, 32), max_steps=400, **short),
    "flow": Flow("affine", depth=4, hidden=(32,), max_steps=400, **short),
    "diffusion": Diffusion(width=32, blocks=1, max_steps=300, sample_steps=32, **short),
}
answered = {name: asked(model.fit(points), judged[:100]) for name, model in family.items()}
print(" " * 10 + "".join(f"{question:>20}" for question in answered["VAE"]))
for name, found in answered.items():
    print(f"{name:10}" + "".join(f"{found[question]:>20}" for question in found))

# %% [markdown]
# Read it by rows. The VAE has a bound: its exponential integrates to less than 1. A code that it makes is a guess,
# and the row does not come back. The GAN has a ratio of data to samples, which here was trained only for a moment,
# and neither a density nor a code. The flow has a density and one code for each row, and comes back to rounding.
# The diffusion has its bound (lesson 13), and by its flow a density and a code, up to the steps of the solver
# (lesson 16). None has all of it: the flow pays with networks that must be invertible and as wide as the data, the
# diffusion with many steps for one sample.
#
# ## 10. A flow that is trained by a judge
#
# A flow's way back is a generator. So train one by a judge, never by its likelihood, and then read the likelihood that
# it has anyway. In one dimension you can see all of it. The data are two normals, the flow is one rising spline with
# 12 bins, and beside it the same flow is trained by the likelihood, on as many rows.

# %%
layers = [Coupling(hidden=(), curve=Spline(12, 4.0))]  # of a single column: one rising curve
line_x = np.linspace(-5, 5, 501)[:, None]
two = lambda own, n: (own.choice([-2.0, 2.0], size=n) + 0.5 * own.standard_normal(n))[:, None]
humps = [gaussian.log_density(line_x, centre, np.log(0.25)) for centre in (-2.0, 2.0)]
log_p = np.logaddexp(*humps) - np.log(2)


def divergence_of(params):
    """log q on the line, and the divergence of p relative to it."""
    log_q = flow.log_density(layers, tree.map(np.float64, params), line_x)
    return log_q, np.sum(np.exp(log_p) * (log_p - log_q)) * 0.02


def by_judge(seed, rounds, every):
    """log q, divergence, and the judge's logit on the line, every so many rounds."""
    start = flow.init(layers, np.random.default_rng(seed), 1)
    generate = lambda G, z: flow.sample(layers, G, z)
    game = play(generate, start, two, rounds, seed=seed, hidden=(32, 32), rate=3e-3)
    return [(*divergence_of(G), gan.logits(D, line_x.astype(np.float32)))
            for i, (G, D) in enumerate(game, 1) if i % every == 0]  # fmt: skip


def by_likelihood(seed, rounds):
    """The divergence at the end, with the same flow, batches and step length."""
    own, params = np.random.default_rng(seed), flow.init(layers, np.random.default_rng(seed), 1)
    vector, shape = tree.ravel(params)
    params, adam = shape(vector), Adam(vector, rate=3e-3, beta1=0.5, beta2=0.99)
    step = tg.compile(tg.value_and_grad(lambda params, x: flow.loss(layers, params, x)[0]))
    for _ in range(rounds):
        adam.step(tree.ravel(step(params, two(own, 128).astype(np.float32))[1])[0])
    return divergence_of(params)[1]


# %% tags=["look"]
looks = by_judge(11, 800, 100)
print(f"by the likelihood {by_likelihood(11, 800):.3f} nats")
print("by the judge, the last looks", " ".join(f"{gap:.3f}" for _, gap, _ in looks[3:]), "nats")


def look_at(i):
    """Density of the flow, and the judge's logit beside the best one, at this look."""
    log_q, gap, logit = looks[i - 1]
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.8, 2.9))
    left.fill_between(line_x[::4, 0], np.exp(log_p)[::4], color="C8", alpha=0.3, label="p")
    left.plot(line_x[::2], np.exp(log_q)[::2], label="q, exact")
    left.set(ylim=(0, 0.75), xlabel="x", title=f"divergence {gap:.3f} nats")
    seen = np.flatnonzero(np.abs(line_x[:, 0]) < 3.5)[::2]
    right.plot(line_x[seen], (log_p - log_q)[seen], color="C8", label="log p/q")
    right.plot(line_x[seen], logit[seen], "--", color="C1", label="the judge")
    right.set(ylim=(-4, 4), xlabel="x", title="what it says, and should say")
    left.legend(loc="upper center", fontsize=8)
    right.legend(loc="lower center", fontsize=8)
    return figure


Slider(look_at, range(2, 9, 2), label="look {} of 8", play=True)

# %% [markdown]
# The judge's flow finds the two humps, and its samples would look good. The likelihood, which nobody trained, says how
# good: over ten seeds the flow trained by the likelihood ended below 0.02 nats, and the one trained by the judge was
# between 0.09 and 0.31 at its last five looks. The picture on the right shows why: all that the generator hears is the
# slope of the judge, and the judge is a rough guess of $\log \frac{p}{q}$.
#
# ## 11. Break it: find the planted mistake
#
# Somebody has written the density of a flow with two layers. The first moves the second column, the second one the
# first. Each layer is right: it returns its output and its log determinant.


# %%
def first(x):
    """(a, b) to (a, b e^s(a) + t(a)), and the log determinant: (B, 2) to (B, 2) and (B,)."""
    s = 0.8 * np.tanh(2 * x[:, 0])
    return np.stack([x[:, 0], x[:, 1] * np.exp(s) + np.sin(2 * x[:, 0])], axis=1), s


def second(x):
    """(a, b) to (a e^r(b) - b, b), and the log determinant."""
    r = 0.5 * np.tanh(x[:, 1]) - 0.3
    return np.stack([x[:, 0] * np.exp(r) - x[:, 1], x[:, 1]], axis=1), r


def planted_log_density(x):
    """log p of each row of x (B, 2) under the flow: (B,), nats."""
    for layer in (first, second):
        x, log_det = layer(x)
    return gaussian.log_density(x, 0.0, 0.0) + log_det


a, b = np.meshgrid(np.arange(-12, 12, 0.05), np.arange(-15, 15, 0.05))
fine = np.column_stack([a.ravel(), b.ravel()])
integral_of = lambda log_density: np.sum(np.exp(log_density(fine))) * 0.05**2
print(f"the planted density integrates to {integral_of(planted_log_density):.4f}")

# %% [markdown]
# Nothing looks wrong, its values are plausible, and its gradient would agree with finite differences. But a density
# has to integrate to 1. In the plane you can ask for that, and you should, before you compare two models by a number
# that one of them made up.
#
# **Your turn.** Write it without the mistake.


# %%
def repaired_log_density(x):
    """log p of each row of x (B, 2) under the flow: (B,), nats."""
    ### BEGIN SOLUTION
    total = 0
    for layer in (first, second):
        x, log_det = layer(x)
        total = total + log_det
    return gaussian.log_density(x, 0.0, 0.0) + total
    ### END SOLUTION


def check_repaired(repaired_log_density):
    x = rng.normal(size=(7, 2))
    return check_value(repaired_log_density, answers.flow_log_density, x, names=("x",))


test_repaired = exercise(repaired_log_density, check_repaired)

# %%
repaired = yours(test_repaired, repaired_log_density, answers.flow_log_density.alone)
print(f"the repaired density integrates to {integral_of(repaired):.4f}")

# %% [markdown]
# The log determinants of layers add up, like the logarithms of any product. The loop kept the last one only. This
# mistake stood in published code, where its test used layers whose log determinant was 0.
#
# ## 12. What the notes leave out
#
# - **Other judges.** Least squares, hinge, Wasserstein's critic: `tinygen.models.gan.losses` has six, each with its
#   gradient by hand. Only for the logistic ones is the best logit the log ratio. That least squares "minimises a
#   divergence" is true of the best judge's value, and not of the generator's step.
# - **Whole numbers.** Pixels of 17 levels have no density, and a flow fitted to them as if they had can make its
#   likelihood as high as it likes. Add uniform noise of one *whole* level first: then the flow's exact density is a
#   lower bound for the log probability of the image (`Flow` does so by itself).
# - **A flow inside a VAE.** As a posterior it makes $q$ as bent as need be; as a prior it learns what all codes
#   together look like. Lesson 16 does the second, beside a diffusion that does the same.
# - **Judging samples.** Train a fresh classifier on real against made rows. Its accuracy $a$ proves that the two differ
#   by at least $2a - 1$ in total variation, half of $\int |p - q|\, dx$; that it sees nothing proves nothing.

# %% tags=["script"]
if __name__ == "__main__":
    finish(globals())
