"""Random weights at real size through the product's own paths, and what they take.

Run by hand: ``python -m tests.measurements.real_size --part sd1.4`` writes a Stable Diffusion 1.4
pipeline (860 M parameters in the UNet) and loads it, samples one image and decodes it;
``--part owlvit`` does the same with OWL-ViT B/32 on four images. Needs some 5 GB of disk and 8 GB
of memory. With ``--device cuda --dtype float16`` it exercises a GPU. Exits with status 1 when a
image or a box is not what it must be.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from spatialbench.detectors.owlvit import OWLVIT
from spatialbench.methods.stable_diffusion import PLUGIN
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt
from tests.tiny_models import clip_tokenizer

UNET = {
    "sample_size": 64,
    "block_out_channels": (320, 640, 1280, 1280),
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
}
VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
    "sample_size": 512,
}


def write_sd14(folder: Path) -> None:
    """Every part is written and dropped before the next is made, to keep memory low."""
    from diffusers import AutoencoderKL, PNDMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    tokenizer = clip_tokenizer()
    tokenizer.save_pretrained(folder / "tokenizer")
    text = CLIPTextConfig(
        vocab_size=49408,
        hidden_size=768,
        intermediate_size=3072,
        num_hidden_layers=12,
        num_attention_heads=12,
        projection_dim=768,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    makers: dict[str, Callable[[], Any]] = {
        "unet": lambda: UNet2DConditionModel(**UNET),
        "vae": lambda: AutoencoderKL(**VAE),
        "text_encoder": lambda: CLIPTextModel(text),
    }
    for part, make in makers.items():
        model = make()
        millions = sum(p.numel() for p in model.parameters()) / 1e6
        print(f"  {part}: {millions:.1f} M parameters")
        model.to(torch.float16).save_pretrained(folder / part)
        del model
    PNDMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        skip_prk_steps=True,
        steps_offset=1,
    ).save_pretrained(folder / "scheduler")
    (folder / "model_index.json").write_text(
        '{"_class_name": "StableDiffusionPipeline", "requires_safety_checker": false, '
        '"feature_extractor": [null, null], "safety_checker": [null, null], '
        '"scheduler": ["diffusers", "PNDMScheduler"], '
        '"text_encoder": ["transformers", "CLIPTextModel"], '
        '"tokenizer": ["transformers", "CLIPTokenizer"], '
        '"unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]}'
    )


def check_sd14(folder: Path, device: str, dtype: str, batch: int) -> bool:
    """Load, then one image or a batch of 512x512 after two steps."""
    timed("written", lambda: write_sd14(folder))
    settings = GenerationSettings(
        backbone=str(folder), steps=2, scheduler="ddim", device=device, dtype=dtype
    )
    generator = PLUGIN.configure(settings, {})
    timed("identity (hashes the weights)", generator.identity)
    timed("loaded", generator.load)
    prompt = Prompt("0", "a dog to the left of a cat", "left")
    requests = [ImageRequest(prompt, k, 42 + k) for k in range(batch)]
    images = timed(f"{batch} x 2 steps and decoding", lambda: generator.generate(requests))
    sizes = {image.size for image in images}
    print(f"  images: {sizes}, grey levels' spread {np.asarray(images[0]).std():.1f}")
    return sizes == {(512, 512)}


def write_owlvit(folder: Path) -> None:
    """OWL-ViT B/32."""
    from transformers import OwlViTConfig, OwlViTForObjectDetection, OwlViTImageProcessorPil

    model = OwlViTForObjectDetection(OwlViTConfig())
    print(f"  model: {sum(p.numel() for p in model.parameters()) / 1e6:.1f} M parameters")
    model.save_pretrained(folder)
    clip_tokenizer(16).save_pretrained(folder)
    OwlViTImageProcessorPil().save_pretrained(folder)


def check_owlvit(folder: Path, device: str) -> bool:
    """Load, then four images with two names each, one batch."""
    timed("written", lambda: write_owlvit(folder))
    detector = OWLVIT.configure(str(folder), device)
    timed("loaded", detector.load)
    rng = np.random.default_rng(0)
    images = [
        Image.fromarray(rng.integers(0, 256, (512, 512, 3), dtype=np.uint8)) for _ in range(4)
    ]
    # The tokenizer spells in letters, and 16 tokens hold the query and no longer name.
    names = [("x", "y")] * 4
    found = timed("4 images", lambda: detector.detect(images, names))
    print(f"  candidates above the floor: {[len(d) for d in found]} of 576")
    return all(0 <= len(d) <= 576 and np.isfinite(d.boxes).all() for d in found)


def timed(what: str, work: Callable[[], Any]) -> Any:
    """Run, print seconds and the highest memory so far, and return the result."""
    started = time.perf_counter()
    result = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{what}: {time.perf_counter() - started:.1f} s, peak memory {peak:.2f} GiB", flush=True)
    return result


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("sd1.4", "owlvit"), required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--batch", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.part == "sd1.4":
            good = check_sd14(folder, options.device, options.dtype, options.batch)
        else:
            good = check_owlvit(folder, options.device)
    print("as it must be" if good else "NOT as it must be")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
