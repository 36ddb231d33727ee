"""Check a method on the suite's contract: files, columns, steps, determinism, resume, kinds of demonstrations.

Runs it by its own rule at smoke scale, in a copy of this tree, on one task with one seed; prints what passes and what
does not, and exits with 1 if anything does not. Several methods may be named, with commas between.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from smiling import command, methods
from smiling.experiment import load_experiment
from smiling.runs import contract
from smiling.runs.folder import PARTIAL_CURVE
from smiling.runs.provenance import ROOT
from smiling.settings import UserError

SCALE, TASK, SEED = "smoke", "ball_in_cup_catch", 0
NOT_COPIED = (".git", ".venv", ".snakemake", "results", "figures", "logs", "__pycache__", "docs", "tests")
LIMIT_SECONDS = 600.0  # of one call
POLL_SECONDS = 0.02
KILLED_AFTER = 0.8  # of the time that the run takes, if it has not shown two evaluations before


@dataclass(frozen=True)
class Outcome:
    """What came of one check."""

    check: str
    passes: bool
    detail: str = ""


class Trial:
    """A method at work in a copy of the tree."""

    def __init__(self, tree: Path, method: str) -> None:
        self.tree, self.method = tree, method
        self.settings = load_experiment(SCALE, [f"only_tasks={TASK}", f"methods={method}", f"seeds={SEED}"])

    def folder(self, demos: str) -> Path:
        """Of its run on a kind of demonstrations."""
        return self.tree / "results" / SCALE / TASK / demos / self.method / f"seed{SEED}"

    def start(self, demos: str) -> subprocess.Popen[str]:
        """Have the run made, in a process group of its own."""
        target = str((self.folder(demos) / "curve.csv").relative_to(self.tree))
        config = (
            f"scale={SCALE}",
            f"only_tasks={TASK}",
            f"methods={self.method}",
            f"seeds={SEED}",
            f"experiment={SCALE}",
        )
        call = ["snakemake", "--cores", "1", "--nolock", "--rerun-incomplete", target, "--config", *config]
        return subprocess.Popen(
            call, cwd=self.tree, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )

    def run(self, demos: str = "states") -> tuple[bool, str]:
        """Have it made to the end: whether that went well, and what was printed."""
        process = self.start(demos)
        try:
            output, _ = process.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return False, f"it took more than {LIMIT_SECONDS:.0f} seconds"
        return process.returncode == 0, output

    def problems(self, demos: str = "states") -> list[str]:
        """What the contract says of the finished run."""
        takes_steps = methods.load(self.method).takes_steps
        steps = self.settings.env_steps(self.method, TASK) if takes_steps else None
        return contract.problems(self.folder(demos), steps, self.settings.training.evaluate_every)

    def take(self) -> bytes:
        """The finished curve, the run removed."""
        curve = (self.folder("states") / "curve.csv").read_bytes()
        shutil.rmtree(self.folder("states"))
        return curve

    def kill_on_its_way(self, seconds: float) -> bool:
        """Start the run, and kill it once it has evaluated twice or after `seconds`; False if it was done before."""
        process, start = self.start("states"), time.monotonic()
        partial = self.folder("states") / PARTIAL_CURVE
        while process.poll() is None and time.monotonic() - start < seconds and _rows(partial) < 2:
            time.sleep(POLL_SECONDS)
        killed = process.poll() is None
        if killed:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return killed


def _rows(curve: Path) -> int:
    return len(curve.read_text().splitlines()) - 1 if curve.exists() else 0


def reason(output: str) -> str:
    """The line of a run's output that says why it failed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("error: ")]
    raised = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return (told or raised or lines or ["it printed nothing"])[0]


def check(trial: Trial) -> list[Outcome]:
    """All checks, in order; what cannot be checked for an earlier failure is left out."""
    ran, output = trial.run()
    outcomes = [Outcome("runs", ran, "" if ran else reason(output))]
    if not ran:
        return outcomes
    found = trial.problems()
    outcomes.append(Outcome("files, columns and steps", not found, "; ".join(found)))
    if found:
        return outcomes
    first, start = trial.take(), time.monotonic()
    outcomes.append(_same_again("the same seed gives the same curve", trial, first))
    if outcomes[-1].passes:
        killed = trial.kill_on_its_way(KILLED_AFTER * (time.monotonic() - start))
        name = "killed, it goes on to the same curve"
        outcomes.append(_same_again(name, trial, first) if killed else Outcome(name, True, "too short to be killed"))
    return [*outcomes, actions(trial)]


def _same_again(name: str, trial: Trial, first: bytes) -> Outcome:
    ran, output = trial.run()
    if not ran:
        return Outcome(name, False, reason(output))
    same = trial.take() == first
    return Outcome(name, same, "" if same else "the curves differ")


def actions(trial: Trial) -> Outcome:
    """Whether it takes demonstrations with actions, or says in a sentence that it does not."""
    name = "demonstrations with actions, or a refusal in a sentence"
    if methods.load(trial.method).sees_actions:
        return Outcome(name, True, "it always sees actions")
    ran, output = trial.run("state_actions")
    if ran:
        found = trial.problems("state_actions")
        return Outcome(name, not found, "; ".join(found))
    refused = any(line.startswith("error: ") for line in output.splitlines()) and "Traceback" not in output
    return Outcome(name, refused, reason(output))


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--method", required=True, help="one or several, with commas between")
    names = [name for name in flags.parse_args().method.split(",") if name]
    if not names:
        raise UserError("say which method to check: --config method=NAME")
    for name in names:
        methods.load(name)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory(prefix="check_method-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*NOT_COPIED))
        failures = 0
        for name in names:
            print(f"{name}, on {TASK} at scale '{SCALE}'", flush=True)
            for outcome in check(Trial(tree, name)):
                failures += not outcome.passes
                verdict = "passes" if outcome.passes else "FAILS "
                print(f"  {verdict}  {outcome.check}{': ' if outcome.detail else ''}{outcome.detail}", flush=True)
    if failures:
        raise UserError(f"{failures} check{'s' if failures > 1 else ''} failed")


if __name__ == "__main__":
    command.run(main)
