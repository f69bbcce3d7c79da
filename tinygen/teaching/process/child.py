"""The student's process: runs the cells of the file that is handed in, and calls its functions when the judge asks.

Nothing here decides anything. The package beside it is a copy without answers (stripped.py); where a lesson's cell
wants the reference of an exercise, a call to the judge takes its place, and the judge decides whether it may be had.
"""

import ast
import contextlib
import importlib.machinery
import io
import linecache
import os
import shutil
import socket
import sys
import time
import traceback
import types

from tinygen.course.watch import OutOfTime, time_limit
from tinygen.teaching.process.wire import Wire

PRINTED = 20_000  # characters of what a cell prints that are kept
WATCHED = {  # events of Python's audit hook that a lesson has no reason for
    "subprocess.Popen": "starts a program",
    "os.system": "starts a program",
    "os.exec": "replaces its process",
    "os.posix_spawn": "starts a program",
    "os.fork": "forks",
    "os.forkpty": "forks",
    "os.kill": "sends a signal",
    "os.remove": "removes a file",
    "os.rename": "renames a file",
    "os.symlink": "makes a link",
    "socket.connect": "opens a connection",
    "ctypes.dlopen": "loads a library",
    "sys.setprofile": "watches the interpreter",
    "sys.settrace": "watches the interpreter",
    "sys._getframe": None,
    "open": "writes a file",
}
OURS = ("sys.setprofile", "sys.settrace")  # what the package does itself, to see how a function computes
HERE = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))


def limit(memory, seconds, processes, file_size):
    """Set this process's own limits where the system has them (not on Windows)."""
    try:
        import resource
    except ImportError:
        return
    wanted = {
        "RLIMIT_AS": memory,
        "RLIMIT_CPU": seconds,
        "RLIMIT_NPROC": processes,
        "RLIMIT_FSIZE": file_size,
        "RLIMIT_CORE": 0,
    }
    for name, value in wanted.items():
        if value is not None and hasattr(resource, name):
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(getattr(resource, name), (value, value))


def give_up_privileges():
    """Keep no capability of root, now and in what is started, where this is root: the judge can then not be traced."""
    if not sys.platform.startswith("linux") or os.geteuid():
        return
    import ctypes

    libc = ctypes.CDLL(None)
    libc.prctl(28, 3, 0, 0, 0)  # PR_SET_SECUREBITS: a program that root starts has no capabilities either, locked
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    libc.capset(header, (ctypes.c_uint32 * 6)())


def watch():
    """Note what the student's code tries: a list that the audit hook fills. It reports, it protects nothing."""
    seen = []

    def hook(event, args):
        said = WATCHED.get(event)
        if said is None or len(seen) >= 20:
            return
        if event in OURS and sys._getframe(1).f_code.co_filename.startswith(HERE):
            return
        if event == "open" and not (isinstance(args[1], str) and set(args[1]) & set("wax+")):
            return
        place = f"{event}: {said} ({str(args[0])[:80] if args else ''})"
        if place not in seen:
            seen.append(place)

    sys.addaudithook(hook)
    return seen


class Endless(Exception):
    """An exercise's time is over."""


class Student:
    """One file: its module, its exercises, and what is replaced by the reference."""

    def __init__(self, wire, setup):
        self.wire, self.path = wire, setup["path"]
        self.module = types.ModuleType("lesson_" + setup["name"])
        self.module.__file__ = self.path
        sys.modules[self.module.__name__] = self.module
        text = setup["text"]
        linecache.cache[self.path] = (len(text), None, text.splitlines(keepends=True), self.path)
        self.exercises, self.right = {}, set(setup["right"])
        self.times, self.left = setup["times"], {}  # seconds of processor time, and what is left of an exercise's

    def run(self, number, source, line):
        """Run one cell; send what it printed and raised."""
        out, error = io.StringIO(), ""
        with contextlib.redirect_stdout(out):
            try:
                tree = ast.parse("\n" * (line - 1) + source, self.path)
                with time_limit(self.times["cell"], self.path):
                    exec(compile(tree, self.path, "exec"), vars(self.module))
            except BaseException as raised:  # KeyboardInterrupt and SystemExit of a student's cell end the cell
                error = self.explain(raised)
        printed, made = out.getvalue()[:PRINTED], list(self.exercises)
        self.wire.send("cell", {"number": number, "error": error, "printed": printed, "exercises": made})

    def explain(self, error):
        """An error as text: the lines of the student's own file, then what was raised."""
        if isinstance(error, OutOfTime | Endless):
            return str(error)
        if isinstance(error, SyntaxError) and error.filename == self.path:
            return "".join(traceback.format_exception_only(error)).rstrip()
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == self.path]
        where = "".join(f"line {f.lineno}, in {f.name}\n    {f.line}\n" for f in frames[-3:])
        return where + "".join(traceback.format_exception_only(error)).rstrip()[:2000]

    def function(self, name):
        """The student's function of that name."""
        return self.exercises.get(name, vars(self.module).get(name))

    def timed(self, name):
        """The student's function of that name, which raises Endless when the exercise's time is over."""
        function = self.function(name)

        def call(*args, **kw):
            left, started = self.left.get(name, self.times["exercise"]), time.process_time()
            try:
                with time_limit(max(left, 0.1), self.path):
                    return function(*args, **kw)
            except OutOfTime as error:
                raise Endless(str(error)) from None
            finally:
                self.left[name] = left - (time.process_time() - started)

        return call if callable(function) else None

    def replace(self, name):
        """From now on the name means the judge's reference, for the other exercises that use it."""
        vars(self.module)[name] = self.reference(name)

    def reference(self, name):
        """A function that the judge computes."""
        return lambda *args, **kw: self.wire.call(f"reference {name}", args, kw)


