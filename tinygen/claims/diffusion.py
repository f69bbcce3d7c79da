"""The diffusion package and its oracles, claimed to be right: bounds, converters, samplers and likelihood against
what is known."""

import numpy as np

from tinygen import gaussian
from tinygen.check.registry import claim
from tinygen.check.report import Report
from tinygen.derivations.densities import entry
from tinygen.models.diffusion import bound, one_page, parameterization, process, samplers, variances
from tinygen.models.diffusion.likelihood import log_likelihood
from tinygen.models.diffusion.parameterization import NAMES, convert
from tinygen.models.diffusion.schedule import Schedule
from tinygen.oracles.gaussian_diffusion import GaussianDiffusion
from tinygen.oracles.mixture_diffusion import MixtureDiffusion

CHAIN = "notes, chapter 18, the last line of the chain"


def gaussian_data(rng):
    """Gaussian data of random mean and variance, two dimensions, as an oracle."""
    return GaussianDiffusion(rng.normal(size=2), rng.uniform(0.2, 3.0, 2))


def ideal(schedule, oracle, kind):
    """The net that knows the data's law."""
    return lambda z, t: convert(schedule, oracle.denoised(z, schedule.alpha_bar[t]), z, t, "x", kind)


@claim("diffusion/models/bound", kind="identity", source=CHAIN)
def bound_is_log_p(rng):
    """With exact kernels and the prior q(z_T) the bound of bound.py is log p(x), in every parameterisation."""
    oracle, s = gaussian_data(rng), Schedule.cosine(10)
    var = np.array([oracle.reverse(oracle.mean, b, a)[1] for b, a in zip(s.beta[1:], s.alpha_bar[1:])])
    var = np.concatenate([0 * var[:1], var])
    eps = np.sqrt(2) * np.concatenate([np.eye(2), -np.eye(2)])[:, None]  # exact for quadratics
    x = oracle.mean + np.sqrt(oracle.var) * rng.normal(size=(3, 2))
    entries = []
    for kind in NAMES:
        reverse = one_page.reverse_of(s, ideal(s, oracle, kind), kind, var)
        got = bound.terms(s, reverse, x, eps, prior=oracle.marginal(s.alpha_bar[-1])).bound
        entries.append(entry(kind, got, oracle.log_prob(x).sum(1), 1e-10))  # x is divided by sqrt(SNR_T), about 1e-3
    return Report("diffusion/models/bound", entries)


@claim("diffusion/models/converter", kind="identity", source="tinygen/models/diffusion/parameterization.py")
def converter(rng):
    """Any prediction said in any other way and back is the same prediction."""
    s, entries = Schedule.linear(50), []
    x, eps = rng.normal(size=(2, 5, 3))
    t = rng.integers(1, 51, 5)
    z = process.noisy(s, x, t, eps)
    for source in NAMES:
        for target in NAMES:
            said = convert(s, parameterization.truth(s, x, z, t, source), z, t, source, target)
            expected = parameterization.truth(s, x, z, t, target)
            bar = 1e-13 * (1 + np.abs(expected).max()) / np.sqrt(s.alpha_bar[t].min())
            entries.append(entry(f"{source} to {target}", said, expected, bar))
    return Report("diffusion/models/converter", entries)


@claim("diffusion/models/minibatch", kind="estimator", source="notes, chapter 18, 'a few evidence and a few layer'")
def minibatch(rng):
    """The estimate from one step, averaged over all steps, is the bound: the factor T, t = 1 included."""
    s, x, eps = Schedule.cosine(6), rng.normal(size=(1, 2)), rng.normal(size=(1, 2))
    reverse = one_page.reverse_of(s, lambda z, t: np.tanh(z), "eps")
    every = lambda a: np.repeat(a, 6, axis=0)
    got = bound.estimate(s, reverse, every(x), np.arange(1, 7), every(eps)).mean()
    whole = bound.terms(s, reverse, x, eps[None]).bound[0]
    return Report("diffusion/models/minibatch", [entry("mean over t", got, whole, 1e-12 * (1 + abs(whole)))])


