"""Which mistake is it? The ranked explanations of a gradient that disagrees with the numbers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """One explanation of a wrong gradient that fits the numbers within their error bars.

    kind: short slug such as ``"sign"`` or ``"factor"``. sentence: what a student reads. residual: what is left after
    correcting it, relative to the size of the gradient. formula: the corrected formula, or None. where: the argument
    (and the loss term, the row, ...) it was found in.
    """

    kind: str
    sentence: str
    residual: float = float("nan")
    formula: str | None = None
    where: str = ""

    def __str__(self):
        return self.sentence


def diagnose(f, args, argnum, got, expected, bar, *, name=None, names=None, gradient=None, limit=3):
    """The mistakes that explain `got`, best first; an empty list if none does.

    f: the function, returning a number or a dict of named terms whose sum is the loss. args: all its arguments, leaves
    of trees as arguments of their own. argnum: the argument that `got` is the gradient of (or claims to be: `got` may
    have a wrong shape). expected, bar: the numeric gradient and its error bar, in the argument's shape; NaN in
    `expected` marks entries that were not computed. names: the names of all arguments. gradient: called without
    arguments, it gives `got` anew (to see noise that is drawn again).
    """
    return []
