"""scikit-learn's own checks of the estimators: they pass, but for those listed here with the reason."""

import pytest
from sklearn.utils.estimator_checks import check_estimator

from tinygen.models import GAN, VAE, Autoencoder, ConditionalVAE, Diffusion, Flow, LatentDiffusion

QUICK = dict(max_steps=5, random_state=0, progress=False)
DRAWN = """training draws its rows at random, as often as the weights say: equal to repeated rows in law, not in bits"""
EXCEPTIONS = {
    DRAWN: ("not equivalent to fitting with removed or repeated", "check_sample_weight_equivalence_on_dense_data"),
    "fitted with labels, without labels nothing of it can be computed": (
        "requires y to be passed",
        """check_estimators_dtypes check_dtype_object check_estimators_pickle check_f_contiguous_array_estimator
        check_transformer_data_not_an_array check_transformer_general check_methods_sample_order_invariance
        check_methods_subset_invariance check_dict_unchanged check_fit_idempotent
        check_sample_weight_equivalence_on_dense_data""",
    ),
}
LABELS = list(EXCEPTIONS)[1]
# In float64: check_methods_subset_invariance allows 1e-7 between batches of other sizes, which float32 cannot keep.
NETS = dict(hidden=(4,), dtype="float64", **QUICK)
SMALL = Diffusion(width=4, blocks=1, score_steps=2, **QUICK)
CASES = [
    (VAE(2, **NETS), DRAWN),
    (Autoencoder(2, **NETS), DRAWN),
    (ConditionalVAE(2, **NETS), LABELS),
    (SMALL, None),  # it has no method that the weights are checked by
    (LatentDiffusion(VAE(2, **NETS), SMALL, random_state=0), DRAWN),
    (Flow(hidden=(4,), depth=1, compile=False, **QUICK), LABELS),
    (GAN(hidden=(4,), **QUICK), DRAWN),
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("model, reason", CASES, ids=[type(model).__name__ for model, _ in CASES])
def test_scikit_learn_s_own_checks(model, reason):
    message, names = EXCEPTIONS.get(reason, ("", ""))
    results = check_estimator(model, on_skip=None, on_fail=None)
    failed = [result for result in results if result["status"] == "failed"]
    assert {result["check_name"] for result in failed} == set(names.split())
    for result in failed:
        chain, error = "", result["exception"]
        while error:
            chain, error = f"{chain} {error}", error.__cause__ or error.__context__
        assert message in chain, f"{result['check_name']}: {chain}"
    assert sum(result["status"] == "passed" for result in results) > 20
