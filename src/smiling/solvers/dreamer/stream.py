"""Randomness of one's own for code that draws from torch's global generators."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class Stream:
    """A stream of torch's global randomness, undisturbed by and invisible to whoever else draws from it.

    sheeprl samples without a generator; within `with stream():` what it samples comes from this stream.
    """

    def __init__(self, seed: int, device: str | torch.device = "cpu") -> None:
        self._gpus = [torch.device(device)] if torch.device(device).type == "cuda" else []
        with torch.random.fork_rng(self._gpus):
            torch.manual_seed(seed)
            self._states = self._global_states()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with torch.random.fork_rng(self._gpus):
            self._set_global(self._states)
            try:
                yield
            finally:
                self._states = self._global_states()

    def _global_states(self) -> list[Tensor]:
        return [torch.get_rng_state(), *(torch.cuda.get_rng_state(gpu) for gpu in self._gpus)]

    def _set_global(self, states: list[Tensor]) -> None:
        torch.set_rng_state(states[0])
        for gpu, state in zip(self._gpus, states[1:], strict=True):
            torch.cuda.set_rng_state(state, gpu)

    def get_state(self) -> list[Tensor]:
        """For a checkpoint."""
        return self._states

    def set_state(self, states: list[Tensor]) -> None:
        """Inverse of `get_state`."""
        self._states = [state.cpu() for state in states]
