"""Which kernels compute: a matter of speed and rounding, as the device is, and of no identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kernels:
    """What was asked for; by default what torch does by itself.

    Attributes:
        compile: the denoiser is compiled, and replayed as a CUDA graph on a GPU.
        channels_last: convolutions read images with their channels last.
        cudnn_benchmark: cuDNN measures which of its algorithms is the fastest for each shape.
    """

    compile: bool = False
    channels_last: bool = False
    cudnn_benchmark: bool = False

    @property
    def told(self) -> Mapping[str, str]:
        """As the machine's part of a manifest names them; nothing by default."""
        asked = {
            "torch.compile": (self.compile, "reduce-overhead"),
            "memory format": (self.channels_last, "channels_last"),
            "cudnn.benchmark": (self.cudnn_benchmark, "on"),
        }
        return {name: value for name, (given, value) in asked.items() if given}

    @property
    def options(self) -> list[str]:
        """The options of the command line that asked for them."""
        asked = {
            "--compile": self.compile,
            "--channels-last": self.channels_last,
            "--cudnn-benchmark": self.cudnn_benchmark,
        }
        return [option for option, given in asked.items() if given]


STOCK = Kernels()
