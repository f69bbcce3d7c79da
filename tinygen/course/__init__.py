"""The course: lessons that run, exercises that answer, pages that need nothing else."""

from tinygen.check.value import check_value
from tinygen.course import exercises as _exercises
from tinygen.course.derivation import derivation, notation
from tinygen.course.drawing.pictures import Picture, Slider
from tinygen.course.exercises import exercise, finish, said, yours

_exercises.announce()
__all__ = ["Picture", "Slider", "check_value", "derivation", "exercise", "finish", "notation", "said", "yours"]
