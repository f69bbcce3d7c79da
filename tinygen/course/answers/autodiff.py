"""The answers about automatic differentiation (lesson 2)."""

from tinygen.course.answers.base import Answer


def _walk(out):
    bar = {out: 1.0}
    for number in reversed(out.tape):
        for parent, slope in number.parents if number in bar else ():
            bar[parent] = bar.get(parent, 0.0) + bar[number] * slope
    return bar


def _overwriting(out):
    bar = {out: 1.0}
    for number in reversed(out.tape):
        for parent, slope in number.parents if number in bar else ():
            bar[parent] = bar[number] * slope
    return bar


def _forwards(out):
    bar = {out: 1.0}
    for number in out.tape:
        for parent, slope in number.parents if number in bar else ():
            bar[parent] = bar.get(parent, 0.0) + bar[number] * slope
    return bar


def _without_the_chain(out):
    bar = {out: 1.0}
    for number in reversed(out.tape):
        for parent, slope in number.parents if number in bar else ():
            bar[parent] = bar.get(parent, 0.0) + slope
    return bar


def _everything(out):
    bar = {}
    for number in reversed(out.tape):
        for parent, slope in number.parents:
            bar[parent] = bar.get(parent, 0.0) + bar.get(number, 1.0) * slope
    return bar


def _depth_first(out):
    bar, visited = {out: 1.0}, set()

    def visit(number):
        visited.add(number)
        for parent, slope in number.parents:
            bar[parent] = bar.get(parent, 0.0) + bar[number] * slope
            if parent not in visited:
                visit(parent)

    visit(out)
    return bar


backward = Answer(
    _walk,
    {
        "a number that is used twice keeps only what came last: add to what is there": _overwriting,
        "the tape is walked from its beginning: nothing has been collected yet": _forwards,
        "what is handed on is the slope alone: multiply by the number's own derivative": _without_the_chain,
        "numbers hand on that the output does not depend on: their derivative is 0, not 1": _everything,
        "a number hands on before it has collected everything: keep to the order of the tape": _depth_first,
    },
)

dual_divide = Answer(
    lambda a, da, b, db: da / b - a * db / b**2,
    {
        "the product rule, for a quotient": lambda a, da, b, db: da * b + a * db,
        "the sign between the two parts is a minus": lambda a, da, b, db: da / b + a * db / b**2,
        "the quotient of the derivatives is not the derivative of the quotient": lambda a, da, b, db: da / db,
        "divide by b squared": lambda a, da, b, db: da * b - a * db,
        "the second part is divided by b squared, not by b": lambda a, da, b, db: da / b - a * db / b,
    },
)
