"""Which finished parts of an experiment are what is asked for, which must be made again, and which are another's."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from smiling import methods
from smiling.evidence import verification
from smiling.experiment import ExperimentSettings
from smiling.runs.contract import ReturnsRecord, read_record
from smiling.settings import UserError

# Fingerprint of the code that makes, on a task, an 'expert', its 'demonstrations', or a run of a method.
Code = Callable[[str, str], str]


@dataclass
class Standing:
    """Folders of finished experts, demonstrations and runs that are not as they would be made now."""

    outdated: set[Path] = field(default_factory=set)  # of other code or demonstrations: made again
    conflicts: dict[Path, list[str]] = field(default_factory=dict)  # of other settings, with what differs

    def refuse_conflicts(self, experiment: str) -> None:
        """Stop before anything is made.

        Raises:
            UserError: if there are conflicts, naming a key, both values, how many there are and the ways on.
        """
        if self.conflicts:
            folder, found = next(iter(self.conflicts.items()))
            more = f" and {len(self.conflicts) - 1} more" if len(self.conflicts) > 1 else ""
            raise UserError(
                f"experiment '{experiment}' has results of other settings ({folder}{more}): {'; '.join(found)}; "
                f"{verification.WAYS_ON}"
            )


def survey(results: Path, settings: ExperimentSettings, code: Code) -> Standing:
    """The standing of all that has been finished, in `results`, on the tasks that are asked for."""
    found = Standing()
    for task in settings.task_names():
        _survey_task(results / task, settings, task, code, found)
    return found


def _survey_task(folder: Path, settings: ExperimentSettings, task: str, code: Code, found: Standing) -> None:
    expert, demonstrations = folder / "expert", folder / "demonstrations"
    own = settings.task(task).demonstrations is not None
    if not own and (expert / "run.json").is_file():
        record = read_record(expert / "run.json")
        differing = verification.expert_differences(record, settings, task)
        _note(found, expert, differing, record.get("code") != code("expert", task))
    made_anew = not own and _is_noted(found, expert)
    digest = None
    if (demonstrations / "returns.json").is_file():
        record = read_record(demonstrations / "returns.json", ReturnsRecord)
        differing, digest = verification.demonstrations_differences(record, settings, task), record.get("digest")
        # Demonstrations of the user's own that have changed are taken up, as changed code is; settings are not.
        other_code = record.get("code") != code("demonstrations", task)
        made_anew = made_anew or (bool(differing) if own else other_code)
        other_scale = bool(verification.scale_differences(record, settings))
        _note(found, demonstrations, [] if own else differing, made_anew or other_code or other_scale)
        made_anew = made_anew or demonstrations in found.conflicts
    for run, method, demos_kind in _finished_runs(folder):
        record = read_record(run / "run.json")
        differing = verification.run_differences(record, settings, method, task, demos_kind)
        other_code = not methods.is_external(method) and record.get("code") != code(method, task)
        other_states = digest is not None and record.get("demonstrations", digest) != digest
        _note(found, run, differing, made_anew or other_code or other_states)


def _note(found: Standing, folder: Path, differing: list[str], outdated: bool) -> None:
    if differing:
        found.conflicts[folder] = differing
    elif outdated:
        found.outdated.add(folder)


def _is_noted(found: Standing, folder: Path) -> bool:
    return folder in found.outdated or folder in found.conflicts


def _finished_runs(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Finished runs of methods that there are: folder, method, kind of demonstrations."""
    for record in sorted(folder.glob("*/*/seed*/run.json")):
        run = record.parent
        method, demos_kind = run.parent.name, run.parent.parent.name
        try:
            methods.load(method)
        except UserError:
            continue  # a method that has been removed since
        if (run / "curve.csv").is_file():
            yield run, method, demos_kind
