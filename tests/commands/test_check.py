"""tinygen check FILE: the four exit statuses, and every way in which a file can be unusable told with its line."""

import argparse
import sys

import pytest

from tinygen.commands import check as command

HEAD = "import numpy as np\nfrom tinygen.check.derivation import Derivation, Line\n"
KL = """
def kl(mean=np.array([0.3, -1.2]), logvar=np.array([0.1, 0.7])):
    return 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar)
def grad_kl(mean, logvar):
    return mean, {half}(np.exp(logvar) - 1)
"""
RIGHT, DOUBLE = KL.format(half="0.5 * "), KL.format(half="")
BLURRED = """
def noisy(x=np.array([1.0, 2.0])):
    return float(np.float32(np.sum(np.sin(x))))
def grad_noisy(x):
    return np.cos(x)
"""
DERIVATION = """
square = Derivation("square", Line("(a+b)^2", lambda a, b: (a + b) ** 2), Line("sum", lambda a, b: {line}),
                    points=[dict(a=1.0, b=2.0)])
"""


@pytest.fixture
def check(tmp_path, capsys):
    """Write a file and check it; returns (status, output, errors). Leaves the import system as it was."""

    def run(text, name="mine.py"):
        path = tmp_path / name
        if isinstance(text, bytes):
            path.write_bytes(text)
        elif text is not None:
            path.write_text(text)
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        before = list(sys.path), set(sys.modules)
        status = command.run(parser.parse_args([str(path)]))
        assert sys.path == before[0] and not {m for m in set(sys.modules) - before[1] if m.startswith("checked_")}
        return (status, *capsys.readouterr())

    return run


def test_right_pairs_pass(check):
    status, out, errors = check(HEAD + RIGHT)
    assert status == 0 and errors == "" and "grad_kl, the gradient of kl" in out and "1 PASS" in out


def test_a_wrong_gradient_fails_and_is_named(check):
    status, out, _ = check(HEAD + DOUBLE)
    assert status == 1 and "FAIL" in out and "logvar" in out and "sigma" in out


def test_undecided_alone_is_3_and_a_failure_outweighs_it(check):
    assert check(HEAD + BLURRED)[0] == 3
    assert check(HEAD + BLURRED + RIGHT)[0] == 3
    assert check(HEAD + BLURRED + DOUBLE)[0] == 1


def test_a_derivation(check):
    assert check(HEAD + DERIVATION.format(line="a**2 + 2 * a * b + b**2"))[0] == 0
    status, out, _ = check(HEAD + DERIVATION.format(line="a**2 + b**2"))
    assert status == 1 and "first false line is line 2" in out
    status, out, _ = check(HEAD + DERIVATION.format(line="a**2 + c"))
    assert status == 2 and "NameError" in out and "mine.py, line 4" in out


def test_the_decorator_and_integers(check):
    text = HEAD + """
from tinygen.check import gradient_of
def power(x=2.0, n=3):
    return x**n
@gradient_of(power)
def slope(x, n):
    return {0} * x ** (n - 1)
"""
    assert check(text.format("n"))[0] == 0
    assert check(text.format("(n + 1)"))[0] == 1


@pytest.mark.parametrize(("text", "told"), [
    (HEAD + "x = [", "line 3: '[' was never closed"),
    ("import numpyy", "line 1: ModuleNotFoundError"),
    (HEAD + "x = 1 / 0", "line 3: ZeroDivisionError"),
    ("import sys\nsys.exit(0)", "line 2: SystemExit"),
    (b"x = '\x00'", "null bytes"),
    (b"\xff\xfe", "decode"),
    ("", "there is nothing to check"),
    (HEAD + "def loss(x=1.0): return x", "it defines loss, but there is nothing to check"),
    (HEAD + "def grad_loss(x=1.0): return x", "grad_loss has no function loss beside it"),
    (HEAD + "def f(x): return x\ndef grad_f(x): return 1.0", "f (line 3): x has no default"),
    (HEAD + "def f(x=1.0, *, k): return x\ndef grad_f(x): return 1.0", "f (line 3): k has no default"),
    (HEAD + "def f(n=2): return n**2\ndef grad_f(n): return 2 * n", "nothing to differentiate by"),
    (HEAD + "def f(): return 1.0\ndef grad_f(): return 1.0", "nothing to differentiate by"),
    (HEAD + "def f(x=1.0):\n    return x[0]\ndef grad_f(x): return 1.0", "line 4: "),
    (HEAD + "Derivation('one line')", "line 3: TypeError: derivation 'one line' needs at least two lines"),
])  # fmt: skip
def test_an_unusable_file_is_2_and_is_told_why(check, text, told):
    status, out, errors = check(text)
    assert status == 2 and told in errors and "Traceback" not in out + errors


