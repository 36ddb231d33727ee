"""An imitation run as a function: what `src/imitate.py` and programs of one's own call."""

from collections.abc import Sequence
from pathlib import Path

from smiling import bits, methods
from smiling.experiment import ExperimentSettings, in_full
from smiling.imitation import Imitation
from smiling.runs import demonstration_kinds
from smiling.runs.demonstrations import Demonstrations
from smiling.runs.divergence import advised, learning_rates
from smiling.runs.folder import RunFolder
from smiling.runs.own_demonstrations import read_for
from smiling.runs.provenance import fingerprint
from smiling.settings import UserError
from smiling.solvers.policies import write_policy
from smiling.training import settle_process


def imitate(
    settings: ExperimentSettings,
    method: str,
    task: str,
    demonstrations: Path,
    out: Path,
    seeds: Sequence[int],
    demos_kind: str = "states",
) -> list[Path]:
    """Run `method` on `task` from a demonstrations file; the folders seed{n} of `out` with each seed's run.

    Interrupted, the same call goes on. Threads and memory of this process are settled, as a script's are.

    Raises:
        UserError: for a mistake in the settings, names or demonstrations, or a folder that another process holds.
    """
    training = settings.of_training(task)
    settle_process(training)
    demos = read_for(demonstrations, task)
    _check_shown(demos, demonstrations, method, demos_kind)
    identity = {
        "stage": "imitation",
        "task": task,
        "method": method,
        "demos_kind": demos_kind,
        "settings": settings.of_run(method, task),
        "demonstrations": demos.digest(),
        "code": code_of_run(settings, method, task),
    }
    bits.tell(training.bits, training.device)
    record = {
        "settings": in_full(settings.settings_of_run(method, task)),
        "bits": bits.described(training.bits, training.device, training.one_piece),
    }
    distinct = list(dict.fromkeys(seeds))
    groups = [distinct] if settings.trains_together(method, task) else [[seed] for seed in distinct]
    folders = {seed: out / f"seed{seed}" for seed in distinct}
    seconds = training.checkpoint_seconds
    for group in groups:
        run = RunFolder({seed: folders[seed] for seed in group}, identity, seconds, write_policy, record)
        with advised(_rates(settings, method, task)), run as folder:
            methods.load(method).run(_imitation(settings, method, task, group, demos, demos_kind, folder))
    return list(folders.values())


def _check_shown(demos: Demonstrations, file: Path, method: str, demos_kind: str) -> None:
    """Refuse demonstrations that are not of their kind, or lack what the method needs."""
    kind, shown = demonstration_kinds.parse(demos_kind), len(demos.episode_starts)
    if kind.trajectories not in (None, shown):
        raise UserError(f"demonstrations {file}: '{demos_kind}' is of {kind.trajectories} trajectories, not {shown}")
    if demos.actions is None and (kind.with_actions or methods.load(method).sees_actions):
        raise UserError(
            f"{method} from {demos_kind} needs the expert's actions, but the demonstrations {file} hold no 'actions'; "
            "leave it out"
        )


def _rates(settings: ExperimentSettings, method: str, task: str) -> dict[str, float]:
    """The learning rates of a run: its method's, and the solver's where the method has none of its own."""
    name, solver, own = methods.base(method), settings.task(task).solver, settings.of_method(method, task)
    rates = learning_rates(f"method_settings.{name}", own)
    if methods.load(method).takes_steps and not hasattr(own, "sac"):
        rates |= learning_rates(solver, settings.of_solver(task))
    return rates


def code_of_run(settings: ExperimentSettings, method: str, task: str) -> str:
    """Fingerprint of the code that an imitation run depends on."""
    return fingerprint(Path(__file__), method=method, task=task, solver=settings.task(task).solver)


def _imitation(
    settings: ExperimentSettings,
    method: str,
    task: str,
    seeds: Sequence[int],
    demonstrations: Demonstrations,
    demos_kind: str,
    folder: RunFolder,
) -> Imitation:
    """What the method is given to run."""
    return Imitation(
        name=f"{task} {method} {_named(seeds)}",
        task=task,
        seeds=seeds,
        with_actions=demonstration_kinds.parse(demos_kind).with_actions,
        demonstrations=demonstrations,
        env_steps=settings.env_steps(method, task),
        settings=settings.of_method(method, task),
        solver=settings.task(task).solver,
        solver_settings=settings.of_solver(task),
        training=settings.of_training(task),
        folder=folder,
    )


def _named(seeds: Sequence[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(str(seed) for seed in seeds)}"
