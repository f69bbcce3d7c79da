"""Where training begins for real-valued rows: at the Gaussian that fits them, instead of at a random model."""

import numpy as np


def start_as_gaussian(params, noise=0.1):
    """The same tree of parameters, but of a model that is N(0, I) exactly and carries its first entries in z.

    With x_j = sqrt(1 - noise) z_j + sqrt(noise) eps for j < k, and x_j = eps for the others, x ~ N(0, I), and the
    posterior of z_j is N(sqrt(1 - noise) x_j, noise): two linear maps beside the nets, "skip", which are trained with
    them. The last layers of the nets begin at 0. For a Gaussian decoder with a variance for each column and rows whose
    columns are uncorrelated, of unit variance: the bound then begins at the log density of the Gaussian that fits them.
    params: as of one_page.init. Source: the optimum of the linear VAE, Tipping and Bishop 1999.
    """
    encoder, decoder = ([*net[:-1], {name: 0 * a for name, a in net[-1].items()}] for net in (
        params["encoder"], params["decoder"]))  # fmt: skip
    logvar = params["likelihood"]["logvar"].copy()
    D, k = len(logvar), params["decoder"][0]["W"].shape[0]
    k -= params["encoder"][0]["W"].shape[0] - D  # without the labels
    same = np.arange(min(D, k))
    into = np.zeros((D, encoder[-1]["b"].size), logvar.dtype)
    out = np.zeros((k, decoder[-1]["b"].size), logvar.dtype)
    into[same, same] = out[same, same] = np.sqrt(1 - noise)
    encoder[-1]["b"][k + same] = logvar[same] = np.log(noise)
    return {**params, "encoder": encoder, "decoder": decoder, "likelihood": {"logvar": logvar},
            "skip": {"encoder": into, "decoder": out}}  # fmt: skip
