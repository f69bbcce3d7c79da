"""tinygen verify: the table, the exit status, the JSON file that is whole or not there."""

import argparse
import json
import sys

import pytest

from tinygen.check.registry import claim
from tinygen.check.report import FAIL, PASS, UNDECIDED, Entry, Report
from tinygen.commands import verify as command


@pytest.fixture
def verify(monkeypatch, capsys):
    """Run the command in a registry of four claims; returns (status, output, errors)."""
    monkeypatch.setattr(sys.modules["tinygen.check.registry"], "_registry", {})
    for name, verdict in (("good/one", PASS), ("good/two", PASS), ("bad", FAIL), ("open", UNDECIDED)):
        entry = Entry("here", verdict, 1.25, 1.0, 0.5 if verdict == PASS else 0.01)
        claim(name, kind="identity", source="a book")(lambda rng, name=name, entry=entry: Report(name, [entry]))
        claim_is = sys.modules["tinygen.check.registry"]._registry[name]
        claim_is.check.__qualname__ = name

    def run(*argv):
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        status = command.run(parser.parse_args([str(a) for a in argv]))
        return (status, *capsys.readouterr())

    return run


def test_all_pass(verify):
    status, out, _ = verify("good")
    lines = out.splitlines()
    assert status == 0 and lines[-1].startswith("2 of 2 claims pass")
    assert lines[1].split()[:5] == ["good/one", "1.25", "2e-01", "5e-01", "PASS"]
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize("name", ["bad", "open"])
def test_a_failure_or_an_open_question_is_explained_and_changes_the_status(verify, name):
    status, out, _ = verify("good", name)
    assert status == 1 and "2 of 3 claims pass" in out
    assert f"{name} (a book)" in out and "here" in out.split(f"{name} (a book)")[1]


def test_an_unknown_name_is_2(verify, tmp_path):
    status, _, errors = verify("goo/one")
    assert status == 2 and "near it are good/one" in errors
    status, _, errors = verify("good", "--json", tmp_path / "nowhere" / "x.json")
    assert status == 2 and "no folder" in errors


def test_the_json_file(verify, tmp_path):
    path = tmp_path / "out.json"
    assert verify("--json", path)[0] == 1
    outcomes = json.loads(path.read_text())["outcomes"]
    assert [(o["name"], o["verdict"]) for o in outcomes] == [
        ("bad", FAIL), ("good/one", PASS), ("good/two", PASS), ("open", UNDECIDED)
    ]  # fmt: skip
    assert outcomes[1]["report"]["entries"][0]["bar"] == 0.5 and outcomes[1]["seconds"] >= 0
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]


def test_a_write_that_is_stopped_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "out.json"
    command.write_json(path, {"a": 1})
    with pytest.raises(ValueError):
        command.write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text()) == {"a": 1} and len(list(tmp_path.iterdir())) == 1


def test_two_processes_find_what_one_finds(verify, monkeypatch, tmp_path):
    for k in range(20):
        entry = lambda rng: Entry("here", PASS, float(rng.random()), 0.5, 1.0)
        check = lambda rng, entry=entry: Report("x", [entry(rng)])
        check.__qualname__ = f"many{k}"
        claim(f"many/{k}", kind="identity", source="here")(check)
    together, alone = tmp_path / "together.json", tmp_path / "alone.json"
    assert verify("many", "--json", together)[0] == 0
    monkeypatch.setattr(command, "MANY", 1000)
    assert verify("many", "--json", alone)[0] == 0
    strip = lambda path: [{**o, "seconds": 0} for o in json.loads(path.read_text())["outcomes"]]
    assert strip(together) == strip(alone) and len({o["worst"]["got"] for o in strip(alone)}) == 20
