"""Files that are there whole or not at all, whenever the process that writes them is killed."""

import contextlib
import errno
import os
import platform
import secrets
from pathlib import Path


@contextlib.contextmanager
def replacing(path):
    """A binary file that takes the place of `path` when the block ends well, and leaves no trace when it raises.

    The file's permissions stay as they are, and a symbolic link stays one: what it points to is replaced.
    """
    path = Path(path)
    target = Path(os.path.realpath(path))
    try:
        _remove_leftovers(target)
        partial = target.with_name(f"{_partial_prefix(target)}{os.getpid()}-{secrets.token_hex(4)}.partial")
        mode = target.stat().st_mode & 0o7777 if target.exists() else None
        with open(partial, "xb") as file:  # x: never a file that is there already
            try:
                yield file
                file.flush()
                if mode is not None:
                    os.chmod(partial, mode)
                os.fsync(file.fileno())  # the bytes before the name: a crash must not leave the new name on old bytes
                file.close()
                os.replace(partial, target)
            except BaseException:
                file.close()
                with contextlib.suppress(OSError):
                    partial.unlink()
                raise
    except OSError as problem:
        remedy = _REMEDIES.get(problem.errno, "Give a file in a folder that exists and can be written")
        message = f"cannot write {path}: {problem.strerror or problem}. {remedy}"
        raise type(problem)(problem.errno, message) from None
    if os.name == "posix":  # elsewhere a folder can't be opened
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


_REMEDIES = {
    errno.ENOSPC: "The disk is full: free some space, or give a file on another one; what was there is untouched",
    errno.EDQUOT: "Your quota is used up: free some space, or give a file elsewhere; what was there is untouched",
    errno.EFBIG: "The file would be larger than this system allows",
    errno.EIO: "The disk reports a failure: give a file on another one",
    errno.ENAMETOOLONG: "Give a shorter name",
    errno.EISDIR: "It is a folder: give the name of a file",
}


def _partial_prefix(target):
    """What the names of unfinished files for `target` begin with; their maker's process and a random part follow."""
    return f".{target.name}.{platform.node()}-"


def _remove_leftovers(target):
    """Remove what processes that were killed while they wrote `target` have left behind."""
    prefix = _partial_prefix(target)
    if os.name != "posix" or not target.parent.is_dir():
        return
    for name in os.listdir(target.parent):
        if name.startswith(prefix) and name.endswith(".partial"):
            maker = name[len(prefix) :].split("-")[0]
            try:
                os.kill(int(maker), 0)  # asks only whether it is there
            except ProcessLookupError:
                with contextlib.suppress(OSError):
                    (target.parent / name).unlink()
            except (ValueError, OSError):
                pass  # not ours, or alive under another user
