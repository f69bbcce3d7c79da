# %% [markdown]
# # 3 · A network that reads digits
#
# You build a network of two layers, derive every gradient in it, write the optimiser, and train it on real
# handwritten digits. After this lesson there is no black box left in the rest of the course.
#
# | | |
# |---|---|
# | In the notes | the "NN" in "a NN $f$" |
# | In the book | Prince, *Understanding Deep Learning*, chapters 3 to 7 |
# | Before this | 1 and 2 |
# | Reading | 45 minutes |
# | Running | 6 seconds |

# %%
import functools

import matplotlib.pyplot as plt
import numpy as np

import tinygen as tg
from tinygen import plots
from tinygen.check import check_grad
from tinygen.course.answers import mlp as answers
from tinygen.course import check_value, exercise, finish, yours
from tinygen.data import digits
from tinygen.nn import layers, optim, train

rng = np.random.default_rng(3)  # every random number of this lesson comes from here

# %% [markdown]
# ## 1. The data, and what a network is
#
# 1797 images of 8 by 8 pixels, and for each the digit that was meant.

# %%
(images, labels), _, (test_images, test_labels) = digits.split()
images, test_images = images / 16, test_images / 16  # pixels between 0 and 1
fig = plots.images(images[:20], columns=10, title="The first twenty images")

# %% [markdown]
# A **layer** multiplies by a matrix and adds a vector: $h = xW + b$. Two of them in a row are only one matrix
# again, so between them every number goes through a bent function, here $\tanh$:
#
# $$h = \tanh(x W_1 + b_1), \qquad s = h W_2 + b_2 .$$
#
# For a batch, $x$ is $(B, 64)$, $h$ is $(B, 32)$, and the scores $s$ are $(B, 10)$: one for each digit. The
# largest score wins.
#
# ## 2. The rule of broadcasting
#
# In $xW + b$ the vector $b$ of shape $(10,)$ meets a table of shape $(B, 10)$ and is repeated. Whatever is
# used several times collects its derivative from all uses (lesson 2). So the derivative of repeating is
# *summing*. There are two ways of repeating:
#
# - an axis that was not there is put in front: sum over it, and it is gone;
# - an axis of length 1 is stretched: sum over it, and keep it with length 1.
#
# **Your turn.** `g` is the gradient of the result. Bring it to the shape of what was repeated.


# %%
def unbroadcast(g, shape):
    """The gradient by an array of this shape, from the gradient g after its broadcasting."""
    ### BEGIN SOLUTION
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1:
            g = g.sum(axis=axis, keepdims=True)
    return g
    ### END SOLUTION


def check_unbroadcast(unbroadcast):
    found, row, column, table = [], (5,), (7, 1), (7, 5)
    pairs = (row, table), (column, table), ((1, 5), (3, 7, 5)), ((), table), (column, column)
    for shape, full in pairs:
        g, x = rng.normal(size=full), rng.normal(size=shape)
        loss = lambda x, g=g: np.sum(g * x)  # NumPy broadcasts here
        mine = lambda x, g=g, shape=shape: unbroadcast(g, shape)
        found.append(check_grad(loss, mine, x, names=(f"x {shape} in {full}",)))
    return found


test_unbroadcast = exercise(unbroadcast, check_unbroadcast)

# %% [markdown]
# ## 3. Backwards through a layer
#
# Let $g = \partial L / \partial h$ arrive, of the shape of $h = xW + b$. In lesson 1 you found the gradients by
# $W$ and by $b$. There is a third one: by the input $x$, since below this layer there may be another. In
# indices $h_{ik} = \sum_d x_{id} W_{dk} + b_k$, so
#
# $$\frac{\partial L}{\partial x_{id}} = \sum_k g_{ik} W_{dk} .$$
#
# **Your turn.** All three.


# %%
def linear_backward(g, x, W, b):
    """For h = x W + b and g = dL/dh: the gradients by x, by W and by b."""
    ### BEGIN SOLUTION
    return g @ W.T, x.T @ g, g.sum(axis=0)
    ### END SOLUTION