def test_paths(check, tmp_path):
    assert check(None, "none.py")[0] == 2
    assert "there is no such file" in check(None, "none.py")[2]
    assert "expected a Python file" in check(HEAD, "mine.txt")[2]
    (tmp_path / "folder.py").mkdir()
    assert "is a folder" in check(None, "folder.py")[2]


def test_an_error_in_a_module_beside_the_file_is_told_with_the_files_own_line(check, tmp_path):
    (tmp_path / "beside_checked.py").write_text("def broken():\n    raise KeyError('deep')\n")
    status, _, errors = check("\nimport beside_checked\nbeside_checked.broken()\n")
    sys.modules.pop("beside_checked", None)
    assert status == 2 and "line 3: KeyError: 'deep'" in errors


def test_one_that_cannot_be_used_does_not_hide_the_others(check):
    status, out, errors = check(HEAD + "def f(x): return x\ndef grad_f(x): return 1.0\n" + RIGHT)
    assert status == 2 and "1 PASS" in out and "1 not usable" in out and "no default" in errors
    assert check(HEAD + "def f(x): return x\ndef grad_f(x): return 1.0\n" + DOUBLE)[0] == 1


def test_the_defaults_are_not_changed_by_a_function_that_writes_into_them(check):
    text = """
def f(x=np.array([3.0, 4.0])):
    x *= 2.0
    return np.sum(x**2)
def grad_f(x):
    return 8 * x
"""
    status, out, _ = check(HEAD + text)
    assert status == 0 and any(number in out for number in ("24 ", "24,", "32 ", "32,"))


@pytest.mark.parametrize("name", [
    "gradient_cost", "cost_grad", "cost_gradient", "dcost", "d_cost", "cost_prime", "cost_derivative", "dcost_dw",
])  # fmt: skip
def test_pairs_are_found_by_their_names(check, name):
    text = HEAD + "def cost(w=np.array([1.0, 2.0]), y=3.0):\n    return y * np.sum(w**2)\n"
    status, out, _ = check(text + f"def {name}(w, y):\n    return 2 * y * w\n")
    assert status == 0 and out.startswith(f"mine.py: 1 to check: cost with {name}\n"), out
    assert check(text + f"def {name}(w, y):\n    return y * w\n")[0] == 1


def test_gradients_by_single_arguments(check):
    text = HEAD + """
def loss(w=np.array([1.0, 2.0]), b=0.5, n=3):
    return np.sum((w * n - b) ** 2)
def dloss_db(w, b, n):
    return -2 * np.sum(w * n - b)
def dloss_dw(w, b, n):
    return {0} * (w * n - b)
"""
    assert check(text.format("2 * n"))[0] == 0
    status, out, _ = check(text.format("2"))
    assert status == 1 and "loss with dloss_db, dloss_dw" in out and "w[" in out
    assert "loss has no argument v" in check(text.format("2").replace("dloss_dw", "dloss_dv"))[2]


def test_helpers_and_what_raises_stop_nothing(check):
    text = HEAD + """
def grad_clip(g, most=1.0):
    return np.clip(g, -most, most)
def broken(x=1.0):
    return {}["x"]
def grad_broken(x):
    return 1.0
def power(n=2):
    return n**2
def grad_power(n):
    return 2 * n
""" + RIGHT
    status, out, errors = check(text)
    assert status == 2 and "1 PASS" in out and "left out: grad_clip has no function clip" in out
    assert "broken (line" in errors and "power (line" in errors


def test_functions_of_several_values_and_hessians(check):
    text = HEAD + """
def f(x=np.array([1.0, 2.0])):
    return np.stack([x[0] * x[1], x[1] ** 3])
def f_jacobian(x):
    return np.array([[x[1], x[0]], [0.0, 3 * x[1] ** 2]])
def h(x=np.array([1.0, 2.0])):
    return x[0] ** 2 * x[1]
def hess_h(x):
    return np.array([[2 * x[1], 2 * x[0]], [2 * x[0], {0}]])
"""
    assert check(text.format("0.0"))[0] == 0
    status, out, _ = check(text.format("1.0"))
    assert status == 1 and "hess_h, the Hessian of h" in out


def test_an_example_comes_with_it(capsys, check):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.run(parser.parse_args(["--example"])) == 0
    status, out, _ = check(capsys.readouterr().out)
    assert status == 1 and "2 PASS, 1 FAIL" in out and "log sigma" in out
    assert command.run(parser.parse_args([])) == 2