def stand_ins(student):
    """What the lesson's cells find in place of the course's own judging: exercises are noted, references are calls."""
    import tinygen.course as course
    from tinygen.check.report import PASS, Entry, Report
    from tinygen.course import exercises

    def judge(function, check):
        name = getattr(function, "__name__", "exercise")
        student.exercises[name] = function
        return Report(name, [Entry(name, PASS)])

    def yours(test, function, instead):
        name = test.report.name
        return function if name in student.right else student.reference(name)

    exercises._judges.append(judge)
    quiet = lambda *args, **options: None
    for name, stand_in in dict(yours=yours, finish=quiet, derivation=quiet, notation=quiet).items():
        setattr(course, name, stand_in)


def put_off(name):
    """Import the module `name` when something of it is used: pictures take seconds to load, and exercises need none."""
    stand_in, (parent, _, last) = types.ModuleType(name), name.rpartition(".")
    stand_in.__path__ = []  # it may be asked for its parts

    def found(attribute):
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        _drop_stand_ins()
        return getattr(importlib.import_module(name), attribute)

    stand_in.__getattr__, stand_in.put_off = found, True
    sys.modules[name] = stand_in
    if parent:
        setattr(sys.modules[parent], last, stand_in)


def _drop_stand_ins():
    for name in [name for name, module in sys.modules.items() if "put_off" in vars(module)]:
        del sys.modules[name]


class PartsOfPutOff:
    """`import matplotlib.colors` where matplotlib is put off: both are imported, and it is found."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        """The spec of a part of a module that is put off, which is loaded with it; None of all others."""
        parent = sys.modules.get(name.rpartition(".")[0])
        if parent is None or "put_off" not in vars(parent):
            return None
        _drop_stand_ins()
        module = importlib.import_module(name)
        spec = importlib.machinery.ModuleSpec(name, _Found(module))
        module.__spec__ = spec  # Python would take this one, and load the module a second time
        return spec


class _Found:
    """The loader of a module that is there."""

    def __init__(self, module):
        self.module, self.spec = module, module.__spec__

    def create_module(self, spec):
        return self.module

    def exec_module(self, module):
        module.__spec__ = self.spec


def connection(named):
    """The socket to the judge: a descriptor's number, or "shared" where it is described on stdin (Windows)."""
    if named == "shared":
        return socket.fromshare(sys.stdin.buffer.read())
    os.set_inheritable(int(named), False)
    return socket.socket(fileno=int(named))


def main():
    """Serve until the judge closes the connection."""
    # Without this a package that is installed in place would be found beside the copy, answers and all.
    own = lambda finder: getattr(finder, "__module__", "").startswith(("_frozen", "importlib"))
    sys.meta_path[:] = [finder for finder in sys.meta_path if own(finder) or "home" in sys.argv]
    wire = Wire(connection(sys.argv[1]))
    _, setup, _, _ = wire.receive()
    os.environ.setdefault("MPLBACKEND", "agg")
    if setup["fonts"] and os.path.isdir(setup["fonts"]) and os.environ.get("MPLCONFIGDIR"):
        shutil.copytree(setup["fonts"], os.environ["MPLCONFIGDIR"], dirs_exist_ok=True)
    for name in ("matplotlib", "matplotlib.pyplot"):
        put_off(name)
    sys.meta_path.insert(0, PartsOfPutOff)
    student = Student(wire, setup)
    stand_ins(student)
    wire.explain, wire.allowed = student.explain, student.timed
    if "home" not in sys.argv:
        give_up_privileges()
    seen = watch()
    limit(**setup["limits"])
    wire.classes = _Classes(student.module)
    wire.send("ready")
    while True:
        wire.forget()
        try:
            kind, value, head, unpack = wire.receive()
        except Exception:
            return
        if kind == "cell":
            student.run(value["number"], value["source"], value["line"])
        elif kind == "right":
            student.right.add(value)
        elif kind == "wrong":
            student.replace(value)
        elif kind == "seen":
            wire.send("seen", list(seen))
        elif kind == "has":
            wire.send("has", callable(student.function(value)))
        elif kind == "call":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                wire.answer(head, value, unpack)


class _Classes:
    """Classes whose objects may come in: the lesson's own, as the student's file defines them, and the package's."""

    def __init__(self, module):
        self.module = module

    def __contains__(self, name):
        return self[name] is not None

    def __getitem__(self, name):
        own = vars(self.module).get(name)
        if isinstance(own, type):
            return own
        if name == "Schedule":
            from tinygen.models.diffusion import Schedule

            return Schedule
        return None


if __name__ == "__main__":
    main()
