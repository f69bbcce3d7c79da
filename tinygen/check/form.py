"""The form of a result in words: an array, a pair, a list; whether it is the form that was asked for, and which axis
was summed where a shape is not the one expected."""

import numbers

import numpy as np

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
REAL = "fiub"  # kinds of dtype: floats, whole numbers, booleans
TUPLES = {2: "a pair", 3: "a triple"}


def part_name(i):
    """What the part `i` of a pair or triple is called.

    >>> part_name(1), part_name(11)
    ('second', 'number 12')
    """
    return ORDINALS[i] if i < len(ORDINALS) else f"number {i + 1}"


def described(value):
    """The form of a value in a few words.

    >>> described((np.zeros((3, 5)), np.zeros(5)))
    'a pair (an array of shape (3, 5), an array of shape (5,))'
    >>> described([1.0, 2.0]), described(None), described(3.0)
    ('a list of 2 numbers', 'None', 'a number')
    """
    if value is None:
        return "None"
    if _is_number(value):
        return no_numbers(value) or "a number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, np.ndarray):
        of = "" if value.dtype.kind in REAL else f" of {no_numbers(value, called=False)}"
        return f"an array{of} of shape {value.shape}"
    if isinstance(value, tuple):
        head = TUPLES.get(len(value), f"a tuple of {len(value)}")
        return f"{head} ({', '.join(described(part) for part in value)})" if len(value) < 6 else head
    if isinstance(value, list):
        kinds = {described(part) for part in value}
        of = {frozenset({"a number"}): "numbers"}.get(frozenset(kinds), "arrays" if _arrays(value) else "parts")
        return f"a list of {len(value)} {of}"
    if isinstance(value, dict):
        return f"a dict with the keys {', '.join(map(repr, list(value)[:4]))}"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def no_numbers(value, called=True):
    """What a value is instead of real numbers: "" if it is a real number or an array of them.

    >>> no_numbers(1j), no_numbers(np.zeros(3)), no_numbers(np.array([None, 2.0]))
    ('a complex number', '', 'an array of Python objects of shape (2,)')
    """
    if isinstance(value, str):
        return "text"
    kind = np.asarray(value).dtype.kind if isinstance(value, numbers.Number | np.generic | np.ndarray) else "f"
    what = "" if kind in REAL else {"c": "complex numbers", "O": "Python objects"}.get(kind, "text")
    if not what or not called:
        return what
    if np.ndim(value):
        return f"an array of {what} of shape {np.shape(value)}"
    return {"complex numbers": "a complex number", "Python objects": "a Python object"}.get(what, what)


def fault(got, wanted):
    """Why a result of the form of `got` cannot stand where one of the form of `wanted` was asked for; "" if it can.

    What can be used in the same way passes: a list or one stacked array for a pair, a 0-d array for a number. Shapes
    of single arrays are not compared: that is done by the check, which knows what they mean.

    >>> fault(np.zeros((3, 5)), (np.zeros((3, 5)), np.zeros(5)))
    'expected a pair (an array of shape (3, 5), an array of shape (5,)), got an array of shape (3, 5)'
    >>> fault((np.zeros(5), None), (np.zeros(5), np.zeros(5)))
    'the second of the pair is None'
    >>> fault([1.0, 2.0], np.zeros(2))
    'expected an array of shape (2,), got a list of 2 numbers: return np.array(...)'
    >>> fault([np.zeros(5), np.zeros(5)], (np.zeros(5), np.zeros(5)))
    ''
    """
    asked = f"expected {described(wanted)}, got {described(got)}"
    if got is None:
        return "" if wanted is None else f"expected {described(wanted)}; nothing came back: is there a `return`?"
    if isinstance(wanted, tuple | list):
        if isinstance(got, np.ndarray) and _stacked(got, wanted):
            return ""
        if not isinstance(got, tuple | list) or len(got) != len(wanted):
            return asked
        whole = TUPLES.get(len(wanted), "result").removeprefix("a ")
        for i, (part, asked_part) in enumerate(zip(got, wanted)):
            if part is None and asked_part is not None:
                return f"the {part_name(i)} of the {whole} is None"
            if inner := fault(part, asked_part):
                return f"the {part_name(i)} of the {whole}: {inner}"
        return ""
    if isinstance(wanted, np.ndarray) or _is_number(wanted):
        if isinstance(got, tuple | list):
            remedy = ": return np.array(...)" if _arrays(got) and len(got) else ""
            return asked + remedy
        return asked if isinstance(got, dict) or no_numbers(got) else ""
    if isinstance(wanted, dict):
        return "" if isinstance(got, dict) else asked
    return ""


def part_shapes(got, wanted):
    """The first part of a pair that has another shape than asked for, in words; "" if all fit."""
    if isinstance(got, tuple | list) and isinstance(wanted, tuple | list):
        for i, (part, asked) in enumerate(zip(got, wanted)):
            if np.shape(part) != np.shape(asked):
                return f"the {part_name(i)} has the shape {np.shape(part)}, expected {np.shape(asked)}"
    return ""


def _stacked(got, wanted):
    return got.ndim > 0 and len(got) == len(wanted) and all(np.shape(g) == np.shape(w) for g, w in zip(got, wanted))


def _is_number(value):
    return isinstance(value, numbers.Number | np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0)


def _arrays(parts):
    return all(_is_number(part) or isinstance(part, np.ndarray) for part in parts)


def summed_over(got, expected, args, names):
    """Which axis of an argument was summed, and which was to be: a sentence, or "" if the shapes do not say.

    >>> summed_over((3,), (7,), [np.zeros((7, 3))], ["x"])
    'the shape (3,) is that of x, (7, 3), summed over axis 0; (7,) is summed over axis 1'
    """
    for name, arg in zip(names, args):
        shape = np.shape(arg)
        without = [shape[:i] + shape[i + 1 :] for i in range(len(shape))]
        if len(set(without)) == len(without) and got in without and expected in without:
            return (f"the shape {got} is that of {name}, {shape}, summed over axis {without.index(got)}; "
                    f"{expected} is summed over axis {without.index(expected)}")  # fmt: skip
    return ""


def distinct(got, expected, digits=6):
    """Both numbers as text, with as many digits as it takes to tell them apart.

    >>> distinct(1.0, 2.0), distinct(1.0, 1.00000001)
    (('1', '2'), ('1', '1.00000001'))
    """
    for places in (digits, digits + 3, digits + 6, 17):
        texts = f"{got:.{places}g}", f"{expected:.{places}g}"
        if texts[0] != texts[1]:
            break
    return texts


def nearly(got, expected, wrong):
    """What it means that numbers agree nearly, but not within rounding: a sentence, or "" if they do not.

    wrong: which entries are off. A single entry that is off among many is another kind of mistake.
    """
    largest = np.max(np.abs(expected), initial=0.0)
    if not largest or 2 * np.count_nonzero(wrong) < wrong.size:
        return ""
    off = float(np.max(np.abs(got - expected))) / largest
    if off < 1e-6:
        return (f"agrees to {off:.0e}, but not to rounding: was something computed in float32, or a small number "
                "such as 1e-8 added?")  # fmt: skip
    if off < 1e-3:
        return f"agrees to {off:.0e}: a numeric approximation where the exact form is asked for?"
    return ""
