# %% [markdown]
# # 1 · NumPy and derivatives
#
# You derive gradients on paper, write them in NumPy, and find out whether they are right. For that you build a
# numeric derivative yourself and learn how far it can be trusted.
#
# | | |
# |---|---|
# | In the notes | used everywhere, explained nowhere |
# | In the book | Prince, *Understanding Deep Learning*, chapters 5 to 7, appendix B |
# | Before this | calculus, and arrays in NumPy |
# | Reading | 40 minutes |
# | Running | 3 seconds |

# %%
import numpy as np

import tinygen as tg
from tinygen import plots
from tinygen.check import check_grad, directional
from tinygen.course.answers import numpy_and_derivatives as answers
from tinygen.course import check_value, exercise, finish, said, yours

rng = np.random.default_rng(1)  # every random number of this lesson comes from here

# %% [markdown]
# ## 1. One number, many knobs
#
# Every model of this course is trained in the same way. There is a **loss**: one number that says how bad the
# model is. The loss depends on thousands of weights. The **gradient** holds the derivative of the loss by each
# weight. Take a small step against it, and the loss falls. Repeat.
#
# So everything hangs on derivatives. A wrong one rarely crashes. The loss still falls, only less far, and you
# blame the model. This lesson gives you the habit that prevents it: derive on paper, then check.
#
# Arrays first. Three facts about NumPy carry the whole course.
#
# - An array has a **shape**. `x.shape == (5, 3)` means 5 rows of 3 numbers. We write `(B, D)` for a batch of B
#   rows with D numbers each.
# - `x.sum(axis=0)` sums over the first axis and leaves `(3,)`; `x.sum(axis=-1)` sums over the last and leaves
#   `(5,)`.
# - **Broadcasting**: shapes are lined up at their right ends, and an axis of length 1 is repeated.
#   `(5, 3) + (3,)` adds the same row to all; `(5, 1) + (3,)` makes a table `(5, 3)`.

# %%
x = np.arange(6.0).reshape(2, 3)
print("x             ", x.tolist())
print("over axis 0   ", x.sum(axis=0).tolist())
print("over axis -1  ", x.sum(axis=-1).tolist())
print("plus a row    ", (x + np.array([10.0, 20.0, 30.0])).tolist())
print("plus a column ", (x + np.array([[100.0], [200.0]])).tolist())

# %% [markdown]
# ## 2. A derivative from function values
#
# You know $f'(x) = \lim_{h \to 0} \frac{f(x + h) - f(x)}{h}$. Leave out the limit and take a small $h$: that
# is the **forward difference**. How wrong is it? Write Taylor's series,
#
# $$f(x + h) = f(x) + h f'(x) + \tfrac{h^2}{2} f''(x) + \tfrac{h^3}{6} f'''(x) + \dots$$
#
# and solve for the quotient:
#
# $$\frac{f(x + h) - f(x)}{h} = f'(x) + \tfrac{h}{2} f''(x) + \dots$$
#
# The error shrinks like $h$. You can do better at the same price. Take one step to the right and one to the
# left. The even powers of $h$ are the same on both sides, so in the difference they cancel:
#
# $$\frac{f(x + h) - f(x - h)}{2h} = f'(x) + \tfrac{h^2}{6} f'''(x) + \dots$$
#
# This is the **central difference**. Its error shrinks like $h^2$: a step ten times smaller gives two more
# digits.
#
# **Your turn.** `f` works on arrays, so the same line serves one point or many.


# %%
def central_difference(f, x, h):
    """The derivative of f at each x, from the values of f a step h to the right and to the left."""
    ### BEGIN SOLUTION
    return (f(x + h) - f(x - h)) / (2 * h)
    ### END SOLUTION


def check_central(central_difference):
    x = rng.normal(size=5)
    return check_value(central_difference, answers.central_difference, np.sin, x, 0.3, names="fxh")


test_central = exercise(central_difference, check_central)

# %% [markdown]
# ## 3. The V
#
# Smaller $h$, smaller error? Try it: the derivative of $e^x$ at $x = 1$ is $e$.

# %%
e = np.exp(1.0)
for h in (1e-1, 1e-3, 1e-5, 1e-7, 1e-9, 1e-11, 1e-13):
    central = (np.exp(1 + h) - np.exp(1 - h)) / (2 * h)
    print(f"h = {h:.0e}   central difference {central:.12f}   error {abs(central - e):.1e}")

