# %% [markdown]
# # 2 · Automatic differentiation
#
# You write a program that differentiates programs, in about sixty lines. Then you look into the package and
# find the same walk, over arrays.
#
# | | |
# |---|---|
# | In the notes | used for every gradient |
# | In the book | Prince, *Understanding Deep Learning*, chapter 7 |
# | Before this | 1 |
# | Reading | 40 minutes |
# | Running | 3 seconds |

# %%
import numpy as np

import tinygen as tg
from tinygen.check import check_grad
from tinygen.course import Picture, check_value, exercise, finish, said
from tinygen.course.answers import autodiff as answers
from tinygen.course.answers.base import convicts

rng = np.random.default_rng(2)  # every random number of this lesson comes from here

# %% [markdown]
# ## 1. A program is a chain of small steps
#
# Take $f(x, y) = xy + \sin x$. A computer does one operation at a time and gives each result a name:
#
# $$a = x y, \qquad b = \sin x, \qquad f = a + b.$$
#
# You know the derivative of each single step. The **chain rule** puts them together: the derivative of $f$ by
# $x$ is the sum, over all ways from $f$ back to $x$, of the products of the derivatives along the way. There
# are two ways here:
#
# $$
# \frac{\partial f}{\partial x} = \frac{\partial f}{\partial a}\frac{\partial a}{\partial x}
# + \frac{\partial f}{\partial b}\frac{\partial b}{\partial x} = 1 \cdot y + 1 \cdot \cos x .
# $$
#
# Here is the program as the package sees it. Arrows lead from what is read to what reads it.

# %%
def f(x, y):
    return x * y + np.sin(x)


program = tg.trace(f)(1.3, -0.7)
print(program)
Picture(program.diagram())

# %% [markdown]
# ## 2. Two derivatives for each step
#
# A step with two inputs has two derivatives, one by each. For $a = xy$ they are $y$ and $x$. They are
# numbers, known as soon as the step has been computed.
#
# **Your turn.** What are the two derivatives of a quotient $a / b$, by $a$ and by $b$?


# %%
def quotient_slopes(a, b):
    """The derivatives of a / b: a pair, by a and by b."""
    ### BEGIN SOLUTION
    return 1 / b, -a / b**2
    ### END SOLUTION


def check_quotient(quotient_slopes):
    a, b = rng.normal(size=5), 1.5 + rng.random(5)
    return check_grad(lambda a, b: np.sum(a / b), quotient_slopes, a, b, names=("a", "b"))


test_quotient = exercise(quotient_slopes, check_quotient)

# %% [markdown]
# Sometimes the derivative is cheaper from the *result* than from the input. With $y = \tanh x$, and
# $\cosh^2 - \sinh^2 = 1$, you can write $y'$ with $y$ alone. The result is there already, so nothing has to be
# computed twice.
#
# **Your turn.**


# %%
def tanh_slope(y):
    """The derivative of tanh at the point where its value is y."""
    ### BEGIN SOLUTION
    return 1 - y * y
    ### END SOLUTION


def check_tanh(tanh_slope):
    x = rng.normal(size=5)
    total = lambda x: np.sum(np.tanh(x))
    return check_grad(total, lambda x: tanh_slope(np.tanh(x)), x, names=("x",))


test_tanh = exercise(tanh_slope, check_tanh)

# %% [markdown]
# ## 3. Numbers that remember
#
# Now make numbers that write down how they were made. Each `Number` knows its value, and for each input the
# pair (input, derivative by it). All of them stand on a **tape**, in the order in which they were made.


