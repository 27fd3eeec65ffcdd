"""Pairs of objects in a batch, by hand."""

from __future__ import annotations

import pytest
import torch

from spatialbench.guidance.pairs import Pairs

CPU = torch.device("cpu")


def test_pairs_of_one_each_are_the_maps_as_they_are() -> None:
    pairs = Pairs([1, 1], CPU)
    maps = torch.rand(2, 2, 5)
    assert torch.equal(pairs.of(maps), maps)
    values = torch.rand(2)
    assert pairs.mean(values) is values


def test_a_sample_with_two_pairs_counts_the_mean_of_both() -> None:
    pairs = Pairs([2, 1], CPU)
    maps = torch.arange(8.0).view(2, 4, 1)
    assert pairs.of(maps).tolist() == [[[0], [1]], [[2], [3]], [[4], [5]]]
    values = torch.tensor([1.0, 4.0, 7.0], requires_grad=True)
    assert pairs.mean(values).tolist() == [2.5, 7]
    assert pairs.by_sample(values, -1.0).tolist() == [[1, 4], [7, -1]]
    (slope,) = torch.autograd.grad(pairs.mean(values).sum(), values)
    assert slope.tolist() == [0.5, 0.5, 1]


def test_what_is_not_finite_stays_with_its_sample() -> None:
    mean = Pairs([2, 1], CPU).mean(torch.tensor([torch.inf, 1.0, 3.0]))
    assert mean.tolist() == pytest.approx([torch.inf, 3])
