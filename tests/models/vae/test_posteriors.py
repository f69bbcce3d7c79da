"""The families of q: draws, densities and KLs agree with each other and with the Gaussian they are said to be."""

import numpy as np
import pytest
from scipy import stats

import tinygen as tg
from tinygen import gaussian
from tinygen.models.flow import LU, Autoregressive, Continuous, Coupling, Permutation, Radial, Spline
from tinygen.models.flow import Diagonal as Scaled
from tinygen.models.vae import decoders, one_page, posteriors
from tinygen.models.vae.posteriors import Affine, Cholesky, Diagonal, Flow, Planar, posterior
from tinygen.oracles import LinearGaussian
from tinygen.oracles.quadrature import gauss_hermite

INVERSE_AUTOREGRESSIVE = Flow([Autoregressive((16,), swap=True), Scaled()])
SPLINES = Flow([Coupling((3,), Spline(4)), Radial(), Coupling((3,), Spline(4), flip=True)])
BY_FLOWS = [Planar(1), Planar(3), posterior("radial"), posterior("coupling"), INVERSE_AUTOREGRESSIVE, SPLINES]
FAMILIES = [Diagonal(), Cholesky(), Affine(), *BY_FLOWS]


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
    by_flows = [(family, family.outputs(2) - 4) for family in BY_FLOWS]  # at 0 all layers are the identity
    for family, extra in ((Cholesky(), 1), (Affine(), 6), *by_flows):
        other, other_log_q = family.draw(family.split(wide(extra)), eps)
        np.testing.assert_allclose(other, z, rtol=1e-11)
        np.testing.assert_allclose(other_log_q, log_q, rtol=1e-11)


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_the_density_of_each_row_integrates_to_one(family):
    out, _ = some(family, 2, n=3)
    out[:, 4:] *= 1 if out.shape[1] < 40 else 0.4  # nets of many weights leave the grid otherwise
    line = np.arange(-12, 12, 0.1)
    z = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 1, 2)
    mass = np.exp(family.log_density(family.split(0.5 * out), z)).sum(0) * 0.1**2  # every row at every point
    np.testing.assert_allclose(mass, 1, atol=2e-4)


@pytest.mark.parametrize("family", [Planar(1), posterior("radial")], ids=str)
def test_planar_and_radial_layers_stay_invertible_for_any_outputs(family):
    out, eps = some(family, 2, n=401)
    for size in (1.0, 10.0, 100.0):
        wild = np.concatenate([np.zeros((401, 4)), size * out[:, 4:]], 1)
        for i in range(0, 401, 10):
            J = tg.jacobian(lambda e, i=i, wild=wild: family.sample(family.split(wild[i]), e))(eps[i])
            assert np.linalg.det(J) > 0


@pytest.mark.parametrize("family", [posterior("radial"), posterior("coupling"), SPLINES], ids=str)
def test_the_bound_is_the_evidence_less_the_kl_to_the_posterior(family):
    """Over the noise, on a grid of eps, against KL(q || p(z|x)) on a grid of z: two integrals that share log q only."""
    rng = np.random.default_rng(5)
    model = LinearGaussian(rng.standard_normal((3, 2)), rng.standard_normal(3), 0.7)
    x = model.sample(2, rng)[0]
    nets = dict(decoder=decoders.Gaussian(0.7), posterior=family)
    params = one_page.init(rng, 3, 2, hidden=(), dtype=np.float64, **nets)
    params["encoder"][0]["W"] *= 0.1  # q not far from N(0, I), so that the grid holds it
    params["decoder"][0] = {"W": model.W.T.copy(), "b": model.b.copy()}
    line = np.linspace(-7, 7, 281)
    grid = np.stack(np.meshgrid(line, line), -1).reshape(-1, 1, 2)
    share = np.exp(gaussian.log_density(grid, 0.0, 0.0))[:, 0] * (line[1] - line[0]) ** 2
    terms = one_page.elbo_terms(params, x, np.broadcast_to(grid, (len(grid), 2, 2)), **nets)
    bound = share @ (terms["reconstruction"] - terms["kl"])
    log_q = family.log_density(one_page.encode(params, x, posterior=family), grid)
    mean, cov = model.posterior(x)
    log_p = np.stack([stats.multivariate_normal(m, cov).logpdf(grid[:, 0]) for m in mean], 1)
    kl = np.sum(np.exp(log_q) * (log_q - log_p), axis=0) * (line[1] - line[0]) ** 2
    np.testing.assert_allclose(bound, model.log_evidence(x) - kl, atol=2e-4)
    assert (kl > 0.01).all()


def test_each_row_has_its_own_layers():
    """Draws of a row are the same, whatever other rows there are; other numbers for one row move it alone."""
    for family in BY_FLOWS:
        out, eps = some(family, 3, n=5)
        z = family.sample(family.split(out), eps)
        np.testing.assert_allclose(family.sample(family.split(out[2:3]), eps[2:3]), z[2:3], rtol=1e-12)
        out[2] += 1
        assert (family.sample(family.split(out), eps) != z).any(1).tolist() == [False, False, True, False, False]


def test_an_ordinary_differential_equation_as_posterior():
    """Each row has its own field; the density is the path's up to the solver's error, which more steps make less."""
    worst, (out, eps) = [], some(Flow([Continuous((5,))]), 2)
    for steps in (4, 8):
        family = Flow([Continuous((5,), steps)])
        J = [tg.jacobian(lambda e, i=i, f=family: f.sample(f.split(out[i]), e))(eps[i]) for i in range(3)]
        expected = stats.norm.logpdf(eps).sum(1) - np.linalg.slogdet(J)[1]
        worst.append(np.abs(family.draw(family.split(out), eps)[1] - expected).max())
    assert worst[1] < 1e-3 and worst[1] < worst[0] / 6


def test_layers_that_are_no_posterior():
    with pytest.raises(ValueError, match="a matrix for each row is posterior='affine'"):
        Flow([LU()])
    for layers in ([], ["planar"], [Radial]):
        with pytest.raises(ValueError, match="a posterior by a flow: got layers"):
            Flow(layers)
    with pytest.raises(ValueError, match="expected each of 0 to 2 once"):
        Flow([Permutation((1, 0)), Radial()]).outputs(3)
    with pytest.raises(ValueError, match="got 7 outputs of an encoder, which no number of latents has"):
        posterior("coupling").split(np.zeros((2, 7)))


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
    for family in FAMILIES:
        assert posteriors.rebuild(posteriors.describe(family)) == family
    assert Flow([Coupling([8])]).split(np.zeros((3, 38)))[0].shape == (3, 2)  # sizes in a list, as elsewhere
    with pytest.raises(ValueError, match="got 'full'; expected one of diagonal, cholesky, affine, planar"):
        posteriors.posterior("full")
