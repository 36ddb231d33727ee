"""Compare what this machine computes with what the suite's authors' did, to the bit: layer by layer, then whole runs.

The layers are those that a curve depends on, each on the ones before: where runs differ, the first that differs is
named. Runs are of every method at smoke scale, cut to two episodes, from demonstrations that a random policy left; on
both solvers. --quick looks at what quick scale does otherwise instead: larger products, five seeds together, compiled
updates. --write takes what is found as golden, and keeps what was not looked for.
"""

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
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
from smiling.settings import UserError, merge
from smiling.solvers.dreamer.agent import Dreamer
from smiling.solvers.sac.agent import SAC
from smiling.solvers.sac.replay import Batch
from smiling.training import settle_process

GOLDEN = ROOT / "tests" / "golden" / "bits.json"
SAC_TASK, DREAMER_TASK = "cheetah_run", "humanoid_sit"
ASSIGNMENTS = [f"tasks.{task}.env_steps=2000" for task in (SAC_TASK, DREAMER_TASK)] + ["expert.trajectories=1"]
ON_DREAMER = ("smiling", "dac", "bc")  # the others take SAC for their own
AT_QUICK = ["method_settings.smiling.expert_epochs=2", "method_settings.smiling.states_per_update=2048"]
COMPILED_UPDATES = 200
COMPILED = "layers of quick"  # section of what a compiler has a part in
COMPILER = "compiler"  # section that says which it was
Golden = dict[str, dict[str, str]]  # digests by name, in sections


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
    yield "first reward", digest(_first_reward(settings, states))
    yield "first update of SAC", digest(*_updated(SAC(*envs.sizes(SAC_TASK), settings.sac, 0), play[SAC_TASK]))
    yield "first update of DreamerV3", digest(*_updated_dreamer(settings, play[DREAMER_TASK]))


def layers_of_quick(settings: ExperimentSettings) -> Iterator[tuple[str, str]]:
    """The same for what `quick` does otherwise: larger products of our own, seeds together, a compiled update."""
    played, sizes = random_play(SAC_TASK), envs.sizes(SAC_TASK)
    seeds = tuple(range(settings.seeds_together))
    yield "first reward", digest(_first_reward(settings, torch.from_numpy(played.observations)))
    yield "first update of SAC, seeds together", digest(*_updated(SAC(*sizes, settings.sac, seeds), played))
    solver = SAC(*sizes, settings.sac, seeds)
    solver.in_one_piece()
    updated = _updated(solver, played, COMPILED_UPDATES)
    if solver.update_kind == "compiled":
        yield f"{COMPILED_UPDATES} compiled updates", digest(*updated)


def _first_reward(settings: ExperimentSettings, states: torch.Tensor) -> torch.Tensor:
    """SMILING's, of the states that it has learnt from."""
    reward = Smiling(states, settings.of_method("smiling", SAC_TASK), seed=0)
    reward.prepare("bits")
    generator = torch.Generator().manual_seed(0)
    reward.update(lambda count: states[torch.randint(len(states), (count,), generator=generator)])
    return reward.pointwise(states)


def _updated(solver: SAC, played: Demonstrations, updates: int = 1) -> Sequence[torch.Tensor]:
    """Parameters of the solver after updates, each seed's on the transitions next to the other's."""
    shape = (*solver.temperature.shape, solver.settings.batch)
    parts = (played.observations, played.actions, played.rewards, played.next_observations)
    for update in range(updates):
        rows = (update + np.arange(np.prod(shape))).reshape(shape) % envs.EPISODE_STEPS
        batch = (torch.from_numpy(np.asarray(part)[rows]) for part in parts)
        solver.update(Batch(*(*batch, torch.ones(shape))))
    return [value for value in _tensors(solver.state_dict()) if value.is_floating_point()]


def _updated_dreamer(settings: ExperimentSettings, played: Demonstrations) -> Sequence[torch.Tensor]:
    """Parameters of DreamerV3 after an update on the first rows, cut into sequences."""
    solver, shape = Dreamer(*envs.sizes(DREAMER_TASK), settings.dreamer, seed=0), settings.dreamer
    parts = {"state": played.observations, "action": played.actions, "reward": played.rewards}
    rows = {name: torch.from_numpy(np.asarray(part)[: shape.batch * shape.sequence]) for name, part in parts.items()}
    batch = {name: part.unflatten(0, (shape.sequence, shape.batch)) for name, part in rows.items()}
    flags = {name: torch.zeros(shape.sequence, shape.batch) for name in ("is_first", "is_terminal")}
    flags["is_first"][0] = 1
    solver.update(batch | flags)
    return [value for value in _tensors(solver.state_dict()) if value.is_floating_point()]


