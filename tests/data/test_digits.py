"""The digits that ship with the package are scikit-learn's, and the split is the published one."""

import numpy as np

from tinygen.data import digits, make_digits


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    theirs, their_labels = load_digits(return_X_y=True)
    images, labels = digits.load()
    assert images.dtype == np.float64 and np.issubdtype(labels.dtype, np.integer)
    assert np.array_equal(images, theirs)
    assert np.array_equal(labels, their_labels)


def test_the_script_makes_the_file_that_ships(tmp_path):
    with np.load(make_digits.make(tmp_path / "made.npz")) as made, np.load(make_digits.DIGITS) as shipped:
        assert sorted(made.files) == sorted(shipped.files) == ["attribution", "images", "labels"]
        for name in made.files:
            assert made[name].dtype == shipped[name].dtype
            assert np.array_equal(made[name], shipped[name])


def test_the_file_says_who_made_it():
    assert "Alpaydin" in digits.attribution()
    assert "Creative Commons Attribution 4.0" in digits.attribution()
    assert "10.24432/C50P49" in digits.attribution()


def test_split_keeps_the_order_and_leaves_nothing_out():
    images, labels = digits.load()
    parts = digits.split()
    assert [len(labels) for _, labels in parts] == [1000, 350, 447]
    assert np.array_equal(np.concatenate([part for part, _ in parts]), images)
    assert np.array_equal(np.concatenate([part for _, part in parts]), labels)


def test_independent_pixels_have_the_known_likelihood_on_this_split():
    (train, _), *rest = digits.split()
    count = (train[:, :, None] == np.arange(17)).sum(0) + 0.1  # (64, 17)
    log_p = np.log(count / count.sum(1, keepdims=True))
    nats = [-log_p[np.arange(64), images.astype(int)].sum(1).mean() for images, _ in rest]
    assert np.round(nats, 1).tolist() == [110.5, 106.3]  # oracles.md: validation, test
