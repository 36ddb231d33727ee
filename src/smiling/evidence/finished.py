"""Finished runs of an experiment: where they are, and their normalised curves and scores."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from smiling import methods
from smiling.evidence import curves, verification
from smiling.evidence.curve_figures import CurveFigure
from smiling.evidence.curves import Scale
from smiling.experiment import ExperimentSettings
from smiling.runs import demonstration_kinds
from smiling.runs.contract import ReturnsRecord, commit_of, read_record
from smiling.runs.provenance import file_digest, fingerprint, provenance
from smiling.settings import UserError, effective
from smiling.stages import code_of_run

# What runs that are drawn together may have several of, as their record calls it and as it is said.
SEVERAL = {
    "commits": "commits",
    "packages": "sets of packages",
    "machines": "kinds of machine",
    "bits": "kinds of bits",
}


@dataclass(frozen=True)
class RunGroup:
    """Runs of one method on one task from one kind of demonstrations: its seeds."""

    task: str
    demos: str
    method: str
    seeds: tuple[int, ...]

    def folders(self, results: Path) -> list[Path]:
        """Where the artefacts of each seed are."""
        return [results / self.task / self.demos / self.method / f"seed{seed}" for seed in self.seeds]

    def demonstrations(self, results: Path) -> Path:
        """The folder of what they learnt from."""
        return results / self.task / demonstration_kinds.parse(self.demos).folder

    def finished(self, results: Path) -> "RunGroup":
        """Those that have finished."""
        done = zip(self.seeds, self.folders(results), strict=True)
        return replace(self, seeds=tuple(seed for seed, folder in done if (folder / "curve.csv").exists()))


def planned(settings: ExperimentSettings, drawn: CurveFigure) -> list[RunGroup]:
    """All runs of a figure."""
    return [
        RunGroup(task, drawn.demos_of(method), method, settings.seeds_of(task))
        for task in drawn.tasks_of(settings)
        for method in drawn.methods_of(settings)
    ]


def shown(results: Path, settings: ExperimentSettings, drawn: CurveFigure) -> list[RunGroup]:
    """The runs of a figure that it is drawn from: all, or where seeds may be missing those that have finished.

    Raises:
        UserError: if that is none.
    """
    return to_show(results, settings, planned(settings, drawn))


def to_show(results: Path, settings: ExperimentSettings, groups: Sequence[RunGroup]) -> list[RunGroup]:
    """Of given runs all, or where seeds may be missing those that have finished.

    Raises:
        UserError: if that is none.
    """
    if settings.allow_missing_seeds:
        groups = [group for group in (each.finished(results) for each in groups) if group.seeds]
    if not groups:
        raise UserError(f"{results} has no finished run to show")
    return list(groups)


def there(results: Path, settings: ExperimentSettings, drawn: CurveFigure) -> list[RunGroup]:
    """The runs of a figure that can be shown whatever else is missing: of a method on a task all seeds that are asked
    for, or some where seeds may be missing.
    """
    found = [(group, group.finished(results)) for group in planned(settings, drawn)]
    return [done for group, done in found if done.seeds and (settings.allow_missing_seeds or done == group)]


def missing(results: Path, settings: ExperimentSettings, drawn: CurveFigure) -> list[RunGroup]:
    """The runs of a figure that have not finished."""
    found = [(group, group.finished(results).seeds) for group in planned(settings, drawn)]
    left = [replace(group, seeds=tuple(seed for seed in group.seeds if seed not in done)) for group, done in found]
    return [group for group in left if group.seeds]


def records(results: Path, settings: ExperimentSettings, group: RunGroup) -> list[dict[str, Any]]:
    """Each seed's run.json, of which names, settings and demonstrations are those asked for.

    Raises:
        UserError: naming the file, what differs and both values.
    """
    returns = read_record(group.demonstrations(results) / "returns.json", ReturnsRecord)
    folders = group.folders(results)
    what = settings, group.method, group.task, group.demos, returns.get("digest")
    found = [verification.check_run(folder, *what) for folder in folders]
    if methods.is_external(group.method):
        verification.check_alike(folders, found)
    return found


class Played(NamedTuple):
    """What runs of a method on a task reached; of a method that takes no steps, its best checkpoint."""

    steps: np.ndarray  # (n,)
    normalised: np.ndarray  # (seeds, n); returns, where they cannot be normalised
    returns: np.ndarray  # (seeds, n), as they are


def scale(results: Path, settings: ExperimentSettings, task: str, must_beat_random: bool = False) -> Scale:
    """By what returns on `task` are normalised: what is given (`tasks.TASK.normalise`), else what was measured.

    Raises:
        UserError: if what was measured is missing, or the expert must be better than random and is not.
    """
    if given := settings.task(task).normalise:
        return Scale(given.expert, given.random)
    return curves.read_returns(results / task / demonstration_kinds.FOLDER, must_beat_random)


def normalised(results: Path, settings: ExperimentSettings, group: RunGroup) -> tuple[np.ndarray, np.ndarray]:
    """The steps of `played`, and its normalised returns."""
    return played(results, settings, group)[:2]


def played(results: Path, settings: ExperimentSettings, group: RunGroup) -> Played:
    """What the runs of a group reached.

    Raises:
        UserError: naming a run that is missing, damaged, or not the one that is asked for.
    """
    read = [curves.read_curve(folder) for folder in group.folders(results)]
    demonstrations = results / group.task / demonstration_kinds.FOLDER  # by which all kinds are normalised
    scaled = scale(results, settings, group.task, settings.expert.must_beat_random)
    records(results, settings, group)
    verification.check_returns(demonstrations, settings, group.task)
    kind = demonstration_kinds.parse(group.demos)
    verification.check_returns(group.demonstrations(results), settings.demonstrating(kind), group.task)
    steps, returns = curves.on_grid(read)
    takes_steps, asked = methods.load(group.method).takes_steps, settings.env_steps(group.method, group.task)
    if takes_steps and steps[-1] != asked:
        raise UserError(f"{group.folders(results)[0]}/curve.csv ends at step {steps[-1]}, but {asked} are asked for")
    if not takes_steps:
        steps, returns = np.zeros(1, int), returns.max(1, keepdims=True)
    return Played(steps, curves.normalise(returns, *scaled), returns)


def without_scale(results: Path, settings: ExperimentSettings, tasks: Sequence[str]) -> list[str]:
    """Those of `tasks` whose expert is not known or not above random: their returns cannot be normalised."""
    return [task for task in tasks if not scale(results, settings, task).is_one()]


def scores(results: Path, settings: ExperimentSettings, drawn: CurveFigure) -> pd.DataFrame:
    """A row for each run: columns task, method, seed, final, area and final_return.

    `final` is the mean normalised return over the last quarter of the steps, `area` the area under the normalised curve
    over its steps; of a method that takes no steps both are its best checkpoint's. `final_return` is `final` before it
    is normalised.
    """
    return scores_of(results, settings, shown(results, settings, drawn))


def scores_of(results: Path, settings: ExperimentSettings, groups: Sequence[RunGroup]) -> pd.DataFrame:
    """The same of given runs."""
    rows = []
    for group in groups:
        steps, values, returns = played(results, settings, group)
        if len(steps) == 1:
            final, area, raw = values[:, 0], values[:, 0], returns[:, 0]
        else:
            final, raw = (curves.last_quarter(steps, each) for each in (values, returns))
            area = np.trapezoid(values, steps) / (steps[-1] - steps[0])
        for seed, *score in zip(group.seeds, final, area, raw, strict=True):
            rows.append((group.task, group.method, seed, *score))
    return pd.DataFrame(rows, columns=["task", "method", "seed", "final", "area", "final_return"])


def drawn_from(script: str, results: Path, settings: ExperimentSettings, groups: Sequence[RunGroup]) -> dict[str, Any]:
    """What the record of something that a script draws says: settings, what made it, the runs, and what made those."""
    files = [folder / "curve.csv" for group in groups for folder in group.folders(results)]
    tasks = list(dict.fromkeys(group.task for group in groups))
    return {
        **drawn_by(script, settings),
        "runs": {str(file): file_digest(file) for file in files},
        "made_by": makers(results, settings, groups),
        "not_normalised": without_scale(results, settings, tasks),
        "normalised_by": {task: scale(results, settings, task)._asdict() for task in tasks},
    }


def drawn_by(script: str, settings: ExperimentSettings) -> dict[str, Any]:
    """The part of it that needs no run."""
    said = {"settings": settings.model_dump(mode="json"), "code": fingerprint(Path(script))}
    return {**said, "provenance": provenance()}


def is_as_asked(record: Path, code: str, settings: ExperimentSettings | None = None) -> bool:
    """Whether a record of something drawn, if it can be read, is of this code and, where they matter, settings."""
    try:
        said = read_record(record)
    except UserError:
        return False
    if settings is not None:
        full, recorded = settings.model_dump(mode="json"), said.get("settings") or {}
        if verification.without_effectless(recorded, full, effective(settings)) != effective(settings):
            return False
    return said.get("code") == code


def makers(results: Path, settings: ExperimentSettings, groups: Sequence[RunGroup]) -> dict[str, Any]:
    """How many runs were made by which commit, packages and machine, of which bits, by other code than this tree's."""
    counted, other_code = {what: Counter[str]() for what in SEVERAL}, 0
    for group in groups:
        code = None if methods.is_external(group.method) else code_of_run(settings, group.method, group.task)
        for record in records(results, settings, group):
            for what, name in _made(record).items():
                counted[what][name] += 1
            other_code += code is not None and record.get("code") != code
    runs = sum(len(group.seeds) for group in groups)
    return {"runs": runs, "of_other_code": other_code, **{what: dict(names) for what, names in counted.items()}}


