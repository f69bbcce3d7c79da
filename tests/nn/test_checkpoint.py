"""Checkpoints: bits come back, damage is seen, and a kill at any moment leaves a whole file."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygen.files import replacing
from tinygen.nn.checkpoint import VERSION, CheckpointError, load, save

DTYPES = ["f4", "f8", "i8", "u1", "?", "c8", "<U3", ">f4"]
arrays = hnp.arrays(st.sampled_from(DTYPES), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(np.float32(1.5))
trees = st.recursive(
    arrays | scalars,
    lambda below: (
        st.lists(below, max_size=3)
        | st.lists(below, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=4) | st.integers(), below, max_size=3)
    ),
    max_leaves=8,
)


def same(a, b):
    """Same types, structure, order of keys, dtypes and bits."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, (np.ndarray, np.generic)):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return repr(a) == repr(b)  # NaN equals NaN here


@given(trees, st.dictionaries(st.text(), st.none() | st.integers() | st.text()))
def test_what_is_saved_is_loaded(tmp_path_factory, tree, meta):
    path = tmp_path_factory.getbasetemp() / "checkpoint.npz"
    save(path, tree, meta)
    got, got_meta = load(path)
    assert same(got, tree)
    assert got_meta == meta


def test_layout_in_memory_is_kept(tmp_path):
    rng = np.random.default_rng(0)
    tree = {"F": np.asfortranarray(rng.normal(size=(5, 3))), "strided": rng.normal(size=(7, 4))[::2, ::-1]}
    save(tmp_path / "a", tree)
    got, _ = load(tmp_path / "a")
    assert got["F"].flags.f_contiguous
    assert same(got["strided"], tree["strided"].copy())


def test_numpy_alone_can_read_it(tmp_path):
    save(tmp_path / "a.npz", [np.arange(3.0)], {"step": 7})
    with np.load(tmp_path / "a.npz") as archive:  # which refuses pickle
        assert archive["0"].tolist() == [0, 1, 2]
        assert json.loads(str(archive["checkpoint"]))["meta"] == {"step": 7}


@pytest.fixture
def written(tmp_path):
    tree = {"W": np.arange(6.0).reshape(2, 3), "b": (np.float32(2), None)}
    save(tmp_path / "a.npz", tree, {"step": 3})
    return tmp_path / "a.npz", tree, (tmp_path / "a.npz").read_bytes()


def test_a_file_cut_anywhere_is_refused(written):
    path, _, whole = written
    for length in range(0, len(whole), 3):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"a\.npz"):
            load(path)


def test_a_changed_byte_is_refused_or_without_effect(written):
    path, tree, whole = written
    rng = np.random.default_rng(0)
    refused = 0
    for i in range(0, len(whole), 2):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ int(rng.integers(1, 256))]) + whole[i + 1 :])
        try:
            got = load(path)
        except CheckpointError:
            refused += 1
        else:
            assert same(got[0], tree) and got[1] == {"step": 3}
    assert refused > 0.3 * len(whole)  # of one in two; the others are dates and flags of the zip directory


def test_a_changed_shape_is_refused_too(written):
    path, _, whole = written
    assert b"'shape': (2, 3)" in whole
    path.write_bytes(whole.replace(b"'shape': (2, 3)", b"'shape': (2, 2)"))  # NumPy then stops short of the checksum
    with pytest.raises(CheckpointError, match=r"the checksum of 0\.npy is wrong"):
        load(path)


def other_archive(path):
    np.savez(path, W=np.ones(3))


def archive_with_pickle(path):
    np.savez(path, checkpoint=np.array([{"a": 1}], dtype=object))


def newer(path):
    np.savez(path, checkpoint=np.array(json.dumps({"format": "tinygen checkpoint", "version": VERSION + 1})))


def other_json(path):
    np.savez(path, checkpoint=np.array("[1, 2]"))


@pytest.mark.parametrize(
    "write, words",
    [
        (lambda path: path.write_bytes(b""), "not a whole checkpoint"),
        (lambda path: path.write_bytes(b"\x80\x04\x95pickle"), "not a whole checkpoint"),
        (lambda path: path.write_bytes(b"\x93NUMPY\x01\x00 and so on"), "not a whole checkpoint"),
        (other_archive, r"not a tinygen checkpoint: it holds \['W'\]"),
        (other_json, "not a tinygen checkpoint"),
        (archive_with_pickle, "not a whole checkpoint"),
        (newer, f"version {VERSION + 1}; this tinygen reads version {VERSION}"),
    ],
)
def test_foreign_files_are_refused(tmp_path, write, words):
    path = tmp_path / "foreign.npz"
    write(path)
    with pytest.raises(CheckpointError, match=words) as error:
        load(path)
    assert "foreign.npz" in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no checkpoint .*nothing\.npz"):
        load(tmp_path / "nothing.npz")
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        load(tmp_path)


