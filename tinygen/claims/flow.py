"""The flow layers, claimed to be right: there and back, and ln |det| against the Jacobian's own determinant."""

import numpy as np

import tinygen as tg
from tinygen import byhand
from tinygen.check.registry import claim
from tinygen.check.report import Report
from tinygen.derivations.densities import entry
from tinygen.models.flow import affine, planar, radial, spline

LAYERS = {  # name: (map, inverse, ln |det|), each a function of z and the layer's own arguments
    "diagonal": (affine.scale, affine.scale_inverse, lambda z, s, t: np.sum(s, axis=-1)),
    "affine": (affine.affine, affine.affine_inverse, lambda z, A, c: affine.affine_log_det(A)),
    "lu": (affine.lu, affine.lu_inverse, lambda z, L, U, c: affine.lu_log_det(U)),
    "planar": (planar.planar, planar.planar_inverse, planar.planar_log_det),
    "radial": (radial.radial, radial.radial_inverse, radial.radial_log_det),
}


def example_of(layer):
    """The function that draws arguments of a layer, z first, as it was given where the layer was made."""
    return next(made.example for made in byhand.MADE.values() if made.function is layer)


def _claim_layer(name, layer, inverse, log_det):
    @claim(f"flow/layers/{name}", kind="identity", source="tinygen/models/flow")
    def run(rng):
        z, *own = example_of(layer)(rng).values()
        found = []
        for i, at in enumerate(z):
            row = [a[i] for a in own]
            found.append(np.linalg.slogdet(tg.jacobian(lambda z, row=row: layer(z, *row))(at))[1])
        return Report(
            f"flow/layers/{name}",
            [
                entry("there and back", inverse(layer(z, *own), *own), z, 1e-10),
                entry("ln |det| of the Jacobian", log_det(z, *own), np.array(found), 1e-11),
            ],
        )


for _name, _functions in LAYERS.items():
    _claim_layer(_name, *_functions)


@claim("flow/layers/spline", kind="identity", source="tinygen/models/flow/spline.py; Durkan et al. 2019")
def whole_curve(rng):
    """A curve of random knots: back again, ln of its numeric slope, and the identity outside."""
    made = spline.knots(2 * rng.normal(size=(3, 5, 23)), 3.0)
    x = np.concatenate([rng.uniform(-3, 3, size=(2, 5)), rng.choice([-4.0, 5.0], size=(1, 5))])
    y, log_slope = spline.curve(x, made)
    back, back_slope = spline.curve_inverse(y, made)
    slope = tg.grad(lambda x: np.sum(spline.curve(x, made)[0]))(x)
    return Report(
        "flow/layers/spline",
        [
            entry("there and back", back, x, 1e-10),
            entry("logarithm of the slope", log_slope, np.log(slope), 1e-10),
            entry("the inverse's", back_slope, -log_slope, 1e-9),
            entry("outside", y[-1], x[-1], 0),
        ],
    )
