"""Values between the judge and a student's process: JSON and `.npy` over a pair of sockets, never pickle.

Either side may call the other's functions. What comes in is data whoever sent it: arrays of numbers, text, containers
of them, functions to call back, and objects of classes that this side knows by name. Everything else is refused.
"""

import io
import itertools
import json
import struct
import time

import numpy as np

from tinygen.autodiff.tape import Var

LIMIT = 256 << 20  # bytes of one message
TEXT = 8 << 20  # bytes of what is not an array in it: as lists of lists it may become sixty times as many
KINDS = "biufcU"  # of the dtypes that may travel
GENERATORS = ("PCG64", "MT19937", "Philox", "SFC64")


class WireError(Exception):
    """The other side sent what is no message, or something of a kind that is not allowed, or went away."""


class Late(WireError):
    """No answer within the time."""


class Raised(Exception):
    """The other side's function raised: its text, the name of the exception's class, whether it is not written yet."""

    def __init__(self, text, kind="Exception", unwritten=False):
        super().__init__(text)
        self.text, self.kind, self.unwritten = text, kind, unwritten


class Wire:
    """One end of a connected socket.

    deadline: time.monotonic() after which neither sending nor receiving waits any longer (None: for ever).
    classes: {name: class} whose objects may come in. explain(error) -> text, for what a function of this side raised.
    allowed(name) -> function, for calls by name; by default there is none.
    """

    def __init__(self, socket, *, classes=None, explain=repr, allowed=None):
        self.socket = socket
        self.classes, self.explain = classes or {}, explain
        self.allowed = allowed or (lambda name: None)
        self.deadline = None
        self.forget()

    def forget(self):
        """Drop all functions and objects that were exchanged: a new call begins."""
        self._mine, self._theirs = {}, {}  # id -> what this side has sent; id(object) -> the other side's id
        self._kept, self._ids = {}, itertools.count()

    # ---- messages ----

    def send(self, kind, value=None, **header):
        """Send one message. Raises WireError, Late, and TypeError for a value that cannot be sent."""
        pack = _Pack(self)
        tree = pack.tree(value)
        head = json.dumps({"kind": kind, "value": tree, "objects": pack.objects, **header}).encode()
        if len(head) > TEXT:
            raise TypeError(f"{len(head)} bytes beside arrays cannot be sent; at most {TEXT}")
        parts = [struct.pack(">Q", len(head)), head]
        for blob in pack.blobs:
            parts += [struct.pack(">Q", len(blob)), blob]
        body = b"".join(parts)
        if len(body) > LIMIT:
            raise TypeError(f"{len(body)} bytes cannot be sent; at most {LIMIT}")
        self._wait(self.socket.sendall, struct.pack(">Q", len(body)) + body)
        return pack

    def receive(self):
        """The next message: (kind, value, header, arrays). Raises WireError, Late."""
        (length,) = struct.unpack(">Q", self._bytes(8))
        if length > LIMIT:
            raise WireError(f"a message of {length} bytes was announced; at most {LIMIT} are taken")
        body = self._bytes(length)
        try:
            parts, at = [], 0
            while at < length:
                (size,) = struct.unpack_from(">Q", body, at)
                parts.append(body[at + 8 : at + 8 + size])
                at += 8 + size
            if len(parts[0]) > TEXT:
                raise WireError(f"{len(parts[0])} bytes beside arrays; at most {TEXT} are taken")
            head = json.loads(parts[0])
            unpack = _Unpack(self, parts[1:], head.get("objects", {}))
            return head["kind"], unpack.value(head["value"]), head, unpack
        except (WireError, MemoryError):
            raise
        except Exception as error:  # the bytes are the other side's, and may be anything
            raise WireError(f"what arrived is not a message: {type(error).__name__}") from None

    def _bytes(self, n):
        parts = []
        while n:
            part = self._wait(self.socket.recv, min(n, 1 << 20))
            if not part:
                raise WireError("the process has ended")
            parts.append(part)
            n -= len(part)
        return b"".join(parts)

    def _wait(self, operation, argument):
        """A socket's operation, which may wait until the deadline: for what comes, or for room for what is sent."""
        left = None if self.deadline is None else self.deadline - time.monotonic()
        if left is not None and left <= 0:
            raise Late("no answer within the time")
        try:
            self.socket.settimeout(left)
            return operation(argument)
        except TimeoutError:
            raise Late("no answer within the time") from None
        except OSError as error:
            raise WireError("the process has ended") from error

    # ---- calls ----

    def call(self, function, args, kw, by_name=True):
        """Call the other side's function, by name or by the id under which it was sent; return its result.

        What it has changed in the arrays and generators of the arguments is changed here too.
        """
        sent = self.send("call", [list(args), kw], function=function, by_name=by_name)
        while True:
            kind, value, head, _ = self.receive()
            if kind == "call":
                self.answer(head, value)
            elif kind == "raised":
                raise Raised(str(value), str(head.get("type")), bool(head.get("unwritten")))
            elif kind == "returned":
                result, changed, states = value
                for i, array in changed:
                    _change(sent.arrays[int(i)], array)
                for generator, state in zip(sent.generators, states):
                    generator.bit_generator.state = state.bit_generator.state
                return result
            else:
                raise WireError(f"a message {kind!r} in place of a result")

    def answer(self, head, value, unpack=None):
        """Carry out a call that came in, and send the result."""
        args, kw = value
        try:
            function = self.allowed(head["function"]) if head["by_name"] else self._mine.get(head["function"])
            if not callable(function):
                raise LookupError(f"there is no function {head['function']!r} to call here")
            before = [a.copy() for a in unpack.arrays] if unpack else []
            result = function(*args, **kw)
            pairs = enumerate(zip(before, unpack.arrays)) if unpack else ()
            changed = [[i, new] for i, (old, new) in pairs if old.tobytes() != new.tobytes()]
            generators = list(unpack.generators) if unpack else []
        except WireError:
            raise
        except (Exception, SystemExit) as error:
            unwritten = isinstance(error, NotImplementedError)
            self.send("raised", self.explain(error), type=type(error).__name__, unwritten=unwritten)
            return
        try:
            self.send("returned", [result, changed, generators])
        except (TypeError, ValueError, RecursionError, MemoryError) as error:
            self.send("raised", str(error), type=type(error).__name__)