def check_linear(linear_backward):
    g, x, W, b = (rng.normal(size=shape) for shape in ((7, 5), (7, 3), (3, 5), (5,)))
    loss = lambda x, W, b: np.sum(g * (x @ W + b))
    mine = lambda x, W, b: linear_backward(g, x, W, b)
    return check_grad(loss, mine, x, W, b, names=("x", "W", "b"))


test_linear = exercise(linear_backward, check_linear)

# %% [markdown]
# ## 4. The whole network
#
# The loss is the mean of $-\log p[\text{label}]$, as in lesson 1. There you derived its gradient by the scores:
# $(p - y) / B$. Here $y$ is the label as a **one-hot** row: a 1 in the place of the right class, and zeros
# elsewhere. Now chain everything, from the loss to the first layer:
#
# 1. scores: $\bar{s} = (p - y) / B$;
# 2. second layer: $\bar{h}$, $\bar{W_2}$, $\bar{b_2}$ from $\bar{s}$;
# 3. $\tanh$: multiply $\bar{h}$ by $1 - h^2$, number by number;
# 4. first layer: $\bar{W_1}$, $\bar{b_1}$.
#
# **Your turn.** The parameters are a list of two dicts, `[{"W": ..., "b": ...}, {"W": ..., "b": ...}]`, and so
# is the gradient. `softmax_gap` gives you step 1.


# %%
def softmax_gap(scores, one_hot):
    """(softmax(scores) - one_hot) / B: the gradient of the loss by the scores."""
    return (tg.softmax(scores) - one_hot) / len(scores)


def network_gradient(params, x, one_hot):
    """The gradient of the mean loss by all parameters: a list of two dicts like `params`."""
    ### BEGIN SOLUTION
    first, second = params
    h = np.tanh(x @ first["W"] + first["b"])
    gap = softmax_gap(h @ second["W"] + second["b"], one_hot)
    into_tanh = gap @ second["W"].T * (1 - h**2)
    by_first = {"W": x.T @ into_tanh, "b": into_tanh.sum(axis=0)}
    return [by_first, {"W": h.T @ gap, "b": gap.sum(axis=0)}]
    ### END SOLUTION


def network_loss(params, x, one_hot):
    scores = layers.mlp(params, x, "tanh")
    return np.mean(tg.logsumexp(scores, axis=-1) - np.sum(scores * one_hot, axis=-1))


def check_network(network_gradient):
    params = layers.mlp_init(rng, [5, 3, 2], dtype=np.float64)
    for layer in params:
        layer["b"] += rng.normal(size=layer["b"].shape)
    x, one_hot = rng.normal(size=(7, 5)), np.eye(2)[rng.integers(2, size=7)]
    loss = lambda params: network_loss(params, x, one_hot)
    return check_grad(loss, lambda p: network_gradient(p, x, one_hot), params, names=("params",))


test_network = exercise(network_gradient, check_network)

# %% [markdown]
# That is backpropagation. `tg.grad` does the same with the tape of lesson 2, for any network. From here on you
# may leave it to it.
#
# What would somebody write who wants it fast? Every array is made once, and each line writes its result into one
# that is there already. `tg.compile` runs a function once, notes what it did, and writes that program. Here it
# is for one layer, its loss and its gradient: read `step` from the forward pass ($xW$, $+b$, $\tanh$) to the way
# back ($1 - h^2$, the sum over the batch, $x^\top$), and compare with yours.

# %%
def layer_loss(W, b, x, y):
    h = np.tanh(x @ W + b)
    return np.sum((h - y) ** 2)


step = tg.compile(tg.grad(layer_loss, argnums=(0, 1)))
step(np.ones((5, 3)), np.ones(3), np.ones((7, 5)), np.ones((7, 3)))
print(step.source[step.source.index("def bind") :])