# %% [markdown]
# At first two digits are gained for each digit of $h$. Then it turns, and it gets *worse*. A number in the
# computer has about 16 digits. Near $e$ it is off by up to $\varepsilon e$ with
# $\varepsilon \approx 2.2 \cdot 10^{-16}$ in double precision. The difference $f(x + h) - f(x - h)$ keeps that
# error while it becomes smaller itself, and dividing by $2h$ blows it up: to about $\varepsilon |f| / h$.
#
# Two errors, one falling with $h$, one rising. On doubly logarithmic axes the sum is a V.


# %%
def errors(f, exact, x, steps):
    """The errors of the forward and the central difference for each step, in the precision of x."""
    steps = steps.astype(x.dtype)
    forward = (f(x + steps) - f(x)) / steps
    central = (f(x + steps) - f(x - steps)) / (2 * steps)
    return {"forward": abs(forward - exact), "central": abs(central - exact)}


steps = 10.0 ** np.arange(-14, 0, 0.1)
curves = errors(np.exp, e, np.float64(1), steps)
curves["theory for central"] = steps**2 / 6 * e + np.finfo(float).eps * e / steps
fig = plots.error_curve(steps, curves, title="The error of a difference")

# %% [markdown]
# The same in single precision, with 7 digits instead of 16. Neural networks are usually trained in it, so
# remember this picture: no step gives you more than about five right digits.

# %%
single = errors(np.exp, e, np.float32(1), steps)
fig = plots.error_curve(steps, single, title="The same in float32")

# %% [markdown]
# Where is the bottom of the V? The central difference has the total error
#
# $$E(h) = \frac{h^2}{6} |f'''| + \frac{\varepsilon |f|}{h} .$$
#
# **Your turn.** On paper: set $E'(h) = 0$ and solve for $h$. Then write it down.


# %%
def best_step(size, third, eps):
    """The step with the smallest total error for |f| = size, |f'''| = third and precision eps."""
    ### BEGIN SOLUTION
    return (3 * eps * size / third) ** (1 / 3)
    ### END SOLUTION


def check_best_step(best_step):
    size, third = np.exp(rng.normal(size=(2, 5)))
    names = ("size", "third", "eps")
    return check_value(best_step, answers.best_step, size, third, 1e-16, names=names)


test_best_step = exercise(best_step, check_best_step)

# %% [markdown]
# For $f = e^x$ all derivatives are equal, so the best step is $(3\varepsilon)^{1/3} \approx 9 \cdot 10^{-6}$,
# and what is left there is about $10^{-10}$. Look for both numbers in the first picture.
#
# Keep three things.
#
# - A numeric derivative is never exact, and a step that is "as small as possible" is a mistake.
# - How good it is depends on $f'''$ and on $|f|$. You do not know them for your loss.
# - So a numeric derivative is worth something only together with an **error bar**. `tinygen` measures with a
#   whole ladder of steps, extrapolates to $h = 0$ and estimates both errors from what it sees:

# %%
slope, bar = directional(np.exp, np.float64(1.0), np.float64(1.0))
print(f"from function values: {slope:.15f} +- {bar:.1e}")
print(f"exact:                {e:.15f}    error {abs(slope - e):.1e}")

# %% [markdown]
# ## 4. The gradient of a loss
#
# Let the loss depend on an array $x$. The gradient has the *same shape* as $x$: one derivative for each
# entry. To get one numerically, move one entry at a time and leave the others where they are.
#
# **Your turn.** Use the central difference for each entry. `np.ndindex(x.shape)` runs through all the indices,
# for an array of any number of axes. And leave the caller's `x` as it was.


# %%
def numeric_gradient(f, x, h):
    """The gradient of the number f(x) by the array x: an array of the shape of x."""
    ### BEGIN SOLUTION
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = h
        gradient[index] = (f(x + step) - f(x - step)) / (2 * h)
    return gradient
    ### END SOLUTION


def check_numeric_gradient(numeric_gradient):
    weight, x = rng.normal(size=(2, 3, 2))
    f = lambda x: np.sum(np.sin(weight * x)) + x[0, 0] * x[2, 1]
    return check_value(numeric_gradient, answers.numeric_gradient, f, x, 0.1, names="fxh")


test_numeric_gradient = exercise(numeric_gradient, check_numeric_gradient)

