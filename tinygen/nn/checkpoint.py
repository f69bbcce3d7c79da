"""Checkpoints: a tree of arrays in one .npz file, which is there whole or not at all.

It is a plain NumPy archive without pickle: the arrays under the names "0", "1", ..., and under "checkpoint" a JSON text
with the format's name and version, the tree with the numbers of its arrays, and what the user wants to remember (meta).
"""

import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np

from tinygen.files import replacing

FORMAT, VERSION = "tinygen checkpoint", 2


class CheckpointError(ValueError):
    """The file is damaged, or is not a checkpoint of a version that this tinygen reads."""


def save(path, tree, meta=None):
    """Write `tree` and `meta` to the file `path`, replacing what was there in one step.

    tree : dicts, lists, tuples and None, nested as you like, around NumPy arrays, numbers, strings and booleans
    meta : anything that JSON can hold

    Whenever the process is killed, `path` is afterwards the old file or the new one, whole. The data goes first to a
    hidden file beside it that ends in ".partial"; a kill can leave that behind, and the next save removes it.
    Raises TypeError for what cannot be stored and OSError where it cannot be written; `path` is then untouched.

    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/step.npz"
    >>> save(path, {"W": np.ones((2, 3)), "sizes": (2, 3)}, meta={"step": 5})
    >>> tree, meta = load(path)
    >>> tree["sizes"], tree["W"].shape, meta
    ((2, 3), (2, 3), {'step': 5})
    """
    arrays = []
    header = {"format": FORMAT, "version": VERSION, "tree": _described(tree, arrays, "tree"), "meta": meta}
    try:
        text = json.dumps(header)
    except (TypeError, ValueError) as problem:
        raise TypeError(f"meta cannot be written as JSON: {problem}. Put arrays into the tree instead.") from None
    members = {"checkpoint": np.array(text), **{str(i): array for i, array in enumerate(arrays)}}
    with replacing(path) as file:
        np.savez(file, **members)


def load(path):
    """Return `(tree, meta)` as they were saved: same containers, dtypes, shapes, and the same bits.

    Raises FileNotFoundError if there is no such file, CheckpointError if it is damaged or something else. path: of a
    file that `save` wrote.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}. Give the path of a file that was written by save().")
    damaged = f"{path} is not a whole checkpoint: it is damaged, cut short or something else. Use an older one"
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                broken = archive.testzip()  # every byte of every member against its checksum, before any is used
            file.seek(0)
            members = {} if broken else dict(np.load(file, allow_pickle=False))
        except Exception as problem:  # zipfile raises a dozen kinds on damaged bytes
            raise CheckpointError(f"{damaged} ({problem}).") from problem
    if broken:
        raise CheckpointError(f"{damaged} (the checksum of {broken} is wrong).")
    try:
        header = json.loads(str(members["checkpoint"]))
        name, version = header["format"], header["version"]
    except (KeyError, TypeError, ValueError):
        name, version = None, None
    if name != FORMAT:
        raise CheckpointError(f"{path} is an .npz file, but not a tinygen checkpoint: it holds {sorted(members)[:5]}.")
    if version != VERSION:
        raise CheckpointError(
            f"{path} is a checkpoint of version {version}; this tinygen reads version {VERSION}. "
            "Use the tinygen that wrote it."
        )
    try:
        return _rebuilt(header["tree"], members), header["meta"]
    except (KeyError, ValueError, TypeError, AttributeError) as problem:
        raise CheckpointError(f"{damaged} (its description does not fit its content: {problem!r}).") from problem


def digest(tree):
    """A short text that another tree does not have: of its containers, numbers, strings and arrays.

    tree: as for `save`. Kept in a file's meta, it tells a file that was changed since from one that was not: a file can
    be whole, with right checksums, and yet lack what the reader looks for.

    >>> digest({"W": np.ones(2)}) == digest({"W": np.ones(2)}), digest({"W": np.ones(2)}) == digest({"V": np.ones(2)})
    (True, False)
    """
    arrays = []
    found = hashlib.blake2b(json.dumps(_described(tree, arrays, "tree")).encode(), digest_size=12)
    for array in arrays:
        found.update(f"{array.dtype} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def _described(node, arrays, place):
    """The node as JSON; its arrays go to the list `arrays`."""
    if node is None or type(node) in (bool, int, float, str):
        return {"value": node}
    if isinstance(node, (np.ndarray, np.generic)):
        if node.dtype.hasobject:
            raise TypeError(f"{place} has dtype {node.dtype}; a checkpoint holds numbers. Convert it with astype.")
        arrays.append(np.asarray(node))
        return {"array" if isinstance(node, np.ndarray) else "scalar": str(len(arrays) - 1)}
    if type(node) in (list, tuple):
        return {type(node).__name__: [_described(child, arrays, f"{place}[{i}]") for i, child in enumerate(node)]}
    if type(node) is dict:
        for key in node:
            if type(key) not in (str, int):
                raise TypeError(f"{place} has the key {key!r}; a checkpoint's keys are strings or ints.")
        return {"dict": [[key, _described(child, arrays, f"{place}[{key!r}]")] for key, child in node.items()]}
    raise TypeError(
        f"{place} is of type {type(node).__name__}; a checkpoint holds dicts, lists, tuples, None, arrays, numbers and "
        "strings. Turn it into one of these before saving."
    )


def _rebuilt(node, members):
    [(kind, content)] = node.items()
    if kind in ("list", "tuple"):
        return (list if kind == "list" else tuple)(_rebuilt(child, members) for child in content)
    if kind == "dict":
        return {key: _rebuilt(child, members) for key, child in content}
    if kind == "value":
        return content
    return members[content] if kind == "array" else members[content][()]