def _made(record: dict[str, Any]) -> dict[str, str]:
    """What a run was made by, under the names of SEVERAL."""
    made = record.get("provenance") or {}
    return {
        "commits": commit(made),
        "packages": _packages(made),
        "machines": _machine(made.get("hardware") or {}),
        "bits": (record.get("bits") or {}).get("alike") or "unknown",  # which machines share them
    }


def commit(made: dict[str, Any]) -> str:
    """The commit of a record's provenance, and whether the tree was another."""
    modified = (made.get("git") or {}).get("modified")
    return f"{commit_of(made) or 'unknown'}{' (modified)' if modified else ''}"


def _packages(made: dict[str, Any]) -> str:
    versions = {"python": made.get("python"), **(made.get("versions") or {})}
    return ", ".join(f"{name} {version}" for name, version in versions.items() if version) or "unknown"


def _machine(hardware: dict[str, Any]) -> str:
    return str(hardware.get("gpu") or hardware.get("processor") or "unknown")


def stands_on(made: dict[str, Any]) -> str:
    """How many runs there are, and by which commits, on which machines, with which packages they were made."""
    named = (commit.partition(" ") for commit in made["commits"])
    commits = ", ".join(f"{commit[:12]}{space}{modified}" for commit, space, modified in named)
    machines, packages, bits = (", ".join(made[what]) for what in ("machines", "packages", "bits"))
    return f"{made['runs']} runs of commit {commits}, on {machines} (bits of {bits}), with {packages}"


