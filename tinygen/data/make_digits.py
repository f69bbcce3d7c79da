"""Make digits.npz from scikit-learn's copy of the UCI digits: `python -m tinygen.data.make_digits`."""

from pathlib import Path

import numpy as np

ATTRIBUTION = (
    "Optical Recognition of Handwritten Digits, test part (1797 images, 13 writers). "
    "E. Alpaydin and C. Kaynak (1998), UCI Machine Learning Repository, https://doi.org/10.24432/C50P49. "
    "Licence: Creative Commons Attribution 4.0 International, https://creativecommons.org/licenses/by/4.0/. "
    "Changed: taken from the copy in scikit-learn, stored as unsigned bytes; the values and their order are untouched."
)


DIGITS = Path(__file__).with_name("digits.npz")


def make(path=DIGITS):
    """Write images (1797, 64) and labels (1797,), both unsigned bytes, and the attribution to `path`; return `path`."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    np.savez_compressed(path, images=_bytes(images), labels=_bytes(labels), attribution=np.array(ATTRIBUTION))
    return path


def _bytes(values):
    small = values.astype(np.uint8)
    if not np.array_equal(small, values):
        raise ValueError("scikit-learn's digits are no longer whole numbers in 0..255: not the same data set")
    return small


if __name__ == "__main__":
    print(f"wrote {make()}")
