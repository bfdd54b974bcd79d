"""The fixed front end: upright pictures, edges that know their direction, a basis that decorrelates strokes, nothing learned."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from boundcheck.errors import InputError
from boundcheck.networks import build
from boundcheck.networks.frozen import Parts
from boundcheck.networks.oriented import Edges, Front, Upright, derivatives, simplex, stroke_basis
from boundcheck.networks.strokes import random_strokes


def blob(row: float, column: float, shear: float = 0.0, tall: float = 4.0, wide: float = 2.0) -> torch.Tensor:
    """A Gaussian blob of 28 x 28 pixels around a place, sheared."""
    y, x = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    y, x = y - row, x - column
    return torch.exp(-((y / tall) ** 2 + ((x - shear * y) / wide) ** 2) / 2.0)[None, None]


@pytest.mark.parametrize("resize", [False, True])
def test_moved_and_sheared_pictures_become_one(resize: bool) -> None:
    plain = Upright(resize)(blob(13.5, 13.5))
    for row, column, shear in ((11.0, 16.0, 0.0), (13.5, 13.5, 0.5), (15.2, 12.4, -0.4)):
        # Interpolation between pixels and a blob that is cut at the border.
        assert float((Upright(resize)(blob(row, column, shear)) - plain).abs().max()) < 0.05
    assert float((Upright(resize)(blob(11.0, 16.0, 0.5)) - blob(11.0, 16.0, 0.5)).abs().max()) > 0.3


def test_resizing_goes_half_way_in_the_logarithm() -> None:
    def height(picture: torch.Tensor) -> float:
        rows = picture.sum(dim=(0, 1, 3)) / picture.sum()
        where = torch.arange(28.0)
        return float(((where - rows @ where) ** 2 @ rows).sqrt())

    before = blob(13.5, 13.5, tall=3.0)
    assert height(Upright()(before)) == pytest.approx((height(before) * 5.5) ** 0.5, rel=0.03)
    assert height(Upright(resize=False)(before)) == pytest.approx(height(before), rel=0.01)


def test_an_empty_picture_stays_empty() -> None:
    assert not Upright()(torch.zeros(2, 1, 28, 28)).any()


def test_derivatives_answer_to_their_direction() -> None:
    filters = derivatives(8, 1.0)
    assert filters.sum(dim=(1, 2, 3)).abs().max() < 1e-5
    assert torch.allclose(filters[0], -filters[4], atol=1e-6)
    assert torch.allclose(filters[0], filters[2].transpose(1, 2), atol=1e-6)
    ramp = torch.arange(7.0).repeat(7, 1)
    answers = (filters[:, 0] * ramp).sum(dim=(1, 2))
    assert int(answers.argmax()) == 0


def test_a_row_does_not_depend_on_its_batch() -> None:
    network = build("oriented", (12, 12), 4, size=20).eval()
    x = torch.rand(40, 12, 12, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        together, alone = network(x), torch.cat([network(row[None]) for row in x])
    assert torch.allclose(together, alone, atol=1e-4 * float(together.abs().max()))  # rounding, in another order of sums


def test_strokes_are_decorrelated_in_their_basis() -> None:
    front = Front(size=30)
    basis = stroke_basis(14, 14, 1, front)
    pictures = torch.from_numpy(random_strokes(4000, 14, 14))[:, None]
    with torch.no_grad():
        z = Edges(1)(Upright()(pictures)) @ basis.T
    moments = (z.double().T @ z.double() / len(z)).numpy()
    # Eigenvalues below 1e-5 of the largest are not brought up; float32 features.
    assert np.allclose(moments, np.diag(np.diag(moments)), atol=1e-3)
    assert np.all(np.diag(moments) <= 1.0 + 1e-3)
    assert moments[0, 0] == pytest.approx(1.0, abs=1e-3)
    assert torch.equal(basis, stroke_basis.__wrapped__(14, 14, 1, front))


def test_the_simplex_tells_classes_apart_and_nothing_else() -> None:
    for classes in (2, 3, 10):
        corners = simplex(classes)
        assert torch.allclose(corners.T @ corners, torch.eye(classes - 1), atol=1e-6)
        assert corners.sum(dim=0).abs().max() < 1e-6


def test_all_but_the_last_layers_are_fixed() -> None:
    network = build("oriented", (14, 14), 5, size=25, hidden=7, seed=3).eval()
    assert [tuple(p.shape) for p in network.parameters()] == [(7, 25), (7,), (4, 7)]
    again = build("oriented", (14, 14), 5, size=25, hidden=7, seed=4)
    assert all(torch.equal(a, b) for a, b in zip(network.buffers(), again.buffers(), strict=True))
    parts = Parts.of(network)
    x = torch.rand(30, 14, 14, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(parts.rest(parts.features(x)), network(x))


def test_settings_without_sense_are_refused() -> None:
    with pytest.raises(InputError, match="a size of 1 or more"):
        build("oriented", (14, 14), 3, size=0)
    with pytest.raises(InputError, match="settings of oriented"):
        build("oriented", (14, 14), 3, colour=1)
    with pytest.raises(InputError, match="images of shape"):
        build("oriented", (14,), 3)