def _change(old, new):
    if isinstance(new, np.ndarray) and old.shape == new.shape and old.dtype == new.dtype and old.flags.writeable:
        old[...] = new


class _Pack:
    """Turns a value into JSON, a list of blobs, and a table of objects that may refer to each other."""

    def __init__(self, wire):
        self.wire, self.blobs, self.arrays, self.generators, self.objects = wire, [], [], [], {}
        self.pending = []

    def tree(self, value):
        found = self._tree(value)
        while self.pending:
            number, one = self.pending.pop()
            self.objects[number] = [type(one).__name__, [[k, self._tree(v)] for k, v in _attributes(one).items()]]
        return found

    def _tree(self, v):
        if v is None or type(v) in (bool, str, float) or (type(v) is int and abs(v) < 1 << 63):
            return v
        if isinstance(v, np.ndarray) or isinstance(v, np.generic):
            array = np.asarray(v)
            if array.dtype.kind not in KINDS:
                raise TypeError(f"an array of dtype {array.dtype}; expected numbers")
            file = io.BytesIO()
            np.lib.format.write_array(file, array, allow_pickle=False)
            self.blobs.append(file.getvalue())
            self.arrays.append(v if isinstance(v, np.ndarray) else array)
            return {"a" if isinstance(v, np.ndarray) else "n": len(self.blobs) - 1}
        if type(v) is complex:
            return {"c": [v.real, v.imag]}
        if isinstance(v, tuple):
            return {"t": [self._tree(each) for each in v]}
        if isinstance(v, list):
            return {"l": [self._tree(each) for each in v]}
        if isinstance(v, dict):
            return {"d": [[self._tree(key), self._tree(each)] for key, each in v.items()]}
        if isinstance(v, np.random.Generator):
            self.generators.append(v)
            return {"g": json.loads(json.dumps(v.bit_generator.state, default=lambda a: a.tolist()))}
        if id(v) in self.wire._theirs:
            return {"r": self.wire._theirs[id(v)]}
        if isinstance(v, Var):  # what the other side does cannot be recorded
            raise TypeError("a Var cannot be sent, since a recording ends where the process does")
        if isinstance(v, type) or not (callable(v) or hasattr(v, "__dict__") or hasattr(type(v), "__slots__")):
            raise TypeError(f"{type(v).__name__} cannot be sent; expected arrays, numbers, text, lists, dicts")
        number = self._number(v)
        if callable(v):
            return {"f": number}
        if number not in self.objects:
            self.objects[number] = None
            self.pending.append((number, v))
        return {"o": number}

    def _number(self, v):
        for number, one in self.wire._mine.items():
            if one is v:
                return number
        number = str(next(self.wire._ids))
        self.wire._mine[number] = v
        return number


