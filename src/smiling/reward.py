"""What a method that rewards a solver offers it, and what the methods with a discriminator have in common."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from smiling.optimiser import Adam


def features_of(states: Tensor, actions: Tensor | None = None, next_states: Tensor | None = None) -> Tensor:
    """What a reward sees of transitions: states, and behind them what else it may see; (..., size) each."""
    parts = [part for part in (states, actions, next_states) if part is not None]
    return torch.cat(parts, -1) if len(parts) > 1 else states


class LearnedReward:
    """A reward that is learnt. Features (n, feature) are states, or states with actions appended.

    Of a reward of `transitions` they end with the state that followed (under DreamerV3 nothing follows an episode's
    last state: it stands there twice).
    """

    transitions = False
    learnt: tuple[str, ...] = ()  # the attributes whose state is saved: models and optimisers
    generator: torch.Generator

    def prepare(self, name: str) -> None:
        """Learn what can be learnt before the learner's first step, once; `name` heads the progress report."""

    def update(self, draw: Callable[[int], Tensor]) -> dict[str, float]:
        """Learn from the learner; `draw(n)` gives n features drawn from the state buffer. Diagnostics to report."""
        raise NotImplementedError

    def pointwise(self, features: Tensor) -> Tensor:
        """The reward of each of (n, feature), (n,), as a function of that feature alone.

        DreamerV3 asks for it before the first `update`; SAC, where its random steps end before that.
        """
        raise NotImplementedError

    def in_batch(self, rewards: Tensor) -> Tensor:
        """Pointwise rewards (n,) of a sampled batch as the solver gets them; a normalisation goes here."""
        return rewards

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next update depends on: the state of what is `learnt`, and of the generator."""
        kept = {name: getattr(self, name).state_dict() for name in self.learnt}
        return {**kept, "generator": self.generator.get_state()}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        for name in self.learnt:
            getattr(self, name).load_state_dict(saved[name])
        self.generator.set_state(saved["generator"].cpu())


class EpisodeReward(LearnedReward):
    """A reward that depends on the episode so far, for SAC: it is given once, when the transition is stored.

    A run may be stopped in the midst of an episode: `state_dict` tells where in it the reward is.
    """

    def begin(self) -> None:
        """An episode begins."""
        raise NotImplementedError

    def along(self, feature: Tensor) -> Tensor:
        """The reward, a scalar, of the episode's next (feature,)."""
        raise NotImplementedError

    def of_episode(self, features: Tensor) -> Tensor:
        """The rewards of an episode's features from its beginning, in their order: (n, feature) -> (n,)."""
        self.begin()
        return torch.stack([self.along(feature) for feature in features])


class DiscriminatorReward(LearnedReward):
    """A reward from a model that tells the expert's features from the learner's.

    State buffer and cadence are SMILING's, so that only the objective differs (paper, section 6): an update is one pass
    over `states_per_update` of the learner's features, `batch` at a time, as many of the expert's drawn beside them.
    """

    learnt = ("model", "optimiser")

    def __init__(
        self,
        expert_features: Tensor,
        model: nn.Module,
        optimiser: Adam,
        generator: torch.Generator,
        batch: int,
        states_per_update: int,
    ) -> None:
        self.model, self.optimiser, self.generator = model, optimiser, generator
        self._expert_features, self._batch, self._states_per_update = expert_features, batch, states_per_update

    def loss(self, expert: Tensor, learner: Tensor) -> Tensor:
        """What the model minimises on equally many features of both, (n, feature) each."""
        raise NotImplementedError

    def update(self, draw: Callable[[int], Tensor]) -> dict[str, float]:
        """One pass over learner features drawn from the state buffer, each beside one of the expert's."""
        losses = []
        for learner in draw(self._states_per_update).split(self._batch):
            rows = torch.randint(
                len(self._expert_features), (len(learner),), generator=self.generator, device=learner.device
            )
            losses.append(self.optimiser.minimise(self.loss(self._expert_features[rows], learner)))
        return {"discriminator_loss": torch.stack(losses).mean().item()}
