"""Evidence of one small network, every section filled, made without torch: for teaching, for the list of hypotheses, for tests.

The network is 4-5-3, ReLU, no bias, reference zero. Its norms come from a dense SVD and are raised by 1e-9, far more than the SVD
errs; its margins are lowered by as much.
"""

from __future__ import annotations

import math

import numpy as np

from boundcheck.evidence.code import Code
from boundcheck.evidence.counted import Errors
from boundcheck.evidence.flatness import Flatness
from boundcheck.evidence.geometry import Geometry
from boundcheck.evidence.growth_layer import GrowthLayer
from boundcheck.evidence.hidden_units import HiddenUnits, distance_up
from boundcheck.evidence.kernel_predictor import KernelPredictor
from boundcheck.evidence.layer_norms import LayerNorms
from boundcheck.evidence.magnitude import Magnitude
from boundcheck.evidence.patches import Patches
from boundcheck.evidence.path_norm import PathNorm
from boundcheck.evidence.picked import Picked
from boundcheck.evidence.posterior import Posterior, PosteriorGroup
from boundcheck.evidence.prior_network import PriorNetwork
from boundcheck.evidence.record import Evidence, Inputs, Precision, Problem, Provenance, Structure, TwoLayer
from boundcheck.evidence.recursive import Recursive, RecursiveStep
from boundcheck.evidence.vote import Vote

N, D, HIDDEN, CLASSES = 1200, 4, 5, 3
TEST_N = 500
_RAISE = 1.0 + 1e-9


def example_evidence() -> Evidence:
    """The record of the small network."""
    rng = np.random.default_rng(20240607)
    first, last = rng.normal(size=(HIDDEN, D)) / 2.0, rng.normal(size=(CLASSES, HIDDEN))
    x = rng.uniform(size=(N, D))
    logits = np.maximum(x @ first.T, 0.0) @ last.T
    labels = np.where(rng.uniform(size=N) < 0.02, rng.integers(CLASSES, size=N), logits.argmax(axis=1))
    own = logits[np.arange(N), labels]
    logits[np.arange(N), labels] = -np.inf
    margins = own - logits.max(axis=1) - 1e-9
    errors = int(np.sum(~(margins > 0.0)))
    return Evidence(
        provenance=Provenance(None, None, "mlp", "by hand", "true", "zero", first.size + last.size, 0, "quick"),
        problem=Problem(N, D, CLASSES, 2.0, True, 0.0, 0),
        errors=Errors(N, errors, 0, TEST_N, 9, 1, 9 / TEST_N, 0),
        precision=Precision(32 * (first.size + last.size), "35 float32"),
        structure=Structure(("first", "last"), None, (), False, False, False, (0.0,), True),
        margins=tuple(float(m) for m in margins),
        relative_margins=tuple(float(m) for m in margins / np.linalg.norm(x, axis=1) - 1e-9),
        inputs=_inputs(x),
        layers={"first": _dense(first, 1.0), "last": _dense(last, 1.0)},
        two_layer=_two_layer(first, last),
        hidden_units=_hidden_units(first, last),
        patches=_patches(x, first, last),
        path=PathNorm(math.log(float((np.abs(last) @ np.abs(first)).sum()) * _RAISE), (("relu", 1.0),), False, (1,)),
        growth=(
            GrowthLayer("first", HIDDEN, 1, first.size, ((HIDDEN, 1, D),)),
            GrowthLayer("last", CLASSES - 1, 2, first.size + last.size),
        ),
        posterior=_posterior(rng, {"first": first, "last": last}),
        kernel=KernelPredictor("gaussian", CLASSES, 15.0, float(N), 1.0, True, 0.1, "squared", 1.0, 1e-9, (0.5,) * N),
        code=Code(((4, 9, 12, 7, 3),), 96.0, "two scales, one choice", Errors(N, errors + 3, 0, TEST_N, 11, 1, 0.022, 0)),
        picked=Picked(N - 200, 12, 0, True, candidates=2, before=200),
        geometry=_geometry(x, labels, first, last),
        magnitude=_magnitude(np.concatenate([first.ravel(), last.ravel()])),
        prior_network=PriorNetwork(500, 21, 0, 1, 1, 0.044),
        recursive=_recursive(),
        flatness=_flatness(np.concatenate([first.ravel(), last.ravel()])),
    )


def _inputs(x: np.ndarray) -> Inputs:
    one = np.hstack([x, np.ones((len(x), 1))])
    return Inputs(
        frobenius=float(np.linalg.norm(x)) * _RAISE,
        spectral=float(np.linalg.norm(x, 2)) * _RAISE,
        frobenius_augmented=float(np.linalg.norm(one)) * _RAISE,
        spectral_augmented=float(np.linalg.norm(one, 2)) * _RAISE,
        max_column_square=float((x**2).sum(axis=0).max()) * _RAISE,
        outside_radius=0,
    )


def _dense(w: np.ndarray, lipschitz_after: float) -> LayerNorms:
    spectral, frobenius = float(np.linalg.norm(w, 2)), float(np.linalg.norm(w)) * _RAISE
    rows = float(np.linalg.norm(w, axis=1).sum()) * _RAISE
    return LayerNorms(
        kind="dense",
        in_size=w.shape[1],
        out_size=w.shape[0],
        parameters=w.size,
        entries=w.size,
        taps=1,
        in_channels=w.shape[1],
        out_channels=w.shape[0],
        positions=1,
        has_bias=False,
        spectral=spectral * _RAISE,
        spectral_lower=spectral / _RAISE,
        frobenius=frobenius,
        kernel_frobenius=frobenius,
        row_norm_sum=rows,
        difference_row_norm_sum=rows,
        difference_spectral=spectral * _RAISE,
        difference_frobenius=frobenius,
        kernel_group_norm=rows,
        difference_group_norm=rows,
        bias_norm=0.0,
        difference_bias_norm=0.0,
        augmented_spectral=spectral * _RAISE,
        augmented_frobenius=frobenius,
        lipschitz_after=lipschitz_after,
        max_row_l1=float(np.abs(w).sum(axis=1).max()) * _RAISE,
        entry_l1=float(np.abs(w).sum()) * _RAISE,
        sup_lipschitz_after=1.0,
    )