def remarks(drawn: dict[str, Any]) -> list[str]:
    """Sentences on what a reader of something drawn should know, from its record (`drawn_from`)."""
    made, said = drawn["made_by"], []
    several = [f"{len(made[what])} {name}" for what, name in SEVERAL.items() if len(made[what]) > 1]
    if several:
        said.append(f"made differently among its {made['runs']} runs: {', '.join(several)}")
    if other := made["of_other_code"]:
        which = f"all {made['runs']}" if other == made["runs"] else f"{other} of {made['runs']}"
        said.append(f"{which} runs were made by other code than this tree's")
    if drawn["not_normalised"]:
        said.append(
            f"not normalised, the expert being unknown or no better than random: {', '.join(drawn['not_normalised'])} "
            "(returns as they are)"
        )
    tasks = drawn["settings"]["tasks"]
    given = {task: by for task, by in drawn["normalised_by"].items() if tasks[task]["normalise"]}
    if given:
        said.append("normalised by returns that were given: " + told_scales(given))
    return said


def told_scales(scales: Mapping[str, Mapping[str, float]]) -> str:
    """Scales of tasks, for people."""
    return ", ".join(f"{task} (expert {by['expert']:g}, random {by['random']:g})" for task, by in scales.items())


def tell(drawn: dict[str, Any]) -> None:
    """Print what something drawn stands on, and the remarks on it, a line each."""
    print(f"verified: {stands_on(drawn['made_by'])}")
    for remark in remarks(drawn):
        print(f"note: {remark}")
