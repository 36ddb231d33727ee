"""A job is told to stop: it keeps where it is, in the midst of an episode, says so, and goes on to the same bytes."""

import os
import re
import signal
import subprocess
import time
from functools import partial

import pytest
from commands import command, run_well
from interrupted import STAGES, arguments, folders, rows

from smiling import stopping

pytestmark = pytest.mark.long

SECONDS = 10.0  # that a job may take to stop
DREAMER = ("train_expert.py", "--task", "humanoid_sit")


def begin(stage_arguments, rare_checkpoints=True):
    """A stage's process; no checkpoint but where it is told to stop."""
    heed = partial(
        signal.signal, signal.SIGINT, signal.SIG_DFL
    )  # a shell's background jobs, and so their tests, ignore it
    rare = ("--set", "training.checkpoint_seconds=3600") if rare_checkpoints else ()
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command(*stage_arguments, *rare), preexec_fn=heed, text=True, **pipes)


def stop(process, folder, sign, evaluations):
    """Send `sign` after so many evaluations; what it says, and its exit code."""
    limit = time.monotonic() + 120
    while rows(folder / "partial_curve.csv") < evaluations and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.01)
    time.sleep(0.1)
    process.send_signal(sign)
    asked = time.monotonic()
    said = process.communicate(timeout=60)[1]
    assert time.monotonic() - asked < SECONDS
    return said, process.returncode


@pytest.mark.parametrize(
    ("stage", "sign", "unit", "evaluations"),
    [
        pytest.param("expert", signal.SIGTERM, "steps", 2, marks=pytest.mark.slow),
        pytest.param("smiling", signal.SIGUSR1, "steps", 2, marks=pytest.mark.slow),
        pytest.param("dac", signal.SIGTERM, "steps", 2, marks=pytest.mark.slow),
        pytest.param("iq_learn", signal.SIGINT, "steps", 2, marks=pytest.mark.slow),
        ("together", signal.SIGTERM, "steps", 2),
        ("dreamer", signal.SIGINT, "steps", 1),
        ("bc", signal.SIGUSR1, "updates", 2),
    ],
)
def test_a_job_told_to_stop_goes_on_in_the_midst_of_an_episode(
    stage, sign, unit, evaluations, demonstrations_file, tmp_path, monkeypatch
):
    longer = ("--set", "method_settings.bc.updates=600", "--set", "method_settings.bc.evaluate_every=100")
    monkeypatch.setitem(STAGES, "bc", (*STAGES["bc"], *longer))
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    if stage == "dreamer":
        again, places = [*DREAMER, "--out", stopped], [(stopped, whole)]
        run_well(*DREAMER, "--out", whole)
    else:
        again = arguments(stage, demonstrations_file, stopped)
        places = list(zip(folders(stage, stopped), folders(stage, whole), strict=True))
        run_well(*arguments(stage, demonstrations_file, whole))
    with begin(again) as process:
        said, code = stop(process, places[0][0], sign, evaluations)
    assert code == 128 + sign, said
    told = rf"error: told to stop \({sign.name}\): saved after (\d+) {unit}; the same command goes on from there\n"
    done = re.fullmatch(told, said)
    assert done, said
    assert int(done[1]) % 1000  # not where an episode ends
    assert f"goes on from {done[1]} of" in run_well(*again)
    for mine, reference in places:
        for name in ("curve.csv", "policy.safetensors"):
            assert (mine / name).read_bytes() == (reference / name).read_bytes(), name


@pytest.mark.slow
def test_several_signals_are_one_and_may_come_at_any_time(demonstrations_file, tmp_path):
    """While it starts, prepares, learns: it stops in time, and the last attempt ends in the same bytes."""
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    run_well(*arguments("smiling", demonstrations_file, whole))
    again = arguments("smiling", demonstrations_file, stopped)
    for seconds in (2.0, 3.0, 4.0, 5.0, 6.0):
        with begin(again, rare_checkpoints=False) as process:
            time.sleep(seconds)
            for sign in (signal.SIGTERM, signal.SIGTERM, signal.SIGUSR1):
                process.send_signal(sign)
                time.sleep(0.05)
            asked = time.monotonic()
            process.wait(60)
            assert time.monotonic() - asked < SECONDS
    run_well(*again)
    for name in ("curve.csv", "policy.safetensors"):
        mine, reference = (folders("smiling", place)[0] / name for place in (stopped, whole))
        assert mine.read_bytes() == reference.read_bytes(), name


# In this process


@pytest.fixture
def heard(monkeypatch):
    """A process that listens, with little patience; afterwards it is as before."""
    before = {number: signal.getsignal(number) for number in (*stopping.SIGNALS, signal.SIGALRM)}
    monkeypatch.setattr(stopping, "GRACE_SECONDS", 0.2)
    monkeypatch.setattr(stopping, "_told", None)
    stopping.listen()
    yield lambda: os.kill(os.getpid(), signal.SIGTERM)
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_what_never_looks_is_ended_all_the_same(heard):
    def sleep():
        heard()
        assert stopping.is_asked()
        time.sleep(5)

    told = r"told to stop \(SIGTERM\): the same command goes on"
    with stopping.noted(), pytest.raises(stopping.Stopped, match=told) as ended:
        sleep()
    assert ended.value.code == 128 + signal.SIGTERM


def test_what_keeps_its_state_is_not_cut_off(heard):
    with stopping.noted():
        heard()
        stopping.take_time()
        time.sleep(0.5)
        with pytest.raises(stopping.Stopped, match="all of it; the same command goes on from there"):
            stopping.stop("all of it")


def test_what_is_done_at_once_is_ended_at_once(heard):
    with stopping.noted():
        for what in (heard, lambda: pytest.fail("it began")):
            with pytest.raises(stopping.Stopped), stopping.at_once():
                what()


def test_signals_that_are_ignored_stay_so(heard):
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    stopping.listen()
    os.kill(os.getpid(), signal.SIGUSR1)
    assert not stopping.is_asked()
