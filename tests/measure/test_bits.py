"""The same bits: what is golden is what this machine gives, and what an emulated processor of either vendor gives."""

import json
import os
import platform
import shlex
import shutil
import site
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ROOT, TASK

from smiling import bits

pytestmark = pytest.mark.long

CHECK = ROOT / "src" / "measure" / "check_bits.py"
GOLDEN = ROOT / "tests" / "golden" / "bits.json"
ARGUMENTS = ("--task", TASK, "--method", "bc", "--seeds", "0", "--scale", "smoke")


def free_environment() -> dict[str, str]:
    """This process's, without pins."""
    return {name: value for name, value in os.environ.items() if name not in (*bits.pins("any"), bits.RESTARTED)}


def check(*arguments: str, golden: Path = GOLDEN) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, CHECK, "--golden", golden, *arguments]
    return subprocess.run(call, env=free_environment(), capture_output=True, text=True, timeout=900)


@pytest.fixture
def shares_bits() -> None:
    if why := bits.why_own("own"):
        pytest.skip(f"bits are this machine's own: {why}")


@pytest.mark.usefixtures("shares_bits")
def test_this_machine_gives_the_golden_bits():
    done = check()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DIFFERS" not in done.stdout
    assert done.stdout.count("  same ") == sum(map(len, json.loads(GOLDEN.read_text()).values()))


@pytest.mark.usefixtures("shares_bits")
def test_the_first_layer_that_differs_is_named(tmp_path):
    golden = json.loads(GOLDEN.read_text())
    for name in ("a fitted score model", "first reward"):
        golden["layers"][name] = "0" * 16
    (tmp_path / "golden.json").write_text(json.dumps(golden))
    done = check("--only", "no run", golden=tmp_path / "golden.json")
    assert done.returncode == 1
    assert "error: 2 of 7 differ from" in done.stderr
    assert "the first layer that differs is 'a fitted score model'" in done.stderr


@pytest.mark.usefixtures("shares_bits")
@pytest.mark.slow
@pytest.mark.parametrize("processor", ["EPYC-Rome", "Haswell-v4"])
def test_an_emulated_processor_gives_the_golden_bits(processor):
    """AMD's without AVX-512, and Intel's; a whole run of SMILING, six to ten times slower than without emulation."""
    if shutil.which("qemu-x86_64") is None:
        pytest.skip("no emulated processor: install Debian's qemu-user")
    paths = ":".join(map(str, (ROOT / "src", ROOT, *site.getsitepackages())))
    environment = {**free_environment(), **bits.pins("any"), "PYTHONPATH": paths}
    interpreter = str(Path(sys.executable).resolve())
    call = ["qemu-x86_64", "-cpu", processor, interpreter, str(CHECK), "--only", "smiling on cheetah_run"]
    done = subprocess.run(call, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "all 8 are the same" in done.stdout


def imitate(
    out: Path, demonstrations: Path, how: tuple[str, ...], **variables: str
) -> tuple[subprocess.CompletedProcess[str], dict]:
    """A short run in a process of its own; what it printed, and what its record says of its bits."""
    arguments = (*ARGUMENTS, "--demonstrations", str(demonstrations), "--out", str(out))
    environment = {**free_environment(), "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", **variables}
    done = subprocess.run([sys.executable, *how, *arguments], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done, json.loads((out / "seed0" / "run.json").read_text())["bits"]


@pytest.mark.usefixtures("shares_bits")
def test_a_script_pins_itself_and_says_so(demonstrations_file, tmp_path):
    done, said = imitate(tmp_path, demonstrations_file, (str(ROOT / "src" / "imitate.py"),))
    assert (said["asked"], said["alike"], said["because"]) == ("any", "every x86-64 with AVX2", None)
    assert said["pins"] == bits.pins("any")
    assert "note: bits" not in done.stdout


IMPORTED = """
import sys, torch, smiling
from pathlib import Path
settings = smiling.load_experiment("smoke")
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
smiling.imitate(settings, "bc", given["--task"], Path(given["--demonstrations"]), Path(given["--out"]), [0])
"""


@pytest.mark.usefixtures("shares_bits")
def test_a_program_of_ones_own_is_pinned_by_its_environment_or_told_why_not(demonstrations_file, tmp_path):
    done, said = imitate(tmp_path / "free", demonstrations_file, ("-c", IMPORTED))
    assert said["alike"] == bits.OWN
    assert "MKL_CBWR were not set so when Python started" in said["because"]
    assert f"note: bits are this machine's own, not those of 'any': {said['because']}" in done.stdout
    done, said = imitate(tmp_path / "pinned", demonstrations_file, ("-c", IMPORTED), **bits.pins("any"))
    assert said["alike"] == "every x86-64 with AVX2"


def test_pins_are_printed_for_a_shell():
    printed = subprocess.run(
        [sys.executable, "-m", "smiling.bits", "vendor"], capture_output=True, text=True, check=True, cwd=ROOT / "src"
    ).stdout
    assert dict(text.split("=", 1) for text in shlex.split(printed)) == bits.pins("vendor")


def test_what_cannot_be_pinned_says_why(monkeypatch):
    assert bits.why_own("any", "cuda") == "it computes on a GPU"
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert bits.why_own("any") == "its processor is aarch64, not x86-64"
    assert bits.described("any")["alike"] == bits.OWN
