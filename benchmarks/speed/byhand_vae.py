"""The yardstick, second half: the VAE's training step and Hessian-vector product by hand, laid out as in byhand.py."""

import math

import numpy as np

from benchmarks.speed.byhand import HALF, MINUS_ONE, ONE, FlatAdam, flat, joined, tanh_backward, with_ones

SIGN = np.array(-(2**31), np.int32)  # the bit of a float32 that is its sign


class Likelihood:
    """Bernoulli pixels: the log likelihood of a batch, and sigmoid(l) - x, with one exp and 1/16 log a pixel.

    With e = exp(-|l|): ln(1 + e^l) = max(l, 0) + ln(1 + e), where max(l, 0) = (l + |l|) / 2; the logarithms of sixteen
    factors between 1 and 2 are one logarithm of their product; sigmoid(l) = 1/2 + (1/(1 + e) - 1/2) with the sign of l.
    """

    def __init__(self, x, logits, gradient):
        self.x, self.logits, self.gradient = x, logits, gradient
        self.e = np.empty_like(logits)
        group = math.gcd(16, logits.size)
        self.groups, self.product = self.e.reshape(group, -1), np.empty(logits.size // group, np.float32)
        self.ones = np.ones(logits.size, np.float32)
        self.signs = np.empty(logits.shape, np.int32)

    def __call__(self):
        x, l, e, g = self.x, self.logits, self.e, self.gradient
        flat_l, flat_e = l.reshape(-1), e.reshape(-1)
        np.bitwise_and(l.view(np.int32), SIGN, self.signs)
        np.bitwise_or(l.view(np.int32), SIGN, e.view(np.int32))  # -|l|
        positive = 0.5 * (flat_l @ self.ones - flat_e @ self.ones)
        np.exp(e, e)
        np.add(e, ONE, e)
        np.multiply.reduce(self.groups, 0, None, self.product)
        np.log(self.product, self.product)
        logs = self.product @ self.ones[: self.product.size]
        np.divide(ONE, e, e)
        np.subtract(e, HALF, e)
        np.bitwise_or(e.view(np.int32), self.signs, g.view(np.int32))
        np.add(g, HALF, g)  # sigmoid(l)
        np.subtract(g, x, g)
        return x.reshape(-1) @ flat_l - positive - logs


def train_vae(work, x, eps):
    """One step of Adam on minus the evidence lower bound. x: (B, D), eps: (B, k)."""
    theta, gradient, params, gradients = flat(work.params())
    B, (D, n, k) = len(x), work.sizes
    adam = FlatAdam(theta, gradient, scale=1 / B)
    first, first_gradient = params["encoder"][0], gradients["encoder"][0]
    W1, b1, gW1, gb1 = first["W"].T, first["b"][:, None], first_gradient["W"], first_gradient["b"]
    W2, W3, W4 = (joined(layer) for layer in (params["encoder"][1], *params["decoder"]))
    gW2, gW3, gW4 = (joined(layer) for layer in (gradients["encoder"][1], *gradients["decoder"]))
    H1, Z, H2 = with_ones(n, B), with_ones(k, B), with_ones(n, B)
    h1, z, h2 = H1[:-1], Z[:-1], H2[:-1]
    out, g_out, g_h, room = (np.empty(shape, np.float32) for shape in ((2 * k, B), (2 * k, B), (n, B), (n, B)))
    mean, logvar, g_mean, g_logvar = out[:k], out[k:], g_out[:k], g_out[k:]
    std, shift, g_z, small = (np.empty((k, B), np.float32) for _ in range(4))
    logits, g_logits, ones = np.empty((B, D), np.float32), np.empty((B, D), np.float32), np.ones(B, np.float32)
    likelihood = Likelihood(x, logits, g_logits)
    ones_k = np.ones(k * B, np.float32)

    def step():
        np.dot(W1, x.T, h1)  # (n, B)
        np.add(h1, b1, h1)
        np.tanh(h1, h1)
        np.dot(W2.T, H1, out)  # (2 k, B)
        np.multiply(logvar, HALF, std)
        np.exp(std, std)
        np.multiply(std, eps.T, shift)
        np.add(mean, shift, z)  # (k, B)
        np.dot(W3.T, Z, h2)
        np.tanh(h2, h2)
        np.dot(H2.T, W4, logits)  # (B, D)
        reconstruction = likelihood()
        m, s = mean.reshape(-1), std.reshape(-1)
        kl = 0.5 * (np.dot(s, s) + np.dot(m, m) - np.dot(logvar.reshape(-1), ones_k) - k * B)

        np.dot(H2, g_logits, gW4)
        np.dot(W4[:-1], g_logits.T, g_h)
        tanh_backward(g_h, h2, room)
        np.dot(Z, g_h.T, gW3)
        np.dot(W3[:-1], g_h, g_z)
        np.add(g_z, mean, g_mean)
        np.multiply(std, std, g_logvar)
        np.add(g_logvar, MINUS_ONE, g_logvar)
        np.multiply(g_z, shift, small)
        np.add(g_logvar, small, g_logvar)
        np.multiply(g_logvar, HALF, g_logvar)
        np.dot(H1, g_out.T, gW2)
        np.dot(W2[:-1], g_out, g_h)
        tanh_backward(g_h, h1, room)
        np.dot(x.T, g_h.T, gW1)
        np.dot(g_h, ones, gb1)
        adam.step()
        return (kl - reconstruction) / B

    return step


def hvp_vae(work, x, eps):
    """The Hessian of the loss times a direction: the step above, differentiated by hand along it (Pearlmutter 1994).

    R[a] is the derivative of a along the direction. [h | R h] lie side by side, (n + 1, 2 B), over a row of ones and
    zeros, and [R g | g] likewise: then one product gives h (R g)' + (R h) g', the derivative of the gradient h g'.
    """
    _, _, params, _ = flat(work.params())
    _, result, direction, results = flat(work.direction())
    B, (D, n, k) = len(x), work.sizes
    first, first_along, first_result = (part["encoder"][0] for part in (params, direction, results))
    W1, V1, c1 = first["W"].T, first_along["W"].T, first_along["b"][:, None]
    b1, r1, rb1 = first["b"][:, None], first_result["W"], first_result["b"]
    (W2, W3, W4), (V2, V3, V4), (r2, r3, r4) = (
        [joined(layer) for layer in (part["encoder"][1], *part["decoder"])] for part in (params, direction, results)
    )
    H1, Z, H2 = _pair(n, B), _pair(k, B), _pair(n, B)
    (h1, R_h1), (z, R_z), (h2, R_h2) = _halves(H1, B), _halves(Z, B), _halves(H2, B)
    out, G_out = np.empty((2 * k, 2 * B), np.float32), np.empty((2 * k, 2 * B), np.float32)  # [o | R o], [R g | g]
    G1, G2, G_z = (np.empty((rows, 2 * B), np.float32) for rows in (n, n, k))
    logits, G = np.empty((2 * B, D), np.float32), np.empty((2 * B, D), np.float32)
    (l, R_l), (R_gl, gl) = (logits[:B], logits[B:]), (G[:B], G[B:])
    slope1, slope2, room, more = (np.empty((n, B), np.float32) for _ in range(4))
    small, std, shift, R_shift, v = (np.empty((k, B), np.float32) for _ in range(5))
    along_out, along_logits = np.empty((2 * k, B), np.float32), np.empty((B, D), np.float32)
    mean, logvar, R_mean, R_logvar = out[:k, :B], out[k:, :B], out[:k, B:], out[k:, B:]
    g_mean, g_logvar, R_g_mean, R_g_logvar = G_out[:k, B:], G_out[k:, B:], G_out[:k, :B], G_out[k:, :B]
    g_z, R_g_z = G_z[:, B:], G_z[:, :B]
    ones, h2_ones, h1_ones, z_ones = np.ones(B, np.float32), H2[:, :B], H1[:, :B], Z[:, :B]
    R_g1 = G1[:, :B]

    def hidden(h, R_h, slope):
        """From a and R a: h = tanh(a), its slope 1 - h^2, and R h."""
        np.tanh(h, h)
        np.multiply(h, h, slope)
        np.subtract(ONE, slope, slope)
        np.multiply(R_h, slope, R_h)

    def pull(G, h, R_h, slope):
        """g <- g slope and R g <- R g slope - 2 h (R h) g."""
        R_g, g = G[:, :B], G[:, B:]
        np.multiply(h, R_h, room)
        np.multiply(room, g, room)
        np.add(room, room, room)
        np.multiply(R_g, slope, R_g)
        np.subtract(R_g, room, R_g)
        np.multiply(g, slope, g)

    def step():
        np.dot(W1, x.T, room)
        np.add(room, b1, h1)
        np.dot(V1, x.T, room)
        np.add(room, c1, R_h1)
        hidden(h1, R_h1, slope1)
        np.dot(W2.T, H1, out)
        np.matmul(V2.T, h1_ones, along_out)
        np.add(out[:, B:], along_out, out[:, B:])
        np.multiply(logvar, HALF, std)
        np.exp(std, std)
        np.multiply(std, eps.T, shift)
        np.add(mean, shift, z)
        np.multiply(shift, R_logvar, R_shift)
        np.multiply(R_shift, HALF, R_shift)
        np.add(R_mean, R_shift, R_z)
        np.matmul(W3.T, Z, G2)  # G2 is free until the way back
        np.matmul(V3.T, z_ones, more)
        np.copyto(h2, G2[:, :B])
        np.add(G2[:, B:], more, R_h2)
        hidden(h2, R_h2, slope2)
        np.dot(H2.T, W4, logits)
        np.matmul(h2_ones.T, V4, along_logits)
        np.add(R_l, along_logits, R_l)

        np.negative(l, gl)
        np.exp(gl, gl)
        np.add(gl, ONE, gl)
        np.divide(ONE, gl, gl)  # p = sigmoid(l)
        np.subtract(ONE, gl, R_gl)
        np.multiply(R_gl, gl, R_gl)
        np.multiply(R_gl, R_l, R_gl)  # p (1 - p) R l
        np.subtract(gl, x, gl)
        np.dot(H2, G, r4)
        np.dot(W4[:-1], G.T, G2)
        np.matmul(V4[:-1], gl.T, more)
        np.add(G2[:, :B], more, G2[:, :B])
        pull(G2, h2, R_h2, slope2)
        np.dot(Z, G2.T, r3)
        np.dot(W3[:-1], G2, G_z)
        np.matmul(V3[:-1], G2[:, B:], small)
        np.add(R_g_z, small, R_g_z)
        np.add(g_z, mean, g_mean)
        np.add(R_g_z, R_mean, R_g_mean)
        np.multiply(std, std, v)
        np.multiply(g_z, shift, g_logvar)
        np.add(g_logvar, v, g_logvar)
        np.subtract(g_logvar, ONE, g_logvar)
        np.multiply(g_logvar, HALF, g_logvar)
        np.multiply(R_g_z, shift, R_g_logvar)
        np.multiply(g_z, R_shift, small)
        np.add(R_g_logvar, small, R_g_logvar)
        np.multiply(v, R_logvar, small)
        np.add(R_g_logvar, small, R_g_logvar)
        np.multiply(R_g_logvar, HALF, R_g_logvar)
        np.dot(H1, G_out.T, r2)
        np.dot(W2[:-1], G_out, G1)
        np.matmul(V2[:-1], G_out[:, B:], more)
        np.add(R_g1, more, R_g1)
        pull(G1, h1, R_h1, slope1)
        np.matmul(x.T, R_g1.T, r1)
        np.matmul(R_g1, ones, rb1)
        np.multiply(result, np.float32(1 / B), result)
        return result

    return step


def _pair(n, B):
    """[h | R h] over a row of ones and zeros: the direction moves no ones."""
    H = with_ones(n, 2 * B)
    H[-1, B:] = 0
    return H


def _halves(H, B):
    return H[:-1, :B], H[:-1, B:]
