"""The families of q: draws, densities and KLs agree with each other and with the Gaussian they are said to be."""

import numpy as np
import pytest
from scipy import stats

import tinygen as tg
from tinygen import gaussian
from tinygen.models.vae import posteriors
from tinygen.models.vae.posteriors import Affine, Cholesky, Diagonal, Planar
from tinygen.oracles.quadrature import gauss_hermite

FAMILIES = [Diagonal(), Cholesky(), Affine(), Planar(1), Planar(3)]


def some(family, k, n=3, S=None, seed=0):
    rng = np.random.default_rng(seed)
    out = rng.standard_normal((n, family.outputs(k)))
    return out, rng.standard_normal((n, k) if S is None else (S, n, k))


@pytest.mark.parametrize("family", FAMILIES, ids=str)
@pytest.mark.parametrize("k", [1, 2, 3, 5, 17])
def test_density_of_a_draw_is_the_noise_s_over_the_jacobian(family, k):
    """log q(z) = log N(eps; 0, I) - ln |det dz/deps|, the Jacobian by automatic differentiation."""
    out, eps = some(family, k)
    z, log_q = family.draw(family.split(out), eps)
    np.testing.assert_array_equal(z, family.sample(family.split(out), eps))
    for i in range(len(out)):
        J = tg.jacobian(lambda e, i=i: family.sample(family.split(out[i]), e))(eps[i])
        assert J.shape == (k, k)
        expected = stats.norm.logpdf(eps[i]).sum() - np.linalg.slogdet(J)[1]
        np.testing.assert_allclose(log_q[i], expected, rtol=1e-9)


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_density_at_a_given_point_is_that_of_the_draw(family):
    out, eps = some(family, 3, S=2)
    q = family.split(out)
    z, log_q = family.draw(q, eps)
    assert z.shape == (2, 3, 3) and log_q.shape == (2, 3)
    np.testing.assert_allclose(family.log_density(q, z), log_q, rtol=1e-9)


@pytest.mark.parametrize("family", [Diagonal(), Cholesky(), Affine()], ids=str)
def test_the_family_is_the_gaussian_that_it_is_said_to_be(family):
    k = 3
    out, _ = some(family, k, n=1)
    q, eye = family.split(out), np.eye(k)
    offset = family.sample(q, np.zeros((1, k)))[0]
    factor = np.stack([family.sample(q, e[None])[0] - offset for e in eye], 1)  # z = offset + factor eps
    np.testing.assert_allclose(family.mean(q)[0], offset, rtol=1e-12)
    z = np.random.default_rng(1).standard_normal((7, 1, k))
    expected = stats.multivariate_normal(offset, factor @ factor.T).logpdf(z[:, 0])
    np.testing.assert_allclose(family.log_density(q, z)[:, 0], expected, rtol=1e-9)


@pytest.mark.parametrize("family", [Diagonal(), Cholesky()], ids=str)
@pytest.mark.parametrize("learned", [False, True])
def test_exact_kl_is_the_mean_of_its_estimate(family, learned):
    out, _ = some(family, 2, n=3)
    rng = np.random.default_rng(2)
    prior = (rng.standard_normal((3, 2)), rng.standard_normal((3, 2))) if learned else None
    eps, weights = gauss_hermite(2, 3)  # exact: both log densities are quadratic
    q = family.split(out)
    z, log_q = family.draw(q, np.broadcast_to(eps[:, None], (9, 3, 2)))
    log_p = gaussian.log_density(z, *(prior or (0.0, 0.0)))
    np.testing.assert_allclose(family.kl(q, prior), weights @ (log_q - log_p), rtol=1e-10)


def test_families_meet_where_they_are_the_same_gaussian():
    rng = np.random.default_rng(3)
    mean_logvar, eps = rng.standard_normal((3, 4)), rng.standard_normal((3, 2))
    wide = lambda extra: np.concatenate([mean_logvar, np.zeros((3, extra))], 1)
    z, log_q = Diagonal().draw(Diagonal().split(mean_logvar), eps)
    for family, extra in ((Cholesky(), 1), (Affine(), 6), (Planar(2), 10)):
        other, other_log_q = family.draw(family.split(wide(extra)), eps)
        np.testing.assert_allclose(other, z, rtol=1e-12)
        np.testing.assert_allclose(other_log_q, log_q, rtol=1e-12)


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_the_density_of_each_row_integrates_to_one(family):
    out, _ = some(family, 2, n=3)
    line = np.arange(-12, 12, 0.1)
    z = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 1, 2)
    mass = np.exp(family.log_density(family.split(0.5 * out), z)).sum(0) * 0.1**2  # every row at every point
    np.testing.assert_allclose(mass, 1, atol=2e-4)


def test_planar_layers_stay_invertible_for_any_outputs():
    family = Planar(1)
    out, eps = some(family, 2, n=401)
    for size in (1.0, 10.0, 100.0):
        wild = np.concatenate([np.zeros((401, 4)), size * out[:, 4:]], 1)
        for i in range(0, 401, 10):
            J = tg.jacobian(lambda e, i=i, wild=wild: family.sample(family.split(wild[i]), e))(eps[i])
            assert np.linalg.det(J) > 0


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_dtype_is_kept(family):
    out, eps = some(family, 3)
    z, log_q = family.draw(family.split(out.astype(np.float32)), eps.astype(np.float32))
    assert z.dtype == log_q.dtype == np.float32
    if family.exact_kl:
        assert family.kl(family.split(out.astype(np.float32))).dtype == np.float32


def test_names():
    assert posteriors.posterior("cholesky") == Cholesky()
    assert posteriors.posterior(Planar(7)).steps == 7
    with pytest.raises(ValueError, match="got 'full'; expected one of diagonal, cholesky, affine, planar"):
        posteriors.posterior("full")
