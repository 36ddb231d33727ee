"""Gradients in one piece: compiled into one function of C++ on a CPU, recorded as a CUDA graph on a GPU.

An update of small networks is hundreds of operations, and dispatching them takes longer than their arithmetic. `Work`
finds gradients by a fixed sequence of operations on tensors that keep their shapes: no value is looked at, nothing
drawn at random, nothing written, nothing sent to or from a GPU. The optimiser's step is one operation already.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

import torch
from torch import Tensor

from smiling.bits import SIMD_BITS, why_uncompiled
from smiling.settings import first_line

Found = tuple[dict[str, Tensor], dict[str, Sequence[Tensor]]]  # diagnostics, and gradients by what they are for
Work = Callable[[dict[str, Tensor]], Found]

_numbers = count()  # of the functions compiled in this process
EAGER_CALLS = 3  # before recording: libraries choose their kernels and allocate their workspaces in the first ones


def in_one_piece(works: Mapping[str, Work], device: torch.device) -> dict[str, Work]:
    """Each of `works` compiled, or on a GPU recorded."""
    return {name: Captured(work, device) if device.type == "cuda" else Compiled(work) for name, work in works.items()}


class Compiled:
    """`work` by torch.compile; as it is written where that cannot be, for want of a C++ compiler, say: it says so."""

    kind = "compiled"

    def __init__(self, work: Work) -> None:
        self._plain = work
        if why := why_uncompiled():
            self._stay_plain(why)
            return
        from torch import _dynamo  # takes a second or two

        _dynamo.config.trace_autograd_ops = True
        options: dict[str, Any] = {
            # It is called with nothing else than what it was compiled for: nothing needs guarding at each call.
            "guard_filter_fn": torch.compiler.skip_all_guards_unsafe,
            # One file of C++, instead of one for each loop and Python between them: sooner compiled, and faster.
            "cpp_wrapper": True,
            "cpp.simdlen": SIMD_BITS if "TORCHINDUCTOR_CPP_MARCH" in os.environ else None,  # None: as wide as there are
        }
        self._work = torch.compile(_alone(work), fullgraph=True, dynamic=False, options=options)

    def __call__(self, given: dict[str, Tensor]) -> Found:
        try:
            return self._work(given)
        except torch._dynamo.exc.TorchDynamoException as error:  # before any of the work was done
            self._stay_plain(first_line(error))
            return self._work(given)

    def _stay_plain(self, why: str) -> None:
        print(f"the update runs uncompiled, more slowly: {why}", flush=True)
        self._work, self.kind = self._plain, "plain"


def _alone(work: Work) -> Work:
    """`work` as a function whose code is its own: by it torch knows, without guards, what it has compiled."""

    def update(given: dict[str, Tensor]) -> Found:
        return work(given)

    update.__code__ = update.__code__.replace(co_name=f"update_{next(_numbers)}")
    return update


class Captured:
    """`work` as a CUDA graph. The first calls do it as it is written; what it finds is overwritten by the next call."""

    kind = "CUDA graph"

    def __init__(self, work: Work, device: torch.device) -> None:
        self._work = work
        self._stream = torch.cuda.Stream(device)
        self._calls = 0

    def __call__(self, given: dict[str, Tensor]) -> Found:
        self._calls += 1
        if self._calls <= EAGER_CALLS:
            return self._aside(given)
        if self._calls == EAGER_CALLS + 1:
            self._record(given)
        for name, value in given.items():
            self._given[name].copy_(value)
        self._graph.replay()
        diagnostics, gradients = self._found
        return dict(diagnostics), dict(gradients)  # the caller's own: what is taken out of them is there next time

    def _aside(self, given: dict[str, Tensor]) -> Found:
        """The work on another stream than the default one, which cannot be recorded."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            found = self._work(given)
        torch.cuda.current_stream().wait_stream(self._stream)
        return found

    def _record(self, given: dict[str, Tensor]) -> None:
        self._given = {name: value.clone() for name, value in given.items()}
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, stream=self._stream):
            self._found = self._work(self._given)
