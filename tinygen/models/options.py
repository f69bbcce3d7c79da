"""Options of models: checks of their values, and what they are in plain values, for files and fingerprints."""

import dataclasses
import hashlib

import numpy as np

# ---- checks ----


def whole(least=1, none=False, auto=False):
    """A check for OPTIONS: a whole number of at least `least`; or None, if `none`; or "auto", if `auto`."""

    def check(name, value):
        if (value is None and none) or (auto and isinstance(value, str) and value == "auto"):
            return value
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
            other = (", or None" if none else "") + (", or 'auto'" if auto else "")
            raise ValueError(f"{name} must be a whole number, at least {least}{other}, got {value!r}")
        return int(value)

    return check


def number(least=0.0, above=None, below=np.inf, none=False):
    """A check for OPTIONS: a number with least <= value < below (or above < value < below); or None, if `none`."""

    def check(name, value):
        if value is None and none:
            return value
        right = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
        if not right or not (least <= value if above is None else above < value) or not value < below:
            lower = f"at least {least:g}" if above is None else f"above {above:g}"
            upper = f" and below {below:g}" if below < np.inf else ", finite"
            raise ValueError(f"{name} must be a number, {lower}{upper}{', or None' if none else ''}, got {value!r}")
        return float(value)

    return check


def one_of(*choices, also=""):
    """A check for OPTIONS: one of the choices. also: what else a subclass accepts, for the message."""

    def check(name, value):
        if not any(value is choice or (type(value) is type(choice) and value == choice) for choice in choices):
            raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}{also}, got {value!r}")
        return value

    return check


def sizes(name, value):
    """A check for OPTIONS: a tuple or list of sizes of layers, such as (200,) or ()."""
    if not isinstance(value, (tuple, list)) or not all(isinstance(n, (int, np.integer)) and n > 0 for n in value):
        raise ValueError(f"{name} must be the sizes of the hidden layers, such as (200,), got {value!r}")
    return tuple(value)


def chosen(what, choice, table, method):
    """The entry of `table` by that name; an object with `method` is returned as it is; ValueError for the rest."""
    if isinstance(choice, str) and choice in table:
        return table[choice]
    if isinstance(choice, type) or not hasattr(choice, method):
        raise ValueError(f"{what}: got {choice!r}; expected one of {', '.join(table)}, or an instance of one")
    return choice


# ---- in plain values ----


def fingerprint(array):
    """A short text that another array will not have: of its shape, dtype and bytes.

    >>> fingerprint(np.arange(3)) == fingerprint(np.arange(3)), fingerprint(np.arange(3)) == fingerprint(np.ones(3))
    (True, False)
    """
    array = np.asarray(array)
    data = repr(array.tolist()).encode() if array.dtype.hasobject else np.ascontiguousarray(array).tobytes()
    return hashlib.blake2b(f"{array.dtype} {array.shape}".encode() + data, digest_size=12).hexdigest()


def plain(value):
    """An option as JSON gives it back, equal for equal options: for fingerprints, not to be rebuilt."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (float, np.number, np.bool_)):
        return value.item() if isinstance(value, np.generic) else value
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return fingerprint(value)
    if hasattr(value, "_model_options"):
        return {"name": type(value).__name__, **value._model_options()}
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    contents = vars(value) if hasattr(value, "__dict__") else {}
    return {"name": type(value).__name__, **{name: plain(item) for name, item in contents.items()}}


def describe(choice, table):
    """A name, or a dataclass of `table`, in plain values for a file; `rebuild` makes it again."""
    if isinstance(choice, str):
        return choice
    name = next((name for name, known in table.items() if type(known) is type(choice)), None)
    if name is None:
        raise TypeError(f"a model with {choice!r} cannot be saved: only {', '.join(table)} and their variants can")
    return {"name": name, **dataclasses.asdict(choice)}


def rebuild(description, table):
    """What `describe` has described."""
    if isinstance(description, str):
        return description
    options = dict(description)
    return type(table[options.pop("name")])(**options)
