"""The 8x8 digits: 1797 real images, small enough to ship with the package.

Optical Recognition of Handwritten Digits, test part. E. Alpaydin and C. Kaynak (1998), UCI Machine Learning
Repository, https://doi.org/10.24432/C50P49, under the licence Creative Commons Attribution 4.0 International
(CC BY 4.0). The file digits.npz carries the same attribution; `python -m tinygen.data.make_digits` makes it.
"""

from importlib.resources import files

import numpy as np

TRAIN, VALIDATION = 1000, 350  # the other 447 are the test set


def load():
    """The digits in their published order.

    Returns
    -------
    images : float64 array (1797, 64), whole numbers 0..16 (inked pixels of a 4x4 block), the image row by row
    labels : int array (1797,), 0..9

    >>> images, labels = load()
    >>> images.shape, images.min(), images.max()
    ((1797, 64), np.float64(0.0), np.float64(16.0))
    >>> labels[:5]
    array([0, 1, 2, 3, 4])
    """
    return _stored("images").astype(np.float64), _stored("labels").astype(int)


def split():
    """The digits as training, validation and test set: the first 1000, the next 350 and the last 447, not shuffled.

    Likelihoods published for these digits use this split. The order is not random: the validation images are harder
    than the test images (independent pixels: 110.5 against 106.3 nats an image).

    Returns three pairs (images, labels), with the types of `load`.

    >>> [images.shape for images, labels in split()]
    [(1000, 64), (350, 64), (447, 64)]
    """
    borders = [TRAIN, TRAIN + VALIDATION]
    return tuple(zip(*(np.split(array, borders) for array in load())))


def attribution():
    """Who made the data and under which licence, as the data file itself says."""
    return str(_stored("attribution"))


def _stored(name):
    with files("tinygen.data").joinpath("digits.npz").open("rb") as file, np.load(file) as archive:
        return archive[name]
