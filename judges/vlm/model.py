"""A vision-language model of transformers' with what prepares its image and text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialbench.errors import UserError
from spatialbench.weights.loading import load_model, quiet
from spatialbench.weights.parts_beside import load_beside

if TYPE_CHECKING:
    import torch
    from PIL import Image

MODEL_CLASS = "AutoModelForImageTextToText"

IMAGE_PROCESSOR = "AutoImageProcessor, backend pil"
"""Whether torchvision is installed, which changes pixels, makes no difference."""


@dataclass(frozen=True, slots=True)
class VisionLanguageModel:
    """The model, and its processor of images and text."""

    model: Any
    processor: Any

    def first_logits(self, image: Image.Image, text: str) -> torch.Tensor:
        """What the model would write first about an image: logits of shape (vocabulary,), float32.

        One message of the user, the image before the text, without a system message.

        Raises:
            UserError: the processor or the model fails on it.
        """
        content = [{"type": "image", "image": image}, {"type": "text", "text": text}]
        with quiet():
            inputs = self.processor.apply_chat_template(
                [{"role": "user", "content": content}],
                tokenize=True,
                add_generation_prompt=True,
                return_dict=True,
                return_tensors="pt",
            ).to(device=self.model.device, dtype=self.model.dtype)
            written = self.model.generate(
                **inputs,
                max_new_tokens=1,
                do_sample=False,
                output_scores=True,
                return_dict_in_generate=True,
            )
        scores: torch.Tensor = written.scores[0][0]
        return scores


def open_model(folder: Path) -> VisionLanguageModel:
    """A folder of ``save_pretrained``, with its processor, on the CPU, in the type it is stored in.

    Raises:
        UserError: no such model, weights that do not fit or are not finite, or a processor that
            cannot be had.
    """
    import transformers

    processor = _processor(folder)
    # "auto" is the type that the configuration names, else that of the weights.
    stored: Any = "auto"
    model = load_model(getattr(transformers, MODEL_CLASS), folder, stored)
    rows = model.get_input_embeddings().weight.shape[0]
    most = max(processor.tokenizer.get_vocab().values())
    if most >= rows:
        raise UserError(
            f"the tokenizer of {folder} has tokens up to {most}, and its model knows {rows}: they "
            "are not of one checkpoint; get an intact copy of the folder."
        )
    return VisionLanguageModel(model, processor)


def _processor(folder: Path) -> Any:
    """The processor that the library has for the folder's kind of model, without video.

    ``AutoProcessor`` would ask for torchvision where a processor reads video, too.
    """
    import transformers
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

    options = {"local_files_only": True, "trust_remote_code": False}
    try:
        with quiet():
            config = transformers.AutoConfig.from_pretrained(folder, **options)
            if type(config) not in PROCESSOR_MAPPING:
                raise UserError(
                    f"{folder} holds a model of type {config.model_type!r}, for which transformers "
                    "has no processor of images and text: give a folder of a model that reads both."
                )
            kind = PROCESSOR_MAPPING[type(config)]
            parts: list[Any] = []
            for part in kind.get_attributes():
                if part == "tokenizer":
                    parts.append(load_beside("AutoTokenizer", folder))
                elif part == "image_processor":
                    images = transformers.AutoImageProcessor
                    parts.append(images.from_pretrained(folder, backend="pil", **options))
                elif part == "video_processor":
                    parts.append(None)
                else:
                    raise UserError(f"{folder} needs a {part}, and a judge has images and text.")
            told, others = kind.get_processor_dict(folder, local_files_only=True)
            processor = _without_video(kind).from_args_and_dict(parts, told, **others)
        if not (processor.chat_template or processor.tokenizer.chat_template):
            raise UserError(
                f"{folder} has no chat template (chat_template.jinja), by which a judge is asked: "
                "give the folder of a model that was trained to answer, such as an Instruct one."
            )
        return processor
    except (UserError, MemoryError):
        raise
    except Exception as error:
        raise UserError(
            f"cannot load the processor of {folder} ({' '.join(str(error).split())[:300]}); get an "
            "intact copy of the folder, one that needs no code of its own."
        ) from error


def _without_video(kind: Any) -> Any:
    """A processor's class that takes None for what prepares video."""

    class WithoutVideo(kind):  # type: ignore[misc]
        def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
            if argument is None and argument_name == "video_processor":
                return None
            return super().check_argument_for_proper_class(argument_name, argument)

    return WithoutVideo
