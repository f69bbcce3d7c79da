"""What a user meets first: the README's code, the import, the command, and that the wheel holds every room."""

import configparser
import importlib
import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygen as tg
from tinygen import commands

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONFIG = configparser.ConfigParser()
CONFIG.read(ROOT / "setup.cfg", encoding="utf-8")


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True).stdout


def test_the_readmes_python_runs():
    blocks = re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)
    assert len(blocks) >= 2
    scope = {}
    for block in blocks:
        exec(block, scope)
    assert set(scope["gradient"]) == {"mean", "logvar", "decoder"}
    numeric = (scope["negative_elbo"](*moved(scope, 1e-6)) - scope["negative_elbo"](*moved(scope, -1e-6))) / 2e-6
    assert np.isclose(scope["gradient"]["decoder"][1, 2], numeric, rtol=1e-6)


def moved(scope, h):
    params = {name: array.copy() for name, array in scope["params"].items()}
    params["decoder"][1, 2] += h
    return params, scope["x"], scope["eps"]


def test_the_readmes_files_exist():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


SAID = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md"))
PIECES = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", SAID, flags=re.S))  # what stands between backquotes
BLOCKS = re.findall(r"```(?:sh)?\n(.*?)```", SAID, re.S)
PIECES += [line.split("#")[0].strip() for block in BLOCKS for line in block.split("\n")]


@pytest.mark.parametrize("line", sorted({p for p in PIECES if re.match(r"(\S*/)?tinygen [a-z]", p)}))
def test_the_commands_of_readme_and_contributing_are_understood(line):
    words = shlex.split(line)[1:]
    assert words[0] in commands.COMMANDS
    if len(words) > 1 or words[0] not in ("check", "teach"):  # those two need more, which the text leaves out
        assert commands.parser([words[0]]).parse_args(words).run


def test_what_readme_and_contributing_name_is_there():
    modules = re.findall(r"python -m ([\w.]+)", SAID)
    assert len(modules) > 5 and all(importlib.util.find_spec(name) for name in modules)
    extras = set(re.findall(r"pip install (?:-\w )*'\.\[(\w+)\]'", SAID))
    assert "docs" in extras and extras <= set(CONFIG["options.extras_require"])
    places = {p for p in PIECES if re.fullmatch(r"(tests|tinygen|lessons|benchmarks)/[\w/.]+", p)}
    places = {p for p in places if not re.search(r"\b(X|NN\w*|wrong_NN|topic)\.py", p)}
    assert len(places) > 10 and not [p for p in places if not (ROOT / p).exists()]


def test_the_readmes_notation_is_the_schedules():
    from tinygen.models.diffusion import schedule

    table = [line for line in schedule.__doc__.splitlines() if line.startswith("|")]
    assert len(table) > 8 and "\n".join(table) in README


def test_importing_tinygen_loads_numpy_only():
    loaded = python("import sys, tinygen; print(*sys.modules)").split()
    heavy = {"scipy", "matplotlib", "tqdm", "sklearn", "ziamath", "jupytext", "pytest", "hypothesis"}
    assert not heavy & {name.split(".")[0] for name in loaded}
    bare = python("import sys, numpy; print(*sys.modules)").split()
    assert not {"random", "numpy.random"} & (set(loaded) - set(bare))  # as long to load as all of tinygen
    assert not [name for name in loaded if re.match(r"tinygen\.(?!autodiff|program)", name)]


KEPT = {  # names of 0.1.0 that keep their places (CHANGELOG.md)
    "tinygen": "compile grad hessian hvp jacobian jvp log_softmax logsumexp primitive softmax trace value_and_grad vjp "
    "check_grad assert_grad check_unbiased Derivation",
    "tinygen.check": "check_grad assert_grad check_hvp check_adjoint check_unbiased Derivation Line integrate "
    "approximate gradient_of derivative directional Report",
    "tinygen.nn": "checkpoint layers optim train",
    "tinygen.data": "digits mnist toy",
    "tinygen.models.vae": "VAE",
    "tinygen.models.diffusion": "Diffusion LatentDiffusion Schedule",
    "tinygen.course": "Picture Slider check_value exercise finish notation said yours",
    **{f"tinygen.oracles.{name}": "" for name in (
        "categorical", "discrete", "gaussian_diffusion", "grid_density", "linear_gaussian", "mixture_diffusion",
        "quadratic", "quadrature",
    )},
    **{f"tinygen.{name}": "" for name in ("gaussian", "plots", "metrics")},
}  # fmt: skip


@pytest.mark.parametrize("module", KEPT)
def test_what_a_user_imports_stays_where_it_is(module):
    found = importlib.import_module(module)
    for name in KEPT[module].split():
        assert hasattr(found, name), f"{module}.{name}"


def test_every_room_is_in_the_wheel():
    listed = set(CONFIG["options"]["packages"].split())
    folders = {path.parent for path in (ROOT / "tinygen").rglob("*.py")}
    assert {".".join(folder.relative_to(ROOT).parts) for folder in folders} | {"tinygen.lessons"} == listed


def test_the_readmes_map_is_the_house():
    inside = (ROOT / "tinygen").iterdir()
    rooms = {path.stem for path in inside if path.suffix == ".py" or (path / "__init__.py").is_file()}
    named = set(re.findall(r"`(\w+)(?:\.py)?`", README.split("## What is inside")[1].split("## One notation")[0]))
    assert rooms - {"__init__", "__main__"} <= named
    for name, lines in re.findall(r"^\| `(\w+\.py)` \| (\d+) \|", README, re.MULTILINE):
        there = len((ROOT / "tinygen/autodiff" / name).read_text(encoding="utf-8").splitlines())
        assert abs(there - int(lines)) <= 0.15 * there, f"README says {lines} lines of {name}, there are {there}"


def test_lower_bounds_only():
    extras = CONFIG["options.extras_require"]
    wanted = [CONFIG["options"]["install_requires"], *(extras[name] for name in extras)]
    for line in "\n".join(wanted).split():
        exact = line == "antlr4-python3-runtime==4.11.*"  # SymPy itself takes no other release of it
        assert exact or re.fullmatch(r"[\w.-]+(\[[\w,]+\])?(>=[\d.]+)?", line), line


def test_everything_public_is_documented():
    for name in tg.__all__:
        assert getattr(tg, name).__doc__, name


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_each_command_helps(name, capsys):
    with pytest.raises(SystemExit) as stop:
        commands.main([name, "--help"])
    assert stop.value.code == 0 and "usage: tinygen" in capsys.readouterr().out


def test_the_module_is_the_command():
    command = [sys.executable, "-m", "tinygen", "--help"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd="/")
    assert run.returncode == 0 and all(name in run.stdout for name in commands.COMMANDS)


def test_an_unknown_command_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        commands.main(["frobnicate"])
    assert stop.value.code == 2 and "frobnicate" in capsys.readouterr().err
