"""The suite's own products, against the sums that they promise, PyTorch's gradients, and its refusals."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from smiling import bits, products
from smiling.settings import UserError
from smiling.solvers.sac.perceptron import MLP


@pytest.fixture(scope="module", autouse=True)
def makes_products() -> None:
    if why := bits.why_not_here():
        pytest.skip(f"products are made for AVX2: {why}")
    if not bits.compiler():
        pytest.skip("no C++ compiler, so that there are no products of our own")


@contextmanager
def taken_over() -> Iterator[None]:
    assert products.take_over()
    try:
        yield
    finally:
        products.give_back()


def summed_in_order(left: Tensor, right: Tensor, start: Tensor | float = 0.0) -> np.ndarray:
    """left @ right + start, added term after term to the start, each sum rounded once, to float32."""
    a, b = left.numpy().astype(np.longdouble), right.numpy().astype(np.longdouble)
    total = np.broadcast_to(np.asarray(start, np.float32), (len(a), b.shape[1]))
    for k in range(a.shape[1]):
        total = (a[:, k : k + 1] * b[k : k + 1] + total).astype(np.float32)
    return total


def matrix(generator: torch.Generator, rows: int, columns: int, transposed: bool) -> Tensor:
    """Part of a larger one, so that its rows, or columns, lie further apart than they are long."""
    if transposed:
        return matrix(generator, columns, rows, False).mT
    return torch.randn(rows + 1, columns + 3, generator=generator)[1:, 2:-1]


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="products of float32 are not exact in a long double")
@given(
    rows=st.integers(1, 20) | st.sampled_from([144, 150]),
    inner=st.integers(1, 20) | st.sampled_from([256, 257, 520]),
    columns=st.integers(1, 40) | st.sampled_from([512, 530]),
    transposed=st.tuples(st.booleans(), st.booleans()),
    seed=st.integers(0, 2**32),
)
@settings(deadline=None, max_examples=60)
def test_an_element_is_its_terms_added_one_after_the_other(rows, inner, columns, transposed, seed):
    generator = torch.Generator().manual_seed(seed)
    left = matrix(generator, rows, inner, transposed[0])
    right = matrix(generator, inner, columns, transposed[1])
    bias, sums = torch.randn(columns, generator=generator), torch.randn(rows, columns, generator=generator)
    with taken_over():
        found = torch.mm(left, right), torch.stack([left, left]) @ right, torch.addmm(bias, left, right)
        added = torch.baddbmm(sums[None], left[None], right[None])[0]
    expected = summed_in_order(left, right)
    np.testing.assert_array_equal(found[0], expected)
    np.testing.assert_array_equal(found[1], np.stack([expected, expected]))
    np.testing.assert_array_equal(found[2], summed_in_order(left, right, bias))
    np.testing.assert_array_equal(added, summed_in_order(left, right, sums))


def test_gradients_go_by_them_and_are_pytorchs_up_to_rounding():
    layer, states = torch.nn.Linear(40, 30), torch.randn(200, 40)

    def gradient() -> Tensor:
        return torch.autograd.grad(layer(states).square().sum(), layer.weight)[0]

    plain = gradient()
    with taken_over():
        ours = gradient()
        forward = layer(states).detach()
    np.testing.assert_array_equal(ours, summed_in_order(2 * forward.mT, states))
    torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-3)


def test_a_compiled_perceptron_goes_by_them():
    network = MLP(7, 3, 32, 2, torch.Generator().manual_seed(0), members=2)
    states = torch.randn(2, 50, 7)
    with taken_over(), torch.no_grad():
        compiled = torch.compile(network, fullgraph=True, dynamic=False, options={"cpp_wrapper": True})(states)
        assert torch.equal(compiled, network(states))
    with torch.no_grad():
        torch.testing.assert_close(network(states), compiled)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (torch.ones(2, 3), torch.ones(4, 5)),
        (torch.ones(2, 3), torch.ones(3, 5).double()),
        (torch.ones(2), torch.ones(2, 5)),
    ],
)
def test_what_does_not_fit_is_refused_as_pytorch_does(left, right):
    with pytest.raises(RuntimeError) as plain:
        torch.mm(left, right)
    with taken_over(), pytest.raises(RuntimeError) as ours:
        torch.mm(left, right)
    assert str(ours.value) == str(plain.value)


@pytest.mark.parametrize("size", [0, 3])
def test_what_is_not_ours_is_still_computed(size):
    left, right = torch.randn(2, size, dtype=torch.float64), torch.randn(size, 4, dtype=torch.float64)
    with taken_over():
        np.testing.assert_allclose(left @ right, left.numpy() @ right.numpy())
        assert torch.equal(torch.ones(2, size) @ torch.ones(size, 4), torch.full((2, 4), float(size)))
        assert torch.equal(
            torch.addmm(torch.ones(1), torch.ones(2, 2), torch.ones(2, 2), alpha=3), torch.full((2, 2), 7.0)
        )


def test_given_back_products_are_pytorchs_again():
    left, right = torch.randn(64, 300), torch.randn(300, 64)
    plain = left @ right
    with taken_over():
        assert not torch.equal(left @ right, plain)
    assert torch.equal(left @ right, plain)


def test_a_compiler_that_cannot_is_named(monkeypatch, tmp_path):
    from torch._inductor.runtime import cache_dir_utils

    (tmp_path / "products.cpp").write_text("not C++")
    monkeypatch.setattr(products, "SOURCE", tmp_path / "products.cpp")
    monkeypatch.setattr(cache_dir_utils, "cache_dir", lambda: str(tmp_path))
    with pytest.raises(UserError, match=r"does not compile products.cpp \(.*error.*\); name another compiler"):
        products._compiled()
    assert [path.name for path in tmp_path.iterdir()] == ["products.cpp"]
