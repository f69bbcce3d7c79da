"""The operation that is named is the one that made the NaN: forward, in the gradient, masked, or in the arguments."""

import re

import numpy as np
import pytest

import tinygen as tg
from tinygen.nn.nonfinite import explain

P = {"a": np.array([0.5, -2.0, 3.0]), "b": np.array(1.0)}


def log_of_negative(p, x, eps):
    inner = p["a"] * x
    logs = np.log(inner)
    return np.sum(logs * 2)


def inf_minus_inf(p, x, eps):
    big = np.exp(p["a"] * 1e3)
    return np.sum(big - big)


def overflow(p, x, eps):
    return np.sum(np.exp(1e4 * p["b"]) + x)


def masked_then_wrong(p, x, eps):
    harmless = np.where(p["a"] > 0, np.log(p["a"]), 0.0)  # a NaN that is thrown away
    return np.sum(harmless) + np.sqrt(p["b"] - 2.0)


def kink(p, x, eps):
    return np.sqrt(np.sum((p["b"] - 1.0) ** 2))


def masked_too_late(p, x, eps):
    roots = np.sqrt(p["a"])
    return np.sum(np.where(p["a"] > 0, roots, 0.0))


def two_outputs(p, x, eps):
    _, logdet = np.linalg.slogdet(np.zeros((2, 2)) * p["b"])
    return logdet * p["b"]


@pytest.mark.parametrize(
    "f, words",
    [
        (
            log_of_negative,
            r"^the first NaN came out of log \(operation 2 of 4, test_nonfinite\.py:\d+: `logs = np\.log\(inner\)`\): "
            r"1 of 3 values, from an argument between -2 and 3$",
        ),
        (
            inf_minus_inf,
            r"^the first NaN came out of subtract \(.*`return np\.sum\(big - big\)`\): 1 of 3 values, .*; "
            r"before it, the first inf came out of exp \(.*`big = np\.exp\(.*an argument between -2000 and 3000$",
        ),
        (overflow, r"^the first inf came out of exp \(.*an argument between 10000 and 10000$"),
        (masked_then_wrong, r"^the first NaN came out of sqrt \(.*p\[\"b\"\] - 2\.0"),
        (kink, r"^the value is finite; the first (inf|NaN) of the gradient .* derivative of sqrt \(.*argument 0"),
        (
            masked_too_late,
            r"^the value is finite; the first NaN of the gradient came out of the derivative of sqrt "
            r"\(.*`roots = .*1 of 3 values\. np\.where throws the value away",
        ),
        (two_outputs, r"^the first inf came out of slogdet"),
    ],
)
def test_the_operation_is_named(f, words):
    sentence = explain(f, P, np.ones(3), None)
    assert re.search(words, sentence), sentence


def test_what_was_not_finite_before_is_named():
    bad = np.array([1.0, np.nan, np.inf])
    params = {"a": [P["a"], bad]}
    assert explain(overflow, params, 1.0, None) == "the parameters['a'][1] held NaN before the step: 2 of 3 values"
    assert explain(overflow, P, bad, None).startswith("the batch held NaN")
    noise = {"eps": bad[2:]}
    assert explain(overflow, P, (1, np.ones(3)), noise) == "the noise['eps'] held inf before the step: 1 of 1 values"


def test_an_overflow_between_the_rules_blames_none():
    def loss(p, x, eps):
        wave = np.sin(p)
        return x * wave + x * wave

    assert explain(loss, np.float32(0.1), np.float32(3e38), None).endswith("while contributions were added up")


def test_a_loss_without_parameters_is_said():
    assert explain(lambda p, x, eps: np.log(x), P, -1.0, None) == "the loss does not depend on the parameters"


def test_a_primitive_is_named_at_the_line_that_calls_it():
    halved_log = tg.primitive(lambda x: np.log(x) / 2, lambda g, y, x: g / (2 * x))

    def loss(p, x, eps):
        here = halved_log(p["a"])
        return np.sum(here)

    assert "<lambda> (operation 1 of 2, test_nonfinite.py:" in explain(loss, P, 1.0, None)
    assert '`here = halved_log(p["a"])`' in explain(loss, P, 1.0, None)
