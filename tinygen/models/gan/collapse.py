"""Has a GAN collapsed? Modes, spread, and what the discriminator's own logits say, with a sentence for each alarm.

A GAN's losses do not tell: they are those of a game. What follows needs samples, rows of data that training has not
seen, and the discriminator's logits of both.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from tinygen.metrics import Measured

FEWER, NARROW, SURE, OFF = 0.1, 0.5, 0.97, 1.5  # alarms: a region's share, sd ratio, accuracy, ratio checks
MOST_REGIONS, ROWS_A_REGION = 20, 20


class CollapseWarning(UserWarning):
    """The samples lack something that the data have."""


@dataclass(frozen=True)
class Modes:
    """Of samples, against known centres: how many are `seen`, the histogram's `kl`, `sd_ratio`, share `within` 3 sd."""

    seen: int
    kl: float
    sd_ratio: float
    within: float
    histogram: np.ndarray


def modes(samples, centres, sd):
    """Samples (n, D) against equally likely round Gaussians on `centres` (K, D) with standard deviation sd.

    A mode is seen if it has a tenth of its share within 3 sd. kl: KL(histogram || uniform) by the nearest centre, nats
    (oracles.histogram_kl says what perfect samples have). sd_ratio: root mean square distance from the nearest centre
    of what is within 3 sd, over what it is for the Gaussians (cut off there too). within: perfect samples have
    oracles.share_within(3).

    >>> centres = np.array([[0.0, 0.0], [5.0, 0.0]])
    >>> modes(np.random.default_rng(0).normal(size=(900, 2)), centres, 1.0).seen
    1
    """
    from scipy.spatial.distance import cdist
    from scipy.stats import chi2

    distance = cdist(samples, centres)
    near, (K, D) = distance.argmin(1), centres.shape
    inside = distance.min(1) <= 3 * sd
    histogram = np.bincount(near, minlength=K) / len(samples)
    share = np.bincount(near[inside], minlength=K) / len(samples)
    within = chi2.cdf(9, D)
    square = D * chi2.cdf(9, D + 2) / within  # E of |x/sd|^2 given that it is below 9
    filled = histogram[histogram > 0]
    spread = np.sqrt(np.mean(distance.min(1)[inside] ** 2) / square) / sd if inside.any() else np.nan
    return Modes(int(np.sum(share >= FEWER * within / K)), float(np.sum(filled * np.log(K * filled))), float(spread),
                 float(inside.mean()), histogram)  # fmt: skip


@dataclass(frozen=True)
class Diagnosis:
    """Samples against rows that training has not seen.

    accuracy: the discriminator's, at the threshold logit 0, on both; .5 if it cannot tell. Its `floor` is what it
    scores on real rows against real rows.
    ratio_fake, ratio_real: E_q[D/(1-D)] and E_p[(1-D)/D], both 1 if D is the best discriminator, of the logistic
    losses; None for others, whose output is not ln p/q.
    sd_ratio: standard deviation along the data's principal directions, samples over data, (number of directions,).
    regions: (share of the data, share of the samples) in each region of the data's, (2, number of regions).
    missed: which regions have less than a tenth of their share.
    class_sd_ratio: with labels, the ratio within each class, (classes,); else None.
    """

    accuracy: Measured
    ratio_fake: Measured | None
    ratio_real: Measured | None
    sd_ratio: np.ndarray
    regions: np.ndarray
    missed: np.ndarray
    class_sd_ratio: np.ndarray | None = None
    classes: np.ndarray | None = None

    @property
    def warnings(self):
        """What is wrong, in sentences; an empty list if nothing is seen."""
        told = []
        if len(self.missed):
            share = self.regions[0, self.missed].sum()
            told.append(
                f"modes are missing: {len(self.missed)} of {self.regions.shape[1]} regions of the data, with "
                f"{share:.0%} of its rows, have next to no samples. Penalise the discriminator at both ends (r1, r2), "
                "or take another loss (relativistic)"
            )
        narrow = self.sd_ratio < NARROW
        if narrow.any():
            told.append(
                f"the samples vary too little: their standard deviation is {self.sd_ratio.min():.2f} of the data's in "
                f"the worst of {len(narrow)} directions. Penalise the discriminator (r1), or give more noise (latent)"
            )
        if self.class_sd_ratio is not None and (self.class_sd_ratio < NARROW).any():
            worst = int(np.nanargmin(self.class_sd_ratio))
            told.append(
                f"samples of one class look alike: within class {self.classes[worst]!s} they vary "
                f"{self.class_sd_ratio[worst]:.2f} times as much as its rows. Penalise the discriminator (r1, r2)"
            )
        if self.accuracy.value > SURE:
            told.append(
                f"the discriminator tells samples from data in {self.accuracy.value:.0%} of all cases, and a generator "
                "learns little from one that is so sure: add a penalty (r1) or noise (noise_sd), or let it learn less"
            )
        for name, found in (("E_q[D/(1-D)]", self.ratio_fake), ("E_p[(1-D)/D]", self.ratio_real)):
            if found is not None and not 1 / OFF < found.value < OFF and abs(found.value - 1) > 5 * found.error:
                told.append(
                    f"{name} is {found.value:.2f} +- {found.error:.2f}, and 1 for the best discriminator: its logit is "
                    "not ln p/q here, because it is not at its optimum, or knows its training rows by heart"
                )
        return told

    def __str__(self):
        lines = [f"discriminator's accuracy   {self.accuracy}"]
        if self.ratio_fake is not None:
            lines.append(f"E_q[D/(1-D)]               {self.ratio_fake}")
            lines.append(f"E_p[(1-D)/D]               {self.ratio_real}")
        lines.append(f"sd, samples over data      {self.sd_ratio.min():.3f} to {self.sd_ratio.max():.3f}")
        if self.class_sd_ratio is not None:
            low, high = np.nanmin(self.class_sd_ratio), np.nanmax(self.class_sd_ratio)
            lines.append(f"the same within classes    {low:.3f} to {high:.3f}")
        lines.append(f"regions without samples    {len(self.missed)} of {self.regions.shape[1]}")
        return "\n".join(lines + [f"! {sentence}" for sentence in self.warnings])