# %% [markdown]
# It is NumPy and runs by itself: `bind` gets the arrays, `step` does the work. Training with `train.fit` below runs
# such a program.
#
# ## 5. A step downhill
#
# Plain **gradient descent** subtracts the gradient times a small rate. **Adam** does two things more, number by
# number.
#
# - It averages: $m \leftarrow \beta_1 m + (1 - \beta_1) g$, and the squares,
#   $v \leftarrow \beta_2 v + (1 - \beta_2) g^2$. The average forgets slowly, so the noise of single batches
#   evens out.
# - It scales: the step is $m / \sqrt{v}$, so weights with small gradients move as far as weights with large
#   ones.
#
# Both averages start at 0 and are too small at first, by factors that are known: $1 - \beta_1^t$ and
# $1 - \beta_2^t$ after $t$ steps. Divide by them. Together,
#
# $$
# \hat{m} = \frac{m}{1 - \beta_1^t}, \qquad \hat{v} = \frac{v}{1 - \beta_2^t}, \qquad
# \theta \leftarrow \theta - \text{rate}\, \frac{\hat{m}}{\sqrt{\hat{v}} + 10^{-8}} .
# $$
#
# **Your turn.** Step number `t` counts from 1, with $\beta_1 = 0.9$ and $\beta_2 = 0.999$. Return the new
# arrays and leave the old ones alone.


# %%
def adam(theta, m, v, g, t, rate):
    """One step of Adam with the gradient g: the new (theta, m, v)."""
    ### BEGIN SOLUTION
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g**2
    step = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return theta - rate * step, m, v
    ### END SOLUTION


def check_adam(adam):
    theta, m, g = rng.normal(size=(3, 5))
    names, parts = ("theta", "m", "v", "g", "t", "rate"), ("theta", "m", "v")
    args = theta, m, rng.random(5), g, 3, 0.05
    return check_value(adam, answers.adam, *args, names=names, parts=parts)


test_adam = exercise(adam, check_adam)

# %% [markdown]
# Two ways down a narrow valley, $L = \frac12 (50 a^2 + b^2)$. Gradient descent has to take steps small enough
# for the steep side, and crawls along the other.

# %%
step_of = yours(test_adam, adam, answers.adam.alone)
steep = np.array([50.0, 1.0])
paths = {"gradient descent": [np.array([-0.8, -2.0])], "Adam": [np.array([-0.8, -2.0])]}
m, v = np.zeros(2), np.zeros(2)
for t in range(1, 61):
    point = paths["gradient descent"][-1]
    paths["gradient descent"].append(point - 0.035 * steep * point)
    point = paths["Adam"][-1]
    point, m, v = step_of(point, m, v, steep * point, t, 0.1)
    paths["Adam"].append(point)

fig, ax = plt.subplots(figsize=(5.6, 3.4))
a, b = np.meshgrid(np.linspace(-1, 1, 80), np.linspace(-2.3, 1, 80))
ax.contour(b, a, 0.5 * (50 * a**2 + b**2), levels=12, colors="C8", linewidths=0.6)
for name, path in paths.items():
    path = np.array(path)
    ax.plot(path[:, 1], path[:, 0], ".-", label=name, linewidth=1)
ax.set(xlabel="b", ylabel="a", title="60 steps down a valley")
ax.legend()

# %% [markdown]
# ## 6. Train
#
# 64 pixels, 32 hidden numbers, 10 scores. `train.fit` shuffles, cuts batches of 50, differentiates, steps, and
# stops if a number is not finite.

# %%
one_hot = np.eye(10)[labels]
params = layers.mlp_init(rng, [64, 32, 10])
params, history = train.fit(
    lambda params, batch, noise: network_loss(params, *batch),
    params,
    (images, one_hot),
    rng=rng,
    epochs=40,
    batch_size=50,
    optimiser=functools.partial(optim.Adam, rate=3e-3),
)


def accuracy(params, x, y):
    return np.mean(layers.mlp(params, x, "tanh").argmax(axis=1) == y)


print(f"right on the images it was trained with: {accuracy(params, images, labels):.1%}")
print(f"right on images that it has never seen:  {accuracy(params, test_images, test_labels):.1%}")

# %%
fig = plots.history(history)
fig.axes[0].set(yscale="log", title="The loss while training", ylabel="mean of -log p[label]")

