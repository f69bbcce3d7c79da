"""The course: lessons that run, exercises that answer, pages that need nothing else."""

from tinygen.course.exercises import exercise, finish, said, yours
from tinygen.course.ledger import ledger
from tinygen.course.notation import notation
from tinygen.course.pictures import Picture, Slider
from tinygen.course.values import check_value

__all__ = ["Picture", "Slider", "check_value", "exercise", "finish", "ledger", "notation", "said", "yours"]
