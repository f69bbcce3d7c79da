"""All contenders do the same work: after 20 steps of training their numbers are those of the hand-written one."""

import pytest

from benchmarks.speed import rounds
from benchmarks.speed.worker import CONTENDERS

WORK = "abefg"  # (c) is (b) in other sizes, (d) has a test of its own


@pytest.fixture(scope="module")
def asked():
    """Ask a contender in a process of its own; all end with the module."""
    processes = {}

    def ask(name, **request):
        if rounds.missing(name):
            pytest.skip(f"{rounds.missing(name)} is not installed")
        if name not in processes:
            processes[name] = rounds.Process(name, 1)
        return processes[name].ask(**request)

    yield ask
    for process in processes.values():
        process.end()


# torch.compile takes half a minute to compile: no test; JAX some seconds: (b) only
TRIED = [name for name in CONTENDERS if name not in ("by hand", "floor", "torch.compile")]
PAIRS = [(name, work) for name in TRIED for work in (WORK if name != "JAX jit" else "b")]


@pytest.mark.parametrize(("name", "work"), PAIRS)
def test_numbers_are_the_hand_written_ones(asked, name, work):
    answer = asked(name, do="build", work=work)
    if "skipped" in answer:
        pytest.skip(answer["skipped"])
    reference = asked("by hand", do="build", work=work)
    assert "failed" not in answer | reference, answer
    assert rounds.agree(answer["numbers"], reference["numbers"]), (answer, reference)


@pytest.mark.parametrize("name", ["tinygen", "tinygen compiled", "autograd"])
def test_samplers_agree(asked, name):
    few = {"steps": 30, "batch": 7}
    answer, reference = (asked(who, do="build", work="d", change=few) for who in (name, "by hand"))
    assert rounds.agree(answer["numbers"], reference["numbers"]), (answer, reference)


@pytest.mark.parametrize("silu", [True, False])
def test_hand_written_mlp_is_right_at_any_depth(asked, silu):
    change = {"sizes": [5, 7, 11, 13, 3], "batch": 17}
    answer, reference = (
        asked(who, do="build", work="a" if silu else "e", change=change) for who in ("tinygen", "by hand")
    )
    assert rounds.agree(answer["numbers"], reference["numbers"]), (answer, reference)


def test_agreement_can_fail():
    assert not rounds.agree([1.0], [1.001])
    assert not rounds.agree([1.0], [1.0, 2.0])
    assert rounds.agree([1.0, 1e-9], [1.0, 0.0])


def test_twenty_steps_change_the_loss_far_more_than_contenders_may_differ(asked):
    for work in "abe":
        answer = asked("by hand", do="build", work=work)
        assert answer["numbers"][0] < (1 - 20 * rounds.AGREE) * answer["begin"][0]


def test_a_missing_peer_is_skipped_by_name(monkeypatch):
    monkeypatch.setitem(CONTENDERS, "nobody", ("contender_nobody", "Nobody", "no_such_package"))
    said = []
    pace = {"threads": 1, "rounds": 2, "seconds": 0.001, "clock": "wall", "quick": True}
    ((work, result),) = rounds.run("e", ["nobody", "by hand", "floor"], say=said.append, **pace)
    assert said == ["nobody: skipped, no_such_package is not installed"]
    assert (work, list(result)) == ("e", ["by hand", "floor"])
    assert all(len(figures["seconds"]) == 2 for figures in result.values())
