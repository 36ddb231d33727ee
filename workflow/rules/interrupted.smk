"""After a Snakemake that was killed: what its jobs have finished since is kept, what they still make is not begun again."""

import base64

from smiling.runs import folder as run_folder
from smiling.runs import locks

INCOMPLETE = Path(".snakemake", "incomplete")  # where Snakemake marks what a job has begun, and not been seen to finish
MADE_LAST = "run.json"  # of a run's or an expert's folder


def marked(mark):
    """The file that a mark of Snakemake's stands for: its name is the mark's path, encoded."""
    parts = mark.relative_to(INCOMPLETE).parts
    return Path(base64.urlsafe_b64decode("".join(part.removeprefix("@") for part in parts)).decode())


def keep_finished():
    """Take Snakemake's marks off what is whole by its own record: it would delete that, and make it anew."""
    for mark in filter(Path.is_file, INCOMPLETE.rglob("*")):
        try:
            file = marked(mark)
        except ValueError:
            continue  # no mark of a file
        if (file.parent / MADE_LAST).exists() and file.exists() and file.parent not in OUTDATED:
            mark.unlink(missing_ok=True)


def refuse_running(folder):
    """Stop, before a run that is still being made is begun again.

    Raises:
        UserError: naming it, and what to do.
    """
    if (folder / MADE_LAST).exists() or not locks.is_held(folder):
        return
    *_, last = run_folder.attempts(folder) or [{}]
    job = f"job {last['job']}" if last.get("job") else f"process {last.get('pid')}"
    raise UserError(
        f"{folder} is still being made, by what an earlier Snakemake began ({job} on {last.get('node')}): wait for it or "
        "stop it, then give the same command again, with --unlock once before if Snakemake asks for that"
    )


if workflow.is_main_process:
    keep_finished()
