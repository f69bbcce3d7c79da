"""The course: lessons that run, exercises that answer, pages that need nothing else."""

from tinygen.check.value import check_value
from tinygen.course import exercises as _exercises
from tinygen.course.derivation import derivation, notation
from tinygen.course.exercises import exercise, finish, said, yours
from tinygen.course.pictures import Picture, Slider

_exercises.announce()
__all__ = ["Picture", "Slider", "check_value", "derivation", "exercise", "finish", "notation", "said", "yours"]
