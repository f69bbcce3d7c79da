"""MNIST's loader against files written here: right ones are read bit for bit, wrong ones named."""

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygen.data import mnist


def idx(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def folder(tmp_path):
    """Four files: train gzipped, test not, and test's labels with a dot in their name."""
    rng = np.random.default_rng(1)
    arrays = {
        "train-images-idx3-ubyte.gz": rng.integers(256, size=(11, 5, 3), dtype=np.uint8),
        "train-labels-idx1-ubyte.gz": rng.integers(10, size=11, dtype=np.uint8),
        "t10k-images-idx3-ubyte": rng.integers(256, size=(7, 5, 3), dtype=np.uint8),
        "t10k-labels.idx1-ubyte": rng.integers(10, size=7, dtype=np.uint8),
    }
    for name, array in arrays.items():
        (tmp_path / name).write_bytes(gzip.compress(idx(array)) if name.endswith(".gz") else idx(array))
    return tmp_path, list(arrays.values())


def test_load_reads_gzipped_and_plain_files(folder):
    path, (train, train_labels, test, test_labels) = folder
    for (images, labels), x, y in zip(mnist.load(str(path)), (train, test), (train_labels, test_labels)):
        assert images.dtype == np.float32
        assert np.array_equal(images, x.reshape(len(x), 15))
        assert np.issubdtype(labels.dtype, np.integer)
        assert np.array_equal(labels, y)


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)), st.booleans())
def test_read_idx_returns_what_was_written(tmp_path_factory, array, zipped):
    path = tmp_path_factory.getbasetemp() / "one"
    path.write_bytes(gzip.compress(idx(array), 1) if zipped else idx(array))
    read = mnist.read_idx(path)
    assert read.shape == array.shape
    assert np.array_equal(read, array)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_cut_anywhere_is_refused(tmp_path, zipped):
    whole = idx(np.arange(35, dtype=np.uint8).reshape(7, 5))
    whole = gzip.compress(whole, mtime=0) if zipped else whole
    path = tmp_path / "cut"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut (is truncated|is not an IDX file).* Fetch the file again"):
            mnist.read_idx(path)


@pytest.mark.parametrize(
    "content, words",
    [
        (b"<!DOCTYPE html><html>404</html>", "not an IDX file of bytes: it begins with b'<!DOCTYP'"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "not an IDX file"),
        (b"", "not an IDX file"),
        (b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", "not an IDX file of bytes"),  # IDX, but of floats
        (idx(np.zeros((3, 2), np.uint8)) + b"x", "damaged or something else: 19 bytes.*takes 18"),
        (b"\0\0\x08\x03" + b"\xff" * 12 + bytes(9), "truncated"),  # a shape that no machine could hold
        (gzip.compress(b"hello", mtime=0), "not an IDX file"),
        (gzip.compress(idx(np.zeros(99, np.uint8)), mtime=0)[:-8] + bytes(8), "gzip says CRC"),
    ],
)
def test_foreign_files_are_named(tmp_path, content, words):
    (tmp_path / "some-file").write_bytes(content)
    with pytest.raises(ValueError, match=words) as error:
        mnist.read_idx(tmp_path / "some-file")
    assert "some-file" in str(error.value)


def test_missing_files_and_folders_are_named(folder):
    path, _ = folder
    (path / "t10k-labels.idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match=r"none of t10k-labels-idx1-ubyte, .*\.gz.*Put the file there"):
        mnist.load(path)
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        mnist.load(path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*t10k-images"):
        mnist.load(path / "t10k-images-idx3-ubyte")


@pytest.mark.parametrize(
    "name, array, words",
    [
        ("t10k-images-idx3-ubyte", np.zeros((6, 5, 3), np.uint8), "6 images and .* 7 labels"),
        ("t10k-images-idx3-ubyte", np.zeros(7, np.uint8), "shape .7,.; expected 3 axes"),
        ("t10k-labels.idx1-ubyte", np.zeros((7, 1), np.uint8), "shape .7, 1.; expected 1 axes"),
        ("t10k-images-idx3-ubyte", np.zeros((7, 0, 3), np.uint8), "at least one"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(folder, name, array, words):
    path, _ = folder
    (path / name).write_bytes(idx(array))
    with pytest.raises(ValueError, match=words):
        mnist.load(path)
