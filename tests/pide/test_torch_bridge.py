"""Gradients of steady solves by the adjoint solve, against finite differences and a dense derivative."""

from __future__ import annotations

import numpy as np
import pytest

import pide
from pide.continuum.stationary import Stationary

torch = pytest.importorskip("torch")
implicit_solution = pytest.importorskip("pide.torch_bridge").implicit_solution

LINE = pide.Interval(-1, 1)
DISC = pide.Ball(radius=1.0, dimension=2)


def parameter(value: float):
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def source(grid: pide.Grid, seed: int = 5):
    values = grid.restricted(np.random.default_rng(seed).standard_normal(grid.shape))
    return torch.from_numpy(values).requires_grad_()


@pytest.mark.parametrize("domain", [LINE, DISC], ids=["interval", "disc"])
def test_gradients_in_the_order_and_the_source(domain):
    grid = domain.grid(9)

    def solution(s, f):
        # Perturbations outside the domain, which gradcheck makes, are not part of the problem.
        problem = Stationary(pide.FractionalLaplacian(s), domain, source=grid.restricted(f))
        return pide.solve(problem, on=grid, tol=1e-13, scheme="lattice").final

    assert torch.autograd.gradcheck(solution, (parameter(0.6), source(grid)))


def test_gradients_in_the_kernel_width_with_exterior_values():
    grid = LINE.grid(10)

    def solution(width, f):
        operator = pide.NonlocalDiffusion(pide.kernels.Gaussian(width=width))
        problem = Stationary(operator, LINE, source=f, exterior=pide.Value(lambda x: np.cos(x), extent=2.0))
        return pide.solve(problem, on=grid, tol=1e-13).final

    assert torch.autograd.gradcheck(solution, (parameter(0.4), source(grid)))


@pytest.mark.parametrize("exterior", [None, pide.Reflecting()], ids=["torus", "reflecting"])
def test_gradients_of_singular_problems(exterior):
    domain = pide.Torus((1.0,)) if exterior is None else LINE
    grid = domain.grid(10)

    def solution(s, f):
        problem = Stationary(pide.FractionalLaplacian(s), domain, source=f - f.mean(), exterior=exterior)
        return pide.solve(problem, on=grid, tol=1e-13).final

    assert torch.autograd.gradcheck(solution, (parameter(0.4), source(grid)))


def test_a_batch_of_sources_shares_the_gradient_of_the_order():
    grid, s = LINE.grid(12), parameter(0.5)
    f = torch.stack([source(grid, 1), source(grid, 2)])
    pide.solve(Stationary(pide.FractionalLaplacian(s), LINE, source=f), on=grid, tol=1e-12).final.sum().backward()
    together = float(s.grad)
    separate = 0.0
    for member in f.detach():
        s.grad = None
        problem = Stationary(pide.FractionalLaplacian(s), LINE, source=member)
        pide.solve(problem, on=grid, tol=1e-12).final.sum().backward()
        separate += float(s.grad)
    assert abs(together - separate) <= 1e-9 * abs(separate)


def test_nothing_is_differentiated_when_nothing_asks_for_it():
    grid = LINE.grid(12)
    result = pide.solve(Stationary(pide.FractionalLaplacian(0.5), LINE, source=source(grid).detach()), on=grid)
    assert not result.final.requires_grad
    assert "gradients" not in result.record.choices


def test_an_operator_that_is_not_symmetric_needs_its_adjoint():
    rng = np.random.default_rng(6)
    A = parameter(1.0) * torch.from_numpy(np.eye(5) + 0.1 * rng.standard_normal((5, 5)))
    A = A.detach().requires_grad_()

    def solution(matrix, f):
        fixed = matrix.detach()
        return implicit_solution(
            lambda v: matrix @ v, f, lambda g: torch.linalg.solve(fixed, g), lambda g: torch.linalg.solve(fixed.T, g)
        )

    assert torch.autograd.gradcheck(solution, (A, source(LINE.grid(5))))


def test_second_derivatives_are_refused_by_torch():
    grid, s = LINE.grid(8), parameter(0.5)
    u = pide.solve(Stationary(pide.FractionalLaplacian(s), LINE, source=source(grid)), on=grid).final
    (gradient,) = torch.autograd.grad((u**2).sum(), s, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.backward()
