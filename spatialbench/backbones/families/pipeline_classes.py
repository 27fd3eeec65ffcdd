"""Which classes of diffusers' pipelines make an image of a text alone, and what is odd about some.

Steps, scales, sizes and the other defaults are not here: they are read from the class itself (see
``backbones.pipeline_call``). Looked at in diffusers 0.42.1.
"""

from __future__ import annotations

TEXT_TO_IMAGE = frozenset(
    {
        "AuraFlowPipeline",
        "BriaFiboPipeline",
        "BriaPipeline",
        "ChromaPipeline",
        "CogView3PlusPipeline",
        "CogView4Pipeline",
        "Flux2KleinPipeline",
        "Flux2Pipeline",
        "FluxKontextPipeline",
        "FluxPipeline",
        "GlmImagePipeline",
        "HiDreamImagePipeline",
        "HunyuanDiTPAGPipeline",
        "HunyuanDiTPipeline",
        "HunyuanImagePipeline",
        "IFPipeline",
        "Ideogram4Pipeline",
        "Kandinsky3Pipeline",
        "Kandinsky5T2IPipeline",
        "KandinskyCombinedPipeline",
        "KandinskyV22CombinedPipeline",
        "KolorsPAGPipeline",
        "KolorsPipeline",
        "Krea2Pipeline",
        "LatentConsistencyModelPipeline",
        "LongCatImagePipeline",
        "Lumina2Pipeline",
        "LuminaPipeline",
        "NucleusMoEImagePipeline",
        "OvisImagePipeline",
        "PRXPipeline",
        "PRXPixelPipeline",
        "PixArtAlphaPipeline",
        "PixArtSigmaPAGPipeline",
        "PixArtSigmaPipeline",
        "QwenImage21Pipeline",
        "QwenImagePipeline",
        "SanaPAGPipeline",
        "SanaPipeline",
        "SanaSprintPipeline",
        "StableCascadeCombinedPipeline",
        "StableDiffusion3PAGPipeline",
        "StableDiffusion3Pipeline",
        "StableDiffusionPAGPipeline",
        "StableDiffusionPipeline",
        "StableDiffusionXLPAGPipeline",
        "StableDiffusionXLPipeline",
        "WuerstchenCombinedPipeline",
        "ZImageOmniPipeline",
        "ZImagePipeline",
    }
)
"""Every class that is run. Some also take an image, which is never given."""

BATCH_INVARIANT = frozenset(
    {
        "Flux2KleinPipeline",
        "Flux2Pipeline",
        "FluxPipeline",
        "HunyuanDiTPipeline",
        "HunyuanImagePipeline",
        "KolorsPipeline",
        "Lumina2Pipeline",
        "PixArtSigmaPipeline",
        "QwenImagePipeline",
        "SanaPipeline",
        "StableDiffusion3Pipeline",
        "ZImagePipeline",
    }
)
"""Classes of which an image in a batch was measured to be the image alone, up to rounding."""

OFFSET_GUIDANCE = frozenset({"ZImagePipeline", "ZImageOmniPipeline", "Krea2Pipeline"})
"""Their guided prediction is p + s (p - n): guidance is off at 0 and on at 1."""

TOLD_GUIDANCE = frozenset(
    {
        "BriaFiboDistilledPipeline",
        "Flux2Pipeline",
        "FluxKontextPipeline",
        "LatentConsistencyModelPipeline",
        "SanaSprintPipeline",
    }
)
"""Their guidance is a number that the model is told: nothing is compared with a negative prompt."""

BLANK_NEGATIVE = frozenset({"QwenImagePipeline", "QwenImage21Pipeline"})
"""Without a negative prompt these silently leave guidance out; a blank one is what their authors
use."""

VAE_OF_FOUR_LEVELS = frozenset({"HunyuanDiTPipeline", "Lumina2Pipeline", "LuminaPipeline"})
"""They reckon with 8 pixels a latent pixel, whatever their VAE does."""
