"""The loss on centroids chosen by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from spatialbench.methods.infsplign.activations import NAMES
from spatialbench.methods.infsplign.geometry import Moments
from spatialbench.methods.infsplign.loss import SpatialLoss
from spatialbench.methods.infsplign.placement import Placement
from spatialbench.methods.infsplign.settings import read_settings
from spatialbench.relations import Relation

CPU = torch.device("cpu")


def moments(a: tuple[float, float], b: tuple[float, float], spread: Any = (0.0, 0.0)) -> Moments:
    """One layer, one sample: subject at ``a``, object at ``b``, (x, y)."""
    centroid = torch.tensor([[[a, b]]], dtype=torch.float64).requires_grad_()
    return Moments(centroid, torch.tensor([[spread]], dtype=torch.float64))


def loss_of(relation: Relation | None, m: Moments, coarse: bool = True, **given: Any) -> Any:
    s = read_settings({"loss": "linear", "alpha": 1, "lambda_spatial": 1, **given}, "sd1.4", 50)
    placement = Placement.of([relation], CPU, torch.float64)
    return SpatialLoss(s, placement, (coarse,), CPU, torch.float64)(m)


@pytest.mark.parametrize(
    ("relation", "a", "b"),
    [
        (Relation.LEFT, (0.2, 0.5), (0.6, 0.1)),
        (Relation.RIGHT, (0.6, 0.5), (0.2, 0.1)),
        (Relation.ABOVE, (0.3, 0.2), (0.9, 0.6)),
        (Relation.BELOW, (0.3, 0.6), (0.9, 0.2)),
    ],
)
def test_displacement_is_positive_when_the_prompt_is_obeyed(
    relation: Relation, a: tuple[float, float], b: tuple[float, float]
) -> None:
    # Obeyed by 0.4, margin 0.25: the linear loss is the margin less the displacement.
    assert loss_of(relation, moments(a, b)).item() == pytest.approx(0.25 - 0.4)
    assert loss_of(relation, moments(b, a)).item() == pytest.approx(0.25 + 0.4)


def test_apart_pushes_a_close_pair_apart_until_the_margin() -> None:
    """The authors' displacement of near, |xA - xB|: whichever side, and whatever the height."""
    for a, b in (((0.4, 0.1), (0.5, 0.9)), ((0.5, 0.1), (0.4, 0.9))):
        m = moments(a, b)
        loss = loss_of(Relation.NEAR, m, loss="relu", alpha=3)
        assert loss.item() == pytest.approx(3 * (0.25 - 0.1))
        gradient = torch.autograd.grad(loss, m.centroid)[0][0, 0]
        # Downhill, the left one moves further left and the right one right, by alpha each.
        left, right = (0, 1) if a < b else (1, 0)
        assert gradient[left].tolist() == pytest.approx([3, 0])
        assert gradient[right].tolist() == pytest.approx([-3, 0])
    far = moments((0.1, 0.5), (0.36, 0.5))
    loss = loss_of(Relation.NEAR, far, loss="relu")
    assert loss.item() == 0
    assert torch.autograd.grad(loss, far.centroid)[0].abs().sum() == 0


@pytest.mark.parametrize("loss", NAMES)
@pytest.mark.parametrize("margin", [0, 0.25, 1])
@pytest.mark.parametrize("alpha", [1, 8, 1e30])
def test_nothing_of_the_spatial_term_reaches_a_sample_without_one(
    loss: str, margin: float, alpha: float
) -> None:
    """Neither margin 0 (some activations have a slope there) nor a steepness that overflows."""
    m = moments((0.4, 0.5), (0.5, 0.6), spread=(0.05, 0.02))
    m.variance.requires_grad_()
    total = loss_of(None, m, loss=loss, margin=margin, alpha=alpha)
    assert total.item() == pytest.approx(0.07)
    centroid, spread = torch.autograd.grad(total, (m.centroid, m.variance))
    assert centroid.abs().max() == 0
    assert spread.tolist() == [[[1, 1]]]


@pytest.mark.parametrize(("power", "wanted"), [(1, 0.5 * 0.4), (2, 0.5 * 0.16)])
def test_orthogonal_term(power: int, wanted: float) -> None:
    m = moments((0.2, 0.5), (0.6, 0.1))
    without = loss_of(Relation.LEFT, m)
    with_ = loss_of(Relation.LEFT, m, orthogonal=0.5, orthogonal_power=power)
    assert (with_ - without).item() == pytest.approx(wanted)


def test_presence_is_coarse_and_balance_is_not() -> None:
    m = moments((0.2, 0.5), (0.6, 0.1), spread=(0.05, 0.02))
    base = loss_of(Relation.LEFT, m, lambda_presence=0, lambda_balance=0)
    given = {"lambda_presence": 2, "lambda_balance": 3}
    assert (loss_of(Relation.LEFT, m, True, **given) - base).item() == pytest.approx(2 * 0.07)
    assert (loss_of(Relation.LEFT, m, False, **given) - base).item() == pytest.approx(3 * 0.03)
