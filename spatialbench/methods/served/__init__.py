"""Images that a server makes: OpenAI-compatible, Hugging Face's providers, ComfyUI.

What decides the pixels stands at the server, so such a method is *unpinned*: its identity holds
what is sent and what the server tells of its model. Keys come from the environment and go nowhere
but into the request's header.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...plugins import Parameter
from ...plugins.deferred_method import DeferredMethod

COMMON: Mapping[str, Parameter] = {
    "concurrency": Parameter(4, "requests at the same time; changes no image"),
    "timeout": Parameter(600.0, "seconds to wait for one answer; changes no image"),
    "retries": Parameter(8, "how often a request that failed is made again; changes no image"),
    "key_env": Parameter("", "the environment variable with the key, or none for no key"),
    "probe": Parameter(True, "ask for three images first, to learn whether seeds are heeded"),
    "revision": Parameter("", "the model's commit or its file's sha256, as far as you know it"),
}

_URL = Parameter("", "where the server is, such as http://127.0.0.1:8000")
_NEGATIVE = Parameter("", "the negative prompt, where the server takes one")
_EXTRA = Parameter("", "further fields of the request, as a JSON object")

OPENAI_IMAGES = DeferredMethod(
    "openai-images",
    "a server with OpenAI's images API: vLLM-Omni, SGLang-Diffusion, OpenAI",
    {
        "url": _URL,
        "model": Parameter("", "its name at the server; needed where that has several"),
        "flavour": Parameter("auto", "auto, vllm-omni, sglang, openai or compatible"),
        "negative_prompt": _NEGATIVE,
        "true_cfg_scale": Parameter(None, "guidance of models that call it so, as Qwen-Image"),
        "quality": Parameter("", "OpenAI's low, medium or high; empty for its own choice"),
        "extra": _EXTRA,
        **COMMON,
    },
    f"{__name__}.openai_images",
)

HF_INFERENCE = DeferredMethod(
    "hf-inference",
    "a model at one of Hugging Face's inference providers, or an endpoint of your own there",
    {
        "model": Parameter("", "the repository, such as black-forest-labs/FLUX.1-schnell"),
        "provider": Parameter("hf-inference", "such as hf-inference, fal-ai, replicate, together"),
        "url": Parameter("", "an Inference Endpoint of your own, in place of a provider"),
        "negative_prompt": _NEGATIVE,
        "extra": _EXTRA,
        **COMMON,
    },
    f"{__name__}.hf_inference",
)

COMFYUI = DeferredMethod(
    "comfyui",
    "a ComfyUI server and a workflow with placeholders for prompt and seed",
    {
        "workflow": Parameter("", "the file that 'Export (API)' saved, with {prompt} and {seed}"),
        "url": Parameter("http://127.0.0.1:8188", "where ComfyUI is"),
        "output": Parameter("", "the node whose image counts, where several nodes give some"),
        "negative_prompt": Parameter("", "what {negative_prompt} stands for"),
        **COMMON,
    },
    f"{__name__}.comfyui",
)
