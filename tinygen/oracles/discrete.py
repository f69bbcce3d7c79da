"""A latent variable with finitely many values: evidence, posterior, bound and gradients by enumeration.

z in {1..K} with probabilities pi_z; whatever p(x|z) is, it enters as its table `log_likelihood` (n, K), ln p(x_i | z).
"""

import numpy as np


class DiscreteLatent:
    """The model with prior probabilities `prior` (K,), which are normalised.

    Raises ValueError unless prior is a list of positive numbers. Source: Bishop 2006, section 9.4, for the bound and
    its gap.

    >>> model = DiscreteLatent([1, 1])
    >>> table = np.log([[0.2, 0.6]])
    >>> model.log_evidence(table).round(6), model.posterior(table)
    (array([-0.916291]), array([[0.25, 0.75]]))
    """

    def __init__(self, prior):
        prior = np.array(prior, float)
        if prior.ndim != 1 or not len(prior) or not (prior > 0).all():
            raise ValueError(f"prior must be one positive number for each value of the latent, got {prior}")
        self.log_prior = np.log(prior / prior.sum())

    def log_joint(self, log_likelihood):
        """ln pi_z + ln p(x_i | z): (n, K), nats.

        log_likelihood: (n, K). Raises ValueError for another number of columns than the prior has.
        """
        log_likelihood = np.asarray(log_likelihood, float)
        if log_likelihood.ndim != 2 or log_likelihood.shape[1] != len(self.log_prior):
            raise ValueError(f"log_likelihood must be (n, {len(self.log_prior)}), got {log_likelihood.shape}")
        return log_likelihood + self.log_prior

    def log_evidence(self, log_likelihood):
        """log p(x) = ln sum_z pi_z p(x|z): (n,), nats, from the table log_likelihood (n, K)."""
        log_joint = self.log_joint(log_likelihood)
        top = log_joint.max(1)
        return top + np.log(np.exp(log_joint - top[:, None]).sum(1))

    def posterior(self, log_likelihood):
        """p(z|x), (n, K), from the table log_likelihood (n, K)."""
        return np.exp(self.log_joint(log_likelihood) - self.log_evidence(log_likelihood)[:, None])

    def elbo(self, log_likelihood, q):
        """sum_z q_z [ln pi_z + ln p(x|z) - ln q_z], (n,), in nats, for q (n, K) and the table log_likelihood (n, K).

        It misses log p(x) by KL(q || posterior).
        """
        return np.sum(q * self._log_weights(log_likelihood, q), 1)

    def elbo_grad_logits(self, log_likelihood, q):
        """d elbo / d logits of q = softmax(logits), (n, K): q_z (w_z - sum q w), w = ln joint - ln q."""
        w = self._log_weights(log_likelihood, q)
        return q * (w - np.sum(q * w, 1, keepdims=True))

    def _log_weights(self, log_likelihood, q):
        """ln p(x, z) - ln q_z where q_z > 0, else 0: such a z adds nothing to any mean under q."""
        return np.where(q > 0, self.log_joint(log_likelihood) - np.log(np.where(q > 0, q, 1)), 0)


def score_function_moments(f, q):
    """Mean (K,) and covariance (K, K) of the score-function estimate of the gradient of E_q f(z) by the logits of q.

    One draw z ~ q gives f_z d ln q_z / d logits = f_z (onehot_z - q). f, q: (K,). All by enumeration.

    >>> mean, cov = score_function_moments(np.array([1.0, 3.0]), np.array([0.5, 0.5]))
    >>> mean
    array([-0.5,  0.5])
    """
    f, q = np.asarray(f, float), np.asarray(q, float)
    draws = f[:, None] * (np.eye(len(q)) - q)  # (K, K), one row for each z
    mean = q @ draws
    return mean, (draws - mean).T @ (q[:, None] * (draws - mean))
