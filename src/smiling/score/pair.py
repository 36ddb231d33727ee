"""The expert's and the learner's score models side by side, frozen: both see the same noisy states."""

import torch
from torch import Tensor
from torch.nn import functional as F

from smiling.score.diffusion import diffuse, times_within
from smiling.score.model import ScoreModel


class ScorePair:
    """The layers of both models, stacked (expert, learner), as they are when it is built.

    With T diffusion times, H hidden units and states of size d: `time_bias` (2, T, H) is what time adds to the hidden
    layer, `inward` (2, d, H) and `outward` (2, H, d) are the weights, `out_bias` (2, 1, d). They are compared at
    `times`, which `span` says as shares of all.
    """

    @torch.no_grad()
    def __init__(self, expert: ScoreModel, learner: ScoreModel, span: tuple[float, float] = (0.0, 1.0)) -> None:
        if expert.settings.diffusion != learner.settings.diffusion:
            raise ValueError("the two score models belong to different diffusions")
        models, self.state_size = (expert, learner), expert.state_size
        self.alpha_bar, self.slope = expert.alpha_bar, expert.slope
        self.times = times_within(span, len(self.alpha_bar))
        times = torch.arange(len(self.alpha_bar), device=self.alpha_bar.device)
        self.time_bias = torch.stack([model.time_bias(times) for model in models])
        self.inward = torch.stack([model.hidden.weight[:, : self.state_size].T for model in models]).contiguous()
        self.outward = torch.stack([model.out.weight.T for model in models])
        self.out_bias = torch.stack([model.out.bias[None] for model in models])

    def predict(self, states: Tensor, times: Tensor, noise: Tensor) -> Tensor:
        """Noises predicted by both, (2, n, d), for states (n, d) diffused to times (n,) with noise (n, d)."""
        noisy = diffuse(states, noise, self.alpha_bar[times, None])
        hidden = torch.baddbmm(self.time_bias[:, times], noisy.expand(2, *noisy.shape), self.inward)
        return torch.baddbmm(self.out_bias, F.leaky_relu_(hidden, self.slope), self.outward)
