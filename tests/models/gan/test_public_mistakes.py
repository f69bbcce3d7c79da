"""Mistakes that public GAN code makes, planted into ours: each is caught by a number, and named if it is a gradient."""

import numpy as np
import pytest

import tinygen as tg
from tinygen.check.gradient import check_grad
from tinygen.models.gan import losses, penalties
from tinygen.nn.layers import sigmoid, softplus

B = 7
RNG = np.random.default_rng(5)
CRITIC = {"W": RNG.normal(size=(2, 3)), "b": RNG.normal(size=3), "a": RNG.normal(size=3)}
GENERATOR = {"V": RNG.normal(size=(2, 2)), "c": RNG.normal(size=2)}
REAL, NOISE, U = RNG.normal(size=(B, 2)), RNG.normal(size=(B, 2)), RNG.uniform(size=(B, 1))
LOGITS = 2 * RNG.normal(size=B)
w = np.array([0.3, -0.4])


def D(params):
    return lambda x: np.tanh(x @ params["W"] + params["b"]) @ params["a"]


def G(params, z):
    return z @ params["V"] + params["c"]


FAKE = G(GENERATOR, NOISE)


def generator_loss(params, loss=losses.non_saturating_generator):
    return loss(D(CRITIC)(G(params, NOISE)))


def named(f, wrong, *args, words):
    """check_grad fails `wrong`, and one of the mistakes that it names says one of `words`."""
    report = check_grad(f, wrong, *args, rng=np.random.default_rng(1))
    assert report.verdict == "FAIL" and report.mistakes, str(report)
    said = [mistake.sentence for mistake in report.mistakes]
    assert any(word in sentence for word in words for sentence in said), said


def zeros(params):
    return {name: np.zeros_like(value) for name, value in params.items()}


# ---- mistakes of a gradient ----


def test_detach_in_the_generators_step():
    named(generator_loss, zeros, GENERATOR, words=["is zero everywhere"])


def test_the_generator_scores_fakes_that_it_did_not_draw():
    """The old samples are scored: nothing of the loss depends on the generator, nor on its noise."""
    stale = FAKE.copy()
    loss = lambda params, z: losses.non_saturating_generator(D(CRITIC)(stale + 0 * np.sum(G(params, z))))
    named(generator_loss, lambda p: tg.grad(lambda q: loss(q, NOISE))(p), GENERATOR, words=["is zero everywhere"])
    np.testing.assert_array_equal(tg.grad(lambda z: loss(GENERATOR, z))(NOISE), 0)
    fresh = np.random.default_rng(9).normal(size=(B, 2))
    right = lambda z: losses.non_saturating_generator(D(CRITIC)(G(GENERATOR, z)))
    assert loss(GENERATOR, fresh) == loss(GENERATOR, NOISE) and right(fresh) != right(NOISE)
    assert np.abs(tg.grad(right)(NOISE)).min() > 0


def test_the_generator_climbs():
    f = lambda p: generator_loss(p, losses.wasserstein_generator)
    named(f, tg.grad(lambda p: -f(p)), GENERATOR, words=["wrong sign"])


def test_labels_swapped():
    """Real and fake exchanged in D's loss: its logit's sign is wrong, seen by the gradient and by (B)'s two terms."""
    wrong = tg.grad(lambda real, fake: losses.logistic_discriminator(fake, real), (0, 1))
    named(losses.logistic_discriminator, wrong, LOGITS, LOGITS[::-1] + 0.3, words=["are the labels swapped"])


def test_saturating_called_non_saturating():
    wrong = lambda fake: -sigmoid(fake) / B
    named(losses.non_saturating_generator, wrong, LOGITS, words=["exp(fake) times", "at -fake in place of fake"])


def test_mean_of_the_errors_is_squared():
    f = lambda p: generator_loss(p, lambda fake: losses.least_squares_generator(fake, target=1.0))
    wrong = tg.grad(lambda p: 0.5 * (np.mean(D(CRITIC)(G(p, NOISE))) - 1) ** 2)
    named(f, wrong, GENERATOR, words=["averaged over the batch"])
    two = np.array([0.0, 2.0])  # two rows: the wrong loss is 0 there
    assert losses.least_squares_generator(two, target=1.0) == 0.5 and (two.mean() - 1) ** 2 == 0