# %% [markdown]
# It needs two evaluations for each entry. For a network with 20,000 weights that is 40,000 evaluations, for one
# step of training. So numeric gradients are for checking. For training you derive.
#
# ## 5. Derive on paper: least squares
#
# A batch of inputs $X$ of shape $(B, D)$, targets $Y$ of shape $(B, K)$, weights $W$ of shape $(D, K)$ and a
# bias $b$ of shape $(K,)$. The prediction is $P = XW + b$, the loss
#
# $$L = \tfrac{1}{2} \sum_{i=1}^{B} \sum_{k=1}^{K} \left( P_{ik} - Y_{ik} \right)^2 .$$
#
# When matrices are in the way, go back to indices. $P_{ik} = \sum_d X_{id} W_{dk} + b_k$, so
# $\partial P_{ik} / \partial W_{dk} = X_{id}$, and $W_{dk}$ appears in the column $k$ of $P$ only, once for
# each row $i$. With $R = P - Y$,
#
# $$
# \frac{\partial L}{\partial W_{dk}} = \sum_{i} R_{ik}\, X_{id}, \qquad
# \frac{\partial L}{\partial b_k} = \sum_i R_{ik} .
# $$
#
# Now read the sums as matrix products: which one has the shape $(D, K)$? That question alone settles where the
# transpose goes. And see what broadcasting became: $b$ was *repeated* over the rows, so its derivative is
# *summed* over the rows. That is a rule, and you will meet it again in lesson 3.
#
# **Your turn.**


# %%
def least_squares_gradient(W, b, X, Y):
    """The gradients of L by W and by b: a pair of arrays of the shapes (D, K) and (K,)."""
    ### BEGIN SOLUTION
    R = X @ W + b - Y
    return X.T @ R, R.sum(axis=0)
    ### END SOLUTION


def least_squares(W, b, X, Y):
    return 0.5 * np.sum((X @ W + b - Y) ** 2)


def check_least_squares(least_squares_gradient):
    X, Y, W, b = (rng.normal(size=shape) for shape in ((7, 3), (7, 5), (3, 5), (5,)))
    loss = lambda W, b: least_squares(W, b, X, Y)
    return check_grad(loss, lambda W, b: least_squares_gradient(W, b, X, Y), W, b, names=("W", "b"))


test_least_squares = exercise(least_squares_gradient, check_least_squares)

# %% [markdown]
# The sizes in this check are 7, 3 and 5, all different and all prime. With square matrices a forgotten
# transpose would still have the right shape, and a sum over the wrong axis too.
#
# ## 6. Derive on paper: the loss of a classifier
#
# A classifier gives a score $s_k$ to each class $k$. Probabilities come from the **softmax**,
# $p_k = e^{s_k} / \sum_j e^{s_j}$, and the loss for the right class $c$ is
#
# $$L = -\log p_c = -s_c + \log \sum_j e^{s_j} .$$
#
# **Your turn.** Derive $\partial L / \partial s_k$; take $k = c$ and $k \neq c$ apart first, then write both in
# one line. `scores` is `(B, K)`, `labels` is `(B,)` with the right class of each row, and the loss is the
# *mean* over the batch.
#
# One more thing that the formula does not tell: $e^{1000}$ is infinite in the computer. Subtracting the largest
# score of a row changes no probability. The check tries such scores too.


# %%
def classifier_gradient(scores, labels):
    """The gradient of the mean of -log p[label] by the scores: an array (B, K)."""
    ### BEGIN SOLUTION
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(labels)), labels] -= 1
    return p / len(labels)
    ### END SOLUTION


def classifier_loss(scores, labels):
    return np.mean(tg.logsumexp(scores, axis=1) - scores[np.arange(len(labels)), labels])


def check_classifier(classifier_gradient):
    scores, labels = 2 * rng.normal(size=(5, 3)), np.array([0, 2, 1, 1, 2])
    loss = lambda scores: classifier_loss(scores, labels)
    small = check_grad(loss, lambda s: classifier_gradient(s, labels), scores, names=("scores",))
    far = scores + 1000 * np.arange(5.0)[:, None]  # each row far away from the others
    large = check_value(classifier_gradient, answers.classifier_gradient, far, labels)
    return small, large


test_classifier = exercise(classifier_gradient, check_classifier)

# %% [markdown]
# ## 7. What the checker says
#
# You have used it: `check_grad(f, gradient, arguments)`. It never asks whether two numbers are "close enough".
# It compares your number with a numeric derivative *and its error bar*, and there are three answers.
#
# - **PASS**: all entries lie within the bars, and the bars are narrow enough to mean something.
# - **FAIL**: some entry lies outside. You hear which, and which mistake would explain *all* the numbers.
# - **UNDECIDED**: the bar is too wide to tell. That is no blame; it says what would help.
#
# Three examples. A mean where a sum was meant; the absolute value at its corner; and a function whose values
# are mostly rounding error.

