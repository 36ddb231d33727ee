"""Stages that tests interrupt, at smoke size, and how far they are."""

from pathlib import Path

from commands import TASK

STAGES = {
    "expert": ("train_expert.py", "--task", TASK),
    **{
        method: ("imitate.py", "--task", TASK, "--seeds", 3, "--method", method)
        for method in ("smiling", "dac", "iq_learn")
    },
    "together": ("imitate.py", "--task", TASK, "--seeds", 3, 5, "--method", "smiling"),
    "bc": ("imitate.py", "--task", TASK, "--seeds", 3, "--method", "bc", "--set", "method_settings.bc.updates=40"),
}


def arguments(stage: str, demonstrations: Path, out: Path) -> list[object]:
    script, *rest = STAGES[stage]
    given = [] if stage == "expert" else ["--demonstrations", demonstrations]
    return [script, *rest, *given, "--out", out]


def folders(stage: str, out: Path) -> list[Path]:
    """Where the stage writes, the folder with its checkpoint first."""
    return {"expert": [out], "together": [out / "seed3", out / "seed5"]}.get(stage, [out / "seed3"])


def rows(curve: Path) -> int:
    """Rows of a curve under its header; none where there is no file."""
    return len(curve.read_text().splitlines()) - 1 if curve.exists() else 0
