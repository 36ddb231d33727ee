"""`kill -9` of Snakemake and of its jobs' processes: nothing is made twice, and it always ends in the same bytes."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import ROOT, TASK, snakemake

KILLS = 20
ONE_RUN = ("--config", "scale=smoke", f"only_tasks={TASK}", "seeds=0")
AGAIN = ("--cores", "1", "--nolock", "--rerun-incomplete")


def begin(folder, *arguments):
    """Snakemake in `folder`, and all that it starts, in a session of their own."""
    command = [Path(sys.executable).with_name("snakemake"), "--snakefile", ROOT / "Snakefile", *AGAIN, *arguments]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=folder, start_new_session=True, **quiet)


def living(session):
    """Processes of a session, zombies left out."""
    found = []
    for place in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            state, _, _, its_session = (place / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(its_session) == session and state != "Z":
                found.append(int(place.name))
    return sorted(found)


def again(folder, *arguments):
    return snakemake(folder, "--snakefile", str(ROOT / "Snakefile"), *AGAIN, *arguments)


@pytest.mark.long
def test_what_goes_on_after_snakemake_was_killed_is_not_begun_again_and_kept_when_it_is_whole(tmp_path):
    expert = tmp_path / "results" / "smoke" / TASK / "expert"
    first = begin(tmp_path, "experts", *ONE_RUN)
    limit = time.monotonic() + 120
    while not (expert / "progress.json").exists() and time.monotonic() < limit:
        time.sleep(0.05)
    first.kill()
    first.wait()
    refused = again(tmp_path, "experts", *ONE_RUN)
    assert refused.returncode != 0
    told = f"results/smoke/{TASK}/expert is still being made, by what an earlier Snakemake began (process "
    assert told in refused.stderr
    assert "Traceback" not in refused.stderr
    while living(first.pid) and time.monotonic() < limit:
        time.sleep(0.1)
    made = (expert / "run.json").stat().st_mtime_ns
    assert list((tmp_path / ".snakemake" / "incomplete").iterdir())
    done = again(tmp_path, "experts", *ONE_RUN)
    assert done.returncode == 0, done.stderr
    assert "Nothing to be done" in done.stdout + done.stderr
    assert (expert / "run.json").stat().st_mtime_ns == made


@pytest.mark.slow
def test_twenty_random_kills_end_in_the_same_bytes(tmp_path):
    """Each time any process of the workflow, after some seconds; what is left is waited for, and all begun again."""
    whole, killed, chance = tmp_path / "whole", tmp_path / "killed", random.Random(0)
    for folder in (whole, killed):
        folder.mkdir()
    target = ("figure3", *ONE_RUN, "training={checkpoint_seconds: 1}")
    assert again(whole, *target).returncode == 0
    kills = 0
    while kills < KILLS:
        process = begin(killed, *target)
        time.sleep(chance.uniform(2, 15))
        victims = living(process.pid)
        if victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(victims), signal.SIGKILL)
        kills += 1
        process.wait(600)
        while living(process.pid):
            time.sleep(0.1)
    last = again(killed, *target)
    assert last.returncode == 0, last.stderr
    files = [path.relative_to(whole) for path in whole.rglob("*") if path.name in ("curve.csv", "policy.safetensors")]
    assert len(files) == 2 * 5
    for file in [*files, Path("figures/smoke/figure3.csv")]:
        assert (killed / file).read_bytes() == (whole / file).read_bytes(), file
