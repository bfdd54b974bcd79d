"""Measures: published values recomputed from the weights, hypotheses on signs and scales, and no margin made positive."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from boundcheck.evidence.example import CLASSES, HIDDEN, D, N, example_evidence
from boundcheck.evidence.record import SECTIONS, Evidence
from boundcheck.measures import MEASURES, measured
from boundcheck.theorem import NotApplicable

REL = 1e-7  # norms are raised by 1e-9, and a power of at most eight of them enters


@pytest.fixture(name="evidence", scope="module")
def _evidence() -> Evidence:
    return example_evidence()


@pytest.fixture(name="initial", scope="module")
def _initial(evidence: Evidence) -> Evidence:
    """The same network with initial weights at half its weights, as far as measures can see."""
    layers = {
        name: dataclasses.replace(
            layer, difference_frobenius=layer.kernel_frobenius / 2, difference_row_norm_sum=layer.row_norm_sum / 2
        )
        for name, layer in evidence.layers.items()
    }
    first, last = weights()
    half = np.concatenate([first.ravel(), last.ravel()]) / 2
    return dataclasses.replace(
        evidence,
        provenance=dataclasses.replace(evidence.provenance, reference="initial"),
        layers=layers,
        geometry=dataclasses.replace(
            evidence.geometry,
            difference_spectral={"first": np.linalg.norm(first, 2) / 2, "last": np.linalg.norm(last, 2) / 2},
        ),
        flatness=dataclasses.replace(
            evidence.flatness,
            squared_distance=float(half @ half),
            log_magnitude_distance=float(np.log(1e-6 + 0.16 * half**2).sum()),
        ),
    )


def weights() -> tuple[np.ndarray, np.ndarray]:
    """The example's layers, drawn again."""
    rng = np.random.default_rng(20240607)
    return rng.normal(size=(HIDDEN, D)) / 2.0, rng.normal(size=(CLASSES, HIDDEN))


def expected(evidence: Evidence) -> dict[str, float]:
    """Every measure from dense matrices, as its paper writes it."""
    both = weights()
    gamma = np.sort(np.array(evidence.margins))[N // 10 - 1]
    s = np.array([np.linalg.svd(w)[1][0] for w in both])
    f2 = np.array([(w**2).sum() for w in both])
    rows = np.array([np.sqrt((w**2).sum(axis=1)).sum() for w in both])
    flat = np.concatenate([w.ravel() for w in both])
    ones = np.ones(D)
    path = (both[1] ** 2 @ both[0] ** 2 @ ones).sum()
    pac = flat @ flat
    top = np.sqrt((both[1] ** 2).sum(axis=1)).max()
    ratio = rows / 2 / s
    spec = (s**2).prod()
    fro = f2.prod()
    mag = [
        0.25 * np.log((1e-6 + 1.16 * v @ v / 35) / (1e-6 + 0.16 * v**2)).sum() + math.log(N / 0.4) + 10 for v in (flat, flat / 2)
    ]
    return {
        "parameters": 35,
        "log_vc_order": math.log(35 * 2 * math.log(35)),
        "inverse_margin": 1 / gamma**2,
        "log_prod_of_spec": math.log(spec),
        "log_prod_of_spec_over_margin": math.log(spec / gamma**2),
        "log_sum_of_spec": math.log(2 * spec**0.5),
        "log_sum_of_spec_over_margin": math.log(2 * (spec / gamma**2) ** 0.5),
        "log_prod_of_fro": math.log(fro),
        "log_prod_of_fro_over_margin": math.log(fro / gamma**2),
        "log_sum_of_fro": math.log(2 * fro**0.5),
        "log_sum_of_fro_over_margin": math.log(2 * (fro / gamma**2) ** 0.5),
        "fro_over_spec": (f2 / s**2).sum(),
        "log_spec_orig_main": math.log(spec * (f2 / s**2).sum() / gamma**2),
        "log_spec_init_main": math.log(spec * (f2 / 4 / s**2).sum() / gamma**2),
        "param_norm": f2.sum(),
        "fro_dist": f2.sum() / 4,
        "dist_spec_init": (s**2).sum() / 4,
        "log_spectral_complexity": math.log(s.prod() * (ratio ** (2 / 3)).sum() ** 1.5 / gamma),
        "log_ledent_complexity": math.log(
            s[0] * top * ((rows[0] / s[0]) ** (2 / 3) + (f2[1] ** 0.5 / top) ** (2 / 3)) ** 1.5 / gamma
        ),
        "log_path_norm": math.log(path),
        "log_path_norm_over_margin": math.log(path / gamma**2),
        "log_l1_path_norm": math.log((abs(both[1]) @ abs(both[0]) @ ones).sum()),
        "pacbayes_orig": pac / (4 * 0.15**2) + math.log(N / 0.15) + 10,
        "pacbayes_init": pac / 4 / (4 * 0.15**2) + math.log(N / 0.15) + 10,
        "pacbayes_flatness": 1 / 0.15**2,
        "pacbayes_mag_orig": mag[0],
        "pacbayes_mag_init": mag[1],
        "pacbayes_mag_flatness": 1 / 0.4**2,
        "sharpness_flatness": 400.0,
    }


def test_every_measure_is_what_its_paper_writes(initial: Evidence) -> None:
    found = dict(measured(initial).values)
    wanted = expected(initial)
    assert set(wanted) == set(MEASURES) - {"fisher_rao", "log_layer_cushions", "kernel_norm"}
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=REL), name


