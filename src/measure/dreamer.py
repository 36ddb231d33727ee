"""Cost of DreamerV3: speed of environments, player and updates, parameters and memory, and what a run would take.

Each size is measured on fresh networks and a replay of made-up states of the task's size.
"""

import argparse
import resource
from collections.abc import Callable
from typing import NamedTuple

import torch
from steps import now

import envs
from smiling import command
from smiling.experiment import load_experiment
from smiling.solvers.dreamer.agent import Dreamer
from smiling.solvers.dreamer.replay import SequenceReplay
from smiling.solvers.dreamer.settings import DreamerSettings

RUN_STEPS = 3_000_000  # of the paper's HumanoidBench tasks


class Cost(NamedTuple):
    """Seconds of an update of the agent, of a step of all environments, and of choosing their actions."""

    update: float
    environments: float
    actions: float

    def run_hours(self, settings: DreamerSettings) -> float:
        """A training of `RUN_STEPS`, without evaluations and a learned reward."""
        steps = RUN_STEPS / settings.num_envs * (self.environments + self.actions)
        return (steps + RUN_STEPS / settings.env_steps_per_update * self.update) / 3600


def seconds_each(work: Callable[[], object], times: int, device: str) -> float:
    """Mean seconds of `work` over `times` calls, after one that is not counted."""
    work()
    start = now(torch.device(device))
    for _ in range(times):
        work()
    return (now(torch.device(device)) - start) / times


def full_replay(settings: DreamerSettings, sizes: tuple[int, int], device: str) -> SequenceReplay:
    """A replay with as many made-up rows as it can hold, restored as from a checkpoint."""
    replay = SequenceReplay(settings.replay_capacity, settings.num_envs, *sizes, device)
    shape = settings.replay_capacity // settings.num_envs, settings.num_envs
    rows = {"states": torch.rand(*shape, sizes[0]), "actions": torch.rand(*shape, sizes[1])}
    replay.load_state_dict(rows | {"rewards": torch.rand(shape), "first": torch.zeros(shape[0]), "added": shape[0]})
    return replay


def measure(task: str, settings: DreamerSettings, updates: int, device: str) -> tuple[Cost, Dreamer, SequenceReplay]:
    """Cost of `settings` on `task`, and the agent and the replay that it was measured with."""
    sizes = envs.sizes(task)
    solver = Dreamer(*sizes, settings, 0, device)
    replay = full_replay(settings, sizes, device)
    generator = torch.Generator(device).manual_seed(0)

    def update() -> None:
        places = replay.draw_sequences(settings.batch, settings.sequence, generator)
        solver.update(replay.sequences(places))

    update_seconds = seconds_each(update, updates, device)
    act = solver.policy.begin(settings.num_envs, solver.random)
    states = torch.randn(settings.num_envs, sizes[0], device=device)
    action_seconds = seconds_each(lambda: act(states), 100, device)
    made = [envs.make(task) for _ in range(settings.num_envs)]
    for env in made:
        env.reset(seed=0)
    actions = act(states).cpu().numpy()
    step_seconds = seconds_each(lambda: [made[i].step(actions[i]) for i in range(len(made))], 500, "cpu")
    return Cost(update_seconds, step_seconds, action_seconds), solver, replay


def table(cost: Cost, solver: Dreamer, replay: SequenceReplay, device: str) -> dict[str, str]:
    """What to print, by its name."""
    settings = solver.settings
    networks = (solver.world_model, solver.behaviour.actor, solver.behaviour.critic)
    parameters = sum(parameter.numel() for network in networks for parameter in network.parameters())
    stored = sum(part.nbytes for part in replay.state_dict().values() if torch.is_tensor(part))
    rows = {
        "parameters of world model, actor and critic, million": f"{parameters / 1e6:.2f}",
        "gradient steps a second": f"{1 / cost.update:.3g}",
        "environment steps a second, simulation alone": f"{settings.num_envs / cost.environments:.0f}",
        "environment steps a second, with the policy": f"{settings.num_envs / (cost.environments + cost.actions):.0f}",
        f"a run of {RUN_STEPS / 1e6:g} million steps, hours": f"{cost.run_hours(settings):.1f}",
        f"replay of {settings.replay_capacity} steps, GB": f"{stored / 1e9:.3f}",
        "peak memory of this process, GB": f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9:.2f}",
    }
    if device == "cuda":
        rows["peak memory on the GPU, GB"] = f"{torch.cuda.max_memory_allocated() / 1e9:.2f}"
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="humanoid_sit", help="default: %(default)s")
    parser.add_argument("--scale", default="paper", help="whose settings of DreamerV3 (default: %(default)s)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="assignments")
    parser.add_argument("--updates", type=int, default=2, help="timed, after one that is not (default: %(default)s)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = parser.parse_args()
    command.settle_process()
    settings = load_experiment(options.scale, options.assignments).dreamer
    print(f"scale {options.scale}, {options.task}, {options.device}, torch {torch.__version__}")
    for name, value in table(*measure(options.task, settings, options.updates, options.device), options.device).items():
        print(f"{name:<55} {value:>10}")


if __name__ == "__main__":
    command.run(main)