def _attributes(v):
    """The attributes of an object, those in slots too, what it has cached left out."""
    slots = [name for kind in type(v).__mro__ for name in getattr(kind, "__slots__", ())]
    found = {name: getattr(v, name) for name in slots if hasattr(v, name)}
    return {k: value for k, value in (found | getattr(v, "__dict__", {})).items() if not k.startswith("__")}


class _Unpack:
    """Turns what came back into a value; whatever is not expected raises."""

    def __init__(self, wire, blobs, objects):
        self.wire, self.blobs, self.objects = wire, blobs, objects
        self.arrays, self.generators, self.built = [], [], {}

    def value(self, tree):
        found = self._value(tree)
        while self.built:
            number, one = self.built.popitem()
            for name, part in self.objects[number][1]:
                if not (isinstance(name, str) and name.isidentifier() and not name.startswith("__")):
                    raise WireError(f"an attribute of the name {name!r}")
                object.__setattr__(one, name, self._value(part))
        return found

    def _value(self, v):
        if v is None or isinstance(v, (bool, int, float, str)):
            return v
        ((kind, part),) = v.items()
        if kind in "an":
            array = np.lib.format.read_array(io.BytesIO(self.blobs[part]), allow_pickle=False, max_header_size=1000)
            if array.dtype.kind not in KINDS:
                raise WireError(f"an array of dtype {array.dtype}")
            self.arrays.append(array)
            return array if kind == "a" else array[()]
        if kind == "c":
            return complex(*part)
        if kind == "t":
            return tuple(self._value(each) for each in part)
        if kind == "l":
            return [self._value(each) for each in part]
        if kind == "d":
            return {self._value(key): self._value(each) for key, each in part}
        if kind == "g":
            return self._generator(part)
        if kind == "r":
            return self.wire._mine[part]
        key = (kind, part)
        if key in self.wire._kept:
            return self.wire._kept[key]
        if kind == "f":
            one = self._function(part)
        elif kind == "o":
            name = self.objects[part][0]
            if name not in self.wire.classes:
                raise WireError(f"an object of the class {name!r}, which is not known here")
            one = object.__new__(self.wire.classes[name])
            self.built[part] = one
        else:
            raise WireError(f"a value of kind {kind!r}")
        self.wire._kept[key] = one
        self.wire._theirs[id(one)] = part
        return one

    def _function(self, number):
        wire = self.wire

        def remote(*args, **kw):
            return wire.call(number, args, kw, by_name=False)

        return remote

    def _generator(self, state):
        if state["bit_generator"] not in GENERATORS:
            raise WireError("a generator of an unknown kind")
        made = getattr(np.random, state["bit_generator"])()
        made.state = state
        generator = np.random.Generator(made)
        self.generators.append(generator)
        return generator
