"""Cost of DreamerV3: speed of environments, player and updates, parameters and memory, and what a run would take.

Each size is measured on fresh networks and a replay of made-up states of the task's size.
"""

import argparse
import resource
import statistics
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from steps import matrix_rate, now

import envs
from smiling import command
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.solvers.dreamer.agent import Dreamer
from smiling.solvers.dreamer.distributions import BINS
from smiling.solvers.dreamer.replay import SequenceReplay
from smiling.solvers.dreamer.settings import DreamerSettings

RUN_STEPS = 3_000_000  # of the paper's HumanoidBench tasks


class Cost(NamedTuple):
    """Seconds of the first update and of a later one, of a step of all environments, and of choosing their actions."""

    first_update: float
    update: float
    environments: float
    actions: float
    share_of_rate: float  # operations that an update needs, in its time, over those of a product of large matrices

    def step(self, settings: DreamerSettings) -> float:
        """Seconds of an environment's step in a training, without evaluations and a learned reward."""
        acting = (self.environments + self.actions) / settings.num_envs
        return acting + self.update / settings.env_steps_per_update


def products(*sizes: int) -> list[int]:
    """Multiplications by the weights of successive layers, for a row."""
    return [inputs * outputs for inputs, outputs in pairwise(sizes)]


def update_operations(settings: DreamerSettings, state_size: int, action_size: int) -> float:
    """float32 operations in the matrix products that an update needs, nothing counted twice.

    A product with weights is one forward, one for the weights' gradient and one for the inputs'. The world model does
    all three but for its inputs, states and actions, which need no gradient. Imagination and the heads on it pass the
    actor's gradient on, and learn nothing; the actor's own gradient and the critic's end at what they see. The critic
    takes part once with a gradient of what it sees, for the actor, and once with one of its weights, and gives a value
    of the last state too; the slow critic forward only. Gradients by the states before the first are counted as well.
    """
    deter, stoch, units = settings.recurrent, settings.categoricals * settings.classes, settings.width
    inner, outer = [units] * settings.depth, [settings.encoder_width] * settings.encoder_depth
    encoder, actor = products(state_size, *outer), products(deter + stoch, *inner, 2 * action_size)
    decoder, critic = products(deter + stoch, *outer, state_size), products(deter + stoch, *inner, BINS)
    heads = sum(critic) + sum(products(deter + stoch, *inner, 1))  # the reward's is of the critic's shape
    action = action_size * units
    step = stoch * units + action + (deter + units) * 3 * deter + deter * stoch  # the prior's
    posterior = (deter + settings.encoder_width) * units + units * stoch
    model = 3 * (sum(encoder) + sum(decoder) + heads + step + posterior) - encoder[0] - action
    acting = 2 * (step + heads) + 3 * sum(actor) - actor[0]
    criticising = 5 * sum(critic) - critic[0]
    imagined = settings.horizon * (acting + criticising) + sum(critic)
    return 2.0 * settings.batch * settings.sequence * (model + imagined)


def seconds_each(work: Callable[[], object], times: int, device: torch.device) -> tuple[float, float]:
    """Seconds of a first call of `work`, and the median of `times` more."""
    taken: list[float] = []
    for _ in range(1 + times):
        start = now(device)
        work()
        taken.append(now(device) - start)
    return taken[0], statistics.median(taken[1:])


def full_replay(settings: DreamerSettings, sizes: tuple[int, int], device: torch.device) -> SequenceReplay:
    """A replay with as many made-up rows as it can hold, restored as from a checkpoint."""
    replay = SequenceReplay(settings.replay_capacity, settings.num_envs, *sizes, device)
    shape = settings.replay_capacity // settings.num_envs, settings.num_envs
    rows = {
        "states": torch.rand(*shape, sizes[0]),
        "actions": torch.rand(*shape, sizes[1]),
        "rewards": torch.rand(shape),
    }
    rows |= {name: torch.zeros(shape, dtype=torch.bool) for name in ("first", "terminal")}
    places = {"added": [shape[0]] * settings.num_envs, "begins": [False] * settings.num_envs}
    replay.load_state_dict(rows | places)
    return replay