def test_fisher_rao_is_a_quadratic_form(initial: Evidence) -> None:
    """By a difference of the loss of all weights scaled together: (l((1+h)w) - l((1-h)w)) / 2h."""
    first, last = weights()
    rng = np.random.default_rng(20240607)
    rng.normal(size=HIDDEN * D), rng.normal(size=CLASSES * HIDDEN)
    x = rng.uniform(size=(N, D))

    def outputs(scale: float) -> np.ndarray:
        return np.maximum(x @ (scale * first).T, 0.0) @ (scale * last).T

    plain = outputs(1.0)
    y = np.where(rng.uniform(size=N) < 0.02, rng.integers(CLASSES, size=N), plain.argmax(axis=1))

    def losses(scale: float) -> np.ndarray:
        o = outputs(scale)
        return np.log(np.exp(o).sum(axis=1)) - o[np.arange(N), y]

    h = 1e-5
    slope = (losses(1 + h) - losses(1 - h)) / (2 * h)
    # The error of the difference is of order h^2 and 1e-16/h.
    assert MEASURES["fisher_rao"].value(initial) == pytest.approx(float((slope**2).mean()), rel=1e-7)


def test_layer_cushions(initial: Evidence) -> None:
    first, last = weights()
    gain = initial.geometry.least_gain
    cushions = [gain["first"] / np.linalg.norm(first), gain["last"] / np.linalg.norm(last)]
    assert all(0.0 < c <= 1.0 for c in cushions)
    assert MEASURES["log_layer_cushions"].value(initial) == pytest.approx(math.log(sum(c**-2 for c in cushions)), rel=REL)


def test_the_norm_of_a_kernel_interpolant(evidence: Evidence) -> None:
    """Four unit vectors, labels +1 +1 -1 -1, the tangent kernel of a first layer: 2.004501 in the worked example."""
    x = np.array([[1, 0, 0], [0.6, 0.8, 0], [0, 0, 1], [0.36, 0.48, 0.8]])
    y = np.array([1.0, 1.0, -1.0, -1.0])
    inner = np.clip(x @ x.T, -1.0, 1.0)
    gram = inner * (np.pi - np.arccos(inner)) / (2 * np.pi)
    norm = float(np.sqrt(y @ np.linalg.solve(gram, y)))
    assert evidence.kernel is not None
    small = dataclasses.replace(
        evidence, problem=dataclasses.replace(evidence.problem, n=4), kernel=dataclasses.replace(evidence.kernel, norm=norm)
    )
    assert MEASURES["kernel_norm"].value(small) == pytest.approx(2.004501, abs=5e-7)


def test_the_noise_that_follows_the_weights_gives_half_of_a_known_divergence() -> None:
    """Distances (.5, -1, .2, 0), e = .01, s = .3: half the sum of ln(prior variance / posterior variance) is 8.412821635."""
    base = example_evidence()
    delta = np.array([0.5, -1.0, 0.2, 0.0])
    flat = dataclasses.replace(
        base.flatness,
        parameters=4,
        floor=0.01,
        magnitude_sigma=0.3,
        squared_distance=float(delta @ delta),
        log_magnitude_distance=float(np.log(1e-4 + 0.09 * delta**2).sum()),
    )
    value = MEASURES["pacbayes_mag_init"].value(dataclasses.replace(base, flatness=flat))
    assert value == pytest.approx(8.412821635 / 2 + math.log(N / 0.3) + 10, abs=1e-9)


