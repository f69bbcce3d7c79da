"""Contenders that need NumPy alone: written by hand, and the bare matrix products."""

from benchmarks.speed import byhand, byhand_vae, floor


class ByHand:
    """The yardstick of byhand.py."""

    def version(self):
        import numpy

        return f"NumPy {numpy.__version__}"

    def train(self, work):
        return (byhand_vae.train_vae if work.is_vae else byhand.train_mlp)(work, *work.data())

    def sample(self, work):
        return byhand.sample_mlp(work, *work.data())

    def scalars(self, work):
        return byhand.scalars(work, *work.data())

    def hvp(self, work):
        return byhand_vae.hvp_vae(work, *work.data())


class Floor:
    """Matrix products and nothing else."""

    def version(self):
        import numpy

        return f"NumPy {numpy.__version__}"

    train, hvp, sample = staticmethod(floor.train), staticmethod(floor.hvp), staticmethod(floor.sample)
