"""Evaluate a function: whatever draws the image of a prompt and a seed, here the lab's model."""

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

import spatialbench
from spatialbench.lab import BACKBONE

pipe = StableDiffusionPipeline.from_pretrained(BACKBONE, dtype=torch.float32)


def draw(prompt: str, seed: int) -> Image.Image:
    generator = torch.Generator().manual_seed(seed)
    image: Image.Image = pipe(prompt, num_inference_steps=20, generator=generator).images[0]
    return image


run = spatialbench.evaluate(draw, "visor", name="mine", backbone="lab", limit=2)
print(run.table())
