"""What runs say of themselves against what is asked for: what does not belong together is never drawn together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from smiling import methods
from smiling.experiment import ExperimentSettings, in_full
from smiling.runs.contract import ReturnsRecord, read_record
from smiling.runs.own_demonstrations import OwnDemonstrations, known_of
from smiling.runs.provenance import file_digest
from smiling.settings import Settings, UserError, differences

SUMMED = 1e-9  # by which sums of the same rewards may differ, of themselves or beside 0
WAYS_ON = (
    "give these settings an experiment of their own (--config experiment=NAME), "
    "or have those runs made anew (--config replace=true)"
)


def settings_differences(recorded: Any, wanted: dict[str, Any], asked: Mapping[str, Settings | int]) -> list[str]:
    """'key: value there, value here' for what was recorded that is not `wanted`, the part of `asked` that counts.

    Which machines share the bits does not: results differ by rounding then, and what is drawn of them says so.
    """
    if not isinstance(recorded, dict):
        return ["the settings that it was made under are missing"]
    recorded, wanted = _without_bits(recorded), _without_bits(wanted)
    return differences(without_effectless(recorded, in_full(asked), wanted), wanted)


def _without_bits(values: dict[str, Any]) -> dict[str, Any]:
    training = values.get("training")
    if not isinstance(training, dict):
        return values
    return {**values, "training": {name: value for name, value in training.items() if name != "bits"}}


def without_effectless(recorded: dict[str, Any], full: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """`recorded` without the settings that no result depends on: those of `full` that are not in `wanted`."""
    kept = {name: value for name, value in recorded.items() if name in wanted or name not in full}
    for name, value in kept.items():
        if all(isinstance(part.get(name), dict) for part in (recorded, full, wanted)):
            kept[name] = without_effectless(value, full[name], wanted[name])
    return kept


def run_differences(
    record: dict[str, Any], settings: ExperimentSettings, method: str, task: str, demos_kind: str
) -> list[str]:
    """What of a run's record is not what is asked for: names and settings.

    An external program's names and label count where it gives them; its settings are its own.
    """
    asked = {"task": task, "method": method, "demos_kind": demos_kind}
    if methods.is_external(method):
        asked["label"] = methods.load(method).label
        return differences({name: record.get(name, value) for name, value in asked.items()}, asked)
    found = differences({name: record.get(name) for name in asked}, asked)
    wanted = settings.of_run(method, task)
    return found + settings_differences(record.get("settings"), wanted, settings.settings_of_run(method, task))


def expert_differences(record: dict[str, Any], settings: ExperimentSettings, task: str) -> list[str]:
    """The same of an expert's record: what its training depends on."""
    wanted = settings.of_expert(task)
    return settings_differences(record.get("settings"), wanted, settings.settings_of_expert(task))


def demonstrations_differences(record: dict[str, Any], settings: ExperimentSettings, task: str) -> list[str]:
    """The same of a demonstrations folder's returns.json; of demonstrations of the user's own, their content.

    Raises:
        UserError: if the user's own cannot be read.
    """
    own = settings.task(task).demonstrations
    found = differences({"task": record.get("task")}, {"task": task})
    is_experts = "settings" in record
    if own is None and is_experts:
        wanted = settings.of_demonstrations(task)
        return found + settings_differences(record["settings"], wanted, settings.settings_of_expert(task))
    if own is not None and record.get("digest") == known_of(own, task).digest:
        return found
    file, part = record.get("file", "a file"), _part(record.get("subset") or {})
    there = "the expert's" if is_experts else f"'{file}'{part} ({record.get('digest')})"
    here = "the expert's" if own is None else f"'{own.file}'{_part(own.subset())} of another content"
    return [*found, f"demonstrations: {there} there, {here} here"]


def _part(subset: dict[str, int | None]) -> str:
    """What of a file is shown, where it is not all."""
    trajectories, every = subset.get("trajectories"), subset.get("subsample") or 1
    said = f", {trajectories} trajectories" if trajectories else ""
    return said + (f", one transition in {every}" if every > 1 else "")


def is_of_file(record: dict[str, Any], own: OwnDemonstrations) -> bool:
    """Whether a returns.json is of this part of the demonstrations in this file, whatever that held then."""
    same_part = _part(record.get("subset") or {}) == _part(own.subset())
    return same_part and Path(record.get("file", "")).resolve() == own.file.resolve()


def scale_differences(record: dict[str, Any], settings: ExperimentSettings, task: str) -> list[str]:
    """What of a returns.json bears on how curves are normalised, but not on what is learnt from.

    Of demonstrations of the user's own that are shown without their rewards, the digest does not tell the returns.

    Raises:
        UserError: if the user's own cannot be read.
    """
    asked = {"expert.evaluation_episodes": settings.expert.evaluation_episodes}
    found = differences({name: len(record.get("random_episodes") or ()) for name in asked}, asked)
    own = settings.task(task).demonstrations
    if own is None or "demonstrations" not in record:
        return found
    known = known_of(own, task)
    if record.get("digest") != known.digest or _same_returns(record["demonstrations"], known.returns):
        return found
    return [*found, f"demonstrations: the returns of the trajectories in '{own.file}' are others now"]


def _same_returns(there: Sequence[float] | None, here: Sequence[float] | None) -> bool:
    """Whether returns are the same but for the order in which a machine adds rewards up."""
    if there is None or here is None:
        return there is here
    return len(there) == len(here) and np.allclose(there, here, rtol=SUMMED, atol=SUMMED)


def check_run(
    folder: Path, settings: ExperimentSettings, method: str, task: str, demos_kind: str, digest: str | None
) -> dict[str, Any]:
    """The record of a run, of which names, settings, demonstrations (`digest`) and curve are those asked for.

    Raises:
        UserError: naming the file, what differs and both values.
    """
    path = folder / "run.json"
    record = read_record(path)
    found = run_differences(record, settings, method, task, demos_kind)
    if found:
        raise UserError(f"{path} is of another run than is asked for: {'; '.join(found)}; {WAYS_ON}")
    seed = int(folder.name.removeprefix("seed"))
    content = {"seed": seed, "demonstrations": digest, "curve": file_digest(folder / "curve.csv")}
    said = content if methods.is_external(method) else {"seed": seed}  # where it says nothing
    found = differences({name: record.get(name, said.get(name)) for name in content}, content)
    if found:
        raise UserError(f"{path} is not of what lies there: {'; '.join(found)}; delete {folder} to have it made anew")
    return record


def check_alike(folders: Sequence[Path], records: Sequence[dict[str, Any]]) -> None:
    """Refuse seeds of an external program that ran under other settings than the first: the suite knows none.

    Raises:
        UserError: naming both files, the key and both values.
    """
    for folder, record in zip(folders[1:], records[1:], strict=True):
        found = differences({"settings": record.get("settings")}, {"settings": records[0].get("settings")})
        if found:
            raise UserError(
                f"{folder / 'run.json'} is not of one kind with {folders[0] / 'run.json'}: {'; '.join(found)}; "
                "run those seeds under the same settings"
            )


def check_returns(folder: Path, settings: ExperimentSettings, task: str) -> dict[str, Any]:
    """A demonstrations folder's returns.json, which is what is asked for.

    Raises:
        UserError: naming the file, what differs and both values.
    """
    path = folder / "returns.json"
    record = read_record(path, ReturnsRecord)
    found = demonstrations_differences(record, settings, task) + scale_differences(record, settings, task)
    if found:
        raise UserError(f"{path} is of other demonstrations than are asked for: {'; '.join(found)}; {WAYS_ON}")
    return record
