"""Run the stage scripts as users do, at a size at which a stage takes seconds."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TASK = "ball_in_cup_catch"
SETTINGS = ["--scale", "smoke", "--set", "training.checkpoint_seconds=0"]


def command(script: str, *arguments: object) -> list[str]:
    """Command line of a stage script at smoke scale, a checkpoint after every episode."""
    return [sys.executable, str(ROOT / "src" / script), *SETTINGS, *(str(argument) for argument in arguments)]


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a stage to its end, whatever that is."""
    return subprocess.run(command(script, *arguments), capture_output=True, text=True, timeout=300)


def run_well(script: str, *arguments: object) -> str:
    """Run a stage that must succeed; what it printed."""
    done = run(script, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_refused(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    """One sentence on stderr that contains `parts`, no traceback, a non-zero exit."""
    assert done.returncode not in (0, None)
    assert done.stderr.startswith("error: "), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for part in parts:
        assert part in done.stderr
