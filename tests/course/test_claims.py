"""Exercises are claims: they can be checked without their lesson, and fail if an answer or a known mistake is wrong."""

import numpy as np
import pytest

import tinygen.course.claims  # noqa: F401  (it registers them)
from tinygen.check import registry
from tinygen.course import excerpt, lesson
from tinygen.course.answers import kl as answers
from tinygen.course.answers.base import Answer
from tinygen.course.exercises import judged, said


def test_every_exercise_is_a_claim_once():
    found = [one.name for one in registry.claims("exercise")]
    exercises = [f"exercise/{one.path.stem[3:]}/{one.name}" for one in excerpt.catalogue()]
    assert len(exercises) == sum(lesson.read(path).count for path in lesson.catalogue())
    assert found == exercises and len(set(found)) == len(found)


@pytest.mark.parametrize("name", ["exercise/kl/estimate", "exercise/diffusion_forward/alphas"])
def test_a_claim_holds_at_other_points(name):
    (one,) = registry.claims(name)
    for seed in (1, 2):
        report = one.run(seed).report
        assert report.ok and len(report.entries) > 3, str(report)


@pytest.mark.parametrize(("change", "words"), [
    ({"value": lambda r: np.array([r.mean(), 1.0])}, "the answer"),  # the lesson's answer no longer agrees with it
    ({"known": {"nothing is wrong": answers.estimate.value}}, "a mistake is accepted: nothing is wrong"),
])  # fmt: skip
def test_a_wrong_answer_and_a_wrong_mistake_are_seen(monkeypatch, change, words):
    parts = {"value": answers.estimate.value, "known": answers.estimate.known} | change
    monkeypatch.setattr(answers, "estimate", Answer(**parts))
    (one,) = registry.claims("exercise/kl/estimate")
    report = one.run().report
    assert not report.ok and words in str(report), str(report)


def test_an_exercise_alone_has_what_it_needs_and_nothing_is_trained(monkeypatch, capsys):
    from tinygen.nn import train

    monkeypatch.delattr(train, "fit")
    for one in excerpt.excerpts(lesson.find(8)).values():
        names = one.run(np.random.default_rng(3))
        assert judged(names[one.name], names[one.check]).ok
        assert "model" not in names and "history" not in names
    assert capsys.readouterr().out == ""


def test_the_points_are_those_of_the_generator():
    one = excerpt.excerpts(lesson.find(4))["kl"]
    runs = [one.run(np.random.default_rng(seed)) for seed in (1, 1, 2)]
    values = [judged(names["kl"], names["check_kl"]).entries[0].expected for names in runs]
    assert values[0] == values[1] != values[2]


def test_what_is_written_in_its_place_is_judged_in_its_lesson():
    one = excerpt.excerpts(lesson.find(4))["kl"]
    names = one.run()
    report = judged(excerpt.written(names, "kl", lambda *a: -names["kl"](*a)), names["check_kl"])
    assert "wrong sign" in said(report)
