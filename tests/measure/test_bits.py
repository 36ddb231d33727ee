"""The same bits: what is golden is what this machine gives, and what emulated processors of two vendors give."""

import json
import os
import platform
import runpy
import shlex
import shutil
import site
import subprocess
import sys
from pathlib import Path

import check_bits
import pytest
from commands import ROOT, TASK, copy_tree, snakemake

from smiling import bits
from smiling.settings import UserError

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
    golden = json.loads(GOLDEN.read_text())
    assert f"all {len(golden['layers']) + len(golden['runs'])} are the same\n" in done.stdout


@pytest.fixture
def compiles() -> None:
    if not bits.compiler():
        pytest.skip("no C++ compiler, so that no update is compiled")


@pytest.mark.usefixtures("shares_bits", "compiles")
def test_this_machine_gives_the_golden_bits_of_quick():
    done = check("--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all 3 are the same\n" in done.stdout


@pytest.mark.usefixtures("shares_bits")
def test_the_first_layer_that_differs_is_named(tmp_path):
    golden = json.loads(GOLDEN.read_text())
    for name in ("a fitted score model", "first reward"):
        golden["layers"][name] = "0" * 16
    (tmp_path / "golden.json").write_text(json.dumps(golden))
    done = check("--layers", golden=tmp_path / "golden.json")
    assert done.returncode == 1
    assert "error: 2 of 8 differ from" in done.stderr
    assert "the first layer that differs is 'a fitted score model'" in done.stderr


@pytest.mark.usefixtures("shares_bits")
@pytest.mark.slow
@pytest.mark.parametrize("processor", ["EPYC-Rome", "Haswell-v4"])
def test_an_emulated_processor_gives_the_golden_bits(processor):
    """AMD's without AVX-512, and Intel's; a whole run of SMILING, six to ten times slower than without emulation."""
    done = emulated(processor, str(CHECK), "--only", "smiling on cheetah_run", **bits.pins("any"))
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "all 8 are the same" in done.stdout


@pytest.mark.usefixtures("shares_bits", "compiles")
@pytest.mark.slow
@pytest.mark.parametrize("processor", ["EPYC-Rome", "Haswell-v4"])
def test_an_emulated_processor_gives_the_golden_bits_of_quick(processor, tmp_path):
    variables = {**bits.pins("any"), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    done = emulated(processor, str(CHECK), "--quick", **variables)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "all 3 are the same" in done.stdout


def emulated(processor: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """This Python under another processor, which /proc/cpuinfo does not know of."""
    if shutil.which("qemu-x86_64") is None:
        pytest.skip("no emulated processor: install Debian's qemu-user")
    paths = ":".join(map(str, (ROOT / "src", ROOT, *site.getsitepackages())))
    environment = {**free_environment(), "PYTHONPATH": paths, **variables}
    call = ["qemu-x86_64", "-cpu", processor, str(Path(sys.executable).resolve()), *arguments]
    return subprocess.run(call, env=environment, capture_output=True, text=True, timeout=900)


NOTHING_LOOKED_AT = {"layers": {}, "runs": {"bc": "0", "dac": "1"}}


def test_what_is_new_does_not_count_as_the_same():
    with pytest.raises(UserError, match=r"1 of 2 are not in golden.json, 'sqil' for one: --write takes them"):
        check_bits.settle({"runs": {"bc": "0", "sqil": "0"}}, NOTHING_LOOKED_AT, Path("golden.json"))
    with pytest.raises(UserError, match="1 of 1 are not in"):  # by its section, too
        check_bits.settle({"layers": {"bc": "0"}}, NOTHING_LOOKED_AT, Path("golden.json"))


def test_what_was_not_looked_at_is_said():
    said = check_bits.settle({"runs": {"bc": "0"}}, NOTHING_LOOKED_AT, Path("golden.json"))
    assert said == "all 1 are the same; 1 more were not looked at"


def test_what_is_written_keeps_what_was_not_looked_for(monkeypatch, tmp_path):
    golden = tmp_path / "golden.json"
    golden.write_text(json.dumps({"layers": {"states": "a"}, "runs": {"bc on x": "0", "dac on x": "1"}}))
    monkeypatch.setattr(check_bits, "look", lambda *_: {"layers": {"states": "b"}, "runs": {"bc on x": "2"}})
    monkeypatch.setattr(sys, "argv", ["check_bits.py", "--golden", str(golden), "--write", "--only", "bc on"])
    check_bits.main()
    assert json.loads(golden.read_text()) == {"layers": {"states": "b"}, "runs": {"bc on x": "2", "dac on x": "1"}}


def test_a_part_of_no_runs_name_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["check_bits.py", "--only", "smilling"])
    with pytest.raises(UserError, match="no run's name contains 'smilling'"):
        check_bits.main()


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
        [sys.executable, "-m", "smiling.bits", "any"], capture_output=True, text=True, check=True, cwd=ROOT / "src"
    ).stdout
    assert dict(text.split("=", 1) for text in shlex.split(printed)) == bits.pins("any")


def test_a_gpu_has_bits_of_its_own():
    assert bits.why_own("any", "cuda") == "it computes on a GPU"


FLAGS = " ".join(bits.NEEDED)
ELSEWHERE = [
    ("aarch64", {"flags": FLAGS}, "its processor is aarch64, not x86-64"),
    ("x86_64", {}, "nothing says whether its processor has AVX2: there is no /proc/cpuinfo"),
    ("x86_64", {"flags": "sse2 avx f16c"}, "its processor lacks AVX2, FMA, BMI1, BMI2, ABM, MOVBE"),
    ("x86_64", {"flags": FLAGS.replace("bmi2 ", "")}, "its processor lacks BMI2"),
]


@pytest.mark.parametrize(("machine", "processor", "why"), ELSEWHERE)
def test_where_pins_would_not_work_there_are_none_and_it_is_said_why(monkeypatch, capsys, machine, processor, why):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(bits, "processor", lambda: processor)
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("started anew, which does not help"))
    monkeypatch.setattr(sys, "argv", sys.orig_argv[1:])
    assert bits.pins("any") == {}
    bits.restart_pinned("any")
    said = bits.described("any")
    assert (said["asked"], said["alike"], said["because"]) == ("any", bits.OWN, why)
    bits.tell("any")
    printed = capsys.readouterr().out
    assert printed == f"note: bits are this machine's own, not those of 'any': {why} (docs/reproducibility.md)\n"


