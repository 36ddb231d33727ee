"""What a job of the workflow asks of a cluster: memory, minutes, a GPU; from its settings and from measured steps.

A limit is no end: what a job is stopped for grows with its attempt, and a run goes on from where it was stopped.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import envs
from smiling.evidence.forecast import measured_hours
from smiling.experiment import ExperimentSettings

MB = 1e6
TRANSITION_BYTES = 400  # at most: of humanoid_walk 4 (67 + 21 + 1); to ask the suite's tasks would load simulators
BYTES = 4  # of a float32
COPIES = 3  # of what a checkpoint holds: in the run, as the file's content, and as it is written
HALF_AS_MUCH_AGAIN, TWICE = 0.5, 2.0  # by which memory grows with an attempt, and up to which
MARGIN = 2.0  # other processors, and others beside it on the node
STARTING_MINUTES = 20  # loading, compiling, the expert's score model
SHORT_MINUTES = 60  # of a job that trains nothing
WHOLE_MACHINE_MINUTES = 240  # of one that measures


def memory_mb(settings: ExperimentSettings, task: str | None, seeds: int = 1, attempt: int = 1) -> int:
    """Of a job that trains `seeds` side by side on `task`, or of one that trains nothing."""
    jobs, grows = settings.jobs, min(1 + HALF_AS_MUCH_AGAIN * (attempt - 1), TWICE)
    own = jobs.memory_mb
    if task is not None:
        own += gpus(settings) * jobs.gpu_memory_mb
        capacity = settings.of_solver(task).replay_capacity
        own += math.ceil(COPIES * seeds * capacity * _transition_bytes(settings, task) / MB)
    return math.ceil(own * grows)


def _transition_bytes(settings: ExperimentSettings, task: str) -> int:
    """Of a transition in a replay, at most."""
    if settings.spec_of(task) is None:
        return TRANSITION_BYTES
    state, action = envs.sizes(task)
    return max(TRANSITION_BYTES, BYTES * (state + action + 1))


def minutes(
    settings: ExperimentSettings, learner: str, task: str, seeds: int, measured: Sequence[Path], attempt: int = 1
) -> int:
    """Of a job that trains `learner`, 'expert' or a method; the most that jobs may take where nothing was measured."""
    hours = measured_hours(settings, learner, task, seeds, measured)
    if hours is None:
        return settings.jobs.minutes
    expected = STARTING_MINUTES + MARGIN * 60 * seeds * hours
    return min(math.ceil(attempt * expected), settings.jobs.minutes)


def gpus(settings: ExperimentSettings) -> int:
    """Of a job that trains."""
    return int(settings.training.device == "cuda")
