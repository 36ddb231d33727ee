"""The same bits on another processor: what numerical libraries are told before they load (docs/reproducibility.md).

PyTorch, NumPy and what they call choose their code by the processor, and each choice rounds in its own way. Told to use
AVX2 and no more, they give the same bits on every x86-64 of a vendor that has it; with products that MKL computes for
any processor, on those of every vendor. They read these variables once: a process is pinned from its start, or not.
"""

import os
import platform
import sys
from functools import cache
from pathlib import Path
from typing import Any, Literal

Bits = Literal["any", "vendor", "own"]

PINS = {
    "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch's own kernels
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4",  # NumPy's exp, log, power
    "OPENBLAS_CORETYPE": "Haswell",  # NumPy's products
    "TORCHINDUCTOR_CPP_MARCH": "x86-64-v3",  # compiled updates
}
PRODUCTS = "MKL_CBWR"  # PyTorch's products
PRODUCTS_FOR = {"any": "COMPATIBLE", "vendor": "AVX2"}
SIMD_BITS = 256  # of a compiled update's vectors
RESTARTED = "SMILING_PINNED"  # so that a process restarts once at most
OWN = "this machine's own"


def pins(bits: Bits) -> dict[str, str]:
    """Environment variables under which a process has such bits; none for a machine's own."""
    return {} if bits == "own" else {**PINS, PRODUCTS: PRODUCTS_FOR[bits]}


def restart_pinned(bits: Bits) -> None:
    """Start this script anew under the pins that it was not started under; nothing where that would not help."""
    if platform.machine() in ("x86_64", "AMD64") and _unset(bits) and RESTARTED not in os.environ:
        sys.stdout.flush()
        environment = {**os.environ, **pins(bits), RESTARTED: "1"}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def why_own(bits: Bits, device: str = "cpu") -> str | None:
    """Why this process has not the bits that are asked for but its machine's own; None if it has them."""
    import torch

    if device != "cpu":
        return "it computes on a GPU"
    if platform.machine() not in ("x86_64", "AMD64"):
        return f"its processor is {platform.machine() or 'unknown'}, not x86-64"
    if unset := _unset(bits):
        return f"{', '.join(unset)} {'was' if len(unset) == 1 else 'were'} not set so when Python started"
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        return "its processor lacks AVX2 or FMA"
    return None


def described(bits: Bits, device: str = "cpu") -> dict[str, Any]:
    """What a run's record says of its bits: which were asked for, which machines share them, or why none does."""
    why, vendor = (None if bits == "own" else why_own(bits, device)), processor().get("vendor_id", "unknown vendor")
    alike = {"any": "every x86-64 with AVX2", "vendor": f"x86-64 of {vendor} with AVX2", "own": OWN}
    return {
        "asked": bits,
        "alike": OWN if why else alike[bits],
        "because": why,
        "pins": {name: value for name, value in _initial().items() if name in (*PINS, PRODUCTS)},
        "vendor": vendor,
        "flags": [flag for flag in processor().get("flags", "").split() if flag in ("avx2", "fma") or "avx512" in flag],
    }


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
    print(*(f"{name}={value}" for name, value in pins("vendor" if sys.argv[1:] == ["vendor"] else "any").items()))
