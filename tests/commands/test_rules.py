"""tinygen rules: the table as text."""

import argparse

import numpy as np
import pytest

from tinygen.autodiff.table import TABLE
from tinygen.commands import rules as command


@pytest.fixture
def listed(capsys):
    def run(*arguments):
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        status = command.run(parser.parse_args(arguments))
        shown = capsys.readouterr()
        return status, shown.out.splitlines(), shown.err

    return run


def test_every_row_is_listed(listed):
    status, lines, _ = listed()
    assert status == 0
    assert lines[-1] == f"{len(TABLE) + 3} functions" and len(lines) == len(TABLE) + 4
    names = [line.split()[0] for line in lines[:-1]]
    assert len(set(names)) == len(names)
    assert {"np.sum", "np.linalg.inv", "scipy.special.expit", "tg.logsumexp"} <= set(names)


def test_the_arguments_that_have_a_derivative(listed):
    shown = {line.split()[0]: line.split("  ", 1)[1].split("  (")[0].strip() for line in listed()[1][:-1]}
    assert shown["np.sum"] == "a"
    assert shown["np.multiply"] == "a, b"
    assert shown["np.interp"] == "x, xp, fp"
    assert shown["np.quantile"] == "a" and shown["scipy.special.zeta"] == "q"
    assert shown["np.where"] == "x, z"
    assert shown["np.floor"] == "none: derivative 0"
    assert shown["np.shape"] == "none: only shape and dtype"
    assert shown["np.concatenate"] == shown["np.einsum"] == "all arrays"


def test_patterns_and_other_names(listed):
    status, lines, _ = listed("np.linalg.*norm", "abs")
    assert status == 0 and [line.split()[0] for line in lines] == [
        "np.absolute",
        "np.linalg.matrix_norm",
        "np.linalg.norm",
        "np.linalg.vector_norm",
    ]
    assert "np.abs" in lines[0]


def test_a_name_that_is_not_there(listed):
    status, lines, told = listed("hfft")
    assert status == 1 and not lines and "hfft" in told and np.fft.hfft not in TABLE
