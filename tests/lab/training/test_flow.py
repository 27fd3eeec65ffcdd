"""The lab's transformer is trained on what the finished pipeline then shows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from spatialbench.backbones.named import resolve
from spatialbench.backbones.pipelines import load_pipeline
from spatialbench.lab.models import build_transformer
from spatialbench.lab.training.flow import FlowBatches, sample_levels, train_flow
from spatialbench.lab.training.loop import Schedule
from spatialbench.prompts import Prompt


def test_two_steps_change_the_transformer_and_nothing_else(tmp_path: Path) -> None:
    start = load_pipeline(resolve("lab"))
    grown = build_transformer()
    before = {name: value.clone() for name, value in grown.state_dict().items()}
    code = {name: value.clone() for name, value in start.vae.state_dict().items()}
    said: list[str] = []
    schedule = Schedule(steps=2, learning_rate=1e-3, warmup=1, report_every=1)
    made = train_flow(start, tmp_path, schedule, said.append, batch=2, grown=grown)
    assert len(said) == 2
    assert all("velocity" in line for line in said)
    changed = [
        n for n, value in made.transformer.state_dict().items() if (value != before[n]).any()
    ]
    assert len(changed) > 100
    for name, value in made.vae.state_dict().items():
        assert torch.equal(value, code[name])


def test_the_pipeline_reads_the_text_as_the_training_did() -> None:
    """SD3 takes the states before the last layer: those that the trained encoder ends with."""
    from spatialbench.backbones.families import SD3

    pipeline, trained = load_pipeline(resolve("lab-mmdit")), load_pipeline(resolve("lab"))
    text = Prompt("0", "a dog to the left of a cat", "left").text
    found = SD3.encode(pipeline, text, 0)
    ids = trained.tokenizer(text, padding="max_length", return_tensors="pt").input_ids
    with torch.no_grad():
        states = trained.text_encoder(ids, output_hidden_states=True).hidden_states[-1]
    width = states.shape[-1]
    torch.testing.assert_close(found.tokens[..., :width], states, atol=1e-3, rtol=1e-3)
    assert not found.tokens[..., width:].any()
    assert found.pooled is not None
    assert not found.pooled.any()


def test_levels_show_noise_alone_as_often_as_sampling_needs() -> None:
    levels = sample_levels(np.random.default_rng(0), 20_000)
    assert (levels == 1).mean() == pytest.approx(0.15, abs=0.01)
    assert levels.min() > 0
    assert levels.max() <= 1


def test_batches_are_the_same_whoever_draws_them() -> None:
    schedule = Schedule(steps=10, learning_rate=1e-3, seed=3)
    one, other = (FlowBatches(schedule, 2, 16) for _ in range(2))
    other[5]
    assert torch.equal(one[4].images, other[4].images)
    assert torch.equal(one[4].level, other[4].level)
    unreliable = FlowBatches(schedule, 32, 16, unreliable=True)
    reliable = FlowBatches(schedule, 32, 16)
    assert not torch.equal(unreliable[0].images, reliable[0].images)
