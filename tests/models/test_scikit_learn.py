"""scikit-learn's own checks of the estimators: they pass, but for those listed here with the reason."""

import pytest
from sklearn.utils.estimator_checks import check_estimator

from tinygen.models.vae.conditional import ConditionalVAE
from tinygen.models.vae.estimator import VAE
from tinygen.models.vae.plain_autoencoder import Autoencoder

QUICK = dict(latents=2, hidden=(16,), epochs=3, random_state=0, progress=False)
LABELS = "requires y to be passed"  # the check calls transform or score_samples without labels
RANGE = "the Bernoulli decoder needs data between 0 and 1"  # the check draws numbers from everywhere
EXCEPTIONS = {
    "without labels nothing of it can be computed": (
        LABELS,
        """check_estimators_dtypes check_dtype_object check_estimators_pickle check_f_contiguous_array_estimator
        check_transformer_data_not_an_array check_transformer_general check_methods_sample_order_invariance
        check_methods_subset_invariance check_dict_unchanged check_fit_idempotent""",
    ),
    "it is for pixels between 0 and 1; with decoder='gaussian' all pass": (
        RANGE,
        """check_estimators_overwrite_params check_dont_overwrite_parameters check_estimators_fit_returns_self
        check_readonly_memmap_input check_n_features_in_after_fitting check_positive_only_tag_during_fit
        check_estimators_dtypes check_pipeline_consistency check_estimators_pickle check_f_contiguous_array_estimator
        check_transformer_data_not_an_array check_transformer_general check_methods_sample_order_invariance
        check_methods_subset_invariance check_fit2d_1sample check_fit2d_1feature check_dict_unchanged
        check_fit_idempotent check_fit_check_is_fitted check_n_features_in check_fit2d_predict1d""",
    ),
}
CASES = [
    (VAE(**QUICK, decoder="gaussian"), None),
    (Autoencoder(**QUICK, decoder="gaussian"), None),
    (ConditionalVAE(**QUICK, decoder="gaussian"), "without labels nothing of it can be computed"),
    (VAE(**QUICK), "it is for pixels between 0 and 1; with decoder='gaussian' all pass"),
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("model, reason", CASES, ids=["VAE", "Autoencoder", "ConditionalVAE", "VAE for pixels"])
def test_scikit_learn_s_own_checks(model, reason):
    message, names = EXCEPTIONS[reason] if reason else ("", "")
    results = check_estimator(model, on_skip=None, on_fail=None)
    failed = [result for result in results if result["status"] == "failed"]
    assert {result["check_name"] for result in failed} == set(names.split())
    for result in failed:
        chain, error = "", result["exception"]
        while error:
            chain, error = f"{chain} {error}", error.__cause__ or error.__context__
        assert message in chain, f"{result['check_name']}: {chain}"
    assert sum(result["status"] == "passed" for result in results) > 20