def test_a_processor_with_all_that_is_needed_is_pinned(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(bits, "processor", lambda: {"flags": FLAGS})
    assert {"ATEN_CPU_CAPABILITY", "MKL_CBWR"} < set(bits.pins("any"))


WITHOUT_AVX2 = """
import runpy, sys
from smiling import bits
bits.processor = lambda: {"vendor_id": "GenuineIntel", "flags": "sse2 avx"}
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.slow
def test_a_processor_without_avx2_runs_unpinned(demonstrations_file, tmp_path):
    """Pinned, it would end in an illegal instruction. Without AVX MuJoCo itself does so."""
    script = str(ROOT / "src" / "imitate.py")
    arguments = (*ARGUMENTS, "--demonstrations", str(demonstrations_file), "--out", str(tmp_path / "out"))
    done = emulated("SandyBridge", "-c", WITHOUT_AVX2, script, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    why = "its processor lacks AVX2, F16C, FMA, BMI1, BMI2, ABM, MOVBE"
    assert f"note: bits are this machine's own, not those of 'any': {why}" in done.stdout
    said = json.loads((tmp_path / "out" / "seed0" / "run.json").read_text())["bits"]
    assert (said["alike"], said["because"], said["pins"]) == (bits.OWN, why, {})


@pytest.mark.usefixtures("shares_bits")
def test_a_script_inside_another_program_does_not_start_that_anew(monkeypatch, demonstrations_file, tmp_path):
    monkeypatch.setattr(bits, "_initial", dict)
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("this test's own process is started anew"))
    script = str(ROOT / "src" / "imitate.py")
    arguments = [*ARGUMENTS, "--demonstrations", str(demonstrations_file), "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", [script, *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(script, run_name="__main__")
    assert ended.value.code == 0
    said = json.loads((tmp_path / "seed0" / "run.json").read_text())["bits"]
    assert "were not set so when Python started" in said["because"]


@pytest.mark.usefixtures("shares_bits", "compiles")
def test_a_compiled_updates_bits_are_those_of_its_compiler(monkeypatch):
    monkeypatch.setattr(bits, "_initial", lambda: bits.pins("any"))
    said = bits.described("any", compiled=True)
    printed = subprocess.run(["g++", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    assert said["compiler"] == printed
    assert said["alike"] == f"every x86-64 with AVX2, compiled by {printed}"
    assert bits.described("any")["compiler"] is None
    monkeypatch.setattr(bits, "compiler", lambda: None)
    assert bits.described("any", compiled=True)["alike"] == "every x86-64 with AVX2, uncompiled"


def test_a_pytorch_too_old_to_compile_gradients_compiles_nothing(monkeypatch):
    monkeypatch.setattr("torch.__version__", "2.11.0+cpu")
    assert bits.compiler.__wrapped__() is None


PINNED_RULE = """
rule environment_of_a_job:
    output:
        "environment.txt",
    shell:
        "env > {output}"
"""


@pytest.mark.usefixtures("shares_bits")
@pytest.mark.parametrize(("scale", "asked"), [("smoke", "any"), ("quick", "any"), ("paper", "own")])
def test_every_job_of_snakemakes_is_pinned(tmp_path, scale, asked):
    """Also where it is no script of the suite's, which would pin itself."""
    tree = copy_tree(tmp_path / "tree")
    with (tree / "Snakefile").open("a") as rules:
        rules.write(PINNED_RULE)
    free = dict.fromkeys(bits.pins("any"), "")
    done = snakemake(tree, "--cores", "1", "environment.txt", "--config", f"scale={scale}", **free)
    assert done.returncode == 0, done.stderr
    found = dict(line.partition("=")[::2] for line in (tree / "environment.txt").read_text().splitlines())
    assert {name: found[name] for name in bits.pins("any")} == {**free, **bits.pins(asked)}
