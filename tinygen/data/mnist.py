"""MNIST and its relatives (Fashion, KMNIST, EMNIST) from IDX files that the user has; nothing is downloaded.

An IDX file is a four-byte magic number (0, 0, 8 for unsigned bytes, the number of axes), the length of each axis as a
big-endian 32-bit integer, then the bytes. http://yann.lecun.com/exdb/mnist describes it.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

GZIP = b"\x1f\x8b"
REMEDY = "Fetch the file again; MNIST's four IDX files are what is read here, gzipped or not."


def load(folder):
    """Training and test set from the four IDX files in `folder`, gzipped or not.

    The files are train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte,
    also with `.gz` at the end or with a dot before `idx`.

    Returns two pairs (images, labels):
    images : float32 array (N, height * width), whole numbers 0..255; labels : int array (N,)

    Raises FileNotFoundError if a file is missing, ValueError if one is truncated, damaged or something else.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"MNIST: there is no folder {folder}. Give the folder that holds the four IDX files.")
    return _pair(folder, "train"), _pair(folder, "t10k")


def read_idx(path):
    """The array of unsigned bytes in one IDX file, gzipped or not; ValueError if it isn't one, whole and unharmed.

    path: of the file.
    """
    content = Path(path).read_bytes()
    if content.startswith(GZIP):
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as problem:
            raise ValueError(f"{path} is truncated or damaged: gzip says {problem}. {REMEDY}") from problem
    if content[:3] != b"\0\0\x08" or len(content) < 4:
        raise ValueError(f"{path} is not an IDX file of bytes: it begins with {content[:8]!r}, not 0, 0, 8. {REMEDY}")
    ndim = content[3]
    start = 4 + 4 * ndim
    if len(content) < start:
        raise ValueError(f"{path} is truncated: {len(content)} bytes, but the header alone takes {start}. {REMEDY}")
    shape = struct.unpack(f">{ndim}I", content[4:start])
    expected = start + math.prod(shape)
    if len(content) != expected:
        what = "truncated" if len(content) < expected else "damaged or something else"
        raise ValueError(f"{path} is {what}: {len(content):,} bytes; its shape {shape} takes {expected:,}. {REMEDY}")
    return np.frombuffer(content[start:], np.uint8).reshape(shape)


def _pair(folder, part):
    image_path, label_path = _find(folder, f"{part}-images", "idx3"), _find(folder, f"{part}-labels", "idx1")
    images, labels = read_idx(image_path), read_idx(label_path)
    for path, array, ndim in (image_path, images, 3), (label_path, labels, 1):
        if array.ndim != ndim:
            raise ValueError(f"{path} holds an array of shape {array.shape}; expected {ndim} axes. {REMEDY}")
    if len(images) != len(labels) or not images.size:
        raise ValueError(f"{image_path} has {len(images):,} images and {label_path} {len(labels):,} labels; "
                         f"expected the same number, at least one. {REMEDY}")
    return images.reshape(len(images), -1).astype(np.float32), labels.astype(int)  # (N, height * width), (N,)


def _find(folder, stem, kind):
    names = [f"{stem}{join}{kind}-ubyte{end}" for join in "-." for end in ("", ".gz")]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"MNIST: {folder} has none of {', '.join(names)}. Put the file there, gzipped or not.")