# %%
X, Y, W, b = (rng.normal(size=shape) for shape in ((7, 3), (7, 5), (3, 5), (5,)))
loss = lambda W: least_squares(W, b, X, Y)
print(said(check_grad(loss, lambda W: tg.grad(loss)(W) / len(X), W, names=("W",))), "\n")

print(said(check_grad(lambda x: np.sum(abs(x)), lambda x: np.sign(x), np.array([0.0, 2.0]))), "\n")

rough = lambda x: np.sum((1e12 + np.sin(x)) - 1e12)
print(said(check_grad(rough, np.cos, rng.normal(size=2))))

# %% [markdown]
# And if you do not want to derive at all, `tg.grad` does it for a function written in plain NumPy. Lesson 2
# shows that there is no magic in it. It is exact up to rounding, and costs about as much as a few evaluations
# of the loss, whatever the number of weights.

# %%
automatic = tg.grad(least_squares, argnums=(0, 1))
paper = yours(test_least_squares, least_squares_gradient, automatic)
pairs = zip(automatic(W, b, X, Y), paper(W, b, X, Y))
print("largest difference from paper:", max(abs(one - other).max() for one, other in pairs))

# %% [markdown]
# Then why derive on paper? Because the courses' formulas are derivations, because you must know what to expect,
# and because sometimes your own rule is better than the automatic one. You need both, and a check between them.
#
# ## 8. Break it: find the planted mistake
#
# Here is a mean squared error for predictions $Xw$, with $w$ of shape $(D, 1)$. The gradient check passes. The
# loss even falls in training. But look at what it says about perfect weights.

# %%
def planted_error(w, x, y):
    """The mean over the batch of the squared error of x @ w: w (D, 1), x (B, D), y (B,)."""
    return np.mean((x @ w - y) ** 2)


true_w, x = rng.normal(size=(3, 1)), rng.normal(size=(11, 3))
y = (x @ true_w)[:, 0]
print(check_grad(planted_error, None, true_w, x, y).verdict, "- the gradient of what is written")
print(f"error at the true weights, which should be 0: {planted_error(true_w, x, y):.4f}")

# %% [markdown]
# **Your turn.** What shape does `x @ w - y` have? Write the function without the mistake.


# %%
def repaired_error(w, x, y):
    """The mean over the batch of the squared error of x @ w: w (D, 1), x (B, D), y (B,)."""
    ### BEGIN SOLUTION
    return np.mean(((x @ w)[:, 0] - y) ** 2)
    ### END SOLUTION


def check_repaired(repaired_error):
    w, x, y = rng.normal(size=(3, 1)), rng.normal(size=(11, 3)), rng.normal(size=11)
    return check_value(repaired_error, answers.mean_squared_error, w, x, y, names="wxy")


test_repaired = exercise(repaired_error, check_repaired)

# %% [markdown]
# A gradient check asks whether the gradient belongs to the *function as written*. It cannot know which function
# you meant. For that, evaluate the function where you know the answer: perfect weights, a batch of one, all
# zeros.
#
# ## 9. What is left out
#
# **Large arrays.** Entry by entry is too slow for a network. But one number tests all entries at once: the
# slope along a random direction $v$ must be $\sum_i v_i\, \partial L / \partial x_i$. If the gradient is wrong
# anywhere, a random $v$ almost surely shows it.

# %%
W, b, X, Y = (rng.normal(size=shape) for shape in ((300, 40), (40,), (20, 300), (20, 40)))
gradient = tg.grad(lambda W: least_squares(W, b, X, Y))(W)
direction = rng.normal(size=W.shape)
slope, bar = directional(lambda W: least_squares(W, b, X, Y), W, direction)
print(f"12,000 weights at once: {np.sum(direction * gradient):.6f} from the gradient")
print(f"                        {slope:.6f} +- {bar:.0e} from function values")

gradient[123, 17] *= 1.01
print(f"one entry 1 % off:      {np.sum(direction * gradient):.6f}")

# %% [markdown]
# **All-ones directions.** Never test along $v = (1, 1, \dots, 1)$ only. Along it the loss of a classifier does not
# change, since a constant added to all scores changes no probability. So the right gradient gives 0 there, and so do
# many wrong ones: one of twice the size, one of the other sign, one with another label.
#
# **Kinks.** At a corner, as in $|x|$ at 0, there is no derivative, and everything between the slopes on both
# sides is allowed. The checker says so.

# %% tags=["script"]
if __name__ == "__main__":
    finish(globals())
