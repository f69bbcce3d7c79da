"""A reader's function as a check calls it: what it returns and raises, what it does to its arguments, how long it
takes. What is noticed here is a mistake whatever the numbers are."""

import contextlib
import copy
import functools
import inspect
import linecache
import signal
import threading

import numpy as np

from tinygen.check import form

SECONDS = 20  # of processor time that the check of one exercise may take
WATCHED = 40  # calls whose arguments are looked at
KEPT = 3  # calls that are kept, of different forms


class OutOfTime(BaseException):
    """The time for an exercise is over. No Exception, so that no `except Exception` of the reader's takes it."""


@contextlib.contextmanager
def time_limit(seconds, path=""):
    """Raise OutOfTime inside the block after so many seconds of processor time (a busy machine costs nobody anything),
    naming the line of `path` that was running.

    Limits nest: the clock of an outer one stands still meanwhile. Only the main thread of a system with timers can be
    interrupted; elsewhere the block runs without a limit.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def over(number, frame):
        while frame is not None and frame.f_code.co_filename != path:
            frame = frame.f_back
        line = f"line {frame.f_lineno}: {linecache.getline(path, frame.f_lineno).strip()}\n" if frame else ""
        raise OutOfTime(f"{line}not finished after {seconds:g} s: is there a loop that never ends?")

    handler = signal.signal(signal.SIGPROF, over)
    left = signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)  # and again each second, should somebody catch it
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, *left)
        signal.signal(signal.SIGPROF, handler)


class Watched:
    """Calls `function` with copies of its arrays, so that nothing it does to them reaches the check.

    `results` holds what the first call and the last one returned or raised, `calls` pairs (arguments, result), one for
    each form of result, `changed` {position of an argument: what was done to it}. parts: the function returns so many
    values; the check gets them as a tuple, also if they come stacked in one array. listed: it returns a list, which
    may come as a tuple.
    """

    def __init__(self, function, parts=0, listed=False):
        self.function, self.parts, self.listed = function, parts, listed
        self.results, self.calls, self.changed, self.count, self.lists = [], [], {}, 0, False
        functools.update_wrapper(self, function)

    def __call__(self, *args, **kw):
        self.count += 1
        looked_at = self.count <= WATCHED or self.changed
        mine = _copied(args) if looked_at else args
        kept = _copied(args, generators=True) if len(self.calls) < KEPT and not kw else None
        try:
            self.results[1:] = [self.function(*mine, **kw)]
        except (Exception, SystemExit) as error:
            self.results[1:] = [error]
            raise
        finally:
            if looked_at:
                self._compare(args, mine)
        result = self.results[-1]
        if kept is not None and form.described(result) not in [form.described(r) for _, r in self.calls]:
            self.calls.append((kept, result))
        return list(result) if self.listed and isinstance(result, tuple) else _for_the_check(result, self.parts)

    def _compare(self, before, after):
        for i, (old, new) in enumerate(zip(before, after)):
            if what := difference(old, new):
                self.changed.setdefault(i, what)

    def faults(self, right, used="directly"):
        """What is wrong with the form of the results and with what was done to the arguments, against `right`, the
        right function: a list of sentences. `used`: how later cells use the function (see solved.Solution)."""
        found, allowed = [], set()
        for args, result in self.calls:
            mine = _copied(args, generators=True)
            try:
                with np.errstate(all="ignore"):
                    wanted = right(*mine)
            except Exception:  # the right function cannot take what the reader's could
                continue
            allowed |= {i for i, (old, new) in enumerate(zip(args, mine)) if difference(old, new)}
            if isinstance(wanted, np.ndarray) and isinstance(result, list | tuple) and _fits(result, wanted, used):
                self.lists = True
                continue
            fault = form.fault(result, wanted)
            found += [fault] if fault and fault not in found else []
        names = list(inspect.signature(right).parameters)
        for i, what in self.changed.items():
            name = names[i] if i < len(names) else f"argument {i + 1}"
            if i not in allowed:
                found.append(f"it changes its argument {name} in place ({what}): whoever called it still needs the old "
                             f"numbers. Work on a copy, {name}.copy(), or make a new array")  # fmt: skip
        return found

    def part_shapes(self, solution):
        """Which part of a pair has the wrong shape: a sentence or ""."""
        for args, result in self.calls:
            with contextlib.suppress(Exception):
                if what := form.part_shapes(result, solution(*_copied(args, generators=True))):
                    return what
        return ""


def _for_the_check(result, parts):
    """The result as the check takes it: a stacked pair as a tuple, a list of numbers or rows as an array. Whether the
    reader may return it like that is not for the numbers to say."""
    if parts:
        stacked = isinstance(result, np.ndarray) and result.ndim and len(result) == parts
        return tuple(result) if stacked or isinstance(result, tuple) else result  # a tuple with names is one, too
    if isinstance(result, list) and result and all(isinstance(row, float | list | np.ndarray) for row in result):
        with contextlib.suppress(ValueError):  # rows of different lengths are no array
            array = np.array(result)
            return array if array.dtype.kind == "f" else result
    return result


def _fits(result, wanted, used):
    """May this list stand for the array `wanted`? If no later cell uses it; a list of rows, too, if `yours` does."""
    rows = all(isinstance(row, np.ndarray) and row.ndim for row in result)
    return np.shape(result) == wanted.shape and (not used or (used == "yours" and rows))


def difference(old, new):
    """What became of the arrays in `old`: words, or "" if `new` has the same."""
    if isinstance(old, np.ndarray) and isinstance(new, np.ndarray):
        if old.shape != new.shape or old.dtype != new.dtype:
            return f"it was {form.described(old)} and is {form.described(new)}"
        if old.dtype.kind not in "fciub":
            return ""
        other = ~((old == new) | ((old != old) & (new != new)))
        if not other.any():
            return ""
        index = tuple(int(i) for i in np.argwhere(other)[0])
        before, after = form.distinct(old[index].item(), new[index].item()) if old.dtype.kind == "f" else (old[index],
                                                                                                           new[index])
        where = f"entry {list(index)} " if index else ""
        return f"{where}was {before}, is {after}"
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        if len(old) != len(new):
            return f"it had {len(old)} parts and has {len(new)}"
        return next(filter(None, map(difference, old, new)), "")
    if isinstance(old, dict) and isinstance(new, dict):
        if old.keys() != new.keys():
            return "it has other keys"
        return next(filter(None, (difference(old[key], new[key]) for key in old)), "")
    return ""


def _copied(value, generators=False):
    """`value` with its arrays copied, in trees too; `generators`: and with random generators in the same state."""
    if type(value) is np.ndarray:
        return value.copy(order="K")
    if type(value) in (list, tuple):
        return type(value)(_copied(part, generators) for part in value)
    if type(value) is dict:
        return {key: _copied(part, generators) for key, part in value.items()}
    if generators and isinstance(value, np.random.Generator):
        return copy.deepcopy(value)
    return value
