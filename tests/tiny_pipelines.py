"""Small random pipelines of classes that only their own call can run, and their bare images."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.tiny_models import t5_text, t5_tokenizer

CHAT = (
    "{% for m in messages %}<{{ m['role'] }}>"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{{ m['content'][0]['text'] }}"
    "{% endif %}{% endfor %}"
)
"""A chat template, for contents that are a text or begin with one."""


def byte_names() -> list[str]:
    """The 256 letters that stand for bytes in byte-level vocabularies."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(code) for code in printable] + [chr(256 + i) for i in range(256 - len(printable))]


def qwen_tokenizer() -> Any:
    """Qwen's, one token for each byte."""
    from transformers import Qwen2Tokenizer

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vocabulary = {name: index for index, name in enumerate([*byte_names(), *special])}
    found = Qwen2Tokenizer(vocab=vocabulary, merges=[], pad_token="<|endoftext|>")
    found.chat_template = CHAT
    return found


def piece_tokenizer(class_name: str) -> Any:
    """Gemma's or Llama's, one token for each letter."""
    import transformers

    begin = ["<pad>", "<eos>", "<bos>", "<unk>"]
    letters = [*begin, "▁", *(chr(code) for code in range(33, 127))]
    kind = getattr(transformers, class_name)
    marks = {"pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>", "unk_token": "<unk>"}
    found = kind(vocab={piece: i for i, piece in enumerate(letters)}, merges=[], **marks)
    found.chat_template = CHAT
    return found


