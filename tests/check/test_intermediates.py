"""Back through a function line by line: the first wrong gradient is named, and only that."""

import numpy as np
import pytest

from tinygen.check.intermediates import check_intermediates


def network(X, W, V, Y, note):
    a = note("a", X @ W)
    h = note("h", np.tanh(a))
    logits = note("logits", h @ V)
    p = note("p", np.exp(logits) / np.exp(logits).sum(1, keepdims=True))
    return -np.mean(np.sum(Y * np.log(p), axis=1))


def backward(X, W, V, Y, slip=""):
    a = X @ W
    h = np.tanh(a)
    logits = h @ V
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    dp = -Y / p / (1 if slip == "p" else len(X))
    dlogits = (p - Y) / len(X) if slip != "logits" else p / len(X)
    dh = dlogits @ V.T
    return {"p": dp, "logits": dlogits, "h": dh, "a": dh * (1 - (a if slip == "a" else h) ** 2)}


@pytest.fixture
def args():
    rng = np.random.default_rng(15)
    return rng.normal(size=(7, 3)), rng.normal(size=(3, 5)), rng.normal(size=(5, 4)), np.eye(4)[rng.integers(0, 4, 7)]


def test_all_right(args):
    report = check_intermediates(network, backward, *args)
    assert report.verdict == "PASS" and not report.notes and report.name == "network"


@pytest.mark.parametrize("slip, line", [
    ("a", "is dL/da; dL/dp, dL/dlogits, dL/dh are right. Look at the line that takes dL/dh to dL/da"),
    ("logits", "is dL/dlogits; dL/dp is right. Look at the line that takes dL/dp to dL/dlogits"),
    ("p", "is dL/dp. Look at the line that makes dL/dp from the loss"),
])  # fmt: skip
def test_the_first_wrong_line(slip, line, args):
    report = check_intermediates(network, lambda *a: backward(*a, slip=slip), *args)
    assert report.verdict == "FAIL" and line in report.notes[0]
    assert f"dL/d{slip}" in report.mistakes[0].sentence


def test_some_only_and_as_a_dict(args):
    right = backward(*args)
    report = check_intermediates(network, {"h": right["h"], "logits": 2 * right["logits"]}, *args)
    assert "is dL/dlogits." in report.notes[0] and {e.where.split("[")[0] for e in report.entries} == {"h", "logits"}


def test_clear_errors(args):
    with pytest.raises(ValueError, match="notes a, h, logits, p, but there is a gradient with respect to q"):
        check_intermediates(network, {"q": args[0]}, *args)
    with pytest.raises(ValueError, match="notes 'a' twice"):
        check_intermediates(lambda x, note: note("a", note("a", x)).sum(), {"a": args[0]}, args[0])
    with pytest.raises(ValueError, match="'a' has dtype int64, expected floats"):
        check_intermediates(lambda x, note: note("a", np.argsort(x)).sum(), {}, args[0])
