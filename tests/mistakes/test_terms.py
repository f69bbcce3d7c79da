"""A loss of named terms: the term that is wrong is named, and what is wrong with it."""

import numpy as np
import pytest

import tinygen as tg
from tinygen.check.gradient import check_grad
from tinygen.mistakes.diagnose import diagnose

NAMES = ("mean", "logvar", "eps", "x")


def elbo(mean, logvar, eps, x):
    z = mean + np.exp(logvar / 2) * eps
    return {"reconstruction": np.sum((x - z) ** 2), "kl": 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar)}


@pytest.fixture
def args():
    return tuple(np.random.default_rng(12).normal(size=(4, 5, 3)))


def term(name, argnum, args):
    return tg.grad(lambda *a: elbo(*a)[name], argnum)(*args)


def ask(argnum, got, args, rng_bar=1e-10):
    expected = tg.grad(lambda *a: sum(elbo(*a).values()), argnum)(*args)
    bars = rng_bar * np.maximum(abs(expected), 0.1 * abs(expected).max())
    return diagnose(elbo, args, argnum, got, expected, bars, names=NAMES)


CASES = {
    "is missing": 0.0,
    "has the wrong sign": -1.0,
    "counts twice": 2.0,
    "counts half": 0.5,
    "counts 5 times (5 is the length of axis 0": 5.0,
    "counts 1.0001 times": 1.0001,
}


@pytest.mark.parametrize("says", CASES)
@pytest.mark.parametrize("name", ["reconstruction", "kl"])
@pytest.mark.parametrize("argnum", [0, 1])
def test_a_wrong_coefficient(says, name, argnum, args):
    other = {"kl": "reconstruction", "reconstruction": "kl"}[name]
    got = CASES[says] * term(name, argnum, args) + term(other, argnum, args)
    (first, *_) = ask(argnum, got, args)
    assert first.kind == "term" and first.where == name
    assert first.sentence.startswith(f"{name}: ") and says in first.sentence


def test_two_wrong_coefficients(args):
    (first, *_) = ask(1, -term("reconstruction", 1, args) + 2 * term("kl", 1, args), args)
    assert first.kind == "two"
    assert "reconstruction has the wrong sign" in first.sentence and "kl counts twice" in first.sentence


def test_a_term_that_is_wrong_in_itself(args):
    logvar = args[1]
    got = term("reconstruction", 1, args) + (np.exp(logvar / 2) - np.exp(-logvar / 2))
    (first, *_) = ask(1, got, args)
    assert (
        first.kind == "parameterisation" and first.sentence.startswith("kl: ") and "to sigma instead" in first.sentence
    )


def test_the_path_through_the_sample(args):
    mean, logvar, eps, x = args
    got = 2 * (mean + np.exp(logvar / 2) * eps - x) * eps * np.exp(logvar / 2) + term("kl", 1, args)  # the 1/2 is lost
    sentences = " ".join(mistake.sentence for mistake in ask(1, got, args))
    assert "reconstruction: in dL/dlogvar this term counts twice" in sentences
    assert "the path through the sample z = mean + std * eps counts twice" in sentences


def test_a_scalar_loss_has_its_terms_named_by_their_source(args):
    def kl(mean, logvar):
        return 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar)

    report = check_grad(kl, [None, lambda mean, logvar: (np.exp(logvar) + 1) / 2], *args[:2])
    assert report.mistakes[0].kind == "term" and "logvar" in report.mistakes[0].sentence