# %%
class Number:
    """A value that remembers how it was made: `parents` are pairs (Number, derivative by it)."""

    def __init__(self, value, parents=(), tape=None):
        self.value, self.parents = value, parents
        self.tape = parents[0][0].tape if parents else tape
        self.tape.append(self)

    def __add__(self, other):
        other = self.lift(other)
        return Number(self.value + other.value, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        other = self.lift(other)
        return Number(self.value * other.value, [(self, other.value), (other, self.value)])

    def __truediv__(self, other):
        other = self.lift(other)
        by_self, by_other = 1 / other.value, -self.value / other.value**2
        return Number(self.value / other.value, [(self, by_self), (other, by_other)])

    def lift(self, other):
        return other if isinstance(other, Number) else Number(float(other), tape=self.tape)

    __radd__, __rmul__ = __add__, __mul__


def sin(a):
    return Number(np.sin(a.value), [(a, np.cos(a.value))])


# %%
tape = []
x, y = Number(1.3, tape=tape), Number(-0.7, tape=tape)
out = x * y + sin(x)
for number in tape:
    made_from = [(tape.index(parent), round(float(slope), 4)) for parent, slope in number.parents]
    print(f"number {tape.index(number)}: value {number.value:8.5f}, made from {made_from}")

# %% [markdown]
# ## 4. The walk backwards
#
# Let $\bar{u}$ be the derivative of the output by the number $u$. For the output itself it is 1. For every
# other number the chain rule says: collect from all that used $u$,
#
# $$\bar{u} = \sum_{v \text{ made from } u} \bar{v}\, \frac{\partial v}{\partial u} .$$
#
# Turn it around and you get a program. Go through the tape *from the end to the beginning*. Each number hands
# on to its parents: its own $\bar{v}$ times the derivative, **added** to what the parent has already.
#
# Two things to see before you write it.
#
# - *Why add?* In $xy + \sin x$ the number $x$ is used twice. Both uses contribute.
# - *Why this order?* A number may hand on only when it has collected everything. All that used it was made
#   later, so it stands further down the tape. The order on the tape is all you need: no sorting, no recursion.
#
# This is how your walk will be used: make the inputs, run the program, walk, and look up the inputs.


# %%
def gradient(f, walk):
    """The function that computes f's gradient with the walk `walk`, for any number of arguments."""

    def of(*values):
        tape = []
        inputs = [Number(float(value), tape=tape) for value in values]
        bar = walk(f(*inputs))
        return tuple(bar.get(number, 0.0) for number in inputs)

    return of


def value(f):
    """f on plain floats, as the checker needs it."""
    return lambda *values: f(*(Number(float(value), tape=[]) for value in values)).value


def twice_used(x, y):
    u = x * y
    return u + u * sin(x) + 3 * u / y


def unused(x, y):
    x / 3.0 + y  # made, and never used
    return x * x * y


# %% [markdown]
# **Your turn.** Return a dict from each number to its derivative; what the output does not depend on may be
# missing.


# %%
def backward(out):
    """The derivatives of `out` by the numbers on its tape: a dict {Number: derivative}."""
    ### BEGIN SOLUTION
    bar = {out: 1.0}
    for number in reversed(out.tape):
        for parent, slope in number.parents:
            if number in bar:
                bar[parent] = bar.get(parent, 0.0) + bar[number] * slope
    return bar
    ### END SOLUTION


def check_backward(backward):
    x, y = rng.normal(), 1.5 + rng.random()
    reports = []
    for f in (lambda x, y: x * y + sin(x), twice_used, unused):
        answer = answers.backward.through(lambda walk, f=f: gradient(f, walk))
        mine = lambda x, y, f=f: gradient(f, backward)(x, y)
        reports.append(check_value(mine, answer, x, y, names=("x", "y")))
    numeric = check_grad(value(twice_used), gradient(twice_used, backward), x, y, names=("x", "y"))
    return [*reports, numeric]


test_backward = exercise(backward, check_backward)

# %% [markdown]
# That is reverse mode, complete. It works on every program made of steps that you know, with loops and
# branches, since the tape only ever sees what was really computed.
#
# ## 5. What it costs
#
# Double a number again and again: $x \to x + x \to \dots$, 30 times. The ways from the end back to $x$ are
# $2^{30}$, more than a thousand million. The walk visits each number once:

# %% tags=["look"]
def doubled(x, times=30):
    for _ in range(times):
        x = x + x
    return x


tape = []
x = Number(1.0, tape=tape)
out = doubled(x)
print(f"{len(tape)} numbers on the tape, derivative {tg.grad(doubled)(1.0):.0f} = 2^30 = {2**30}")

# %% [markdown]
# One walk, and you have the derivative by *every* input, for about the price of the program itself. Central
# differences need two runs for each input.
#
# The price is memory: the tape holds every intermediate value until the walk is done.
#
# ## 6. The other direction
#
# You can also carry derivatives *along*, from the inputs to the output. Each number then is a pair: its value
# $a$ and how fast it changes, $\dot{a}$, if the inputs move in a chosen direction. For a product,
# $(ab)^{\cdot} = \dot{a} b + a \dot{b}$. Nothing has to be stored. But one run gives one direction only, so for
# a loss with a million weights you would need a million runs.
#
# **Your turn.** The rate of a quotient.


# %%
def dual_divide(a, da, b, db):
    """The rate of change of a / b, if a changes at the rate da and b at the rate db."""
    ### BEGIN SOLUTION
    return da / b - a * db / b**2
    ### END SOLUTION


def check_dual(dual_divide):
    a, da, db = rng.normal(size=(3, 5))
    b = 1.5 + rng.random(5)
    return check_value(dual_divide, answers.dual_divide, a, da, b, db, names=("a", "da", "b", "db"))


test_dual = exercise(dual_divide, check_dual)

# %% [markdown]
# ## 7. The same walk in the package
#
# `tinygen` does what you did, with arrays in place of numbers. You call NumPy as always; the arrays remember.
# Trace the gradient of the function above, and you see the walk written out as a program: from the end,
# products with the derivatives of the steps, and one sum, because $x$ is used twice.

# %%
print(tg.trace(tg.grad(f, argnums=(0, 1)))(1.3, -0.7))

# %% [markdown]
# (The walk starts with the 1 of the output.)
#
# Two things are new with arrays.
#
# - The derivative of a step is a matrix, far too large to write down. So each step knows a function instead:
#   given $\bar{v}$, it returns $\bar{v}\, \partial v / \partial u$. That is called a vector-Jacobian product.
#   For $v = XW$ it is $X^\top \bar{v}$.
# - Shapes. A gradient has the shape of its array, always.
#
# Compare your walk with the package's, and with the checker:

# %%
from tinygen.autodiff import tape as engine

point = (0.8, 1.9)
u = lambda x, y: x * y
with_numpy = lambda x, y: u(x, y) + u(x, y) * np.sin(x) + 3 * u(x, y) / y
by_package = tg.grad(with_numpy, argnums=(0, 1))
print("package:   ", [float(d) for d in by_package(*point)])
print("checker:   ", said(check_grad(value(twice_used), by_package, *point)))
print("the engine:", engine.__doc__.splitlines()[0])

# %% [markdown]
# Since the rules are written in NumPy too, the walk can itself be recorded, and differentiated again. So second
# derivatives come for free. A famous trap is a derivative *inside* a function that is being differentiated. Let
# $g(x) = x \cdot \frac{d}{dq}(x + q)$. The inner derivative is 1 whatever $x$ is, so $g(x) = x$ and $g' = 1$.
# Tools that mix up the two derivatives answer 2.

# %%
print(tg.grad(lambda x: x * tg.grad(lambda q: x + q)(x))(3.0))

# %% [markdown]
# ## 8. Break it: find a program that it gets wrong
#
# Somebody found walking along the tape dull and wrote the walk as a recursion: hand on to the parents, then go
# to each of them, but to none twice.


# %%
def planted_walk(out):
    bar, visited = {out: 1.0}, set()

    def visit(number):
        visited.add(number)
        for parent, slope in number.parents:
            bar[parent] = bar.get(parent, 0.0) + bar[number] * slope
            if parent not in visited:
                visit(parent)

    visit(out)
    return bar


tests = {
    "x y + sin x": lambda x: x * 3.0 + sin(x),
    "x / (x + 2)": lambda x: x / (x + 2.0),
    "sin sin x": lambda x: sin(sin(x)),
}
for name, program in tests.items():
    print(f"{name:12} {check_grad(value(program), gradient(program, planted_walk), 0.7).verdict}")

# %% [markdown]
# All tests pass, so it was shipped. It is wrong.
#
# **Your turn.** Do not repair it; *convict* it. Write a function of one `Number` on which `planted_walk`
# returns a wrong derivative. (Think of what the order on the tape was good for.)


# %%
def counterexample(x):
    """A function, made of + * / and sin, that planted_walk differentiates wrongly near x = 0.7."""
    ### BEGIN SOLUTION
    u = 2 * x
    return u + 3 * u  # the first u hands on to x before the second has handed to u
    ### END SOLUTION


def check_counterexample(counterexample):
    return convicts(value(counterexample), gradient(counterexample, planted_walk), 0.7)


test_counterexample = exercise(counterexample, check_counterexample)

# %% [markdown]
# It has a second fault: the recursion goes as deep as the program is long, and Python stops at about a thousand
# calls.

# %%
def long_program(x, steps=2000):
    for _ in range(steps):
        x = sin(x)
    return x


try:
    gradient(long_program, planted_walk)(0.7)
except RecursionError as error:
    print(f"planted_walk: RecursionError: {error}")

# %% [markdown]
# ## 9. What is left out
#
# - **Programs that look at values.** `if x > 0` works: the tape holds the branch that was taken. At the corner
#   itself there is no derivative, and the tape does not notice.
# - **Changing arrays in place.** `y += 1` on an array would change a value that somebody else's derivative
#   still needs. The package refuses, and says what to write instead.
# - **Your own rules.** Where you know a better derivative than the automatic one, `tg.primitive` puts it in.
#   The formulas of lesson 4 are put in like that, derived by hand.

# %% tags=["script"]
if __name__ == "__main__":
    finish(globals())
