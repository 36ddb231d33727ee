"""DreamerV3's layers. Kernels are (in, out); hidden layers end in LayerNorm and SiLU, output layers in nothing."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORM_EPS = 1e-3
CUT = 2  # standard deviations beyond which no weight starts
CUT_DEVIATION = 0.87962566  # of a standard normal that is cut there


def kernel(inputs: int, outputs: int, generator: torch.Generator, outscale: float = 1.0) -> nn.Parameter:
    """Weights (in, out): normal, cut, of variance 1 / mean(in, out), times `outscale`.

    The numbers are drawn on a CPU, whatever the device: a seed has the same weights anywhere.
    """
    drawn = torch.randn(inputs, outputs, generator=generator)
    while (outside := drawn.abs() > CUT).any():
        drawn[outside] = torch.randn(int(outside.sum()), generator=generator)
    deviation = (2 / (inputs + outputs)) ** 0.5 / CUT_DEVIATION
    return nn.Parameter(drawn * (deviation * outscale))


def full(x: Tensor) -> Tensor:
    """In float32 at least."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


class Norm(nn.Module):
    """LayerNorm with scale and offset."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.scale, self.offset = nn.Parameter(torch.ones(units)), nn.Parameter(torch.zeros(units))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.scale.shape, self.scale, self.offset, NORM_EPS)


class Hidden(nn.Module):
    """Linear without bias, LayerNorm, SiLU."""

    def __init__(self, inputs: int, units: int, generator: torch.Generator) -> None:
        super().__init__()
        self.kernel, self.norm = kernel(inputs, units, generator), Norm(units)

    def forward(self, x: Tensor) -> Tensor:
        return self.activate(x @ self.kernel)

    def activate(self, product: Tensor) -> Tensor:
        """What follows the product."""
        return F.silu(self.norm(product))


class Output(nn.Module):
    """Linear with bias."""

    def __init__(self, inputs: int, outputs: int, generator: torch.Generator, outscale: float = 1.0) -> None:
        super().__init__()
        self.kernel = kernel(inputs, outputs, generator, outscale)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.kernel.mT, self.bias)


def hidden_layers(inputs: int, units: int, depth: int, generator: torch.Generator) -> nn.Sequential:
    """`depth` hidden layers of `units`."""
    sizes = [inputs, *[units] * depth]
    return nn.Sequential(*(Hidden(a, units, generator) for a in sizes[:-1]))


class Head(nn.Module):
    """Hidden layers and an output layer."""

    def __init__(
        self, inputs: int, outputs: int, units: int, depth: int, generator: torch.Generator, outscale: float = 1.0
    ) -> None:
        super().__init__()
        self.hidden = hidden_layers(inputs, units, depth, generator)
        self.out = Output(units, outputs, generator, outscale)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.hidden(x))
