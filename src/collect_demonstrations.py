"""Collect demonstrations from an expert policy or a function of your own, or check and adopt a file of your own.

Writes demonstrations.npz and returns.json into --out, and heldout.npz where there is a policy; with --export minari
also minari/TASK-v0, a data set that Minari loads. returns.json holds what the curves are normalised by: the expert's
return (SAC: mean actions) and the uniform random policy's. With --demos the expert's return is the mean over the file's
trajectories.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch

import envs
from envs import absorbing
from smiling import bits, command
from smiling.evaluation import Policy, policy_returns, random_returns
from smiling.experiment import ExperimentSettings, ExpertSettings, in_full, load_experiment
from smiling.runs.artefacts import remove_partial, write_json
from smiling.runs.demonstrations import Demonstrations, write_demonstrations
from smiling.runs.minari_export import check_exportable, check_place, write_minari
from smiling.runs.own_demonstrations import OwnDemonstrations, about, adopt, read_for
from smiling.runs.progress import Meter
from smiling.runs.provenance import fingerprint, provenance
from smiling.runs.seeding import derive
from smiling.settings import UserError, validate
from smiling.solvers.callables import find_policy, policy_digest
from smiling.training import settle_process

FAR = 0.5  # of the way from random actions to the expert, by which what it demonstrated may differ from its return


@torch.no_grad()
def play(task: str, policy: Policy, settings: ExpertSettings, set_name: str, made_by: dict[str, Any]) -> Demonstrations:
    """Trajectories of the expert; `set_name` fixes initial states and noise."""
    env = envs.make(task)
    is_absorbing = absorbing.has_one(env)
    noise = policy.noise(derive(settings.seed, "demonstrations", set_name))
    rows: dict[str, list[Any]] = {"observations": [], "actions": [], "rewards": [], "next_observations": []}
    starts: list[int] = []
    terminals: list[bool] = []
    with Meter(f"{task} {set_name}", settings.trajectories, unit="trajectories") as meter:
        for trajectory in range(settings.trajectories):
            observation, _ = env.reset(seed=derive(settings.seed, "demonstrations", set_name, trajectory))
            act = policy.begin(1, noise, sampled=settings.sample_actions)
            starts.append(len(rows["observations"]))
            over = False
            while not over:
                action = act(torch.from_numpy(observation)[None])[0].numpy()
                after, reward, terminated, truncated, _ = env.step(action)
                action = absorbing.with_effect(action, observation) if is_absorbing else action
                for name, value in zip(rows, (observation, action, reward, after), strict=True):
                    rows[name].append(value)
                observation, over = after, terminated or truncated
            terminals.append(bool(terminated))
            meter.update(trajectory + 1)
    arrays = {name: np.asarray(values, np.float32) for name, values in rows.items()}
    ends = {"terminals": np.array(terminals)} if any(terminals) else {}
    return Demonstrations(**arrays, **ends, episode_starts=np.array(starts), made_by=made_by)


def from_policy(options: argparse.Namespace, settings: ExperimentSettings) -> dict[str, Any]:
    """Write both sets; the returns to record."""
    policy = find_policy(options.policy, envs.sizes(options.task))
    made_by = {
        "task": options.task,
        "policy": policy_digest(policy, options.policy),
        "settings": settings.of_demonstrations(options.task),
        "provenance": provenance(),
    }
    returns: dict[str, Any] = {}
    for set_name in ("heldout", "demonstrations"):  # the declared result is written last
        played = play(options.task, policy, settings.expert, set_name, made_by)
        write_demonstrations(options.out / f"{set_name}.npz", played)
        returns[set_name] = played.returns()
        returns["digest"] = played.digest()  # in the end, of what is learnt from
    seed = derive(settings.expert.seed, "expert return")
    noise = policy.noise(derive(settings.expert.seed, "expert return actions"))
    evaluated = policy_returns(options.task, policy, settings.expert.evaluation_episodes, seed, noise)
    made = {"settings": in_full(settings.settings_of_expert(options.task))}
    return {"expert_return": float(evaluated.mean()), "expert_episodes": evaluated.tolist(), **returns, **made}


def code(settings: ExperimentSettings, task: str) -> str:
    """Fingerprint of the code that demonstrations depend on."""
    return fingerprint(Path(__file__), task=task, solver=settings.task(task).solver)


def part_of(options: argparse.Namespace) -> dict[str, int]:
    """What is asked for of the part of a file that is shown."""
    return {name: value for name in ("trajectories", "subsample") if (value := getattr(options, name)) is not None}


def from_file(options: argparse.Namespace) -> dict[str, Any]:
    """Check the user's file and write what is shown of it; the returns to record, where it has rewards."""
    asked = validate(OwnDemonstrations, {"file": options.demos, **part_of(options)}, where="demonstrations")
    shown, returns, lengths = adopt(asked, options.task)
    if options.export:
        with about(options.demos):
            check_exportable(shown)
    write_demonstrations(options.out / "demonstrations.npz", shown)
    tell_shown(shown, lengths)
    expert = None if returns is None else float(np.mean(returns))
    read = {"file": str(options.demos), "subset": asked.subset(), "lengths": lengths, "digest": shown.digest()}
    return {"expert_return": expert, "demonstrations": returns, **read}