def _tensors(state: object) -> list[torch.Tensor]:
    if isinstance(state, torch.Tensor):
        return [state]
    values = state.values() if isinstance(state, dict) else state if isinstance(state, list | tuple) else ()
    return [tensor for value in values for tensor in _tensors(value)]


def run_names() -> list[tuple[str, str]]:
    """Task and method of each whole run."""
    on_sac = [(SAC_TASK, name) for name in methods.bases() if not methods.is_external(name)]
    return on_sac + [(DREAMER_TASK, name) for name in ON_DREAMER]


def runs(settings: ExperimentSettings, only: str = "") -> Iterator[tuple[str, str]]:
    """Name and digest (curve, policy) of each whole run whose name contains `only`."""
    with tempfile.TemporaryDirectory() as folder:
        for task in (SAC_TASK, DREAMER_TASK):
            write_demonstrations(Path(folder, f"{task}.npz"), random_play(task))
        for task, name in run_names():
            if only not in f"{name} on {task}":
                continue
            demonstrations, out = Path(folder, f"{task}.npz"), Path(folder, task, name)
            (left,) = stages.imitate(settings, name, task, demonstrations, out, [0])
            files = [(left / file).read_bytes() for file in ("curve.csv", "policy.safetensors")]
            yield f"{name} on {task}", hashlib.sha256(b"".join(files)).hexdigest()[:16]


def report(found: Iterator[tuple[str, str]], golden: Mapping[str, str], section: str) -> dict[str, str]:
    """Print each as it is found, and whether it is golden; all of them."""
    values = {}
    for name, value in found:
        values[name] = value
        verdict = "new" if name not in golden else "same" if golden[name] == value else "DIFFERS"
        print(f"  {verdict:8}{section}: {name}", flush=True)
    return values


def settle(found: Golden, golden: Golden, source: Path) -> str:
    """A sentence on what was found, if it is golden.

    Raises:
        UserError: naming the first that differs, or what there is nothing golden to compare with.
    """
    named = [(section, name) for section, values in found.items() for name in values]
    known = [(section, name) for section, name in named if name in golden.get(section, {})]
    differing = [(section, name) for section, name in known if golden[section][name] != found[section][name]]
    if differing:
        section, first = differing[0]
        told = "all layers are the same" if section == "runs" else f"the first layer that differs is '{first}'"
        raise UserError(f"{len(differing)} of {len(named)} differ from {source}; {told}")
    if new := [name for section, name in named if (section, name) not in known]:
        raise UserError(f"{len(new)} of {len(named)} are not in {source}, '{new[0]}' for one: --write takes them")
    others = sum(len(golden[section]) for section in found) - len(named)
    return f"all {len(named)} are the same" + (f"; {others} more were not looked at" if others else "")


def look(options: argparse.Namespace, golden: Golden) -> Golden:
    """What this machine gives of what is asked for, printed as it is found."""
    settings = load_experiment("quick", AT_QUICK) if options.quick else load_experiment("smoke", ASSIGNMENTS)
    bits.tell(settings.training.bits)
    settle_process(settings.training)
    if options.quick:
        by = bits.compiler()
        print(f"compiler: {by or 'none, so that no update is compiled'}")
        print(f"golden:   {golden.get(COMPILER, {}).get(COMPILED)}")
        found = {COMPILED: report(layers_of_quick(settings), golden.get(COMPILED, {}), COMPILED)}
        return {**found, COMPILER: {COMPILED: by}} if options.write and by else found
    found = {"layers": report(layers(settings), golden.get("layers", {}), "layers")}
    if not options.layers:
        found["runs"] = report(runs(settings, options.only), golden.get("runs", {}), "runs")
    return found


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--golden", type=Path, default=GOLDEN, help="what to compare with (default: the suite's)")
    flags.add_argument("--write", action="store_true", help="take what is found as golden")
    flags.add_argument("--layers", action="store_true", help="no runs")
    flags.add_argument("--only", default="", help="runs whose name contains this, as 'smiling on cheetah_run'")
    flags.add_argument("--quick", action="store_true", help="what quick scale does otherwise")
    options = flags.parse_args()
    if not any(options.only in f"{name} on {task}" for task, name in run_names()):
        raise UserError(f"no run's name contains '{options.only}'")
    bits.restart_pinned("any")
    golden: Golden = {} if options.write and not options.golden.exists() else json.loads(options.golden.read_text())
    found = look(options, golden)
    if options.write:
        write_json(options.golden, merge(golden, found))
        print(f"written: {options.golden}")
    else:
        print(settle(found, golden, options.golden))


if __name__ == "__main__":
    command.run(main)