# %% [markdown]
# Where is it wrong? Some of these are hard for you too.

# %%
guess = layers.mlp(params, test_images, "tanh").argmax(axis=1)
wrong = np.flatnonzero(guess != test_labels)[:10]
title = "seen as " + ", ".join(str(g) for g in guess[wrong])
fig = plots.images(test_images[wrong], low=0, high=1, title=title)

# %% [markdown]
# The first layer has 32 columns of 64 weights each. Draw each as an image: these are the patterns that it looks
# for, dark for more ink, white for less.

# %%
fig = plots.images(params[0]["W"].T, columns=16, title="The weights of the first layer")

# %% [markdown]
# Does your own gradient train as well? The same network, your `network_gradient` and your `adam`:

# %%
mine = yours(test_network, network_gradient, tg.grad(network_loss))
theta = layers.mlp_init(rng, [64, 32, 10], dtype=np.float64)
moments = [{name: (0 * w, 0 * w) for name, w in layer.items()} for layer in theta]
for t in range(1, 401):
    batch = rng.integers(len(images), size=50)
    gradient = mine(theta, images[batch], one_hot[batch])
    for layer, g, state in zip(theta, gradient, moments):
        for name in layer:
            layer[name], *state[name] = step_of(layer[name], *state[name], g[name], t, 3e-3)
print(f"after 400 steps right on unseen images: {accuracy(theta, test_images, test_labels):.1%}")

# %% [markdown]
# ## 7. Break it: find the planted mistake
#
# Somebody writes the batches for one pass over the data. The network trains without complaint, the loss is
# finite, and it learns nothing.


# %%
def planted_batches(x, y, order, size):
    """The batches of one pass in the given order: a list of pairs (x, y) of `size` rows each."""
    x = x[order]
    return [(x[i : i + size], y[i : i + size]) for i in range(0, len(x), size)]


params = layers.mlp_init(rng, [64, 32, 10])
gradient_of = tg.value_and_grad(network_loss)
for _ in range(8):
    losses = []
    for x, y in planted_batches(images, one_hot, rng.permutation(len(images)), 50):
        loss, gradient = gradient_of(params, x, y)
        losses.append(loss)
        params = [{k: layer[k] - 0.5 * g[k] for k in layer} for layer, g in zip(params, gradient)]
print(f"loss {np.mean(losses):.3f}, the loss of guessing at random is ln 10 = {np.log(10):.3f}")
print(f"right on unseen images: {accuracy(params, test_images, test_labels):.1%}")

# %% [markdown]
# **Your turn.** Every gradient is right, and every batch is a proper batch. Look at what belongs together.
# Write it without the mistake. (The last batch may be smaller.)


# %%
def repaired_batches(x, y, order, size):
    """The batches of one pass in the given order: a list of pairs (x, y) of `size` rows each."""
    ### BEGIN SOLUTION
    pieces = [order[i : i + size] for i in range(0, len(order), size)]
    return [(x[piece], y[piece]) for piece in pieces]
    ### END SOLUTION


def check_repaired(repaired_batches):
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
    args, names = (x, y, rng.permutation(7), 3), ("x", "y", "order", "size")
    return [check_value(of(repaired_batches), answers.batches.through(of), *args, names=names)
            for of in (answers.joined, answers.sizes)]  # fmt: skip


test_repaired = exercise(repaired_batches, check_repaired)

# %% [markdown]
# A check of gradients cannot find this one. Two habits do: look at a few pairs of a batch with your own eyes,
# and know the loss of somebody who guesses.
#
# ## 8. What is left out
#
# - **How to begin.** The weights start at random with the variance $1 / n_\text{in}$, so that numbers keep
#   their size from layer to layer. With all weights equal, all hidden numbers would stay equal for ever.
# - **Single precision.** `layers.mlp_init` makes float32: half the memory, twice the speed, and precise enough
#   for training. For checking gradients, take float64 (lesson 1).
# - **Overfitting.** The network knows its own 1000 images better than new ones. Judge it on images that it has
#   not seen.

# %% tags=["script"]
if __name__ == "__main__":
    finish(globals())
