"""Charges, Lennard-Jones atoms, a dihedral angle, a double pendulum."""

import numpy as np

from ..base import public

R = np.random.default_rng(7016)
CHARGES = np.outer(*[R.normal(size=5)] * 2)
PAIRS = np.triu_indices(5, 1)


def distances(P):
    """All differences, and their lengths (1 on the diagonal)."""
    d = P[:, None] - P
    return d, np.sqrt((d**2).sum(-1) + np.eye(5))


def coulomb(P):
    """Energy of point charges."""
    return np.sum((CHARGES / distances(P)[1])[PAIRS])


def coulomb_backward(P, slip=""):
    """-q q d / r^3."""
    d, r = distances(P)
    weight = CHARGES / r ** (2 if slip == "over_r_squared" else 3)
    np.fill_diagonal(weight, 0)
    if slip == "no_third_law":
        weight = np.triu(weight)
    gradient = -(weight[..., None] * d).sum(1)
    return {"P": {"force": -gradient, "halved": gradient / 2}.get(slip, gradient)}


public(
    coulomb,
    coulomb_backward,
    lambda rng: (rng.normal(size=(5, 3)) * 1.5,),
    over_r_squared=("sqrt", "", "molecular dynamics"),
    force=("sign", "", "helpme issue 20, spice issue 94"),
    halved=("half", "", "matscipy issue 245"),
    no_third_law=(r"`P`", "", "matscipy issue 245"),
)


def lennard_jones(r):
    """Energy at distances r."""
    return np.sum(4 * (r**-12 - r**-6))


def lennard_jones_backward(r, slip=""):
    """-4 (12 r^-13 - 6 r^-7)."""
    right = -4 * (12 * r**-13 - 6 * r**-7)
    return {"r": right / r if slip == "one_power_more" else right}


public(
    lennard_jones,
    lennard_jones_backward,
    lambda rng: (np.array([1.1, 1.3, 0.95]),),
    one_power_more=("1/r", "", "lammps issue 3466"),
)


def dihedral(angle):
    """Energy of dihedral angles."""
    return np.sum(1 + np.cos(3 * angle - 0.4))


def dihedral_backward(angle, slip=""):
    """-3 sin(3 angle - 0.4)."""
    return {"angle": -3 * np.sin(3 * angle - 0.4) * (np.pi / 180 if slip == "per_degree" else 1)}


public(
    dihedral,
    dihedral_backward,
    lambda rng: (rng.uniform(-3, 3, 4),),
    per_degree=("degree|180", "", "MSCG issue 2"),
)


def double_pendulum(th, w):
    """A double pendulum's Lagrangian."""
    kinetic = 0.5 * w[0] ** 2 + 0.5 * np.sum(w) ** 2
    return kinetic + 2 * np.cos(th[0]) + np.cos(th[1]) + w[0] * w[1] * np.cos(th[0] - th[1])


def double_pendulum_backward(th, w, slip=""):
    """By the angles."""
    cross = 0 if slip == "no_cross_term" else w[0] * w[1] * np.sin(th[0] - th[1])
    return {"th": np.array([-2 * np.sin(th[0]) - cross, -np.sin(th[1]) + cross])}


public(
    double_pendulum,
    double_pendulum_backward,
    lambda rng: (np.array([0.4, 1.1]), np.array([0.7, -1.2])),
    no_cross_term=(r"cos\(th\[0\] - th\[1\]\)|through w", "", "double pendulums"),
)