def small_vae(levels: int = 2, **config: Any) -> Any:
    """Of Stable Diffusion's kind; a latent pixel is ``2 ** (levels - 1)`` pixels a side."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=(8,) * levels,
        latent_channels=config.pop("latent_channels", 4),
        norm_num_groups=4,
        **config,
    )


def _flow(**config: Any) -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(**config)


def _qwen_text(kind: str, width: int = 16, layers: int = 2) -> Any:
    import transformers

    config = transformers.Qwen3Config(
        vocab_size=259,
        hidden_size=width,
        intermediate_size=width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=width // 2,
        max_position_embeddings=1024,
    )
    return getattr(transformers, kind)(config)


def _gemma(width: int = 8) -> Any:
    from transformers import Gemma2Config, Gemma2Model

    return Gemma2Model(
        Gemma2Config(
            vocab_size=100,
            hidden_size=width,
            intermediate_size=width,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=4,
            max_position_embeddings=2048,
        )
    )


def _filled(model: Any) -> Any:
    """With numbers where its constructor leaves whatever was in the memory."""
    import torch

    with torch.no_grad():
        for value in model.parameters():
            value.normal_(std=0.2)
    return model


def tiny_z_image() -> Any:
    """Z-Image, 2 pixels a latent pixel."""
    from diffusers import ZImagePipeline, ZImageTransformer2DModel

    transformer = ZImageTransformer2DModel(
        dim=32,
        n_layers=1,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=16,
        axes_dims=[8, 4, 4],
        axes_lens=[1024, 64, 64],
    )
    return ZImagePipeline(
        scheduler=_flow(),
        vae=small_vae(latent_channels=16, scaling_factor=0.3611, shift_factor=0.1159),
        text_encoder=_qwen_text("Qwen3Model"),
        tokenizer=qwen_tokenizer(),
        transformer=_filled(transformer),
    )


def tiny_qwen_image() -> Any:
    """Qwen-Image, 8 pixels a latent pixel."""
    from diffusers import AutoencoderKLQwenImage, QwenImagePipeline, QwenImageTransformer2DModel
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    text = {
        "vocab_size": 259,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "rope_parameters": {
            "mrope_section": [1, 1, 2],
            "rope_type": "default",
            "rope_theta": 1000000.0,
        },
    }
    vision = {
        "depth": 1,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_heads": 2,
        "out_hidden_size": 16,
    }
    return QwenImagePipeline(
        scheduler=_flow(use_dynamic_shifting=True),
        vae=AutoencoderKLQwenImage(
            base_dim=8,
            z_dim=4,
            dim_mult=[1, 1, 1, 1],
            num_res_blocks=1,
            latents_mean=[0.0] * 4,
            latents_std=[1.0] * 4,
        ),
        text_encoder=Qwen2_5_VLForConditionalGeneration(
            Qwen2_5_VLConfig(text_config=text, vision_config=vision)
        ),
        tokenizer=qwen_tokenizer(),
        transformer=_filled(
            QwenImageTransformer2DModel(
                in_channels=16,
                out_channels=4,
                num_layers=1,
                attention_head_dim=16,
                num_attention_heads=2,
                joint_attention_dim=16,
                axes_dims_rope=(8, 4, 4),
            )
        ),
    )


def tiny_pixart() -> Any:
    """PixArt-Sigma, 2 pixels a latent pixel; its own size, 16, is in no bin."""
    from diffusers import (
        DPMSolverMultistepScheduler,
        PixArtSigmaPipeline,
        PixArtTransformer2DModel,
    )

    tokenizer = t5_tokenizer()
    transformer = PixArtTransformer2DModel(
        num_attention_heads=2,
        attention_head_dim=8,
        num_layers=1,
        cross_attention_dim=16,
        sample_size=8,
        caption_channels=16,
    )
    return PixArtSigmaPipeline(
        tokenizer=tokenizer,
        text_encoder=t5_text(tokenizer, 16),
        vae=small_vae(),
        transformer=_filled(transformer),
        scheduler=DPMSolverMultistepScheduler(),
    )


def tiny_sana() -> Any:
    """Sana, 2 pixels a latent pixel."""
    from diffusers import AutoencoderDC, SanaPipeline, SanaTransformer2DModel

    sides: dict[str, Any] = {}
    for side in ("encoder", "decoder"):
        sides[f"{side}_block_types"] = ("ResBlock", "EfficientViTBlock")
        sides[f"{side}_block_out_channels"] = (8, 8)
        sides[f"{side}_layers_per_block"] = (1, 1)
        sides[f"{side}_qkv_multiscales"] = ((), (5,))
    vae = AutoencoderDC(
        latent_channels=4,
        attention_head_dim=2,
        upsample_block_type="interpolate",
        downsample_block_type="conv",
        scaling_factor=0.41407,
        **sides,
    )
    transformer = SanaTransformer2DModel(
        in_channels=4,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=4,
        num_layers=1,
        num_cross_attention_heads=2,
        cross_attention_head_dim=4,
        cross_attention_dim=8,
        caption_channels=8,
    )
    return SanaPipeline(
        tokenizer=piece_tokenizer("GemmaTokenizer"),
        text_encoder=_gemma(),
        vae=vae,
        transformer=_filled(transformer),
        scheduler=_flow(shift=3.0),
    )


def tiny_lumina2(levels: int = 4) -> Any:
    """Lumina 2, which takes for granted that a latent pixel is 8 pixels a side (4 levels)."""
    from diffusers import Lumina2Pipeline, Lumina2Transformer2DModel

    transformer = Lumina2Transformer2DModel(
        sample_size=16,
        in_channels=4,
        hidden_size=16,
        num_layers=1,
        num_refiner_layers=1,
        num_attention_heads=2,
        num_kv_heads=1,
        multiple_of=16,
        axes_dim_rope=(4, 2, 2),
        axes_lens=(512, 64, 64),
        cap_feat_dim=8,
    )
    return Lumina2Pipeline(
        transformer=_filled(transformer),
        scheduler=_flow(shift=6.0),
        vae=small_vae(levels, scaling_factor=0.3611, shift_factor=0.1159),
        text_encoder=_gemma(),
        tokenizer=piece_tokenizer("GemmaTokenizer"),
    )


def tiny_hunyuan_dit(levels: int = 4) -> Any:
    """HunyuanDiT with a scheduler that draws noise at every step."""
    from diffusers import DDPMScheduler, HunyuanDiT2DModel, HunyuanDiTPipeline
    from transformers import BertConfig, BertModel, BertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [chr(code) for code in range(97, 123)]
    names = [*words, *letters, *(f"##{letter}" for letter in letters)]
    bert = BertTokenizer(vocab={name: index for index, name in enumerate(names)})
    bert.model_max_length = 77
    config = BertConfig(
        vocab_size=len(names),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
    )
    second = t5_tokenizer()
    transformer = HunyuanDiT2DModel(
        num_attention_heads=2,
        attention_head_dim=8,
        in_channels=4,
        patch_size=2,
        sample_size=16,
        hidden_size=16,
        num_layers=2,
        cross_attention_dim=16,
        cross_attention_dim_t5=16,
        pooled_projection_dim=16,
    )
    return HunyuanDiTPipeline(
        vae=small_vae(levels),
        text_encoder=BertModel(config),
        tokenizer=bert,
        transformer=_filled(transformer),
        scheduler=DDPMScheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        text_encoder_2=t5_text(second, 16),
        tokenizer_2=second,
    )


def tiny_cogview4() -> Any:
    """CogView4, whose tokenizer puts two tokens before every text, even an empty one."""
    from diffusers import CogView4Pipeline, CogView4Transformer2DModel
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import GlmConfig, GlmForCausalLM, PreTrainedTokenizerFast

    names = ["<pad>", "[gMASK]", "<sop>", *byte_names()]
    vocabulary = {name: index for index, name in enumerate(names)}
    core = Tokenizer(models.BPE(vocabulary, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.post_processor = processors.TemplateProcessing(
        single="[gMASK] <sop> $A",
        special_tokens=[("[gMASK]", 1), ("<sop>", 2)],
    )
    config = GlmConfig(
        vocab_size=len(names),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=2048,
        pad_token_id=0,
    )
    transformer = CogView4Transformer2DModel(
        in_channels=4,
        out_channels=4,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=2,
        text_embed_dim=16,
        time_embed_dim=8,
        condition_dim=4,
    )
    shifts = {"base_shift": 0.25, "max_shift": 0.75, "time_shift_type": "linear"}
    return CogView4Pipeline(
        tokenizer=PreTrainedTokenizerFast(
            tokenizer_object=core, pad_token="<pad>", padding_side="left"
        ),
        text_encoder=GlmForCausalLM(config),
        vae=small_vae(),
        transformer=_filled(transformer),
        scheduler=_flow(use_dynamic_shifting=True, **shifts),
    )


def _flux2_vae() -> Any:
    from diffusers import AutoencoderKLFlux2

    return AutoencoderKLFlux2(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 8),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=32,
    )


def _flux2_transformer(*, guidance: bool) -> Any:
    from diffusers import Flux2Transformer2DModel

    return _filled(
        Flux2Transformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=24,
            axes_dims_rope=(4, 4, 4, 4),
            guidance_embeds=guidance,
        )
    )


def tiny_klein(*, distilled: bool = False) -> Any:
    """FLUX.2 klein, which reads the 9th, 18th and 27th layer of its text encoder."""
    from diffusers import Flux2KleinPipeline

    return Flux2KleinPipeline(
        scheduler=_flow(use_dynamic_shifting=True),
        vae=_flux2_vae(),
        text_encoder=_qwen_text("Qwen3ForCausalLM", 8, 27),
        tokenizer=qwen_tokenizer(),
        transformer=_flux2_transformer(guidance=False),
        is_distilled=distilled,
    )


def tiny_flux2() -> Any:
    """FLUX.2 dev, which reads the 10th, 20th and 30th layer of its text encoder."""
    from diffusers import Flux2Pipeline
    from transformers import Mistral3Config, Mistral3ForConditionalGeneration

    text = {
        "model_type": "mistral",
        "vocab_size": 100,
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 30,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 4,
        "max_position_embeddings": 1024,
    }
    vision = {
        "model_type": "pixtral",
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "head_dim": 4,
        "image_size": 28,
        "patch_size": 14,
    }
    return Flux2Pipeline(
        scheduler=_flow(use_dynamic_shifting=True),
        vae=_flux2_vae(),
        text_encoder=Mistral3ForConditionalGeneration(
            Mistral3Config(text_config=text, vision_config=vision, image_token_index=4)
        ),
        tokenizer=piece_tokenizer("LlamaTokenizer"),
        transformer=_flux2_transformer(guidance=True),
    )


def tiny_kolors() -> Any:
    """Kolors, with a vocabulary of sentencepiece that is trained for it here."""
    import sentencepiece
    from diffusers import EulerDiscreteScheduler, KolorsPipeline, UNet2DConditionModel
    from diffusers.pipelines.kolors.text_encoder import ChatGLMConfig, ChatGLMModel
    from diffusers.pipelines.kolors.tokenizer import ChatGLMTokenizer

    with tempfile.TemporaryDirectory() as folder:
        stem = str(Path(folder, "tokenizer"))
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["a photo of a dog to the left of a cat above the bench"] * 8),
            model_prefix=stem,
            vocab_size=40,
            hard_vocab_limit=False,
            pad_id=3,
            minloglevel=5,
        )
        tokenizer = ChatGLMTokenizer(f"{stem}.model")
        kept = Path(tempfile.mkdtemp(prefix="kolors-")) / "tokenizer.model"
        kept.write_bytes(Path(f"{stem}.model").read_bytes())
        tokenizer.vocab_file = str(kept)
    config = ChatGLMConfig(
        num_layers=2,
        vocab_size=128,
        padded_vocab_size=128,
        hidden_size=16,
        ffn_hidden_size=16,
        kv_channels=8,
        num_attention_heads=2,
        seq_length=256,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        rmsnorm=True,
        add_qkv_bias=True,
        bias_dropout_fusion=True,
        multi_query_attention=True,
        multi_query_group_num=1,
        original_rope=True,
    )
    unet = UNet2DConditionModel(
        sample_size=16,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        cross_attention_dim=16,
        transformer_layers_per_block=(1, 1),
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=64,
    )
    return KolorsPipeline(
        vae=small_vae(),
        text_encoder=_filled(ChatGLMModel(config)),
        tokenizer=tokenizer,
        unet=_filled(unet),
        scheduler=EulerDiscreteScheduler(
            num_train_timesteps=1100,
            beta_start=0.00085,
            beta_end=0.014,
            beta_schedule="scaled_linear",
            timestep_spacing="leading",
            steps_offset=1,
        ),
    )


PIPELINES: dict[str, tuple[Callable[[], Any], int, dict[str, Any]]] = {
    "flux2": (tiny_flux2, 32, {}),
    "flux2-klein": (tiny_klein, 32, {}),
    "qwen-image": (tiny_qwen_image, 32, {"negative_prompt": " "}),
    "z-image": (tiny_z_image, 32, {}),
    "sana": (tiny_sana, 32, {"use_resolution_binning": False}),
    "pixart-sigma": (tiny_pixart, 32, {"use_resolution_binning": False}),
    "lumina2": (tiny_lumina2, 64, {}),
    "hunyuan-dit": (tiny_hunyuan_dit, 64, {"use_resolution_binning": False}),
    "kolors": (tiny_kolors, 32, {}),
    "cogview4": (tiny_cogview4, 32, {}),
}
"""How each is made, the side of its images in pixels, and what its bare call is told beside."""


def made(name: str) -> Any:
    """A pipeline by its name, in evaluation mode; the same weights every time."""
    import torch

    torch.manual_seed(0)
    return evaluated(PIPELINES[name][0]())


def evaluated(pipe: Any) -> Any:
    """A pipeline in evaluation mode, without a progress bar."""
    import torch

    for part in pipe.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval()
    pipe.set_progress_bar_config(disable=True)
    return pipe


def bare_images(
    pipe: Any, name: str, texts: Sequence[str], seeds: Sequence[int], **options: Any
) -> list[Any]:
    """What the pipeline itself makes, one call for each image; two steps."""
    import torch

    side, told = PIPELINES[name][1:]
    call = {"height": side, "width": side, "num_inference_steps": 2, **told, **options}
    return [
        pipe(prompt=text, generator=torch.Generator().manual_seed(seed), **call).images[0]
        for text, seed in zip(texts, seeds, strict=True)
    ]
