"""Compare what this machine computes with what the suite's authors' did, to the bit: layer by layer, then whole runs.

The layers are those that a curve depends on, each on the ones before: where runs differ, the first that differs is
named. Runs are of every method at smoke scale, cut to two episodes, from demonstrations that a random policy left; on
both solvers. --write takes what is found as golden.
"""

import argparse
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

import envs
from smiling import bits, command, methods, stages
from smiling.evaluation import random_returns
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.methods.smiling import Smiling
from smiling.runs.artefacts import write_json
from smiling.runs.demonstrations import Demonstrations, write_demonstrations
from smiling.runs.provenance import ROOT
from smiling.score.model import ScoreModel, fit_score_model
from smiling.settings import UserError
from smiling.solvers.sac.agent import SAC
from smiling.solvers.sac.replay import Batch

GOLDEN = ROOT / "tests" / "golden" / "bits.json"
SAC_TASK, DREAMER_TASK = "cheetah_run", "humanoid_sit"
ASSIGNMENTS = [f"tasks.{task}.env_steps=2000" for task in (SAC_TASK, DREAMER_TASK)] + ["expert.trajectories=1"]
ON_DREAMER = ("smiling", "dac", "bc")  # the others take SAC for their own


def digest(*arrays: np.ndarray | torch.Tensor) -> str:
    """Of the arrays' bytes, 16 hexadecimal digits."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(torch.as_tensor(array).detach().numpy()).tobytes())
    return found.hexdigest()[:16]


def random_play(task: str, seed: int = 0) -> Demonstrations:
    """An episode of uniform random actions, as demonstrations."""
    env, random = envs.make(task), np.random.default_rng(seed)
    actions = random.uniform(-1, 1, (envs.EPISODE_STEPS, envs.sizes(task)[1])).astype(np.float32)
    observation, _ = env.reset(seed=seed)
    observations, following, rewards = [], [], []
    for action in actions:
        after, reward, *_ = env.step(action)
        observations.append(observation)
        following.append(after)
        rewards.append(reward)
        observation = after
    return Demonstrations(
        observations=np.asarray(observations, np.float32),
        next_observations=np.asarray(following, np.float32),
        actions=actions,
        rewards=np.asarray(rewards, np.float32),
        episode_starts=np.zeros(1, np.int64),
    )


def layers(settings: ExperimentSettings) -> Iterator[tuple[str, str]]:
    """Name and digest of each layer, in the order in which a run comes to them."""
    play = {task: random_play(task) for task in (SAC_TASK, DREAMER_TASK)}
    for task, played in play.items():
        yield f"states of {task}", digest(*(part for part in vars(played).values() if isinstance(part, np.ndarray)))
    yield "returns of a random policy", digest(random_returns(SAC_TASK, 1, 0))
    states = torch.from_numpy(play[SAC_TASK].observations)
    method = settings.of_method("smiling", SAC_TASK)
    model = ScoreModel(states.shape[1], method.score_model, seed=0)
    with torch.no_grad():
        yield "first forward of a score model", digest(model(states, torch.arange(len(states))))
    fitted = fit_score_model(states, method.score_model, epochs=2)
    yield "a fitted score model", digest(*fitted.state_dict().values())
    reward = Smiling(states, method, seed=0)
    reward.prepare("bits")
    generator = torch.Generator().manual_seed(0)
    reward.update(lambda count: states[torch.randint(len(states), (count,), generator=generator)])
    yield "first reward", digest(reward.pointwise(states))
    yield "first update of SAC", digest(*_updated(settings, play[SAC_TASK]))


def _updated(settings: ExperimentSettings, played: Demonstrations) -> Sequence[torch.Tensor]:
    """Parameters of SAC after an update on the first transitions."""
    solver = SAC(*envs.sizes(SAC_TASK), settings.sac, seed=0)
    rows = slice(0, settings.sac.batch)
    parts = (played.observations, played.actions, played.rewards, played.next_observations)
    solver.update(Batch(*(torch.from_numpy(np.asarray(part)[rows]) for part in parts)))
    return [value for value in _tensors(solver.state_dict()) if value.is_floating_point()]


def _tensors(state: object) -> list[torch.Tensor]:
    if isinstance(state, torch.Tensor):
        return [state]
    values = state.values() if isinstance(state, dict) else state if isinstance(state, list | tuple) else ()
    return [tensor for value in values for tensor in _tensors(value)]


def runs(settings: ExperimentSettings, wanted: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Name and digest (curve, policy) of each whole run."""
    asked = [(SAC_TASK, name) for name in methods.bases() if not methods.is_external(name)]
    asked += [(DREAMER_TASK, name) for name in ON_DREAMER]
    with tempfile.TemporaryDirectory() as folder:
        for task in (SAC_TASK, DREAMER_TASK):
            write_demonstrations(Path(folder, f"{task}.npz"), random_play(task))
        for task, name in asked:
            if not wanted(f"{name} on {task}"):
                continue
            demonstrations, out = Path(folder, f"{task}.npz"), Path(folder, task, name)
            (left,) = stages.imitate(settings, name, task, demonstrations, out, [0])
            files = [(left / file).read_bytes() for file in ("curve.csv", "policy.safetensors")]
            yield f"{name} on {task}", hashlib.sha256(b"".join(files)).hexdigest()[:16]


def report(found: Iterator[tuple[str, str]], golden: dict[str, str], what: str) -> tuple[dict[str, str], list[str]]:
    """Print each as it is found; all of them, and the names of those that differ."""
    values, differing = {}, []
    for name, value in found:
        values[name] = value
        verdict = "new" if name not in golden else "same" if golden[name] == value else "DIFFERS"
        differing += [name] if verdict == "DIFFERS" else []
        print(f"  {verdict:8}{what} {name}", flush=True)
    return values, differing


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--golden", type=Path, default=GOLDEN, help="what to compare with (default: the suite's)")
    flags.add_argument("--write", action="store_true", help="take what is found as golden")
    flags.add_argument("--only", default="", help="runs whose name contains this, as 'smiling on cheetah_run'")
    options = flags.parse_args()
    bits.restart_pinned("any")
    bits.tell("any")
    command.settle_process()
    golden = {} if options.write else json.loads(options.golden.read_text())
    settings = load_experiment("smoke", ASSIGNMENTS)
    found, differing = report(layers(settings), golden.get("layers", {}), "layer:")
    ran, runs_differing = report(runs(settings, lambda name: options.only in name), golden.get("runs", {}), "run:")
    if options.write:
        write_json(options.golden, {"layers": found, "runs": ran})
    if differing or runs_differing:
        first = f"the first layer that differs is '{differing[0]}'" if differing else "all layers are the same"
        raise UserError(
            f"{len(differing) + len(runs_differing)} of {len(found) + len(ran)} differ from {options.golden}; {first}"
        )
    print(f"all {len(found) + len(ran)} are the same" if not options.write else f"written: {options.golden}")


if __name__ == "__main__":
    command.run(main)