def test_without_initial_weights_there_are_no_distances(evidence: Evidence) -> None:
    absent = dict(measured(evidence).absent)
    assert set(absent) == {"log_spec_init_main", "fro_dist", "dist_spec_init", "pacbayes_init", "pacbayes_mag_init"}
    assert all("initial weights" in reason for reason in absent.values())


def test_a_margin_is_never_made_positive(initial: Evidence) -> None:
    margins = tuple(-abs(m) for m in initial.margins)
    before, after = measured(initial), measured(dataclasses.replace(initial, margins=margins))
    gone = dict(after.absent)
    assert set(gone) == {name for name in MEASURES if "margins" in MEASURES[name].reads}
    assert all("not positive" in reason for reason in gone.values())
    assert dict(after.values) == {name: value for name, value in before.values if name not in gone}


def test_the_margin_is_the_tenth_percentile(initial: Evidence) -> None:
    """The n/10 smallest margins but one may be anything below it."""
    margins = sorted(initial.margins)
    lower = [-5.0] * (N // 10 - 1) + margins[N // 10 - 1 :]
    changed = dataclasses.replace(initial, margins=tuple(lower))
    assert MEASURES["inverse_margin"].value(changed) == MEASURES["inverse_margin"].value(initial)
    fewer = dataclasses.replace(initial, margins=(-5.0, *lower[: N // 10 - 1], *lower[N // 10 :]))
    with pytest.raises(NotApplicable):
        MEASURES["inverse_margin"].value(fewer)


@pytest.mark.parametrize("section", SECTIONS[2:])
def test_what_was_not_measured_is_absent_with_its_reason(initial: Evidence, section: str) -> None:
    without = dataclasses.replace(initial, **{section: None}, absent={section: "the dog ate it"})
    found = measured(without)
    gone = dict(found.absent)
    assert set(gone) == {name for name in MEASURES if section in MEASURES[name].reads}
    assert set(gone.values()) <= {"the dog ate it"}
    assert len(found.values) + len(found.absent) == len(MEASURES)


def test_a_product_beyond_all_floats_stays_a_logarithm(initial: Evidence) -> None:
    huge = {f"l{i}": dataclasses.replace(initial.layers["first"], spectral=1e30, kernel_frobenius=1e31) for i in range(100)}
    found = dict(measured(dataclasses.replace(initial, layers=huge)).values)
    assert found["log_prod_of_spec"] == pytest.approx(200 * math.log(1e30))
    assert found["log_prod_of_fro"] == pytest.approx(200 * math.log(1e31))


def test_a_layer_of_zeros_has_no_logarithm(initial: Evidence) -> None:
    dead = {"first": dataclasses.replace(initial.layers["first"], spectral=0.0, kernel_frobenius=0.0)}
    gone = dict(measured(dataclasses.replace(initial, layers=dead)).absent)
    assert "zero" in gone["log_prod_of_spec"]
    assert "zero" in gone["log_prod_of_fro"]


def test_constants_fixed_before_the_data_do_not_count(initial: Evidence) -> None:
    fixed = dataclasses.replace(initial.layers["first"], parameters=0, spectral=7.0)
    more = dataclasses.replace(initial, layers={"mean": fixed, **initial.layers})
    assert MEASURES["log_prod_of_spec"].value(more) == MEASURES["log_prod_of_spec"].value(initial)


@pytest.mark.parametrize("name", tuple(MEASURES))
def test_the_entry_says_what_a_reader_needs(name: str) -> None:
    measure = MEASURES[name]
    assert measure.name == name
    assert measure.title
    assert measure.source
    assert any(c.isdigit() for c in measure.source)
    assert measure.sign in (-1, 1)
    assert set(measure.reads) <= set(SECTIONS)
    assert measure.formula.count("{") == measure.formula.count("}")
    assert ("log" in name) == measure.formula.startswith(r"\ln")
