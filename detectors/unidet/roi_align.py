"""RoIAlign (He et al., "Mask R-CNN", section 3), aligned and adaptively sampled, in plain torch."""

from __future__ import annotations

import torch

from ..torchvision_ops import torchvision_ops

BINS = 7

_CHUNK = 1 << 24
"""Numbers an intermediate result may hold: 64 MiB of float32."""


def roi_align(feature: torch.Tensor, boxes: torch.Tensor, scale: float) -> torch.Tensor:
    """Average a feature map over a 7x7 grid of bins in each box.

    A bin's samples form a grid, and bilinear interpolation treats rows and columns apart; so a
    bin's mean is a weighted sum over rows of a weighted sum over columns.

    Args:
        feature: (channels, h, w).
        boxes: (n, 4), corners in pixels of the image.
        scale: pixels of the map per pixel of the image.

    Returns:
        (n, channels, 7, 7).
    """
    channels, height, width = feature.shape
    ops = torchvision_ops()
    if ops is not None:
        pooled: torch.Tensor = ops.roi_align(feature[None], [boxes], BINS, scale, aligned=True)
        return pooled
    # Channels innermost: both sums are then matrix products that copy nothing.
    by_row = feature.permute(1, 2, 0).contiguous()
    parts = [feature.new_empty((0, channels, BINS, BINS))]
    together = max(1, _CHUNK // (channels * height * BINS))
    for part in torch.split(boxes * scale - 0.5, together):
        across = _weights(part[:, 0], part[:, 2], width)
        down = _weights(part[:, 1], part[:, 3], height)
        columns = across.reshape(1, -1, width) @ by_row
        bins = down @ columns.view(height, len(part), BINS * channels).transpose(0, 1)
        parts.append(bins.view(len(part), BINS, BINS, channels).permute(0, 3, 1, 2))
    return torch.cat(parts)


def _weights(low: torch.Tensor, high: torch.Tensor, length: int) -> torch.Tensor:
    """How much each of ``length`` map positions counts in each bin along one axis: (n, 7, length).

    Samples lie at the centres of equal parts, as many a bin as keep them within one position of
    each other; outside the map by more than one position they count as zero.
    """
    bin_size = ((high - low) / BINS)[:, None, None]
    samples = torch.ceil(bin_size)
    most = int(samples.max().clamp(min=1)) if len(low) else 1
    step = torch.arange(most, device=low.device, dtype=low.dtype)
    bins = torch.arange(BINS, device=low.device, dtype=low.dtype)[:, None]
    at = low[:, None, None] + bins * bin_size + (step + 0.5) * bin_size / samples
    counts = (step < samples) & (at >= -1) & (at <= length)
    share = torch.where(counts, 1 / samples, 0.0)
    at = torch.where(counts, at, 0.0).clamp(0, length - 1)
    before = at.floor()
    fraction = at - before
    index = before.long()
    weights = low.new_zeros((len(low), BINS, length))
    weights.scatter_add_(2, index, share * (1 - fraction))
    return weights.scatter_add_(2, (index + 1).clamp(max=length - 1), share * fraction)