@claim("diffusion/models/samplers", kind="identity", source="Song, Meng, Ermon 2021; Karras et al. 2022")
def sampler_laws(rng):
    """The output of every sampler on Gaussian data: its mean, and its gains by unit inputs, against the oracle's."""
    oracle, s, T = gaussian_data(rng), Schedule.cosine(10), 10
    z, noise = np.zeros((T + 2, 2)), np.zeros((T, T + 2, 2))
    z[1] = 1
    noise[np.arange(T), np.arange(2, T + 2)] = 1
    predict = ideal(s, oracle, "x")
    var = variances.between(s, 0.4)
    laws = {
        "ancestral": (one_page.ancestral(s, predict, "x", z, noise, variance=var),
                      oracle.ancestral_law(s.beta, s.alpha_bar, var)),
        "ddim": (one_page.ddim(s, predict, "x", z, noise, eta=0.5), oracle.ddim_law(s.alpha_bar, s.posterior_var / 4)),
        "heun": (samplers.heun(s, predict, "x", z), oracle.heun_law(s.alpha_bar)),
    }  # fmt: skip
    entries = []
    for name, (sampler, (mean, spread)) in laws.items():
        out = one_page.last(sampler)
        entries.append(entry(f"{name}, mean", out[0], mean, 1e-9))
        entries.append(entry(f"{name}, variance", np.sum((out[1:] - out[0]) ** 2, axis=0), spread, 1e-9))
    return Report("diffusion/models/samplers", entries)


@claim("diffusion/models/variances", kind="identity", source="Bao et al. 2022, theorem 1; the law of total variance")
def reverse_variances(rng):
    """The best constant variance, and the one by the law of total variance: of Gaussian data both are the exact one."""
    oracle, s, z = gaussian_data(rng), Schedule.cosine(10), rng.normal(size=(3, 2))
    optimal = variances.optimal(s, 1 / np.array([oracle.marginal(a)[1] for a in s.alpha_bar]))  # E score^2 = 1/c
    total = variances.total(s, lambda z, t: np.broadcast_to(oracle.least_error(s.alpha_bar[t], "x"), z.shape))
    entries = []
    for t in range(1, s.T + 1):
        exact = oracle.reverse(z, s.beta[t], s.alpha_bar[t])[1]
        entries.append(entry(f"optimal, t = {t}", optimal[t], exact, 1e-11))
        entries.append(entry(f"total, t = {t}", total(z, t), exact, 1e-11))
    return Report("diffusion/models/variances", entries)


@claim("diffusion/models/likelihood", kind="identity", source="Song et al. 2021, section 4.3")
def ode_likelihood(rng):
    """The ODE's log-likelihood of Gaussian data, RK4 with 200 steps, both ends known."""
    oracle, span = gaussian_data(rng), (7.0, -7.0)
    share = lambda logsnr: 1 / (1 + np.exp(-logsnr))
    mean, c = oracle.marginal(share(span[1]))
    end = lambda z: gaussian.log_density(z, mean, np.log(c))
    x = oracle.mean + np.sqrt(oracle.var) * rng.normal(size=(3, 2))
    found = log_likelihood(lambda z, u: oracle.noise(z, share(u)), x, logsnr=span, steps=200, prior=end)
    wide = GaussianDiffusion(oracle.mean, oracle.var + np.exp(-span[0]))  # the ODE begins with that much noise
    return Report("diffusion/models/likelihood", [entry("log p", found.log_prob, wide.log_prob(x).sum(1), 1e-6)])


@claim("diffusion/oracles/mixture", kind="identity", source="tinygen/oracles/mixture_diffusion.py")
def mixture(rng):
    """Tweedie's formula, and a mixture of one component is the Gaussian."""
    covariance = np.array([[[0.4, 0.1], [0.1, 0.3]], [[0.2, 0.0], [0.0, 0.6]]])
    oracle, a = MixtureDiffusion([0.3, 0.7], rng.normal(size=(2, 2)), covariance), rng.uniform(0.1, 0.9)
    z, one = rng.normal(size=(4, 2)), gaussian_data(rng)
    single = MixtureDiffusion([1.0], one.mean[None], np.diag(one.var)[None])
    tweedie = (z + (1 - a) * oracle.score(z, a)) / np.sqrt(a)
    return Report(
        "diffusion/oracles/mixture",
        [
            entry("Tweedie", oracle.denoised(z, a), tweedie, 1e-10),
            entry("one component, denoised", single.denoised(z, a), one.denoised(z, a), 1e-11),
            entry("one component, score", single.score(z, a), one.score(z, a), 1e-11),
        ],
    )