def test_r1_detached():
    f = lambda p: losses.logistic_discriminator(D(p)(REAL), D(p)(FAKE)) + 3.0 * penalties.r1(D(p), REAL)
    wrong = tg.grad(lambda p: losses.logistic_discriminator(D(p)(REAL), D(p)(FAKE)))
    named(f, wrong, CRITIC, words=["the term `3.0 * penalties.r1(D(p), REAL)`"])
    assert np.abs(tg.grad(lambda p: penalties.r1(D(p), REAL))(CRITIC)["a"]).min() > 0


def test_the_penaltys_weight_is_left_out():
    f = lambda w: losses.wasserstein_critic(REAL @ w, FAKE @ w) + 10 * _gp(w)
    wrong = tg.grad(lambda w: losses.wasserstein_critic(REAL @ w, FAKE @ w) + _gp(w))
    named(f, wrong, w, words=["counts 1/10 times"])


def _gp(w):
    return penalties.gradient_penalty(lambda x: x @ w, REAL, FAKE, U)


def test_norm_over_the_batch_axis():
    slope = RNG.normal(size=(B, 3))
    norm = lambda s: np.linalg.norm(s, axis=0)
    wrong = lambda s: 2 * (norm(s) - 1) * s / norm(s) / s.shape[1]
    named(penalties.one_centred, wrong, slope, words=["wrong axis"])


def test_smoothed_labels():
    wrong = lambda real, fake: ((sigmoid(real) - 0.9) / B, (sigmoid(fake) - 0.1) / B)
    named(losses.logistic_discriminator, wrong, LOGITS, LOGITS[::-1], words=["too large"])


def test_sum_for_mean_and_half_for_a_sum_of_two_means():
    f, logits = losses.logistic_discriminator, (LOGITS, LOGITS[::-1])
    named(f, lambda r, k: (-sigmoid(-r), sigmoid(k)), *logits, words=["a sum in place of a mean"])
    named(f, lambda r, k: (-sigmoid(-r) / (2 * B), sigmoid(k) / (2 * B)), *logits, words=["is half what it should be"])


def test_a_column_of_scores_against_a_row_of_labels():
    f = lambda logits, labels: 0.5 * np.mean((logits - labels[:, None]) ** 2)
    wrong = tg.grad(lambda logits, labels: 0.5 * np.mean((logits - labels) ** 2))
    named(f, [wrong, None], LOGITS[:, None], np.arange(B) % 3 / 2, words=["was broadcast to (B, B)"])
    with pytest.raises(ValueError, match="every row meets every other"):
        losses.least_squares_discriminator(LOGITS[:, None], LOGITS)


def of_axes(slope, axis):
    return np.mean((np.linalg.norm(slope, axis=axis) - 1) ** 2)


@pytest.mark.parametrize("axis", [1, 2])
def test_norm_over_one_axis_of_an_image(axis):
    slope = RNG.normal(size=(B, 3, 2))
    words = [f"axis {axis} in place of axes (1, 2) (penalties.py, line"]
    named(penalties.one_centred, lambda s: tg.grad(of_axes)(s, axis), slope, words=words)
    named(lambda s: of_axes(s, (1, 2)), lambda s: tg.grad(of_axes)(s, axis), slope, words=words[0].split(" (pen")[:1])


def test_norm_over_one_axis_of_a_row():
    """A linear critic: each entry's own slope in place of the row's norm gives .425 for .25."""
    slope = np.tile(w, (B, 1))
    each = lambda slope: np.mean((np.abs(slope) - 1) ** 2)
    assert penalties.one_centred(slope) == pytest.approx(0.25, abs=1e-12)
    assert each(slope) == pytest.approx(0.425, abs=1e-12)
    words = ["no axis (each entry by itself) in place of axis 1"]
    named(penalties.one_centred, tg.grad(each), RNG.normal(size=(B, 3)), words=words)
    named(lambda s: of_axes(s, 1), tg.grad(each), RNG.normal(size=(B, 3)), words=words)
    at = lambda a: D(CRITIC | {"a": a})
    critic = lambda a: losses.wasserstein_critic(at(a)(REAL), at(a)(FAKE))
    right = lambda a: critic(a) + 10 * penalties.gradient_penalty(at(a), REAL, FAKE, U)
    wrong = lambda a: critic(a) + 10 * each(penalties.slopes(at(a), penalties.interpolate(REAL, FAKE, U)))
    named(right, tg.grad(wrong), CRITIC["a"], words=words)