def diagnose(real, fake, on_real, on_fake, *, logistic=True, real_labels=None, fake_labels=None, rng=0):
    """A `Diagnosis` from rows that training has not seen, samples (each (n, D)), and the logits of both, (n,).

    logistic: whether the logits are to be ln p/q, as of the logistic losses. Labels (n,), if there are any. real, fake:
    the rows and the samples. on_real, on_fake: their logits. real_labels, fake_labels: their labels. rng: Generator or
    seed, for random splits.
    """
    rng = np.random.default_rng(rng)
    real, fake = (np.asarray(rows, np.float64) for rows in (real, fake))
    data, samples = _shares(real, fake, rng)
    missed = np.flatnonzero((samples < FEWER * data) & (data * len(fake) >= ROWS_A_REGION))
    by_class = classes = None
    if real_labels is not None:
        classes = np.unique(real_labels)
        by_class = np.array([_ratio(real[real_labels == c], fake[fake_labels == c]) for c in classes])
    return Diagnosis(
        accuracy(on_real, on_fake, rng),
        _mean(np.exp(np.minimum(on_fake, 700.0))) if logistic else None,
        _mean(np.exp(np.minimum(-np.asarray(on_real), 700.0))) if logistic else None,
        _sd_ratio(real, fake), np.stack([data, samples]), missed, by_class, classes,
    )  # fmt: skip


def accuracy(on_real, on_fake, rng=0):
    """How often the logits' sign is right, real and fake rows counted alike: a Measured.

    floor: the same with half of the real rows called samples. on_real, on_fake: (n,) and (m,), logits. rng: Generator
    or seed.
    """
    right = lambda a, b: 0.5 * (np.mean(a > 0) + np.mean(a == 0) / 2 + np.mean(b < 0) + np.mean(b == 0) / 2)
    on_real, on_fake = np.asarray(on_real, np.float64), np.asarray(on_fake, np.float64)
    error = 0.5 * np.sqrt(sum(p * (1 - p) / n for p, n in ((np.mean(on_real > 0), len(on_real)),
                                                          (np.mean(on_fake < 0), len(on_fake)))))  # fmt: skip
    halves = np.array_split(np.random.default_rng(rng).permutation(on_real), 2)
    return Measured(float(right(on_real, on_fake)), float(error), float(right(*halves)))


def _mean(values):
    return Measured(float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values))), 1.0)


def _sd_ratio(real, fake):
    """sd of the samples over the data's, along the data's principal directions that have any variance to speak of."""
    var, U = np.linalg.eigh(np.cov(real.T, bias=True).reshape(real.shape[1], -1))
    keep = var > 1e-3 * var.max()
    return np.sqrt(((fake - fake.mean(0)) @ U[:, keep]).var(0) / var[keep])


def _ratio(real, fake):
    """Root of the total variance of the samples over the data's; nan where there are not two rows of each."""
    if min(len(real), len(fake)) < 2:
        return np.nan
    return float(np.sqrt(fake.var(0, ddof=1).sum() / max(real.var(0, ddof=1).sum(), 1e-300)))


def _shares(real, fake, rng):
    """The data's regions (by k-means) and what share of the data and of the samples lies in each."""
    from scipy.cluster.vq import kmeans2
    from scipy.spatial.distance import cdist

    K = int(np.clip(len(real) // ROWS_A_REGION, 1, MOST_REGIONS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a region that came out empty: it is left out below
        centres, label = kmeans2(real, K, minit="++", seed=rng)
    filled = np.bincount(label, minlength=K) > 0
    share = lambda rows: np.bincount(cdist(rows, centres[filled]).argmin(1), minlength=filled.sum()) / len(rows)
    return share(real), share(fake)