def measure(experiment: ExperimentSettings, task: str, updates: int) -> tuple[Cost, Dreamer, SequenceReplay]:
    """Cost of DreamerV3 on `task`, and the agent and the replay that it was measured with."""
    settings, device, sizes = experiment.dreamer, torch.device(experiment.training.device), envs.sizes(task)
    solver = Dreamer(*sizes, settings, 0, device)
    if experiment.training.one_piece:
        solver.in_one_piece()
    replay = full_replay(settings, sizes, device)
    generator = torch.Generator(device).manual_seed(0)

    def update() -> None:
        places = replay.draw_sequences(settings.batch, settings.sequence, generator)
        solver.update(replay.sequences(places))

    update_seconds = seconds_each(update, updates, device)
    share = update_operations(settings, *sizes) / update_seconds[1] / matrix_rate(device)
    act = solver.policy.begin(settings.num_envs, solver.random)
    states = torch.randn(settings.num_envs, sizes[0], device=device)
    _, action_seconds = seconds_each(lambda: act(states), 100, device)
    made = [envs.make(task) for _ in range(settings.num_envs)]
    for env in made:
        env.reset(seed=0)
    actions = act(states).cpu().numpy()
    _, step_seconds = seconds_each(lambda: [made[i].step(actions[i]) for i in range(len(made))], 500, device)
    return Cost(*update_seconds, step_seconds, action_seconds, share), solver, replay


def table(cost: Cost, solver: Dreamer, replay: SequenceReplay) -> dict[str, str]:
    """What to print, by its name."""
    settings = solver.settings
    networks = (solver.world_model, solver.behaviour.actor, solver.behaviour.critic)
    parameters = sum(parameter.numel() for network in networks for parameter in network.parameters())
    stored = sum(part.nbytes for part in replay.state_dict().values() if torch.is_tensor(part))
    rows = {
        "parameters of world model, actor and critic, million": f"{parameters / 1e6:.2f}",
        f"an update ({solver.update_kind}), ms": f"{1000 * cost.update:.4g}",
        "the first update, s": f"{cost.first_update:.3g}",
        "an update's share of the rate of matrix products, %": f"{100 * cost.share_of_rate:.0f}",
        "environment steps a second, simulation alone": f"{settings.num_envs / cost.environments:.0f}",
        "environment steps a second, with the policy": f"{settings.num_envs / (cost.environments + cost.actions):.0f}",
        "environment steps a second, with updates": f"{1 / cost.step(settings):.3g}",
        f"a run of {RUN_STEPS / 1e6:g} million steps, hours": f"{RUN_STEPS * cost.step(settings) / 3600:.1f}",
        f"replay of {settings.replay_capacity} steps, GB": f"{stored / 1e9:.3f}",
        "peak memory of this process, GB": f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9:.2f}",
    }
    if solver.device.type == "cuda":
        rows["peak memory on the GPU, GB"] = f"{torch.cuda.max_memory_allocated() / 1e9:.2f}"
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="humanoid_sit", help="default: %(default)s")
    parser.add_argument("--scale", default="paper", help="whose settings of DreamerV3 (default: %(default)s)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="assignments")
    parser.add_argument("--updates", type=int, default=2, help="timed, after one that is not (default: %(default)s)")
    options = parser.parse_args()
    settings = load_experiment(options.scale, options.assignments)
    command.settle_process(device=settings.training.device)
    print(f"scale {options.scale}, {options.task}, {settings.training.device}, torch {torch.__version__}")
    for name, value in table(*measure(settings, options.task, options.updates)).items():
        print(f"{name:<55} {value:>10}")


if __name__ == "__main__":
    command.run(main)
