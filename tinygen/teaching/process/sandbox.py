"""A process for somebody else's code: in bubblewrap where it is installed, with resource limits alone elsewhere.

In bubblewrap it has no network, sees a read-only system without the package's answers and without other submissions,
writes to a temporary folder of its own in memory, and everything that it starts ends with it.
"""

import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import tinygen
from tinygen.teaching.process.wire import Wire

SCRATCH = 256 << 20  # bytes that it may write
GONE = 10.0  # seconds that a killed process may take to be gone


@functools.cache
def bubblewrap():
    """The path of a bubblewrap that works here (containers may forbid it), or None."""
    found = shutil.which("bwrap")
    if not found or sys.platform != "linux":
        return None
    try:
        run = subprocess.run([found, *_rooms(()), "--", "/usr/bin/true"], capture_output=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found if run.returncode == 0 else None


def _rooms(readable):
    """bubblewrap's options: what the process sees. readable: folders besides the system's."""
    yield from ("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv")
    yield from ("--uid", "65534", "--gid", "65534", "--hostname", "student")
    yield from ("--ro-bind", "/usr", "/usr")
    for name in ("/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/fonts"):
        if os.path.islink(name):
            yield from ("--symlink", os.readlink(name), name)
        elif os.path.exists(name):
            yield from ("--ro-bind", name, name)
    yield from ("--proc", "/proc", "--dev", "/dev", "--size", str(SCRATCH), "--tmpfs", "/tmp")
    for folder in readable:
        yield from ("--ro-bind", str(folder), str(folder))
    for folder in map(Path, sys.path):  # the installed package has the answers
        for inside in (folder / "tinygen", *folder.glob("tinygen/lessons")):
            if inside.is_dir() and any(inside.is_relative_to(each) for each in ("/usr", *readable)):
                yield from ("--tmpfs", str(inside))


def _python_folders():
    """The folders that this Python and its packages are in, the checkout of the package itself left out."""
    packages = (Path(p) for p in sys.path if Path(p).name in ("site-packages", "dist-packages"))
    found = {Path(sys.prefix), Path(sys.base_prefix), *filter(Path.is_dir, packages)}
    outer = [p for p in found if not p.is_relative_to("/usr")]
    return [p for p in outer if not any(p != other and p.is_relative_to(other) for other in outer)]


class Process:
    """A running student's process: its `wire`, and how to end it with all that it has started."""

    def __init__(self, package, *, isolate=True, home=None):
        """package: the folder with the copy of tinygen that it imports (stripped.py). home: instead, the folder that
        it runs in, with the installed package and the user's own environment."""
        ours, theirs = socket.socketpair()
        shared = sys.platform == "win32"  # there a socket is handed over by a description of it
        self.errors = tempfile.TemporaryFile()
        self.scratch = None
        code = "import sys; sys.path[:0] = [sys.argv.pop(1)]; from tinygen.teaching.process.child import main; main()"
        apart = ["-B"] if home else ["-s", "-P", "-B"]
        command = [sys.executable, *apart, "-c", code, str(package or Path(tinygen.__file__).parents[1])]
        command.append("shared" if shared else str(theirs.fileno()))
        environment = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PYTHONHASHSEED": "0",
            "MPLBACKEND": "agg",
            **{f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")},
        }
        if sys.version_info < (3, 11) and not home:
            command.remove("-P")
        handed = {"stdin": subprocess.PIPE} if shared else {"stdin": subprocess.DEVNULL, "pass_fds": [theirs.fileno()]}
        self.isolated = bool(isolate and not home and bubblewrap())
        if home:
            command.append("home")
            where, environment = home, os.environ | environment | {"PATH": os.environ.get("PATH", "")}
        elif self.isolated:
            home = {"HOME": "/tmp", "MPLCONFIGDIR": "/tmp/mpl"}
            options = [*_rooms((*_python_folders(), package)), "--chdir", "/tmp"]
            for name, value in (environment | home).items():
                options += ["--setenv", name, value]
            command = [bubblewrap(), *options, "--", *command]
            where = "/"
        else:
            where = self.scratch = tempfile.mkdtemp(prefix="tinygen-student-")
            environment |= {"HOME": where, "MPLCONFIGDIR": f"{where}/mpl"}
            if shared:
                kept = ("SYSTEMROOT", "TEMP", "PATH")
                environment |= {name: os.environ[name] for name in kept if name in os.environ}
        if shared:  # a virtual environment's python.exe only starts another one, which could not take the socket
            environment |= {"__PYVENV_LAUNCHER__": sys.executable}
            command[0] = getattr(sys, "_base_executable", sys.executable)
        self.others = _descendants(os.getpid())  # what was there before is nobody's of this one
        _adopt_orphans()
        try:
            self.process = subprocess.Popen(
                command,
                env=environment,
                cwd=where,
                stdout=subprocess.DEVNULL,
                stderr=self.errors,
                start_new_session=not shared,
                **handed,
            )
            if shared:
                self.process.stdin.write(theirs.share(self.process.pid))
                self.process.stdin.close()
        finally:
            theirs.close()
        self.wire = Wire(ours)
        _alive.add(self.process.pid)

    def end(self, wait=0):
        """End it and all that it has started; return the last line that it wrote to its error stream.

        wait: seconds that it may take to end by itself; `how` says how it ended.
        """
        self.wire.socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(wait)
        status = self.process.returncode
        if self.isolated and status is not None and status > 128:
            status = 128 - status  # bubblewrap says a signal like that
        named = {int(each): each.name for each in signal.Signals}
        self.how = f"by signal {named.get(-status, -status)}" if status and status < 0 else f"with exit status {status}"
        with contextlib.suppress(OSError):
            self.process.kill()
        with contextlib.suppress(OSError, AttributeError):
            os.killpg(self.process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):  # what is stuck in the system dies when it comes back
            self.process.wait(GONE)
        _alive.discard(self.process.pid)
        for _ in range(50):  # what has left the group is found by its parents
            left = _descendants(os.getpid()) - self.others - _of_others(self.process.pid)
            for pid in left:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
                with contextlib.suppress(OSError):
                    os.waitpid(pid, os.WNOHANG)
            if not left:
                break
        self.errors.seek(max(0, self.errors.seek(0, os.SEEK_END) - 2000))
        lines = self.errors.read().decode("utf-8", "replace").strip().splitlines()
        self.errors.close()
        if self.scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)
        return lines[-1] if lines else ""


_alive = set()  # the students' processes of all threads of this one


def _of_others(pid):
    """The processes of students that are judged in other threads."""
    return {each for other in _alive - {pid} for each in {other} | _descendants(other)}


def _adopt_orphans():
    """Make what a student's process leaves behind this process's children, where the system can (Linux)."""
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def _descendants(pid):
    """The processes below this one, by /proc; the empty set where there is none."""
    parents = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        if name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                text = Path("/proc", name, "stat").read_text(errors="replace")
                parents[int(name)] = int(text.rpartition(")")[2].split()[1])
    found, new = set(), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - found
        found |= new
    return found
