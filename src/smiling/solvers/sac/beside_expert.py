"""SAC that is shown the expert's transitions beside its own: what IQ-Learn and SQIL are made of."""

from collections.abc import Sequence

import torch

from smiling.runs.demonstrations import Demonstrations
from smiling.runs.trajectories import joined, transitions
from smiling.solvers.sac.agent import SAC, SACSettings
from smiling.solvers.sac.replay import Batch


class SACBesideExpert(SAC):
    """SAC that draws from the expert's transitions with the randomness of each of its seeds."""

    def __init__(
        self, expert: Batch, settings: SACSettings, seed: int | Sequence[int], device: str | torch.device = "cpu"
    ) -> None:
        super().__init__(expert.states.shape[-1], expert.actions.shape[-1], settings, seed, device)
        self.expert = expert

    def expert_batch(self, size: int) -> Batch:
        """`size` of the expert's transitions for each seed, drawn with replacement: (..., size, ...)."""
        count = len(self.expert.states)
        drawn = [torch.randint(count, (size,), generator=own, device=self.device) for own in self._noise]
        rows = torch.stack(drawn).view(*self._leading, size)
        return Batch(*(part[rows] for part in self.expert))

    def joined(self, expert: Batch, learner: Batch) -> Batch:
        """The expert's transitions and, after them, the learner's, for each seed."""
        along = len(self._leading)
        return Batch(*(torch.cat(pair, along) for pair in zip(expert, learner, strict=True)))


def expert_transitions(
    demonstrations: Demonstrations, action_size: int, with_actions: bool, device: str, by_value: bool = False
) -> Batch:
    """The demonstrations as transitions. Where next states are not recorded they are the episode's following rows.

    Args:
        demonstrations: of any trajectories.
        action_size: of actions that are not shown, and zero.
        with_actions: whether they are shown.
        device: of the transitions.
        by_value: whether next states are looked at only by their values times `continues`. Then a transition that
            terminated its episode is there though nothing is recorded behind it, its own state as the next; else not.

    Raises:
        UserError: if there are none, or actions are asked for and not recorded.
    """
    shown = joined(transitions(demonstrations, terminations=by_value))
    states, next_states = torch.from_numpy(shown.observations), torch.from_numpy(shown.next_observations)
    continues = torch.ones(len(states))
    if shown.terminals is not None:
        continues[torch.from_numpy(shown.ends()[shown.terminals] - 1)] = 0.0
    actions = torch.from_numpy(shown.require_actions()) if with_actions else torch.zeros(len(states), action_size)
    expert = Batch(states, actions, torch.zeros(len(states)), next_states, continues)
    return Batch(*(part.to(device) for part in expert))
