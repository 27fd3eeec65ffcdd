"""The InfSplign loss of a batch: spatial, presence, balance and orthogonal terms.

Source: thesis Eq. 8-11; the authors' code at 011f3398 for presence and balance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .activations import activation
from .geometry import Moments

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .placement import Placement
    from .settings import GuidanceSettings


class SpatialLoss:
    """One loss per pair of objects, all layers and pairs at once.

    Args:
        settings: the weights, margin and activation.
        placement: what each pair is pulled towards.
        coarse: for each tapped layer, whether the presence term acts there (else balance does).
        both: both terms act on every layer, whatever ``coarse`` says.
    """

    def __init__(
        self,
        settings: GuidanceSettings,
        placement: Placement,
        coarse: tuple[bool, ...],
        device: torch.device,
        dtype: torch.dtype,
        *,
        both: bool = False,
    ) -> None:
        import torch

        self.settings = settings
        self.placement = placement
        self.activation = activation(settings.loss, settings.slope)
        level = torch.tensor(coarse, device=device).unsqueeze(-1)
        self.presence = (level | both).to(dtype) * settings.lambda_presence
        self.balance = (~level | both).to(dtype) * settings.lambda_balance

    def __call__(self, moments: Moments) -> Tensor:
        """(pairs,), the mean over layers.

        It divides all terms by the number of tapped layers, though presence and balance act on a
        part of them only, as in the authors' code.
        """
        return self.by_layer(moments).mean(0)

    def by_layer(self, moments: Moments) -> Tensor:
        """(layers, pairs) from centroids (layers, pairs, 2, 2) and variances (layers, pairs, 2)."""
        s = self.settings
        difference = moments.centroid[:, :, 1] - moments.centroid[:, :, 0]
        known = self.placement.known
        shortfall = known * s.alpha * (s.margin - self._displacement(difference))
        # Multiplied by zero on both sides: an activation of nothing need not be nothing, and one
        # that overflows would not become nothing.
        total = s.lambda_spatial * known * self.activation(shortfall)
        if s.orthogonal:
            across = (difference * self.placement.across).sum(-1).abs()
            total = total + s.orthogonal * across**s.orthogonal_power
        if s.lambda_presence or s.lambda_balance:
            spread = moments.variance
            total = total + self.presence * spread.sum(-1)
            total = total + self.balance * (spread[..., 0] - spread[..., 1]).abs()
        return total

    def displacement(self, moments: Moments) -> Tensor:
        """(pairs,): the mean over layers of how far the object lies on its side.

        Infinite for a pair without a spatial term, from which nothing is wanted.
        """
        difference = moments.centroid[:, :, 1] - moments.centroid[:, :, 0]
        found = self._displacement(difference).mean(0)
        return found.masked_fill(self.placement.known == 0, float("inf"))

    def _displacement(self, difference: Tensor) -> Tensor:
        """(layers, pairs): how far the object lies on its side; at least the margin is right.

        For a pair that is to be apart it is ``|dx|``, whichever side.
        """
        signed = (difference * self.placement.direction).sum(-1)
        apart = self.placement.apart
        return signed if apart is None else difference[..., 0].abs().where(apart, signed)
