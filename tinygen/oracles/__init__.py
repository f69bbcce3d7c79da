"""Systems whose answer is known in closed form: what models, estimators and lessons are held against.

An oracle takes arrays, never a model's object, and shares no code with what it judges.
"""

import importlib

_WHERE = {
    "ChowLiu": "categorical",
    "IndependentPixels": "categorical",
    "Mixture": "categorical",
    "uniform": "categorical",
    "DiscreteLatent": "discrete",
    "score_function_moments": "discrete",
    "GaussianDiffusion": "gaussian_diffusion",
    "pushed": "grid_density",
    "transported": "grid_density",
    "LinearGaussian": "linear_gaussian",
    "active": "linear_gaussian",
    "latent_kl": "linear_gaussian",
    "latent_variance": "linear_gaussian",
    "principal": "linear_gaussian",
    "rate_distortion": "linear_gaussian",
    "MixtureDiffusion": "mixture_diffusion",
    "Moments": "quadratic",
    "reparameterised": "quadratic",
    "score_function": "quadratic",
    "sticking_the_landing": "quadratic",
    "Evidence": "quadrature",
    "evidence": "quadrature",
    "gauss_hermite": "quadrature",
}
__all__ = sorted(_WHERE)


def __getattr__(name):
    """The public names, each loaded when it is first used."""
    if name not in _WHERE:
        raise AttributeError(f"module 'tinygen.oracles' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"tinygen.oracles.{_WHERE[name]}"), name)
    return value


def __dir__():
    return sorted({*globals(), *__all__})
