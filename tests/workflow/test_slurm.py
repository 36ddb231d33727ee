"""The profile `slurm` on a real Slurm, all on this machine: whatever stops jobs, they end in the local bytes."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from commands import ROOT, TASK, copy_tree, run_well

UP, DOWN = ROOT / "tests" / "slurm" / "up", ROOT / "tests" / "slurm" / "down"
CONFIGURATION = Path("/etc/slurm/slurm.conf")
NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
MISSING = [name for name in NEEDED if shutil.which(name) is None]
LONG = 25_000  # steps of a run that takes more than Slurm's shortest limit, a minute
RARE = "training={checkpoint_seconds: 3600}"  # so that what a job keeps is what it keeps when it is told to stop
QUICK_TO_LOOK = (
    *("--latency-wait", "10", "--slurm-init-seconds-before-status-checks", "3"),
    *("--seconds-between-status-checks", "3"),
)

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"needs Slurm (Debian: .ci/run): {', '.join(MISSING)} not found"),
    pytest.mark.skipif(os.geteuid() != 0, reason="starts Slurm's daemons, as root"),
    pytest.mark.skipif(
        importlib.util.find_spec("snakemake_executor_plugin_slurm") is None, reason="needs pip install '.[slurm]'"
    ),
    pytest.mark.skipif(CONFIGURATION.exists(), reason="this machine has a Slurm of its own"),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two nodes of two CPUs each, on this machine; the environment in which Slurm's commands find them."""
    place = tmp_path_factory.mktemp("slurm")
    environment = {**os.environ, "SLURM_UP": str(place), "SLURM_CONF": str(place / "slurm.conf"), "KILL_WAIT": "15"}
    subprocess.run([UP], env=environment, check=True, timeout=120, stdout=subprocess.DEVNULL)
    yield environment
    subprocess.run([DOWN], env=environment, check=True, timeout=120)


def begin(tree, cluster, *arguments):
    """Snakemake with the profile, in `tree`."""
    binaries = Path(sys.executable).parent
    environment = {**cluster, "PATH": f"{binaries}:{os.environ['PATH']}"}
    asked = ("--workflow-profile", "workflow/profiles/slurm", *QUICK_TO_LOOK, "--jobs", "2", *arguments)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen([binaries / "snakemake", *asked], cwd=tree, env=environment, text=True, **pipes)


def until(holds, seconds=300):
    """Wait until something holds."""
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.2)


def wait_for(holds, process):
    """Wait until something holds, as long as `process` goes on."""

    def holds_or_ended():
        assert process.poll() is None, process.stdout.read()
        return holds()

    until(holds_or_ended)


def evaluated(run, times):
    """Whether an unfinished run has been evaluated so often."""
    curve = run / "partial_curve.csv"
    return lambda: curve.exists() and len(curve.read_text().splitlines()) > times


def attempts_at(run):
    """Batch job and process of each attempt at a run that is being made, the latest last."""
    kept = run / "attempts.json"
    return json.loads(kept.read_text()) if kept.exists() else []


def none_is_left(cluster):
    """Whether the cluster has no job any more."""
    queued = subprocess.run(["squeue", "--noheader"], env=cluster, check=True, capture_output=True, text=True)
    return queued.stdout == ""


def alone(tree, method, place, *settings):
    """The same run without any workflow, from the same demonstrations: its curve."""
    demonstrations = tree / "results" / "smoke" / TASK / "demonstrations" / "demonstrations.npz"
    flags = [flag for setting in settings for flag in ("--set", setting)]
    given = ("--task", TASK, "--method", method, "--seeds", 0, "--demonstrations", demonstrations)
    run_well("imitate.py", *given, *flags, "--out", place / method)
    return (place / method / "seed0" / "curve.csv").read_bytes()


@pytest.mark.long
def test_a_cancelled_job_goes_on_from_where_it_was_told_to_stop(cluster, tmp_path):
    tree = copy_tree(tmp_path / "tree")
    config = ("--config", "scale=smoke", f"only_tasks={TASK}", "methods=dac", "seeds=0", RARE)
    run = tree / "results" / "smoke" / TASK / "states" / "dac" / "seed0"
    with begin(tree, cluster, "runs", *config) as process:
        wait_for(evaluated(run, 2), process)
        job = attempts_at(run)[-1]["job"]
        subprocess.run(["scancel", job], env=cluster, check=True)
        output = process.communicate(timeout=500)[0]
    assert process.returncode == 0, output
    logs = tree / "logs" / "smoke" / TASK / "states" / "dac"
    assert "told to stop (SIGTERM): saved after" in (logs / "seed0.log.1").read_text()
    assert "goes on from" in (logs / "seed0.log").read_text()
    made = json.loads((run / "run.json").read_text())["attempts"]
    assert len(made) == 2
    assert made[0]["job"] == job != made[1]["job"]
    assert (run / "curve.csv").read_bytes() == alone(tree, "dac", tmp_path)


@pytest.mark.slow
def test_time_limit_kill_9_and_a_killed_snakemake_change_no_byte_and_no_run_is_made_twice(cluster, tmp_path):
    """A task of Figure 3: SMILING's job is killed, DAC's outlasts a limit of a minute, then Snakemake."""
    tree = copy_tree(tmp_path / "tree")
    long = f"tasks={{{TASK}: {{method_steps: {{dac: {LONG}}}}}}}"
    config = ("--config", "scale=smoke", f"only_tasks={TASK}", "seeds=0", long, "training={checkpoint_seconds: 2}")
    limits = ("--set-resources", "dac:runtime=1", "expert:runtime=5", "collect:runtime=5")
    limited = (*limits, "--groups", "expert=first", "collect=first", *config)
    runs = {
        name: tree / "results" / "smoke" / TASK / "states" / name / "seed0"
        for name in ("dac", "smiling", "iq_learn", "bc")
    }
    with ThreadPoolExecutor(1) as beside:
        with begin(tree, cluster, "runs", *limited) as process:
            wait_for(evaluated(runs["smiling"], 2), process)
            os.kill(attempts_at(runs["smiling"])[-1]["pid"], signal.SIGKILL)
            setting = f"tasks.{TASK}.method_steps.dac={LONG}"
            references = {name: beside.submit(alone, tree, name, tmp_path, setting) for name in runs}
            wait_for((runs["smiling"] / "run.json").exists, process)
            wait_for(lambda: len(attempts_at(runs["dac"])) > 1, process)
            process.kill()
            told = process.communicate()[0]
        assert "TIMEOUT" in told
        made = {name: (run / "run.json").read_bytes() for name, run in runs.items() if (run / "run.json").exists()}
        with begin(tree, cluster, "runs", *config, "--nolock") as process:  # DAC's job goes on
            refused = process.communicate(timeout=300)[0]
        assert process.returncode != 0
        assert "is still being made, by what an earlier Snakemake began" in refused, refused
        subprocess.run(["scancel", "--user", "root"], env=cluster, check=True)
        until(lambda: none_is_left(cluster))
        with begin(tree, cluster, "runs", *config, "--nolock") as process:
            output = process.communicate(timeout=900)[0]
        assert process.returncode == 0, output
        for name, record in made.items():  # with its wall time and command
            assert (runs[name] / "run.json").read_bytes() == record, name
        for name, run in runs.items():
            assert (run / "curve.csv").read_bytes() == references[name].result(), name
