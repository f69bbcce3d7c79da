"""Training: what a step is, one batch size, the same bits after a stop or a kill, and what it refuses."""

import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygen as tg
from tinygen.autodiff import tree
from tinygen.nn.checkpoint import load, save
from tinygen.nn.layers import mlp, mlp_init, softplus
from tinygen.nn.optim import SGD, Adam
from tinygen.nn.train import Training, TrainingWarning, Validation, fit, steps

ADAM = functools.partial(Adam, rate=1e-2)


def loss(params, batch, noise):
    x, y = batch
    error = softplus(mlp(params["net"], x + np.exp(params["log_sd"]) * noise, "silu")) - y
    square, size = np.mean(error**2), np.sum(params["log_sd"] ** 2)
    return square + 0.1 * size, {"square": square, "size": size}


def noise(rng, batch):
    return rng.standard_normal(batch[0].shape)


def problem(n=53, dtype=np.float32):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 3))
    params = {"net": mlp_init(rng, [3, 7, 2], dtype), "log_sd": np.full(3, -2, dtype)}
    return loss, params, (x, np.sin(x @ rng.normal(size=(3, 2))))


OPTIONS = dict(rng=5, epochs=4, batch_size=11, noise=noise, optimiser=ADAM)


def flat(params):
    return np.concatenate([np.ravel(leaf) for leaf in (*params["net"][0].values(), *params["net"][1].values())])


# ---- what a step is ----


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_steps_are_gradient_steps_on_the_batches(dtype):
    f, params, (x, y) = problem(dtype=dtype)
    mine = {"net": [dict(layer) for layer in params["net"]], "log_sd": params["log_sd"]}
    rng = np.random.default_rng(5)
    order = rng.permutation(53)
    for i, record in enumerate(steps(f, params, (x, y), **{**OPTIONS, "epochs": 0.7})):
        index = order[11 * i : 11 * i + 11]
        batch = x[index].astype(dtype), y[index].astype(dtype)
        eps = rng.standard_normal((11, 3)).astype(dtype)
        (value, terms), g = tg.value_and_grad(f, has_aux=True)(mine, batch, eps)
        assert record.step == i + 1 and record.epoch == 0
        assert record.loss == float(value)
        assert record.terms == {name: float(term) for name, term in terms.items()}
        if i == 0:  # Adam's first step is its rate times the sign, where the gradient is far above eps
            moved = record.params["net"][0]["W"] - mine["net"][0]["W"]
            clear = np.abs(g["net"][0]["W"]) > 1e-4
            assert clear.any()
            assert np.allclose(moved[clear], -1e-2 * np.sign(g["net"][0]["W"])[clear], rtol=1e-2)
        mine = {
            "net": [{name: array.copy() for name, array in layer.items()} for layer in record.params["net"]],
            "log_sd": record.params["log_sd"].copy(),
        }
        assert mine["net"][0]["W"].dtype == mine["log_sd"].dtype == dtype
    assert i == 3  # ceil(0.7 * 53 / 11) steps


def test_plain_sgd_is_the_formula():
    f, params, data = problem(n=7, dtype=np.float64)
    sgd = functools.partial(SGD, rate=0.5)
    [record] = steps(f, params, data, rng=5, epochs=1, batch_size=7, noise=noise, optimiser=sgd)
    rng = np.random.default_rng(5)
    index = rng.permutation(7)
    g = tg.grad(lambda *args: f(*args)[0])(params, tuple(a[index] for a in data), rng.standard_normal((7, 3)))
    assert np.allclose(record.params["net"][1]["b"], params["net"][1]["b"] - 0.5 * g["net"][1]["b"], rtol=1e-12)
    assert np.allclose(record.params["log_sd"], params["log_sd"] - 0.5 * g["log_sd"], rtol=1e-12)


def test_the_caller_keeps_params_and_data():
    f, params, data = problem()
    before = [flat(params).copy(), params["log_sd"].copy(), *(a.copy() for a in data)]
    fit(f, params, data, **OPTIONS)
    for old, now in zip(before, [flat(params), params["log_sd"], *data]):
        assert np.array_equal(old, now)


