"""What a fitted Diffusion draws: samples and the ways to them."""

import numpy as np

from tinygen.models import labels, options
from tinygen.models.diffusion import net, one_page, process, samplers
from tinygen.models.diffusion.guidance import classifier_free
from tinygen.models.diffusion.variances import total


class Sampling:
    """The part of `Diffusion` that samples.

    y: None, or one label for all, or n labels. steps, eta, guidance, random_state: as in `sample`. noise: (n, D),
    standard normal, to begin with.
    """

    def sample(self, n=None, y=None, *, noise=None, steps=None, eta=None, guidance=None, random_state=None):
        """n draws of x, (n, D). y: one label for all, or n labels (then n may be left out); None: without a label.

        noise: z_T, standard normal numbers (n, D) in the net's units, instead of drawing them. steps, eta, guidance:
        instead of the model's `sample_steps`, `eta` (with "ddim") and `guidance`. Without a random_state it is the
        model's own, and two calls give the same draws.
        """
        *_, x = self.paths(n, y, noise=noise, steps=steps, eta=eta, guidance=guidance, random_state=random_state)
        return x

    def paths(self, n=None, y=None, *, noise=None, steps=None, eta=None, guidance=None, random_state=None):
        """Yield z_T, ..., z_1, x on the way from noise to data, each (n, D) in the data's units: for pictures.

        Raises ValueError for noise of another shape.
        """
        self._check_fitted()
        if noise is not None:
            noise = np.asarray(noise)
            if noise.ndim != 2 or noise.shape[1] != self.scaling_.dims or n not in (None, len(noise)):
                raise ValueError(f"noise must be (n, {self.scaling_.dims}), got {noise.shape} for n = {n}")
            n = len(noise)
        y = labels.for_draws(n, y)
        n = options.whole()("n", 1 if n is None else n) if y is None else len(y)
        rng = self._sampling(random_state)
        steps = self.sample_steps if steps is None else options.whole()("steps", steps)
        guidance = self.guidance if guidance is None else options.number()("guidance", guidance)
        schedule = self.schedule_.respaced(min(steps, self.schedule_.T))
        dtype = np.dtype(self.dtype)
        z = rng.standard_normal((n, self.scaling_.dims), dtype) if noise is None else noise.astype(dtype)
        return self._way(schedule, z, y, rng, guidance, self.eta if eta is None else eta)

    def _way(self, schedule, z, y, rng, guidance, eta):
        """The steps of the sampler from z at the schedule's end, in the data's units."""
        predict, kind = self.predict_with(schedule, y, guidance=guidance)
        sampler = self.sampler
        if sampler == "auto":
            sampler = "ancestral" if self.levels_ else "heun"
        if sampler == "ancestral":
            variance = "posterior"
            if self.levels_:
                predict, variance = self._predict_and_variance(schedule, y, guidance)
            steps = one_page.ancestral(schedule, predict, kind, z, rng, variance=variance)
        elif sampler == "ddim":
            steps = one_page.ddim(schedule, predict, kind, z, rng, eta=eta)
        else:
            steps = samplers.heun(schedule, predict, kind, z)
        return self._in_units(self._sampling_bar(steps, schedule.T), schedule, y, rng)

    # ---- from data ----

    def invert(self, X, y=None, *, steps=None):
        """The noise (n, d) that `sample(noise=...)`, by "heun" or "ddim", makes the rows of X of, in the net's units.

        The probability-flow ODE from the data to T, in `steps` steps (None: `sample_steps`); its errors and the
        sampler's, not its own, are what keeps `sample(noise=invert(X))` from being X. y: as in `sample`.
        """
        schedule, x, y = self._from_data(X, y, steps)
        predict, kind = self.predict_with(schedule, y)
        return one_page.last(samplers.invert(schedule, predict, kind, x))

    def interpolate(self, x0, x1, n=8, y=None, *, steps=None):
        """n rows from x0 to x1 (D,): along the arc between the noises that the two are made of, (n, D).

        On an arc, since between two draws of noise the straight line is too short: its middle is no typical noise.
        """
        a, b = self.invert(np.stack([np.asarray(x0), np.asarray(x1)]), y, steps=steps).astype(np.float64)
        cosine = np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1)
        angle, share = np.arccos(cosine), np.linspace(0, 1, options.whole(least=2)("n", n))[:, None]
        if angle < 1e-6:
            noise = (1 - share) * a + share * b
        else:
            noise = (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)
        return self.sample(noise=noise, y=y, steps=steps)

    def vary(self, X, y=None, *, strength=0.5, steps=None, guidance=None, random_state=None):
        """Other rows like those of X, (n, D): noised up to step strength * T, then sampled from there.

        strength: above 0 (nothing changes) up to 1 (nearly nothing is left of X). The rest as in `sample`.
        """
        share = options.number(above=0, below=1 + 1e-9)("strength", strength)
        _, x, y = self._from_data(X, y, None)
        last = max(1, round(share * self.schedule_.T))
        many = min(self.sample_steps if steps is None else options.whole()("steps", steps), last)
        times = np.unique(np.round(np.linspace(0, last, many + 1)).astype(int))[1:]
        schedule, rng = self.schedule_.respaced(times), self._sampling(random_state)
        z = process.noisy(schedule, x, schedule.T, rng.standard_normal(x.shape, x.dtype))
        guidance = self.guidance if guidance is None else options.number()("guidance", guidance)
        *_, made = self._way(schedule, z, y, rng, guidance, self.eta)
        return made

    def inpaint(self, X, known, y=None, *, steps=None, random_state=None):
        """The rows of X (n, D) with the entries drawn anew where `known`, bool (D,) or (n, D), is False.

        By replacement (samplers.inpaint), which is biased: what is drawn fits the known entries less well than it
        should. Where columns are whitened, the known entries are known coordinates along other axes. Raises ValueError
        for a `known` of another shape.
        """
        self._check_fitted()
        known = np.asarray(known)
        X = np.asarray(X)
        if known.dtype != bool or known.shape not in (X.shape, X.shape[1:]):
            wanted = f"bool, {X.shape[1:]} or {X.shape}"
            raise ValueError(f"inpaint: known must be {wanted}, got {known.dtype} {known.shape}")
        known = np.broadcast_to(known, X.shape)
        unseen = self.scaling_.mean if self.grid_ is None else self.grid_[0]  # what stands there is not looked at
        filled = np.where(known, X, unseen)
        schedule, x, y = self._from_data(filled, y, steps)
        predict, kind = self.predict_with(schedule, y)
        rng = self._sampling(random_state)
        z = rng.standard_normal(x.shape, x.dtype)
        held = known[:, self.scaling_.varies]
        if self.scaling_.rotate is not None:
            masks, which = np.unique(held, axis=0, return_inverse=True)
            projections = np.stack([self.scaling_.projection(mask) for mask in masks]).astype(x.dtype)
            held = projections[0] if len(masks) == 1 else projections[which.reshape(-1)]
        path = samplers.inpaint(schedule, predict, kind, z, x, held, rng)
        *_, made = self._in_units(self._sampling_bar(path, schedule.T), schedule, y, rng)
        return np.where(known, X, made)

    def _from_data(self, X, y, steps):
        """A respaced schedule, the rows of X as the net sees them, and their labels."""
        x = self._to_net(self._check_rows(X))
        steps = self.sample_steps if steps is None else options.whole()("steps", steps)
        return self.schedule_.respaced(min(steps, self.schedule_.T)), x, labels.for_draws(len(x), y)

    def _predict_and_variance(self, schedule, y, guidance):
        """On a grid the net knows how sure it is of each value: predict(z, t), and variance(z, t) from the same
        call."""
        c, last = self._label_indices(y), {}

        def predict(z, t):
            x, last["var"] = self._of_grid(net.grid_moments, z, schedule.logsnr[t], c)
            return x

        guided = predict
        if guidance:
            self.predict_with(schedule, y, guidance=guidance)  # refuses what cannot be guided
            without = lambda z, t: self._predict(z, schedule.logsnr[t], None)
            guided = classifier_free(predict, without, guidance)
        return guided, total(schedule, lambda z, t: last["var"])  # a reverse step asks for the mean first

    def _in_units(self, steps, schedule, y, rng):
        """What a sampler yields, in the data's units; on a grid x is drawn from p(x|z_1)."""
        before = None
        for t, z in zip(range(schedule.T, -1, -1), steps):
            if t == 0 and self.levels_:
                yield self._draw_values(schedule, y, before, rng)
            else:
                x = self._from_net(z)
                yield np.clip(x, *self.range_) if t == 0 and self._clips() else x
            before = z

    def _clips(self):
        """Whether samples are kept inside the data's range."""
        if self.clip == "auto":
            return self.range_ is not None
        return self.clip

    def _draw_values(self, schedule, y, z, rng):
        """A draw from p(x|z_1) over the values of the grid."""
        low, step, _ = self.grid_
        cond = self._conditioning(np.full(len(z), schedule.logsnr[1]), self._label_indices(y), z.dtype)
        signal, sigma = np.sqrt(schedule.alpha_bar[1]), schedule.sigma[1]
        scores = net.grid_logits(self.params_, z, cond)  # (n, D, V)
        scores = scores + process.grid_scores(z[..., None], self._grid_values(), signal, sigma)
        index = np.argmax(scores + rng.gumbel(size=scores.shape), axis=-1)  # (n, D), by Gumbel's trick
        return low + step * index

    def _sampling_bar(self, steps, total):
        import sys

        from tqdm import tqdm

        hidden = not self.progress or (False if "ipykernel" in sys.modules else None)
        yield from tqdm(steps, total=total + 1, unit="step", disable=hidden, leave=False)
