"""Of every exercise: a right answer in another form passes, one in a form that later cells cannot use does not, and the
message says which."""

import copy

import numpy as np
import pytest

from tinygen.course import lesson
from tinygen.course.exercises import judged, said
from tinygen.course.solved import solution

pytestmark = pytest.mark.lessons
PATHS = lesson.catalogue()


class DoesNotApply(Exception):
    """The answer has no such form: no pair, no array."""


def applies(condition, value):
    if not condition:
        raise DoesNotApply
    return value


def singles(value):
    if isinstance(value, np.ndarray | np.floating) and value.dtype == np.float64:
        return value.astype(np.float32)
    if isinstance(value, tuple | list):
        return type(value)(map(singles, value))
    return {key: singles(part) for key, part in value.items()} if isinstance(value, dict) else value


def of_result(change):
    return lambda f, *args: change(f(*args))


def of_pair(change):
    return of_result(lambda r: change(applies(isinstance(r, tuple), r)))


def of_array(change, ndim=1):
    return of_result(lambda r: change(applies(isinstance(r, np.ndarray) and r.ndim >= ndim, r)))


def overwriting(f, *args):
    result = copy.deepcopy(f(*args))
    arrays = [a for a in args if type(a) is np.ndarray and a.dtype.kind == "f" and a.ndim]
    for array in arrays:
        array *= 0.5
    return applies(arrays, result)


def complexes(value):
    if isinstance(value, tuple | list):
        return type(value)(map(complexes, value))
    if isinstance(value, dict):
        return {key: complexes(part) for key, part in value.items()}
    return applies(isinstance(value, np.ndarray | float), value + 1e-9j)


KEPT = {}


def again(f, *args):
    return KEPT.setdefault(f, f(*args))


WRONG = {
    "only the first of a pair": (of_pair(lambda r: r[0]), "expected a"),
    "None for the others": (of_pair(lambda r: (r[0], *(None for _ in r[1:]))), "is None"),
    "one too many": (of_pair(lambda r: (*r, r[0])), "expected a"),
    "a list of numbers": (of_array(np.ndarray.tolist), "got a list"),
    "a dict": (of_array(lambda r: {"answer": r}), "a dict"),
    "arguments overwritten": (overwriting, "in place"),
    "no return": (of_result(lambda r: None), "nothing came back"),
    "complex numbers": (of_result(complexes), "complex"),
    "text": (of_result(str), "text"),
    "the first result again": (again, ""),
}
RIGHT = {
    "float32": lambda f, *args: singles(f(*singles(args))),
    "a list for a pair": of_pair(list),
    "a stacked pair": of_pair(lambda r: np.stack(applies(len({np.shape(part) for part in r}) == 1, r))),
    "a list of rows": of_array(list, ndim=2),
    "Fortran order": of_array(np.asfortranarray),
}
# a walk along objects, whose numbers float32 does not reach
NOT = {("backward", "float32"), ("counterexample", "float32")}


def variant(test, name, change):
    """The lesson's function, changed, as if a reader had written it in the lesson."""
    scope = dict(test.function.__globals__)
    scope["changed"] = lambda *args: change(test.function, *args)
    exec(f"def {name}(*args):\n    return changed(*args)", scope)
    return scope[name]


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_forms_that_later_cells_cannot_use_fail_with_their_own_message(path, exercises):
    for name, test in exercises(path)[0].items():
        for kind, (change, words) in WRONG.items():
            try:
                report = judged(variant(test, name, change), test.check)
            except DoesNotApply:
                continue
            if "DoesNotApply" in said(report):
                continue
            unused = kind == "a list of numbers" and not solution(name, test.function.__globals__).used
            assert report.ok == unused, f"{name}, {kind}"
            assert unused or words in said(report), f"{name}, {kind}:\n{said(report)}"


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_right_answers_in_other_forms_pass(path, exercises):
    for name, test in exercises(path)[0].items():
        for kind, change in RIGHT.items():
            report = judged(variant(test, name, change), test.check)
            direct = kind == "a list of rows" and solution(name, test.function.__globals__).used == "directly"
            if "DoesNotApply" not in said(report) and (name, kind) not in NOT and not direct:
                assert report.ok, f"{name}, {kind}:\n{said(report)}"
