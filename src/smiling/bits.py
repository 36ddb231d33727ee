"""The same bits on another processor: what numerical libraries are told before they load (docs/reproducibility.md).

PyTorch, NumPy and what they call choose their code by the processor, and each choice rounds in its own way. Told to use
AVX2 and no more, they give the same bits on every x86-64 that has it. They read these variables once: a process is
pinned from its start, or not. They do not check them: on a processor that lacks AVX2 a pinned process would end in
"illegal instruction".
"""

import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, Literal

Bits = Literal["any", "own"]

PINS = {
    "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch's own kernels
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4",  # NumPy's exp, log, power
    "OPENBLAS_CORETYPE": "Haswell",  # NumPy's products
    "TORCHINDUCTOR_CPP_MARCH": "x86-64-v3",  # compiled updates
    "MKL_CBWR": "COMPATIBLE",  # PyTorch's products, on processors of every vendor; slow, see smiling.products
}
NEEDED = ("avx", "avx2", "f16c", "fma", "bmi1", "bmi2", "abm", "movbe")  # x86-64-v3, as Linux calls its parts
SIMD_BITS = 256  # of a compiled update's vectors
TRACES_GRADIENTS = "2.13"  # of PyTorch: from there on torch.compile follows torch.autograd.grad
RESTARTED = "SMILING_PINNED"  # so that a process restarts once at most
OWN = "this machine's own"


def pins(bits: Bits) -> dict[str, str]:
    """Environment variables under which a process has such bits; none where it has a machine's own."""
    return {} if bits == "own" or why_not_here() else PINS


def why_not_here() -> str | None:
    """Why no process on this machine can be pinned; None if it can."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return f"its processor is {platform.machine() or 'unknown'}, not x86-64"
    if "flags" not in processor():
        return "nothing says whether its processor has AVX2: there is no /proc/cpuinfo"
    lacking = [flag.upper() for flag in NEEDED if flag not in processor()["flags"].split()]
    return f"its processor lacks {', '.join(lacking)}" if lacking else None


def restart_pinned(bits: Bits) -> None:
    """Start this script anew under the pins that it was not started under; nothing where that would not help.

    A script that another program runs inside itself goes on as it is: that program is not ours to start anew.
    """
    is_program = sys.orig_argv[-len(sys.argv) :] == sys.argv
    if is_program and _unset(bits) and RESTARTED not in os.environ:
        sys.stdout.flush()
        environment = {**os.environ, **pins(bits), RESTARTED: "1"}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def why_own(bits: Bits, device: str = "cpu") -> str | None:
    """Why this process has not the bits that are asked for but its machine's own; None if it has them."""
    if device != "cpu":
        return "it computes on a GPU"
    if why := why_not_here():
        return why
    if unset := _unset(bits):
        return f"{', '.join(unset)} {'was' if len(unset) == 1 else 'were'} not set so when Python started"
    return None


def described(bits: Bits, device: str = "cpu", compiled: bool = False) -> dict[str, Any]:
    """What a run's record says of its bits: which were asked for, which machines share them, or why none does.

    Bits of a `compiled` update are shared by those that have the same C++ compiler.
    """
    why = None if bits == "own" else why_own(bits, device)
    compiles = compiled and device == "cpu"
    made_by = compiler() if compiles else None
    by = f", compiled by {made_by}" if made_by else ", uncompiled" if compiles else ""
    return {
        "asked": bits,
        "alike": OWN if why or bits == "own" else f"every x86-64 with AVX2{by}",
        "because": why,
        "pins": {name: value for name, value in _initial().items() if name in PINS},
        "vendor": processor().get("vendor_id", "unknown vendor"),
        "flags": [flag for flag in processor().get("flags", "").split() if flag in NEEDED or "avx512" in flag],
        "compiler": made_by,
    }


def why_uncompiled() -> str | None:
    """Why this PyTorch must not compile an update, if so: what 2.11 makes runs, and finds gradients of zeros."""
    import torch
    from torch.torch_version import TorchVersion

    if TorchVersion(torch.__version__) < TRACES_GRADIENTS:
        return f"PyTorch is {torch.__version__}, and compiles gradients from {TRACES_GRADIENTS} on"
    return None


@cache
def compiler() -> str | None:
    """Name and version of the C++ compiler that updates are compiled by, if there is one and PyTorch is not too old."""
    if why_uncompiled():
        return None
    from torch._inductor.cpp_builder import get_cpp_compiler  # takes a second or two
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        said = subprocess.run([get_cpp_compiler(), "--version"], capture_output=True, text=True, check=True)
    except (InvalidCxxCompiler, OSError, subprocess.SubprocessError):
        return None
    return said.stdout.partition("\n")[0].strip() or None


def tell(bits: Bits, device: str = "cpu") -> None:
    """A line, if bits are asked for that this process cannot have."""
    why = None if bits == "own" else why_own(bits, device)
    if why:
        print(f"note: bits are {OWN}, not those of '{bits}': {why} (docs/reproducibility.md)", flush=True)


def _unset(bits: Bits) -> list[str]:
    """Pins that this process was not started under."""
    initial = _initial()
    return [name for name, value in pins(bits).items() if initial.get(name) != value]


@cache
def _initial() -> dict[str, str]:
    """The environment that this process was started in: what has been set since may have come too late."""
    try:
        texts = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return dict(os.environ)
    return dict(os.fsdecode(text).partition("=")[::2] for text in texts if text)


@cache
def processor() -> dict[str, str]:
    """What Linux says of the first processor: its vendor, name and flags; nothing elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


if __name__ == "__main__":  # for a program of one's own: env $(python -m smiling.bits any) python program.py
    print(*(f"{name}={value}" for name, value in pins("any").items()))