def _two_layer(first: np.ndarray, last: np.ndarray) -> TwoLayer:
    centred = last - last.mean(axis=0)
    value = float((np.linalg.norm(centred, axis=0) * np.linalg.norm(first, axis=1)).sum()) * _RAISE
    return TwoLayer(value, value)


def _geometry(x: np.ndarray, labels: np.ndarray, first: np.ndarray, last: np.ndarray) -> Geometry:
    hidden = np.maximum(x @ first.T, 0.0)
    outputs = hidden @ last.T
    slopes = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    slopes /= slopes.sum(axis=1, keepdims=True)
    slopes[np.arange(N), labels] -= 1.0
    live = np.linalg.norm(hidden, axis=1) > 0.0
    return Geometry(
        rows=N,
        difference_spectral=None,
        log_squared_path=math.log(float((last**2 @ first**2).sum())),
        last_row_norm=float(np.linalg.norm(last, axis=1).max()),
        # Two layers without constants: the derivative of the outputs along the weights is twice the outputs.
        fisher_rao=float(np.mean((2.0 * (slopes * outputs).sum(axis=1)) ** 2)),
        least_gain={
            "first": float((np.linalg.norm(x @ first.T, axis=1) / np.linalg.norm(x, axis=1)).min()),
            "last": float((np.linalg.norm(outputs[live], axis=1) / np.linalg.norm(hidden[live], axis=1)).min()),
        },
    )


def _recursive() -> Recursive:
    first = RecursiveStep(N, 40.0, 0.0, 12 * N, 0.12, 1.0, 0.0)
    second = RecursiveStep(N // 2, 15.0, 0.5, 12 * (N // 2), 0.06, 0.93, 0.01)
    return Recursive((first, second), 0, 1, 0.062)


def _magnitude(weights: np.ndarray) -> Magnitude:
    floor, slope = 0.05, 0.2
    variances = floor**2 + (slope * weights) ** 2
    return Magnitude(
        parameters=weights.size,
        floor=floor,
        slope=slope,
        variance_sum=float(variances.sum()) * _RAISE,
        log_variance_sum=float(np.log(variances).sum()) - 1e-9,
        squared_distance=float((weights**2).sum()) * _RAISE,
        prior_mean="zero",
        prior_variances=tuple(2.0**j for j in range(-12, 5)),
        draws=2000,
        mean_loss=0.06,
        candidates=1,
        test_error=0.06,
    )


def _flatness(weights: np.ndarray) -> Flatness:
    floor, follows = 1e-3, 0.4
    return Flatness(
        rows=N,
        draws=3,
        drop=0.1,
        parameters=weights.size,
        squared_norm=float((weights**2).sum()),
        squared_distance=None,
        sigma=0.15,
        floor=floor,
        magnitude_sigma=follows,
        log_magnitude_norm=float(np.log(floor**2 + (follows * weights) ** 2).sum()),
        log_magnitude_distance=None,
        radius=0.05,
    )


def _patches(x: np.ndarray, first: np.ndarray, last: np.ndarray) -> Patches:
    """The dense network as a convolution with one window that reads everything."""
    size = float(np.linalg.norm(x)) * _RAISE
    return Patches(1, size, size, (), (), _two_layer(first, last).plain, (1.0,))


def _hidden_units(first: np.ndarray, last: np.ndarray) -> HiddenUnits:
    leaving, entering = np.linalg.norm(last - last.mean(axis=0), axis=0) * _RAISE, np.linalg.norm(first, axis=1) * _RAISE
    total = sum(v * distance_up(u) for v, u in zip(leaving.tolist(), entering.tolist(), strict=True)) * _RAISE
    root = float(np.linalg.norm(leaving)) * _RAISE
    return HiddenUnits(HIDDEN, root, float(np.linalg.norm(entering)) * _RAISE, 0.0, 0.0, 0.0, total)


def _posterior(rng: np.random.Generator, weights: dict[str, np.ndarray]) -> Posterior:
    variance = 0.01
    groups = {}
    for name, w in weights.items():
        noise = rng.normal(size=w.shape) * math.sqrt(variance)
        groups[name] = PosteriorGroup(
            parameters=w.size,
            variance_sum=w.size * variance * _RAISE,
            log_variance_sum=w.size * math.log(variance) - 1e-9,
            squared_distance=float((w**2).sum()) * _RAISE,
            min_variance=variance / _RAISE,
            max_variance=variance * _RAISE,
            drawn_squared_distance=float(((w + noise) ** 2).sum()) * _RAISE,
            drawn_noise=float((noise**2).sum()) / variance / _RAISE,
        )
    return Posterior(
        groups=groups,
        prior_mean="zero",
        prior_variances=tuple(2.0**j for j in range(-12, 5)),
        draws=24000,
        mean_loss=0.05,
        drawing="one fresh network per example",
        candidates=1,
        test_error=0.052,
        drawn=Errors(N, 70, 0, TEST_N, 30, 0, 0.06, 0),
        pairs=12000,
        joint_loss=0.02,
        vote=Vote(51, TEST_N, 0.048),
    )