@pytest.mark.parametrize(
    "tree, meta, words",
    [
        ({"f": [1, print]}, None, r"tree\['f'\]\[1\] is of type builtin_function_or_method"),
        (np.array([{}], dtype=object), None, "tree has dtype object"),
        ({(1, 2): 3}, None, r"tree has the key \(1, 2\)"),
        ({}, {"x": np.ones(3)}, "meta cannot be written as JSON"),
    ],
)
def test_what_cannot_be_stored_leaves_the_old_file(written, tree, meta, words):
    path, _, whole = written
    with pytest.raises(TypeError, match=words):
        save(path, tree, meta)
    assert path.read_bytes() == whole
    assert os.listdir(path.parent) == ["a.npz"]


def test_where_nothing_can_be_written_nothing_is_left(written):
    path, _, whole = written
    for where, kind, remedy in [
        (path / "b.npz", NotADirectoryError, "a file in a folder that exists and can be written"),
        (path.parent / "no" / "b.npz", FileNotFoundError, "a file in a folder that exists and can be written"),
        (path.parent, OSError, "It is a folder: give the name of a file"),
    ]:
        with pytest.raises(kind, match=rf"cannot write .*{remedy}"):
            save(where, {"W": np.ones(3)})
    assert path.read_bytes() == whole
    assert os.listdir(path.parent) == ["a.npz"]
    assert not [name for name in os.listdir(path.parent.parent) if name.endswith(".partial")]


@pytest.mark.parametrize(
    "number, words",
    [(errno.ENOSPC, "No space left.*The disk is full"), (errno.EDQUOT, "quota"), (errno.EIO, "disk reports a failure")],
)
def test_a_full_disk_leaves_the_old_file(written, monkeypatch, number, words):
    path, _, whole = written

    def full(file):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=rf"cannot write .*a\.npz: .*{words}"):
        save(path, {"W": np.ones(99_999)})
    assert path.read_bytes() == whole
    assert os.listdir(path.parent) == ["a.npz"]


def test_a_link_stays_a_link_and_permissions_stay(written):
    path, _, _ = written
    path.chmod(0o600)
    link = path.with_name("link.npz")
    link.symlink_to(path.name)
    save(link, {"new": 1})
    assert link.is_symlink() and load(path)[0] == {"new": 1} and path.stat().st_mode & 0o777 == 0o600


def test_a_users_file_of_a_similar_name_is_left_alone(written):
    path, _, _ = written
    mine = [path.with_name("a.npz.partial"), path.with_name(".a.npz.elsewhere-1-ab.partial")]
    for name in mine:
        name.write_text("mine")
    save(path, {"new": 1})
    assert [name.read_text() for name in mine] == ["mine", "mine"]


def test_two_writers_of_one_file_do_not_disturb_each_other(written):
    path, _, _ = written
    with replacing(path) as first:
        first.write(b"first")
        with replacing(path) as second:
            second.write(b"second")
    assert path.read_bytes() == b"first" and os.listdir(path.parent) == ["a.npz"]


def test_a_whole_archive_with_another_content_is_refused_in_words(tmp_path):
    path = tmp_path / "a.npz"
    for tree in ({"array": "7"}, {"nothing": 1}, 5, {"dict": [1]}, {"array": 0, "list": []}):
        header = {"format": "tinygen checkpoint", "version": VERSION, "tree": tree, "meta": None}
        np.savez(path, checkpoint=np.array(json.dumps(header)))
        with pytest.raises(CheckpointError, match="is not a whole checkpoint"):
            load(path)


SAVE_FOR_EVER = """
import itertools, sys
import numpy as np
from tinygen.nn.checkpoint import save
big = np.empty(300_000)
for i in itertools.count():
    big[:] = i
    save(sys.argv[1], {"first": np.full(5, i), "big": big}, {"i": i})
    if i == 0:
        print("started", flush=True)
"""


def test_kill_in_the_middle_of_saving_leaves_a_whole_file(tmp_path):
    path = tmp_path / "a.npz"
    rng = np.random.default_rng(0)
    seen_partial = 0
    for _ in range(6):
        process = subprocess.Popen([sys.executable, "-c", SAVE_FOR_EVER, str(path)], stdout=subprocess.PIPE)
        try:
            assert process.stdout.readline() == b"started\n"
            time.sleep(rng.uniform(0, 0.03))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(60)
            process.stdout.close()
        seen_partial += any(name.endswith(".partial") for name in os.listdir(tmp_path))
        tree, meta = load(path)
        assert np.all(tree["big"] == meta["i"]) and np.all(tree["first"] == meta["i"])
    assert seen_partial, "no kill came while a file was being written: the test has tried nothing"
    save(path, {"after": 1})
    assert os.listdir(tmp_path) == ["a.npz"]
