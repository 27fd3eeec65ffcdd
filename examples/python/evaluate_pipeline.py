"""Evaluate a diffusers pipeline as it is: its weights, its scheduler, its device."""

import torch
from diffusers import StableDiffusionPipeline

import spatialbench
from spatialbench.lab import BACKBONE

pipe = StableDiffusionPipeline.from_pretrained(BACKBONE, dtype=torch.float32)
run = spatialbench.evaluate(pipe, "visor", limit=2)
print(run.table())
