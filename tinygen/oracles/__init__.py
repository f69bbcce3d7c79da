"""Systems whose answer is known in closed form: what models, estimators and lessons are held against.

An oracle takes arrays, never a model's object, and shares no code with what it judges.
"""

import importlib

_WHERE = {
    "ChowLiu": "categorical",
    "IndependentPixels": "categorical",
    "Mixture": "categorical",
    "uniform": "categorical",
    "Pair": "discriminator",
    "gaussian_log_ratio": "discriminator",
    "generator_slopes": "discriminator",
    "optimum": "discriminator",
    "poisson_log_ratio": "discriminator",
    "DiscreteLatent": "discrete",
    "score_function_moments": "discrete",
    "divergence": "f_divergences",
    "donsker_varadhan": "f_divergences",
    "dual": "f_divergences",
    "least_squares_terms": "f_divergences",
    "pearson_gaussian": "f_divergences",
    "dirac_matrix": "gan_dynamics",
    "dirac_path": "gan_dynamics",
    "dirac_velocity": "gan_dynamics",
    "instance_noise_eigenvalues": "gan_dynamics",
    "non_saturating_radius": "gan_dynamics",
    "quadratic_eigenvalues": "gan_dynamics",
    "quadratic_energy": "gan_dynamics",
    "quadratic_turning_point": "gan_dynamics",
    "quadratic_velocity": "gan_dynamics",
    "spectral_radius": "gan_dynamics",
    "affine_optimum": "flow_optimum",
    "coupling_floor": "flow_optimum",
    "coupling_gap": "flow_optimum",
    "dequantised_normal": "flow_optimum",
    "diagonal_gap": "flow_optimum",
    "rising_map": "flow_optimum",
    "sequential_regression": "flow_optimum",
    "volume_preserving_gap": "flow_optimum",
    "GaussianDiffusion": "gaussian_diffusion",
    "pushed": "grid_density",
    "transported": "grid_density",
    "LinearGAN": "linear_gan",
    "LinearGaussian": "linear_gaussian",
    "active": "linear_gaussian",
    "latent_kl": "linear_gaussian",
    "latent_variance": "linear_gaussian",
    "principal": "linear_gaussian",
    "rate_distortion": "linear_gaussian",
    "MixtureDiffusion": "mixture_diffusion",
    "all_modes_seen": "perfect_sampler",
    "energy_gaussian": "perfect_sampler",
    "energy_mixture": "perfect_sampler",
    "histogram_kl": "perfect_sampler",
    "missing_modes": "perfect_sampler",
    "modes_missed": "perfect_sampler",
    "rice_mean": "perfect_sampler",
    "share_within": "perfect_sampler",
    "Moments": "quadratic",
    "reparameterised": "quadratic",
    "score_function": "quadratic",
    "sticking_the_landing": "quadratic",
    "Evidence": "quadrature",
    "evidence": "quadrature",
    "gauss_hermite": "quadrature",
    "folded_mean": "wasserstein",
    "interpolate_density": "wasserstein",
    "linear_critic": "wasserstein",
    "lipschitz_bound": "wasserstein",
    "penalised_critic": "wasserstein",
    "w1_gaussian": "wasserstein",
    "w1_rows": "wasserstein",
    "w2_squared_gaussian": "wasserstein",
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
