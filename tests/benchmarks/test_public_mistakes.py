"""The public mistakes are what they claim: the backward pass is right without a slip, and wrong with each of them."""

import numpy as np
import pytest

from benchmarks.mistakes import judge
from benchmarks.mistakes_zoo import PUBLIC
from benchmarks.mistakes_zoo.planted import Trial


@pytest.mark.parametrize("subject", PUBLIC, ids=lambda subject: subject.name)
def test_right_without_a_slip_and_wrong_with_each(subject):
    args = subject.example(np.random.default_rng(11))
    right = subject.backward(*args)
    assert judge(Trial(subject.name, subject, args, subject.backward)).verdict == "PASS"
    for slip in subject.slips:
        wrong = subject.backward(*args, slip=slip.name)
        off = [np.shape(wrong[k]) != np.shape(right[k]) or abs(wrong[k] - right[k]).max() > 1e-3 for k in right]
        assert any(off), slip.name
        assert slip.says and slip.source