def twice(loss):
    """The loss of logits, given sigmoids of them."""
    return lambda *logits: loss(*(sigmoid(l) for l in logits))


@pytest.mark.parametrize("name", ["logistic", "least_squares", "relativistic"])
def test_sigmoid_before_a_loss_on_logits(name):
    """D then stays within [.5, .731], and the loss at chance is not 2 ln 2. (And a sigmoid inside LSGAN's D.)"""
    loss = getattr(losses, f"{name}_discriminator")
    named(loss, tg.grad(twice(loss), (0, 1)), LOGITS, LOGITS[::-1] + 0.3, words=["a sigmoid of `real`"])
    at = lambda a: D(CRITIC | {"a": a})
    f, wrong = (lambda a, loss=loss: loss(at(a)(REAL), at(a)(FAKE)) for loss in (loss, twice(loss)))
    named(f, tg.grad(wrong), CRITIC["a"], words=["a sigmoid of `np.tanh(x @ params"])


def test_sigmoid_twice_in_numbers_and_with_labels():
    chance = twice(losses.logistic_discriminator)(np.zeros(B), np.zeros(B))
    assert abs(chance - 2 * np.log(2)) > 0.05
    assert sigmoid(sigmoid(np.array([-800.0, 800.0]))).tolist() == pytest.approx([0.5, 0.731058579])
    bce = lambda logits, y: np.mean(softplus(logits) - y * logits)
    wrong = lambda logits, y: tg.grad(lambda l: bce(sigmoid(l), y))(logits)
    named(bce, [wrong, None], LOGITS, (LOGITS > 0.2) * 1.0, words=["a sigmoid of `logits` in place of `logits`"])


def test_softmax_before_a_loss_on_logits():
    labels = np.arange(B) % 3
    f = lambda logits: np.mean(tg.logsumexp(logits, 1) - logits[np.arange(B), labels])
    logits = 2 * RNG.normal(size=(B, 3))
    named(f, tg.grad(lambda l: f(tg.softmax(l))), logits, words=["a softmax of `logits` in place of `logits`"])


LEFT_IN = {  # both players' losses, and what is named
    "logistic": (losses.LOSSES["non_saturating"], "`softplus(fake) at -(fake)`"),
    "least squares": (losses.LOSSES["least_squares"], "`(fake - fake_label -1)**2`"),
    "hinge": (losses.LOSSES["hinge"], "`-(1 + fake)`"),
    "relativistic": (losses.LOSSES["relativistic"], "at -(fake - real)`"),
    "as it is often written": (
        losses.Loss(
            lambda r, k: -np.mean(np.log(sigmoid(r)) + np.log(1 - sigmoid(k))), lambda k: -np.mean(np.log(sigmoid(k)))
        ),
        "`np.log(1 - (1 - sigmoid(k)))`",
    ),
}


@pytest.mark.parametrize("loss", LEFT_IN)
def test_the_generators_gradient_left_in_the_discriminator(loss):
    """Without clearing, D's step has the generator's loss in it."""
    loss, words = LEFT_IN[loss]
    d, g = (lambda p, f=f: f(D(p)(REAL), D(p)(FAKE)) for f in (loss.discriminator, loss.of_generator))
    right, left = tg.grad(d)(CRITIC), tg.grad(lambda p: d(p) + g(p))(CRITIC)
    assert np.abs(right["a"] - left["a"]).max() > 0.05
    of_one = lambda f: lambda a: f(CRITIC | {"a": a})
    named(of_one(d), tg.grad(of_one(lambda p: d(p) + g(p))), CRITIC["a"], words=[f"{words} beside"])


@pytest.mark.parametrize("in_place", [False, True])
def test_a_gradient_that_is_never_cleared(in_place):
    """At the first call it is right: the second is what tells."""
    f, held = (lambda p: losses.logistic_discriminator(D(p)(REAL), D(p)(FAKE))), zeros(CRITIC)

    def adding(p):
        for name, new in tg.grad(f)(p).items():
            if in_place:
                held[name] += new
            else:
                held[name] = held[name] + new
        return dict(held)

    report = check_grad(f, adding, CRITIC, rng=np.random.default_rng(1))
    assert report.verdict == "FAIL" and "zero_grad" in str(report), str(report)
    assert check_grad(f, tg.grad(f), CRITIC, rng=np.random.default_rng(1)).verdict == "PASS"


