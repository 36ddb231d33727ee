"""Updates compiled, or on a GPU recorded, against the same updates as they are written."""

import shutil
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from torch._inductor import config as inductor

from smiling.methods.iq_learn import IQLearn, IQLearnSettings
from smiling.one_piece import EAGER_CALLS, Captured
from smiling.solvers.dreamer.agent import Dreamer
from smiling.solvers.dreamer.distributions import BINS
from smiling.solvers.dreamer.settings import DreamerSettings
from smiling.solvers.sac.agent import SAC, SACSettings
from smiling.solvers.sac.replay import Batch

pytestmark = pytest.mark.long

STATE, ACTION, SIZE = 5, 3, 64
SMALL = SACSettings(width=32, batch=SIZE, critic_layer_norm=True, actor_lr=1e-3, critic_lr=1e-3)

compiler = pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="needs a C++ compiler")
cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def batches(count: int, device: str = "cpu") -> list[Batch]:
    generator, drawn = torch.Generator().manual_seed(0), []
    for _ in range(count):
        states, next_states = torch.randn(2, 2, SIZE, STATE, generator=generator)
        actions = torch.rand(2, SIZE, ACTION, generator=generator) * 2 - 1
        rewards, continues = torch.randn(2, SIZE, generator=generator), torch.rand(2, SIZE, generator=generator).round()
        batch = Batch(states, actions, rewards, next_states, continues)
        drawn.append(Batch(*(part.to(device) for part in batch)))
    return drawn


def sac(device: str = "cpu") -> SAC:
    return SAC(STATE, ACTION, SMALL, seed=(0, 1), device=device)


def iq_learn(device: str = "cpu") -> SAC:
    random = torch.Generator().manual_seed(1)
    parts = (torch.rand(200, *size, generator=random) for size in ((STATE,), (ACTION,), (), (STATE,), ()))
    return IQLearn(Batch(*(part.to(device) for part in parts)), IQLearnSettings(sac=SMALL), True, (0, 1), device)


def differences(solvers: list[SAC], updates: dict[int, float]) -> None:
    """After as many updates, all weights of both are within the tolerance."""
    for count, batch in enumerate(batches(max(updates), solvers[0].device), start=1):
        for solver in solvers:
            solver.update(batch)
        if count in updates:
            for name in ("actor", "critics"):
                flat = [solver._optimisers[name].flat for solver in solvers]
                torch.testing.assert_close(*flat, rtol=0, atol=updates[count])
                assert flat[0].std() > 0.05  # beside which the tolerances are small


@compiler
@pytest.mark.parametrize("build", [sac, iq_learn])
def test_compiled_updates_are_the_plain_ones(build):
    """After 1, 10 and 100. Adam steps by up to lr however small a gradient: by rounding where it should be nothing."""
    solvers = [build(), build()]
    solvers[1].in_one_piece()
    differences(solvers, {1: 2e-3, 10: 4e-3, 100: 2e-2})
    assert [solver.update_kind for solver in solvers] == ["plain", "compiled"]
    states = torch.randn(2, 200, STATE, generator=torch.Generator().manual_seed(2))
    policies = [solver.actor.mean_action(states) for solver in solvers]
    torch.testing.assert_close(*policies, rtol=0, atol=1e-2)
    assert policies[0].std() > 0.1


TINY = DreamerSettings(
    num_envs=1, width=6, depth=1, encoder_width=5, encoder_depth=1, recurrent=4, categoricals=2, classes=3,
    batch=2, sequence=2, horizon=2,
)  # fmt: skip


def surer(solver: Dreamer) -> None:
    """Let it predict small numbers: of the widest bins, 5e8, equally likely at first, rounding decides the gradient."""
    random = torch.Generator().manual_seed(1)
    for head in (solver.world_model.reward, solver.behaviour.critic, solver.behaviour.slow_critic):
        head.out.bias.data.copy_(-(torch.arange(BINS) - BINS / 2).square() / 50)
        head.out.kernel.data.copy_(0.1 * torch.randn(head.out.kernel.shape, generator=random))


