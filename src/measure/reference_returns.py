"""Returns of two fixed policies on HumanoidBench's tasks: the reference to compare an installation with.

One policy holds the joint angles of the first pose, the other draws uniformly random actions.
"""

import argparse
from typing import Any, NamedTuple

import gymnasium
import mujoco
import numpy as np

import envs

TASKS = [name for name, (module, _) in envs.TASKS.items() if module == "envs.humanoid_bench"]
POLICIES = ("hold", "random")


class Episode(NamedTuple):
    """`fallen` is the first step, counted from 1, at which the original would have ended the episode, or none."""

    total: float
    fallen: int | None


def hold(env: gymnasium.Env) -> np.ndarray:
    """The action, 19, that asks for the joint angles of the keyframe."""
    task: Any = env.unwrapped
    model = task.model
    lowest, highest = model.actuator_ctrlrange.T
    return 2 * (model.key_qpos[0, 7:] - lowest) / (highest - lowest) - 1


def play(env: gymnasium.Env, policy: str, seed: int) -> Episode:
    """One episode of a policy of `POLICIES`; `seed` is that of the reset and of the random actions."""
    env.reset(seed=seed)
    random, held = np.random.default_rng(seed), hold(env)
    total, step, fallen, truncated = 0.0, 0, None, False
    while not truncated:
        _, reward, _, truncated, info = env.step(held if policy == "hold" else random.uniform(-1, 1, held.shape))
        total, step = total + float(reward), step + 1
        if fallen is None and info["would_terminate"]:
            fallen = step
    return Episode(total, fallen)


def line(name: str, policy: str, episodes: list[Episode]) -> str:
    """A row of the table: mean, spread and range of the returns, and when the original would have ended them."""
    totals = [episode.total for episode in episodes]
    falls = [episode.fallen for episode in episodes if episode.fallen]
    when = f"{min(falls)}-{max(falls)}" if falls else "never"
    spread = f"{np.mean(totals):8.1f} {np.std(totals):6.1f} {min(totals):8.1f} {max(totals):8.1f}"
    return f"{name:<16} {policy:<7} {spread} {when:>9}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--episodes", type=int, default=12, help="episodes of each, seeds from 0 (default: %(default)s)"
    )
    parser.add_argument(
        "--backend", default="mujoco", help="'humanoid-bench' plays the original (default: %(default)s)"
    )
    arguments = parser.parse_args()
    print(f"MuJoCo {mujoco.__version__}, backend {arguments.backend}, {arguments.episodes} episodes each")
    print(f"{'task':<16} {'policy':<7} {'mean':>8} {'std':>6} {'min':>8} {'max':>8} {'falls at':>9}")
    for name in TASKS:
        env = envs.make(name, backend=arguments.backend)
        for policy in POLICIES:
            episodes = [play(env, policy, seed) for seed in range(arguments.episodes)]
            print(line(name, policy, episodes), flush=True)
        env.close()


if __name__ == "__main__":
    main()