# ---- mistakes of a value ----


def test_one_interpolation_weight_for_each_pixel():
    """The gradient at these points is a right one, of a penalty at wrong places: there is nothing to name, so our
    function refuses the weights, and a number shows that the points leave the segment."""
    with pytest.raises(ValueError, match="off the segment"):
        penalties.interpolate(REAL, FAKE, RNG.uniform(size=(B, 2)))
    u = np.random.default_rng(0).uniform(size=(B, 2))
    off = u * REAL + (1 - u) * FAKE
    detour = np.linalg.norm(off - REAL, axis=1) + np.linalg.norm(off - FAKE, axis=1)
    assert (detour > np.linalg.norm(REAL - FAKE, axis=1) * (1 + 1e-6)).any()


def test_r1_of_the_probability():
    linear = lambda x: x @ w
    assert penalties.r1(linear, REAL) == pytest.approx(0.125, abs=1e-12)
    wrong = penalties.r1(lambda x: softplus(linear(x)), REAL)
    assert abs(wrong - 0.125) > 0.05
    slope = lambda x: np.sum(D(CRITIC)(x))
    of_softplus = lambda x: penalties.slopes(lambda y: softplus(D(CRITIC)(y)), x)
    named(slope, of_softplus, REAL, words=["has a factor sigmoid(`np.tanh("])


def test_batch_statistics_in_a_penalised_critic():
    """Normalised by the batch, a row's logit depends on the others: seven rows are not seven calls."""
    norm = lambda h: (h - h.mean(0)) / np.sqrt(h.var(0) + 1e-5)
    wrong = lambda x: np.tanh(norm(x @ CRITIC["W"] + CRITIC["b"])) @ CRITIC["a"]
    ones = [float(wrong(REAL[i : i + 1])[0]) for i in range(B)]
    assert np.abs(wrong(REAL) - ones).max() > 0.1
    own = [np.diag(tg.jacobian(lambda x, j=j: wrong(np.stack([x, *REAL[1:]]))[j])(REAL[0]))[0, 0] for j in (0,)]
    assert abs(penalties.slopes(wrong, REAL)[0, 0] - own[0]) > 1e-3  # the sum over the batch mixes the rows
    right = [float(D(CRITIC)(REAL[i : i + 1])[0]) for i in range(B)]
    np.testing.assert_allclose(D(CRITIC)(REAL), right, rtol=1e-13)


def test_batch_statistics_held_constant():
    """What a step by the running statistics does to a gradient."""

    def loss(x, held=None):
        h = x @ CRITIC["W"] + CRITIC["b"]
        mean, var = (h.mean(0), h.var(0)) if held is None else held
        return np.sum(np.tanh((h - mean) / np.sqrt(var + 1e-5)) @ CRITIC["a"])

    def wrong(x):
        h = x @ CRITIC["W"] + CRITIC["b"]
        return tg.grad(loss)(x, (h.mean(0), h.var(0)))

    named(loss, wrong, REAL, words=["`var` and `mean` are held constant", "`np.sqrt(var + 1e-5)` and `mean` are held"])


def test_a_clamp_before_the_logarithm():
    far = np.array([-14.0, -3.0, 0.4, 12.5])
    clamped = lambda fake: np.mean(np.log(1 - np.clip(sigmoid(fake), 1e-5, 1 - 1e-5)))
    found = tg.grad(clamped)(far)
    right = tg.grad(losses.saturating_generator)(far)
    assert (found == 0).tolist() == [True, False, False, True] and (right != 0).all()
    np.testing.assert_allclose(found[1:3], right[1:3], rtol=1e-9)
    wider = np.array([-14.0, -3.0, 0.4, 12.5, 13.5, -1.2, 2.0])
    wrong = lambda fake: np.where(np.abs(fake) < 11.5, -sigmoid(fake) / B, 0)
    named(losses.saturating_generator, wrong, wider, words=["there it is zero: left out"])