@given(st.integers(1, 30), st.integers(1, 40), st.floats(0.1, 5))
def test_each_batch_has_one_size_and_each_row_its_turn(n, batch_size, epochs):
    seen, epoch = [], []

    def look(params, batch, noise):
        seen.append(batch.copy())
        return np.sum(params["p"] ** 2)

    options = dict(rng=1, epochs=epochs, batch_size=batch_size, compile=False)  # else `look` runs only once
    for record in steps(look, {"p": np.ones(2)}, np.arange(n), **options):
        epoch.append(record.epoch)
    size = min(batch_size, n)
    assert {len(batch) for batch in seen} == {size}
    assert len(seen) == int(np.ceil(epochs * n / size))
    rows = np.concatenate(seen)
    for start in range(0, len(rows) - n + 1, n):
        assert sorted(rows[start : start + n]) == list(range(n))
    assert epoch == [i * size // n for i in range(len(seen))]


def test_history_has_an_entry_a_step():
    f, params, data = problem()
    records = [record._replace(params=None) for record in steps(f, params, data, **OPTIONS)]
    trained, history = fit(f, params, data, **OPTIONS)
    assert sorted(history) == ["loss", "seconds", "size", "square"]
    assert history["loss"].tolist() == [record.loss for record in records]
    assert history["square"].tolist() == [record.terms["square"] for record in records]
    assert np.all(np.diff(history["seconds"]) > 0)
    assert flat(trained).dtype == np.float32


def test_training_lowers_the_loss_of_a_real_task():
    from tinygen.data import digits

    def cross_entropy(params, batch, noise):
        x, one_hot = batch
        return -np.mean(np.sum(one_hot * tg.log_softmax(mlp(params, x, "relu")), axis=1))

    (x, y), (_, _), (test_x, test_y) = digits.split()
    params, _ = fit(cross_entropy, mlp_init(0, [64, 32, 10]), (x / 16, np.eye(10)[y]), rng=0, epochs=15, optimiser=ADAM)
    right = np.mean(mlp(params, test_x.astype(np.float32) / 16, "relu").argmax(1) == test_y)
    assert right > 0.85  # twenty seeds gave 0.888 to 0.919 (mean 0.901, sd 0.008); guessing gives 0.1


def test_the_bar_writes_to_stderr_only_if_wanted(capfd, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", os)  # a notebook: somebody looks
    f, params, data = problem()
    fit(f, params, data, **OPTIONS)
    out, shown = capfd.readouterr()
    assert out == "" and "20/20" in shown and "loss" in shown
    fit(f, params, data, progress=False, **OPTIONS)
    assert capfd.readouterr() == ("", "")


# ---- stopping and going on ----


@pytest.mark.parametrize("optimiser", [ADAM, functools.partial(SGD, momentum=0.9)])
@pytest.mark.parametrize("bits", [np.random.PCG64, np.random.MT19937, np.random.Philox])
def test_resuming_gives_the_same_bits(tmp_path, optimiser, bits):
    f, params, data = problem()
    options = {**OPTIONS, "optimiser": optimiser, "save_seconds": 0}
    whole, history = fit(f, params, data, **{**options, "rng": np.random.Generator(bits(3))})
    path = tmp_path / "run.npz"
    records = []
    for stop in (1, 4, 5, 13):  # 5 is where a permutation ends within a batch
        for record in steps(f, params, data, **{**options, "rng": np.random.Generator(bits(3))}, checkpoint=path):
            records.append((record.step, record.loss))
            if record.step == stop:
                break
    again, rest = fit(f, params, data, **{**options, "rng": np.random.Generator(bits(3))}, checkpoint=path)
    assert np.array_equal(flat(again), flat(whole)) and np.array_equal(again["log_sd"], whole["log_sd"])
    assert all(np.array_equal(rest[name], history[name]) for name in ("loss", "size", "square"))
    assert [step for step, _ in records] == [1, 1, 2, 3, 4, 4, 5, *range(5, 14)]
    assert [value for _, value in records] == [history["loss"][step - 1] for step, _ in records]


def test_a_finished_run_gives_its_last_record_and_can_be_extended(tmp_path):
    f, params, data = problem()
    longer, _ = fit(f, params, data, **{**OPTIONS, "epochs": 6})
    first, _ = fit(f, params, data, **OPTIONS, checkpoint=tmp_path / "a")
    [record] = steps(f, params, data, **OPTIONS, checkpoint=tmp_path / "a")
    assert record.step == 20 and np.array_equal(flat(record.params), flat(first))
    extended, history = fit(f, params, data, **{**OPTIONS, "epochs": 6}, checkpoint=str(tmp_path / "a"))
    assert np.array_equal(flat(extended), flat(longer)) and len(history["loss"]) == 29


@pytest.mark.parametrize(
    "change, words",
    [
        ({"batch_size": 7}, "batch_size was 11, is 7"),
        ({"optimiser": Adam}, "optimiser rate was 0.01, is 0.001"),
        ({"optimiser": SGD}, "optimiser name was Adam, is SGD"),
        ({"rng": 6}, "random numbers is another one"),
        ({"params": tree.map(lambda a: a * 1.5, problem()[1])}, "start of the parameters is another one"),
        ({"data": (problem()[2][0], problem()[2][1][::-1])}, r"data \[1\] is another one"),
        ({"identity": {"beta": 4.0}}, "beta was None, is 4.0"),
        ({"validation": Validation(problem(7)[2], noise=noise)}, "held-out rows was None"),
        ({"epochs": 2}, "has done 20 steps, and this run ends after 10"),
        ({"noise": lambda rng, batch: np.zeros(batch[0].shape)}, "another loss"),
        ({"f": lambda *args: loss(*args)[0] * 2}, "another loss"),
        ({"params": problem(dtype=np.float64)[1]}, "dtype was float32, is float64"),
        ({"params": {**problem()[1], "more": np.ones(2, np.float32)}}, r"parameters was .*is .*\['more'\]"),
        ({"data": problem(47)[2]}, "rows of data was 53, is 47"),
    ],
)
def test_another_run_does_not_continue_a_checkpoint(tmp_path, change, words):
    f, params, data = problem()
    path = tmp_path / "run.npz"
    fit(f, params, data, **OPTIONS, checkpoint=path)
    before = path.read_bytes()
    options = {"f": f, "params": params, "data": data, **OPTIONS, **change}
    with pytest.raises(ValueError, match=rf"run\.npz belongs to another run: .*{words}.*Delete it"):
        fit(options.pop("f"), options.pop("params"), options.pop("data"), **options, checkpoint=path)
    assert path.read_bytes() == before


def test_a_checkpoint_that_is_none_is_refused_before_training(tmp_path):
    f, params, data = problem()
    (tmp_path / "text").write_text("hello")
    with pytest.raises(ValueError, match="not a whole checkpoint"):
        fit(f, params, data, **OPTIONS, checkpoint=tmp_path / "text")
    save(tmp_path / "other", {"W": np.ones(2)}, meta={"mine": 1})
    with pytest.raises(ValueError, match="is a checkpoint, but not of training"):
        fit(f, params, data, **OPTIONS, checkpoint=tmp_path / "other")

    def never(params, batch, noise):
        raise AssertionError("a step was made before the checkpoint was tried")

    with pytest.raises(OSError, match=r"cannot write .*run"):
        fit(never, params, data, **OPTIONS, checkpoint=tmp_path / "no folder" / "run")
    assert sorted(os.listdir(tmp_path)) == ["other", "text"]


SLOW_RUN = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_train as t
f, params, data = t.problem()
for record in t.steps(f, params, data, **t.OPTIONS, checkpoint=sys.argv[1], save_seconds=0):
    print(record.step, flush=True)
    time.sleep(0.002)
"""


def test_killed_training_goes_on_with_the_same_bits(tmp_path):
    f, params, data = problem()
    whole, _ = fit(f, params, data, **OPTIONS)
    path = tmp_path / "run.npz"
    rng = np.random.default_rng(1)
    reached = []
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", SLOW_RUN, str(path)], stdout=subprocess.PIPE)
        try:
            process.stdout.readline()
            time.sleep(rng.uniform(0.005, 0.02))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(60)
            process.stdout.close()
        reached.append(load(path)[0]["step"])
    assert 0 < reached[0] <= reached[-1] < 20, f"the kills came too late to try anything: {reached}"
    again, _ = fit(f, params, data, **OPTIONS, checkpoint=path)
    assert np.array_equal(flat(again), flat(whole))


# ---- held-out rows ----


def held_out_problem(columns=17, sd=1.0):
    """A line fitted to few rows, with much noise, and rows from the same law."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, columns))
    y = 3 * x[:, :1] + sd * rng.normal(size=(60, 1))
    f = lambda p, batch, noise: np.mean((batch[0] @ p - batch[1]) ** 2)
    return f, np.zeros((columns, 1)), (x[:23], y[:23]), (x[23:], y[23:])


def test_the_best_parameters_on_held_out_rows_are_kept():
    f, start, data, other = held_out_problem(sd=4.0)
    options = dict(rng=0, max_steps=300, batch_size=23, optimiser=functools.partial(SGD, rate=0.02))
    watch, plain, seen = Validation(other, every=7, patience=None), [], []
    for record in steps(f, start, data, **options):
        plain.append(f(record.params, other, None))
    with pytest.warns(TrainingWarning, match="the net overfits: .* are kept"):
        params, history = fit(f, start, data, **options, validation=watch, callback=lambda r: seen.append(r.validation))
    looked = [f(start, other, None), *plain[6::7], plain[-1]]
    assert np.allclose(history["validation"], looked, rtol=1e-12)
    assert history["validation_step"].tolist() == [0, *range(7, 300, 7), 300]
    assert np.isclose(f(params, other, None), min(looked)) and min(looked) < plain[-1]
    assert seen[0] == looked[0] and seen[-1] == plain[-1]


def test_training_stops_when_patience_is_used_up_and_goes_on_with_more(tmp_path):
    f, start, data, other = held_out_problem()
    options = dict(rng=0, max_steps=300, batch_size=23, optimiser=functools.partial(Adam, rate=0.05))
    path = tmp_path / "run.npz"
    run = lambda patience, **more: fit(f, start, data, **options, **more,
                                       validation=Validation(other, every=5, patience=patience))  # fmt: skip
    params, history = run(3)
    best = history["validation_step"][np.argmin(history["validation"])]
    assert len(history["loss"]) == best + 15 < 300
    run(1, checkpoint=path)
    again, longer = run(3, checkpoint=path)  # patience only says how long training goes on
    assert np.array_equal(again, params) and len(longer["loss"]) == len(history["loss"])
    assert np.array_equal(run(3, checkpoint=path)[0], params)


def test_too_short_and_useless_trainings_are_told():
    f, start, data, other = held_out_problem(2)
    short = dict(rng=0, max_steps=20, batch_size=23, optimiser=functools.partial(Adam, rate=0.01))
    with pytest.warns(TrainingWarning, match="after 20 steps while the held-out loss was still falling.*max_steps"):
        fit(f, start, data, **short, validation=Validation(other, every=2))
    with pytest.warns(TrainingWarning, match="no step of training was better"):
        fit(f, start, (data[0], -100 * data[1]), **short, validation=Validation(other, every=2))


def test_a_callback_stops_and_verbose_prints_without_a_terminal(capsys):
    f, params, data = problem()
    _, history = fit(f, params, data, **OPTIONS, callback=lambda record: record.step == 7)
    assert len(history["loss"]) == 7
    fit(f, params, data, **OPTIONS, verbose=1e-9)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 20 and lines[-1].startswith("step 20/20, epoch 4, loss ")


# ---- interruptions ----


@settings(max_examples=25)
@given(st.integers(0, 900))
def test_an_interruption_at_any_call_leaves_a_checkpoint_that_goes_on_with_the_same_bits(tmp_path_factory, when):
    f, params, data = problem()
    whole, _ = fit(f, params, data, **OPTIONS, compile=False)
    path = tmp_path_factory.mktemp("run") / "run.npz"
    calls = 0

    def interrupt(frame, event, argument):
        nonlocal calls
        calls += event == "call" and "tinygen/nn" in frame.f_code.co_filename
        if calls > when and event == "call" and "tinygen/nn" in frame.f_code.co_filename:
            sys.setprofile(None)
            raise KeyboardInterrupt

    sys.setprofile(interrupt)
    try:
        fit(f, params, data, **OPTIONS, checkpoint=path, compile=False)
    except KeyboardInterrupt:
        pass
    finally:
        sys.setprofile(None)
    again, history = fit(f, params, data, **OPTIONS, checkpoint=path, compile=False)
    assert np.array_equal(flat(again), flat(whole)) and len(history["loss"]) == 20


CTRL_C = SLOW_RUN.replace("save_seconds=0", "save_seconds=1e9")


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_writes_the_checkpoint_first(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", CTRL_C, str(tmp_path / "run.npz")], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)  # fmt: skip
    for _ in range(5):
        seen = int(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert b"KeyboardInterrupt" in errors
    assert load(tmp_path / "run.npz")[0]["step"] >= seen == 5


# ---- NaN and bad input ----


def test_the_first_nan_stops_names_its_operation_and_spares_the_checkpoint(tmp_path):
    def fragile(params, batch, noise):
        margin = params["p"] - np.sum(batch)
        return np.sum(np.log(margin))

    path = tmp_path / "run.npz"
    records = []
    with pytest.raises(FloatingPointError) as error:
        for record in steps(
            fragile,
            {"p": np.array([5.2, 9.0])},
            np.ones((40, 1)),
            rng=0,
            epochs=9,
            batch_size=5,
            optimiser=functools.partial(SGD, rate=0.1),
            checkpoint=path,
            save_seconds=0,
        ):
            records.append(record.step)
            last = record.params["p"].copy()
    assert records == [1]  # log's gradient 1/0.2 moves p by 0.5, below the sum
    message = str(error.value)
    assert "training stopped at step 2: the loss is nan" in message
    assert "log (operation 2 of 3, test_train.py:" in message and "`return np.sum(np.log(margin))`" in message
    tree, _ = load(path)
    assert tree["step"] == 1 and np.array_equal(tree["vector"], last) and np.isfinite(last).all()


def test_a_gradient_that_is_not_finite_stops_too():
    with pytest.raises(FloatingPointError, match=r"step 1: the gradient is not finite.*derivative of sqrt"):
        list(steps(lambda p, x, eps: np.sum(np.sqrt(p)), np.zeros(2), np.ones((3, 1)), rng=0, epochs=1))


def test_a_rate_that_is_too_large_is_seen():
    with pytest.raises(FloatingPointError, match=r"training stopped at step \d+: .*not finite"):
        quartic = lambda p, x, eps: np.sum((p - x) ** 4)
        sgd = functools.partial(SGD, rate=1.0)
        fit(quartic, np.ones(1, np.float32), np.zeros((3, 1)), rng=0, epochs=99, optimiser=sgd)


@pytest.mark.parametrize(
    "change, kind, words",
    [
        ({"data": np.ones((0, 3))}, ValueError, r"data is empty: shape \(0, 3\)"),
        ({"data": {"x": np.array([[1.0], [np.nan]])}}, ValueError, r"data\['x'\] holds nan at \(1, 0\)"),
        ({"data": (np.ones((3, 1)), np.ones((4, 1)))}, ValueError, r"\{'\[0\]': 3, '\[1\]': 4\}.*same number of rows"),
        ({"data": [[1.0, 2.0]]}, TypeError, r"data\[0\]\[0\]: got float; expected an array"),
        ({"data": np.array(["a"])}, TypeError, r"data: got <U1 \(1,\)"),
        ({"data": np.float64(3)}, TypeError, "data: got float64"),
        ({"data": ()}, ValueError, "data: got no arrays"),
        ({"params": {"W": np.ones(2, int)}}, TypeError, r"params\['W'\]: got int64; expected a float32 or float64"),
        ({"params": {"W": 1.0}}, TypeError, r"params\['W'\]: got float"),
        ({"params": [np.ones(2), np.ones(2, "f4")]}, TypeError, r"float64 \(params\[0\]\), float32 \(params\[1\]\)"),
        ({"params": []}, TypeError, "params: got no arrays"),
        ({"params": [np.ones((0, 2))]}, TypeError, "expected at least one number"),
        ({"params": np.array([1.0, np.inf])}, ValueError, "params holds NaN or inf"),
        ({"epochs": 0}, ValueError, "epochs=0; expected a positive number"),
        ({"epochs": float("inf")}, ValueError, "epochs=inf"),
        ({"batch_size": 2.5}, ValueError, "batch_size=2.5; expected a positive whole number"),
        ({"batch_size": -1}, ValueError, "batch_size=-1"),
        ({"loss": lambda p, x, eps: (np.sum(p), 3)}, TypeError, r"expected.*\(scalar, \{name: scalar, \.\.\.\}\)"),
        ({"loss": lambda p, x, eps: (np.sum(p), {"each": p})}, TypeError, "term 'each' has shape"),
        ({"loss": lambda p, x, eps: p}, TypeError, "grad needs a scalar"),
    ],
)
def test_bad_input_is_named_before_the_first_step(change, kind, words):
    options = {"loss": lambda p, x, eps: np.sum(p**2), "params": np.ones(2), "data": np.ones((3, 1)), **change}
    with pytest.raises(kind, match=words):
        fit(**{"rng": 0, "epochs": 1, **options})


def test_unknown_options_are_python_errors_that_name_them():
    with pytest.raises(TypeError, match="learning_rate"):
        Training(lambda p, x, eps: np.sum(p), np.ones(2), np.ones((3, 1)), rng=0, epochs=1, learning_rate=3)
