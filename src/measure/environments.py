"""Speed of the control tasks: steps a second in one process, and the share of it that is Python rather than physics."""

import argparse
import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import mujoco
import numpy as np

import envs

# Everything that a step of any task spends in MuJoCo; dm_control takes its steps in halves.
PHYSICS = ("mj_step", "mj_step1", "mj_step2", "mj_forward")


class Speed(NamedTuple):
    """`physics` is the share of the time spent in MuJoCo's steps, between 0 and 1."""

    steps_per_second: float
    physics: float


class Stopwatch:
    """Adds up the time in the functions that it wraps; of nested calls the outermost counts."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._running = False

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*arguments: Any, **options: Any) -> Any:
            if self._running:
                return function(*arguments, **options)
            self._running = True
            start = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                self.seconds += time.perf_counter() - start
                self._running = False

        return timed


def measure(name: str, steps: int, seed: int, **options: Any) -> Speed:
    """Speed of `steps` steps of uniformly random actions, resets included, after the first reset."""
    env = envs.make(name, seed=seed, **options)
    actions = np.random.default_rng(seed).uniform(-1, 1, (steps, *(env.action_space.shape or ()))).astype(np.float32)
    watch = Stopwatch()
    originals = {function: getattr(mujoco, function) for function in PHYSICS}
    for function, original in originals.items():
        setattr(mujoco, function, watch.wrap(original))
    try:
        env.reset()
        watch.seconds, start = 0.0, time.perf_counter()
        for action in actions:
            *_, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        elapsed = time.perf_counter() - start
    finally:
        for function, original in originals.items():
            setattr(mujoco, function, original)
        env.close()
    return Speed(steps / elapsed, watch.seconds / elapsed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="tasks to time (default: all)")
    parser.add_argument("--steps", type=int, default=3000, help="steps of a task (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of resets and actions (default: %(default)s)")
    parser.add_argument("--backend", help="'humanoid-bench' times the original of HumanoidBench's tasks")
    arguments = parser.parse_args()
    options = {"backend": arguments.backend} if arguments.backend else {}
    print(f"MuJoCo {mujoco.__version__}, {arguments.steps} steps of random actions a task")
    print(f"{'task':<20} {'steps/s':>9} {'physics':>9} {'Python':>9}")
    for name in arguments.tasks or envs.TASKS:
        speed = measure(name, arguments.steps, arguments.seed, **options)
        print(f"{name:<20} {speed.steps_per_second:>9.0f} {speed.physics:>9.0%} {1 - speed.physics:>9.0%}", flush=True)


if __name__ == "__main__":
    main()
