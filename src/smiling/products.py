"""The suite's own products of float32 matrices on a CPU: the same bits on every x86-64 with AVX2, as fast as MKL's.

MKL's are the same on every processor only in its compatible mode, at less than half of their speed. Where these have
taken over, every product is computed by products.cpp: in PyTorch's functions, in their gradients, and in the updates
that `smiling.one_piece` compiles. What cannot (float64, for one) stays with MKL.
"""

import ctypes
import hashlib
import os
import subprocess
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from smiling.bits import compiler
from smiling.settings import UserError

SOURCE = Path(__file__).with_name("products.cpp")
FLAGS = ("-std=c++20", "-O2", "-march=x86-64-v3", "-ffp-contract=off", "-fPIC", "-shared")
SHIM = "AOTITorchError aoti_torch_cpu_product(AtenTensorHandle, AtenTensorHandle, AtenTensorHandle*)"

_taken_over = False


def batched(left: Tensor, right: Tensor) -> Tensor:
    """left @ right of each pair in a batch: (n, a, b) x (n, b, c) -> (n, a, c)."""
    # Compiled, bmm would be MKL's: its call does not go by way of the dispatcher.
    return torch.ops.smiling.product(left, right) if _taken_over else torch.bmm(left, right)


def take_over() -> bool:
    """From here on compute this process's products; whether there is a compiler to make them.

    Raises:
        UserError: if it does not compile them.
    """
    global _taken_over
    if compiler():
        _library().take_over()
        _taken_over = True
    return _taken_over


def give_back() -> None:
    """From here on PyTorch computes products as it is made to."""
    global _taken_over
    if _taken_over:
        _library().give_back()
        _taken_over = False


@cache
def _library() -> ctypes.CDLL:
    """products.cpp compiled, loaded, and known to PyTorch and to its compiler."""
    from torch._inductor import config

    # Compiled updates find its functions among those of the process.
    library = ctypes.CDLL(str(_compiled()), mode=ctypes.RTLD_GLOBAL)
    torch.library.register_fake("smiling::product")(_shaped)
    config.aot_inductor.custom_ops_to_c_shims[torch.ops.smiling.product.default] = [SHIM]
    return library


def _shaped(left: Tensor, right: Tensor) -> Tensor:
    return left.new_empty(*left.shape[:-1], right.shape[-1])


def _compiled() -> Path:
    """The library's file, made in some twenty seconds if it is not there for this source, compiler and PyTorch."""
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.runtime.cache_dir_utils import cache_dir
    from torch.utils import cpp_extension

    made_by = (SOURCE.read_text(), *FLAGS, str(compiler()), torch.__version__)
    name = hashlib.sha256("\n".join(made_by).encode()).hexdigest()[:16]
    found = Path(cache_dir(), f"smiling_products_{name}.so")
    if not found.exists():
        half = found.with_suffix(f".{os.getpid()}")
        headers = [f"-I{folder}" for folder in cpp_extension.include_paths()]
        libraries = [f"-L{folder}" for folder in cpp_extension.library_paths()] + ["-ltorch_cpu", "-lc10"]
        call = [get_cpp_compiler(), *FLAGS, *headers, str(SOURCE), "-o", str(half), *libraries]
        done = subprocess.run(call, capture_output=True, text=True)
        if done.returncode:
            why = next((line for line in done.stderr.splitlines() if "error" in line), "it does not say why")
            raise UserError(
                f"{compiler()} does not compile {SOURCE.name} ({why}); name another compiler (CXX=...), or set "
                "training.one_piece=false"
            )
        half.replace(found)
    return found
