"""DreamerV3's world model: encoder, recurrent state-space model (RSSM), heads, and its loss."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smiling.solvers.dreamer.distributions import (
    BINS,
    Pick,
    TwoHot,
    draw,
    kl_divergence,
    mixed_with_uniform,
    squared_error,
    symlog,
)
from smiling.solvers.dreamer.layers import Head, Hidden, Norm, Output, full, hidden_layers, kernel
from smiling.solvers.dreamer.recurrence import Chain, Weights, step
from smiling.solvers.dreamer.settings import DreamerSettings


class Latent(NamedTuple):
    """A state of the world model: `deter` (..., recurrent), `stoch` (..., categoricals x classes), one-hot each."""

    deter: Tensor
    stoch: Tensor

    def features(self) -> Tensor:
        """What the heads, the actor and the critic see."""
        return torch.cat([*self], -1)

    def detach(self) -> "Latent":
        """Without a gradient."""
        return Latent(self.deter.detach(), self.stoch.detach())


class RSSM(nn.Module):
    """Recurrent state-space model: deterministic state `deter`, stochastic state `stoch`."""

    def __init__(self, action_size: int, embed_size: int, settings: DreamerSettings, random: torch.Generator) -> None:
        super().__init__()
        deter, units = settings.recurrent, settings.width
        self.shape = settings.categoricals, settings.classes
        self.deter_size, self.stoch_size = deter, settings.categoricals * settings.classes
        self.features = self.deter_size + self.stoch_size
        self.pick: Pick = draw
        self.img_in = Hidden(self.stoch_size + action_size, units, random)
        self.gru, self.gru_norm = kernel(deter + units, 3 * deter, random), Norm(3 * deter)
        self.obs_out = Hidden(deter + embed_size, units, random)
        self.posterior_logit = Output(units, self.stoch_size, random)
        self.prior_logit = Output(deter, self.stoch_size, random)

    def initial(self, count: int) -> Latent:
        """`count` states before anything: zeros."""
        device = self.gru.device
        return Latent(
            torch.zeros(count, self.deter_size, device=device), torch.zeros(count, self.stoch_size, device=device)
        )

    def weights(self, observing: bool) -> Weights:
        """For steps with observations or without."""
        image, gates, last = self.img_in, self.gru_norm, self.posterior_logit if observing else self.prior_logit
        observation = self.obs_out.kernel[: self.deter_size], self.obs_out.norm.scale, self.obs_out.norm.offset
        return Weights(
            *(image.kernel[: self.stoch_size], image.norm.scale, image.norm.offset),
            *(self.gru, gates.scale, gates.offset),
            *(last.kernel, last.bias),
            observation if observing else (),
        )

    def prior(self, deter: Tensor) -> Tensor:
        """Probabilities of stoch before the observation, (..., categoricals, classes)."""
        return mixed_with_uniform(self.prior_logit(deter).unflatten(-1, self.shape))

    def actions(self, actions: Tensor) -> Tensor:
        """The actions' part of `img_in`'s product, (..., units)."""
        return bounded(actions) @ self.img_in.kernel[self.stoch_size :]

    def embeddings(self, embed: Tensor) -> Tensor:
        """The observations' part of `obs_out`'s product, (..., units)."""
        return embed @ self.obs_out.kernel[self.deter_size :]

    def observe(
        self, start: Latent, actions: Tensor, embed: Tensor, is_first: Tensor, uniform: Tensor
    ) -> tuple[Latent, Tensor]:
        """States (length, batch, ...) at successive observations, and their posteriors.

        `actions` (length, batch, action) are those that led to the observations, `embed` their encodings, `is_first`
        (length, batch) marks episodes' beginnings: nothing before them counts.
        """
        weights, keep = self.weights(observing=True), 1 - is_first[..., None]
        parts = self.actions(actions * keep), self.embeddings(embed)
        latent, steps = (*start,), []
        with torch.no_grad():
            for action, embedding, kept, noise in zip(*parts, keep, uniform, strict=True):
                steps.append(step(weights, latent, action, noise, self.pick, embedding, kept))
                latent = steps[-1][:2]
        deter, stoch, posterior = Chain.apply(steps, weights, *parts, *weights[:-1], *weights[-1])
        return Latent(deter, stoch), posterior


def bounded(action: Tensor) -> Tensor:
    """Divided by max(1, |action|), elementwise, through which divisor no gradient flows."""
    return action / action.detach().abs().clamp(min=1)


class WorldModel(nn.Module):
    """Encoder, RSSM and the heads for state, reward and continuation."""

    def __init__(self, state_size: int, action_size: int, settings: DreamerSettings, random: torch.Generator) -> None:
        super().__init__()
        self.settings = settings
        outer, inner = (settings.encoder_width, settings.encoder_depth), (settings.width, settings.depth)
        self.encoder = hidden_layers(state_size, *outer, random)
        self.rssm = RSSM(action_size, settings.encoder_width, settings, random)
        features = self.rssm.features
        self.decoder = Head(features, state_size, *outer, random)
        self.reward = Head(features, BINS, *inner, random, outscale=0)
        self.cont = Head(features, 1, *inner, random)

    def embed(self, state: Tensor) -> Tensor:
        """Encodings of states (..., state)."""
        return self.encoder(symlog(state))

    def loss(self, given: dict[str, Tensor], start: Latent, two_hot: TwoHot) -> tuple[dict[str, Tensor], Latent]:
        """The loss and its parts, each a mean over the rows of `given`, and the states there.

        `given` has sequences (length, batch, ...): `state`, `action` that led there, `reward`, `is_first`,
        `is_terminal`, and `uniform` noise.
        """
        embed = self.embed(given["state"])
        latents, posterior = self.rssm.observe(start, given["action"], embed, given["is_first"], given["uniform"])
        rows = self.losses(given, latents, posterior, two_hot)
        settings = self.settings
        dynamic, representation = (rows[name].clamp(min=settings.free_nats) for name in ("dynamic", "representation"))
        regulariser = settings.kl_dynamic * dynamic + settings.kl_representation * representation
        total = rows["decoder"] + rows["reward"] + rows["cont"] + regulariser
        parts = {f"{name}_loss": rows[name].detach().mean() for name in ("decoder", "reward", "cont")}
        return {"world_model_loss": total.mean(), **parts, "kl": rows["dynamic"].detach().mean()}, latents

    def losses(
        self, given: dict[str, Tensor], latents: Latent, posterior: Tensor, two_hot: TwoHot
    ) -> dict[str, Tensor]:
        """Of each row (length, batch): each head's, and both divergences without free nats."""
        features, prior = latents.features(), self.rssm.prior(latents.deter)
        cont = self.cont(features).squeeze(-1)
        return {
            "decoder": squared_error(full(self.decoder(features)), symlog(given["state"])),
            "reward": two_hot.loss(self.reward(features), given["reward"][None])[0],
            "cont": F.binary_cross_entropy_with_logits(full(cont), 1 - given["is_terminal"], reduction="none"),
            "dynamic": kl_divergence(posterior.detach(), prior),
            "representation": kl_divergence(posterior, prior.detach()),
        }