def tell(task: str, returns: dict[str, Any]) -> None:
    """Print the returns."""
    random, shown = returns["random_return"], returns["demonstrations"]
    if shown is None:
        rewards = f"{len(returns['lengths'])} trajectories without rewards: give their return, tasks.{task}.normalise"
        print(f"{task}: {rewards}, or curves are drawn raw; random {random:.4g}", flush=True)
        return
    expert = returns["expert_return"]
    print(f"{task}: expert {expert:.4g}, random {random:.4g}", flush=True)
    print(f"demonstrated returns: {', '.join(f'{value:.4g}' for value in shown)}", flush=True)
    if expert <= random:
        print("warning: the expert is no better than random actions, so that nothing can be normalised", flush=True)
    elif abs(np.mean(shown) - expert) > FAR * (expert - random):
        print(
            f"warning: the trajectories' mean return is {np.mean(shown):.4g}; curves are normalised by the expert's, "
            f"{expert:.4g}, of other episodes ({len(returns['expert_episodes'])})",
            flush=True,
        )


def tell_shown(shown: Demonstrations, lengths: list[int]) -> None:
    """Print what there is of a file of the user's own: trajectories of `lengths` transitions, and what is shown."""
    transitions = " to ".join(str(length) for length in sorted({min(lengths), max(lengths)}))
    terminated = 0 if shown.terminals is None else int(shown.terminals.sum())
    print(
        f"trajectories: {len(lengths)}, of {transitions} transitions, {terminated} terminated; shown: "
        f"{len(shown.observations)} states, {'without' if shown.actions is None else 'with'} actions",
        flush=True,
    )


def export(out: Path, task: str) -> None:
    """Write what lies in `out` for Minari."""
    demonstrations = read_for(out / "demonstrations.npz", task)
    folder = write_minari(out / "minari", demonstrations, task, f"{task}, written by smiling-benchmark")
    print(
        f"for Minari: {folder}; MINARI_DATASETS_PATH={folder.parent}, minari.load_dataset('{folder.name}')", flush=True
    )


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--task", required=True)
    origin = flags.add_mutually_exclusive_group(required=True)
    origin.add_argument("--policy", help="the expert's policy.safetensors, or a function, module:function")
    origin.add_argument("--demos", type=Path, help="your own: an archive, a Minari data set's folder, an HDF5 file")
    flags.add_argument("--trajectories", type=int, help="of --demos: the first so many")
    flags.add_argument("--subsample", type=int, help="of --demos: every so many-th transition of each")
    flags.add_argument("--export", choices=["minari"], help="write the demonstrations as a data set of this kind too")
    options = flags.parse_args()
    if options.export and (options.subsample or 1) > 1:
        raise UserError("--export writes whole trajectories with their rewards: leave --subsample out beside it")
    if options.policy and (asked := part_of(options)):
        raise UserError(
            f"{' and '.join(f'--{name}' for name in asked)}: of a file that --demos names; with --policy "
            "say --set expert.trajectories=N, or take a part of what is written afterwards, by --demos"
        )
    settings = load_experiment(options.scale, options.assignments)
    bits.restart_pinned(settings.training.bits)
    bits.tell(settings.training.bits)
    settle_process(settings.training)
    settings.task(options.task)
    if options.export:
        check_place(options.out / "minari", options.task)
    options.out.mkdir(parents=True, exist_ok=True)
    remove_partial(options.out)
    returns = from_policy(options, settings) if options.policy else from_file(options)
    random = random_returns(options.task, settings.expert.evaluation_episodes, settings.expert.seed)
    returns |= {"random_return": float(random.mean()), "random_episodes": random.tolist()}
    made = {
        "bits": bits.described(settings.training.bits, compiled=settings.training.one_piece),
        "code": code(settings, options.task),
        "provenance": provenance(),
    }
    write_json(options.out / "returns.json", {"task": options.task, **returns, **made})
    tell(options.task, returns)
    if options.export:
        export(options.out, options.task)


if __name__ == "__main__":
    command.run(main)