def dreamer_differences(device: str, updates: int, settings: DreamerSettings = TINY) -> list[str]:
    """An update in one piece finds the plain one's losses and gradients, also with weights it was not told of."""
    plain, in_one_piece = (Dreamer(STATE, ACTION, settings, seed=0, device=device) for _ in range(2))
    in_one_piece.in_one_piece()
    surer(plain)
    random = torch.Generator().manual_seed(0)
    for _ in range(updates):
        batch = {"state": torch.randn(2, 2, STATE, generator=random), "reward": torch.rand(2, 2, generator=random)}
        batch |= {"action": torch.rand(2, 2, ACTION, generator=random), "is_first": torch.tensor([[1.0, 1], [0, 1]])}
        batch = {name: part.to(device) for name, part in (batch | {"is_terminal": torch.zeros(2, 2)}).items()}
        in_one_piece.load_state_dict(plain.state_dict())
        reports = [solver.update(batch) for solver in (plain, in_one_piece)]
        assert reports[0].keys() == reports[1].keys()
        for name, value in reports[0].items():
            torch.testing.assert_close(value, reports[1][name], rtol=1e-5, atol=1e-6)
        for name, optimiser in plain.optimisers.items():
            largest = float(optimiser.mean.abs().max())
            torch.testing.assert_close(optimiser.mean, in_one_piece.optimisers[name].mean, rtol=0, atol=1e-5 * largest)
            assert largest > 1e-4
    return [solver.update_kind for solver in (plain, in_one_piece)]


@compiler
@pytest.mark.slow
def test_compiled_gradients_of_dreamer_are_the_plain_ones():
    assert dreamer_differences("cpu", updates=2) == ["plain", "compiled"]


def test_update_without_a_compiler_is_the_plain_one(capsys, monkeypatch, tmp_path):
    settings = SMALL.model_copy(update={"width": 24})  # of which nothing is compiled yet
    solvers = [SAC(STATE, ACTION, settings, seed=(0, 1)) for _ in range(2)]
    solvers[1].in_one_piece()
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    with inductor.patch({"cpp.cxx": (None, "/no/such/compiler")}):
        differences(solvers, {1: 0, 10: 0})
    assert solvers[1].update_kind == "plain"
    assert "the update runs uncompiled, more slowly" in capsys.readouterr().out


def test_update_of_an_older_torch_is_the_plain_one(capsys, monkeypatch):
    """Compiled by 2.11 it finds gradients of nothing but zeros, and nothing says so."""
    solvers = [sac(), sac()]
    monkeypatch.setattr(torch, "__version__", "2.11.0+cu130")
    solvers[1].in_one_piece()
    differences(solvers, {1: 0, 10: 0})
    assert solvers[1].update_kind == "plain"
    assert "PyTorch is 2.11.0+cu130, and compiles gradients from 2.13 on" in capsys.readouterr().out


def test_recorded_work_is_replayed_on_what_is_given(monkeypatch):
    """The bookkeeping alone, without a GPU: which calls are eager, and that a replay sees the latest inputs."""

    def work(given):
        return {"taken": torch.ones(())}, {"sum": [given["a"] + given["b"]]}

    class Graph:
        """What the work did while it was recorded is done again by each replay, on the same tensors."""

        replays = 0

        def replay(self):
            Graph.replays += 1
            captured._found[1]["sum"][0].copy_(work(captured._given)[1]["sum"][0])

    stream = SimpleNamespace(wait_stream=lambda other: None)
    for name, stand_in in {
        "Stream": lambda device: stream,
        "current_stream": lambda: stream,
        "stream": lambda stream: nullcontext(),
        "CUDAGraph": Graph,
        "graph": lambda graph, stream: nullcontext(),
    }.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    captured = Captured(work, torch.device("cuda"))
    for call in range(1, EAGER_CALLS + 5):
        given = {"a": torch.tensor(float(call)), "b": torch.tensor(10.0)}
        diagnostics, gradients = captured(given)
        assert gradients["sum"][0] == call + 10
        assert diagnostics.pop("taken") == 1
        assert given["a"] == call
    assert Graph.replays == 4


@cuda
@pytest.mark.parametrize("build", [sac, iq_learn])
def test_captured_updates_are_the_plain_ones(build):
    solvers = [build("cuda"), build("cuda")]
    solvers[1].in_one_piece()
    differences(solvers, {1: 0, 10: 1e-5, 100: 1e-3})


@cuda
@pytest.mark.parametrize("mixed_precision", [False, True])
def test_captured_gradients_of_dreamer_are_the_plain_ones(mixed_precision):
    settings = TINY.model_copy(update={"mixed_precision": mixed_precision})
    assert dreamer_differences("cuda", EAGER_CALLS + 3, settings) == ["plain", "CUDA graph"]


@cuda
def test_tf32_updates_are_close_to_float32s():
    solvers = [sac("cuda"), sac("cuda")]
    for batch in batches(10, "cuda"):
        for solver, precision in zip(solvers, ("highest", "high"), strict=True):
            torch.set_float32_matmul_precision(precision)
            solver.update(batch)
    torch.set_float32_matmul_precision("highest")
    states = torch.randn(2, 200, STATE, device="cuda")
    policies = [solver.actor.mean_action(states) for solver in solvers]
    torch.testing.assert_close(*policies, rtol=0, atol=1e-2)
