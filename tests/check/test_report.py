"""Reports: the verdict, the text of 80 columns, the JSON, the pictures."""

import json

import numpy as np
import pytest

from tinygen.check.gradient import check_grad
from tinygen.check.report import Entry, Report
from tinygen.check.verdict.curves import STEPS, error_curves, order, remainders
from tinygen.mistakes.diagnose import Mistake


def report_of(*verdicts):
    return Report("three", [Entry(f"x[{i}]", v, 1.0, 2.0, 0.5) for i, v in enumerate(verdicts)])


@pytest.mark.parametrize(
    "verdicts, expected",
    [
        (("PASS",), "PASS"),
        (("PASS", "UNDECIDED"), "UNDECIDED"),
        (("UNDECIDED", "FAIL", "PASS"), "FAIL"),
        ((), "UNDECIDED"),  # nothing was compared
    ],
)
def test_verdict(verdicts, expected):
    report = report_of(*verdicts)
    assert report.verdict == expected and report.ok == (expected == "PASS")
    assert str(report).startswith(f"{expected}  three")


def test_text_fits_a_terminal():
    report = report_of(*["FAIL"] * 20)
    report.entries[0].note = "a long note " * 20
    report.mistakes = [Mistake("sign", "a long sentence " * 20, 1e-9, "dL/dx = -(yours)", "x")]
    report.notes = ["a remark " * 30]
    report.example = "import numpy as np\nprint(1)"
    text = str(report)
    assert max(map(len, text.splitlines())) <= 80
    for part in (
        "x[0]: got 1, expected 2 +- 5.0e-01",
        "14 more",
        "1. a long",
        "corrected: dL/dx = -(yours)",
        "    print(1)",
    ):
        assert part in text
    passing = report_of(*["PASS"] * 3)
    assert "+- 5e-01" in str(passing) and max(map(len, str(passing).splitlines())) <= 80


def test_dictionary_is_json(rng):
    report = check_grad(lambda x: np.sum(x**2), lambda x: x, rng.normal(size=(3, 2)))
    report.details["array"] = np.array([1.0, np.inf, np.nan])
    told = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert told["verdict"] == "FAIL" and told["mistakes"][0]["kind"] == "factor"
    assert told["entries"][0]["verdict"] == "FAIL" and told["details"]["array"] == [1.0, "inf", "nan"]
    assert "check_grad" in told["example"]


@pytest.mark.parametrize("factor, expected", [(1, 2), (1.2, 1)])
def test_orders_of_the_remainder(factor, expected, rng):
    x = rng.normal(size=7)
    report = check_grad(lambda x: np.sum(np.exp(np.sin(x))), lambda x: factor * np.cos(x) * np.exp(np.sin(x)), x)
    meter, v = report.judge.meter, rng.normal(size=7)
    zeroth, first = remainders(meter, v, report.judge.got @ v)
    noise = meter.noise.sigma
    assert order(zeroth, noise) == pytest.approx(1, abs=0.1)
    assert order(first, noise) == pytest.approx(expected, abs=0.1)
    forward, central = error_curves(meter, v, (np.cos(x) * np.exp(np.sin(x))) @ v)
    for curve, best in ((forward, 1e-8), (central, 1e-5)):  # the bottom of each V
        bottom = STEPS[np.argmin(curve)]
        assert best / 100 < bottom < best * 100
        assert curve[0] > 100 * curve.min() and curve[-1] > 100 * curve.min()
    assert np.isnan(order(np.zeros(len(STEPS)), 1.0))


def test_pictures_can_be_drawn(tmp_path, rng):
    x = rng.normal(size=5)
    for gradient in (lambda x: 2 * x, lambda x: x, lambda x: None):
        figure = check_grad(lambda x: np.sum(x**2), gradient, x).plot()
        figure.savefig(tmp_path / "a.png")
    report_of("PASS", "FAIL", "UNDECIDED").plot().savefig(tmp_path / "b.png")
    assert (tmp_path / "b.png").stat().st_size > 5000


def test_the_text_never_exceeds_a_screen(rng):
    x = rng.normal(size=20_000)

    def gradient(x):
        g = 2 * x
        g[123] *= 3
        return g

    report = check_grad(lambda x: np.sum(x**2), gradient, x)
    text = str(report)
    assert report.verdict == "FAIL" and "x[123]" in text
    assert len(text.splitlines()) <= 40 and max(map(len, text.splitlines())) <= 160
    many = Report("many", [Entry("a" * 300, "FAIL", note="b " * 3000)], notes=["c " * 300] * 50, example="d" * 10**5)
    assert len(str(many).splitlines()) <= 40 and len(str(many)) < 7000
