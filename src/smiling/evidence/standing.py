"""Which finished parts of an experiment are what is asked for, which must be made again, and which are another's."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smiling import methods
from smiling.evidence import verification
from smiling.experiment import ExperimentSettings
from smiling.runs import demonstration_kinds
from smiling.runs.contract import Record, ReturnsRecord, RunRecord, read_record
from smiling.settings import UserError

# Fingerprint of the code that makes, on a task, an 'expert', its 'demonstrations', or a run of a method.
Code = Callable[[str, str], str]


@dataclass
class Standing:
    """Folders of finished experts, demonstrations and runs that are not as they would be made now."""

    outdated: set[Path] = field(default_factory=set)  # of other code or demonstrations: made again
    conflicts: dict[Path, list[str]] = field(default_factory=dict)  # of other settings, with what differs
    damaged: dict[Path, str] = field(default_factory=dict)  # with a record that cannot be read, and why
    silent: set[Path] = field(default_factory=set)  # runs whose record does not say what they learnt from

    def not_as_asked(self) -> set[Path]:
        """All that must be made again, or be refused."""
        return {*self.outdated, *self.conflicts, *self.damaged}

    def refuse(self, folder: Path, experiment: str) -> None:
        """Stop before what is in `folder` is made again, if it is another experiment's.

        Raises:
            UserError: naming a key, both values, how many such results there are and the ways on; or what is damaged.
        """
        if folder in self.damaged:
            raise UserError(self.damaged[folder])
        if folder in self.conflicts:
            more = f" and {len(self.conflicts) - 1} more" if len(self.conflicts) > 1 else ""
            raise UserError(
                f"experiment '{experiment}' has results of other settings ({folder}{more}): "
                f"{'; '.join(self.conflicts[folder])}; {verification.WAYS_ON}"
            )


def survey(results: Path, settings: ExperimentSettings, code: Code) -> Standing:
    """The standing of all that has been finished, in `results`, on the tasks that are asked for."""
    found = Standing()
    for task in settings.task_names():
        _survey_task(results / task, settings, task, code, found)
    return found


def _survey_task(folder: Path, settings: ExperimentSettings, task: str, code: Code, found: Standing) -> None:
    expert = folder / "expert"
    own = settings.task(task).demonstrations
    if own is None and (record := _record(found, expert / "run.json")):
        differing = verification.expert_differences(record, settings, task)
        _note(found, expert, differing, record.get("code") != code("expert", task))
    expert_anew = own is None and expert in found.not_as_asked()
    learnt_from = {
        place.name: _survey_demonstrations(place, settings.demonstrating(kind), task, code, expert_anew, found)
        for place in sorted(folder.glob(f"{demonstration_kinds.FOLDER}*"))
        if (kind := demonstration_kinds.of_folder(place.name))
    }
    for run, method, demos_kind in _finished_runs(folder):
        made_anew, digest = learnt_from.get(demonstration_kinds.parse(demos_kind).folder, (expert_anew, None))
        if record := _record(found, run / "run.json"):
            differing = verification.run_differences(record, settings, method, task, demos_kind)
            other_code = not methods.is_external(method) and record.get("code") != code(method, task)
            other_states = digest is not None and record.get("demonstrations", digest) != digest
            _note(found, run, differing, made_anew or other_code or other_states)
            found.silent |= set() if "demonstrations" in record else {run}


def _survey_demonstrations(
    folder: Path, settings: ExperimentSettings, task: str, code: Code, expert_anew: bool, found: Standing
) -> tuple[bool, str | None]:
    """Whether what learnt from these demonstrations must be made again, and the digest that it should have seen."""
    own, made_anew, digest = settings.task(task).demonstrations, expert_anew, None
    if record := _record(found, folder / "returns.json", ReturnsRecord):
        differing, digest = verification.demonstrations_differences(record, settings, task), record.get("digest")
        other_code = record.get("code") != code("demonstrations", task)
        # A file of the user's own that has changed is taken up, as changed code is; another file is another setting.
        changed_file = bool(differing) and own is not None and verification.is_of_file(record, own)
        made_anew = made_anew or changed_file or (own is None and other_code)
        other_scale = bool(verification.scale_differences(record, settings, task))
        _note(found, folder, [] if changed_file else differing, made_anew or other_code or other_scale)
    return made_anew or folder in found.conflicts or folder in found.damaged, digest


def _record(found: Standing, path: Path, kind: type[Record] = RunRecord) -> dict[str, Any] | None:
    """The record in a file; None if there is none, or if it is damaged, which is noted."""
    if not path.is_file():
        return None
    try:
        return read_record(path, kind)
    except UserError as error:
        found.damaged[path.parent] = str(error)
        return None


def _note(found: Standing, folder: Path, differing: list[str], outdated: bool) -> None:
    if differing:
        found.conflicts[folder] = differing
    elif outdated:
        found.outdated.add(folder)


def _finished_runs(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Finished runs of methods that there are: folder, method, kind of demonstrations."""
    for record in sorted(folder.glob("*/*/seed*/run.json")):
        run = record.parent
        method, demos_kind = run.parent.name, run.parent.parent.name
        try:
            methods.load(method)
            demonstration_kinds.parse(demos_kind)
        except UserError:
            continue  # a method that has been removed since, or a folder that is not of the suite's
        if (run / "curve.csv").is_file():
            yield run, method, demos_kind
