"""A guard by counts, which are the same on every machine: what a compiled training step does and holds."""

import sys
from collections import Counter

import numpy as np
import pytest

from benchmarks.speed.contender_tinygen import recorded_step
from benchmarks.speed.works import WORKS
from tinygen.autodiff import tree

# work: calls of NumPy in a replay, bytes of buffers. What the plans need today; a better plan lowers the numbers.
# (a) has 3 hidden layers: 7 calls forwards (product, bias, SiLU's 5), 7 backwards (SiLU's 4, sum, two products); the
#     other 15 are the last layer, the loss and the copies of the biases' gradients. Buffers: of each hidden layer two
#     arrays of 256 x 128 floats (sigmoid and SiLU) live until the way back, two more are being worked on: 8 x 131,072.
# (b) and (c) are one formula: 18 calls for four dense layers, 24 for the decoder's likelihood and its gradient, the
#     rest for the latent Gaussian, its KL and the way back.
# (e) has 2 hidden layers of 3 calls forwards, 6 backwards; its buffers are 16 x 16 floats.
BOUNDS = {
    "a": (57, 8 * 131_072 + 8_192),
    "b": (78, 4 * 65_536 + 6 * 32_768 + 8_192),
    "c": (78, 4 * 204_800 + 7 * 401_408),
    "e": (32, 5 * 1_024),
}
# Python functions and methods called around the replay, whatever the length of the plan: about three for each array or
# container among the arguments and results (8 to 14 of them), and some twenty for lock, error state and bookkeeping.
CALLS = 130


@pytest.fixture(params=BOUNDS)
def replay(request):
    work = WORKS[request.param]
    _, compiled, args = recorded_step(work)
    compiled(*args)
    return request.param, compiled, args


def test_operations_and_bytes_of_the_plan(replay):
    name, compiled, _ = replay
    most_lines, most_bytes = BOUNDS[name]
    assert len(compiled.plan.lines.lines) <= most_lines
    assert compiled.plan.nbytes <= most_bytes


def test_python_calls_of_a_replay(replay):
    _, compiled, args = replay
    compiled(*args)
    events = Counter()
    sys.setprofile(lambda frame, event, argument: events.update([event]))
    compiled(*args)
    sys.setprofile(None)
    assert events["call"] + events["c_call"] <= CALLS, events


def test_replay_reads_arguments_in_place_and_writes_gradients_where_they_belong(replay):
    _, compiled, args = replay
    plan = compiled.plan
    value, gradients = compiled(*args)
    assert all(own is None for own in plan.own), "no input is copied while it is the same object"
    again, same = compiled(*args)
    for before, after in zip(tree.flatten(gradients)[0], tree.flatten(same)[0]):
        assert np.shares_memory(before, after)
        assert after.base is not None, "a view of the one flat gradient"
    assert again == value
