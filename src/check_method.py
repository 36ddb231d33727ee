"""Check a method on all that the suite counts on: the table in docs/add-a-method.md, a row each.

Makes small runs on one task: by the method's own rule, in a copy of this tree, and of a method of the library further
ones in this process. Prints what passes and what does not, and exits with 1 if anything does not. Several methods may
be named, with commas between.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from smiling import bits, command, methods
from smiling.checks import Outcome, programs, runs
from smiling.checks.watched import random_play
from smiling.experiment import load_experiment
from smiling.overrides import parse_overrides
from smiling.runs.demonstrations import Demonstrations, write_demonstrations
from smiling.runs.folder import PARTIAL_CURVE
from smiling.runs.provenance import ROOT
from smiling.settings import UserError

NOT_COPIED = (".git", ".venv", ".snakemake", "results", "figures", "logs", "__pycache__", "docs", "tests")
LIMIT_SECONDS = 600.0  # of one call
POLL_SECONDS = 0.02
KILLED_AFTER = 0.8  # of the time that its last run took, if it has not shown two evaluations before
FILE, RULE = "its file defines METHOD", "its rule's file"
# Lines of a run's output that say why it failed, the best first: a sentence, what was raised, Snakemake's words.
SAYING_WHY = (r"error: ", r"[\w.]*(Error|Exception): \S", r"configuration: ", r"Missing\w+Exception")
VERDICTS = {True: "passes", False: "FAILS ", None: "--    "}


class RuleTrial:
    """A method's rule at work in a copy of the tree, on demonstrations of the user's own."""

    def __init__(self, tree: Path, method: str) -> None:
        self.tree, self.method = tree, method
        self._own = tree / "own.npz"
        self._seconds = 0.0

    def folder(self, kind: str = "states") -> Path:
        """Of its run on a kind of demonstrations."""
        return self.tree / "results" / runs.SCALE / runs.TASK / kind / self.method / f"seed{runs.SEED}"

    def demonstrate(self, demonstrations: Demonstrations) -> None:
        """Put others in the place of those that it learns from."""
        write_demonstrations(self._own, demonstrations)

    def start(self, kind: str) -> subprocess.Popen[str]:
        """Have the run made, in a process group of its own."""
        target = str((self.folder(kind) / "curve.csv").relative_to(self.tree))
        asked = (*runs.ASKED, f"tasks.{runs.TASK}.demonstrations={self._own}", f"methods={self.method}")
        config = [f"scale={runs.SCALE}", *as_config(asked)]
        call = ["snakemake", "--cores", "1", "--nolock", "--rerun-incomplete", target, "--config", *config]
        return subprocess.Popen(
            call, cwd=self.tree, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )

    def run(self, kind: str = "states") -> tuple[bool, str]:
        """Have it made to the end: whether that went well, and why not."""
        process, start = self.start(kind), time.monotonic()
        try:
            output, _ = process.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return False, f"it took more than {LIMIT_SECONDS:.0f} seconds"
        self._seconds = time.monotonic() - start
        return process.returncode == 0, reason(output)

    def kill_on_its_way(self) -> bool:
        """Start the run, and kill it once it has evaluated twice or is nearly done; False if it was done before."""
        process, start = self.start("states"), time.monotonic()
        partial, seconds = self.folder() / PARTIAL_CURVE, KILLED_AFTER * self._seconds
        while process.poll() is None and time.monotonic() - start < seconds and _rows(partial) < 2:
            time.sleep(POLL_SECONDS)
        killed = process.poll() is None
        if killed:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return killed


def _rows(curve: Path) -> int:
    return len(curve.read_text().splitlines()) - 1 if curve.exists() else 0


def as_config(assignments: Sequence[str]) -> list[str]:
    """'a.b=value' texts as arguments of Snakemake's --config."""
    return [f"{key}={json.dumps(value)}" for key, value in parse_overrides(assignments).items()]


def reason(output: str) -> str:
    """Why a run failed, in a line: a sentence, what was raised, or the exit code and what the log ends with."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for pattern in SAYING_WHY:
        if told := [line for line in lines if re.match(pattern, line)]:
            return told[0]
    code = re.search(r"non-zero exit status (\d+)", output)
    log = re.search(r"its log \S+ ends:\n((?: +.*\n?)+)", output)
    last = log[1].strip().splitlines()[-1].strip() if log else "nothing"
    return f"it ended with exit code {code[1] if code else 'unknown'}; its log ends with: {last}"


def check(tree: Path, method: str, work: Path) -> Iterator[Outcome]:
    """All rows of the table that concern the method."""
    rule = Path("workflow", "rules", "methods", f"{methods.base(method)}.smk")
    try:
        methods.load(method)
    except UserError as error:
        yield Outcome(FILE, False, str(error))
        return
    external = methods.is_external(method)
    yield Outcome(FILE, None if external else True, "it is a program of its own" if external else "")
    found = (tree / rule).is_file()
    yield Outcome(RULE, found, "" if found else f"{rule} is missing: nothing says how it is run")
    if not found:
        return
    trial = RuleTrial(tree, method)
    if external:
        yield from programs.check(trial)
    else:
        yield from runs.check(runs.Trial(method, work), by_rule=lambda: made_by_rule(trial))


def made_by_rule(trial: RuleTrial) -> Path:
    """The run of a method of the library, by its rule.

    Raises:
        UserError: saying why there is none.
    """
    trial.demonstrate(random_play(runs.TASK))
    ran, told = trial.run()
    if not ran:
        raise UserError(told)
    return trial.folder()


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--method", required=True, help="one or several, with commas between")
    names = [name for name in flags.parse_args().method.split(",") if name]
    if not names:
        raise UserError("say which method to check: --config method=NAME")
    for name in names:
        if methods.base(name) not in methods.bases():
            methods.load(name)
    bits.restart_pinned(load_experiment(runs.SCALE).training.bits)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    failures = 0
    with tempfile.TemporaryDirectory(prefix="check_method-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*NOT_COPIED))
        for name in names:
            print(f"{name}, on {runs.TASK} at scale '{runs.SCALE}'", flush=True)
            for outcome in check(tree, name, Path(folder, "runs", name)):
                failures += outcome.passes is False
                detail = f": {outcome.detail}" if outcome.detail else ""
                print(f"  {VERDICTS[outcome.passes]}  {outcome.row}{detail}", flush=True)
    if failures:
        raise UserError(f"{failures} check{'s' if failures > 1 else ''} failed")


if __name__ == "__main__":
    command.run(main)
