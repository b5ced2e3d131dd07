"""One forward Euler step of nonlocal diffusion as a layer: X -> X + h L X.

Symbols: X features (B, C, *grid.shape); A a semidefinite pide operator; L the one of {A, -A} that is <= 0;
h the step; lambda the certified bound of |L|; theta the learnable parameter of a family of operators.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from pide.continuum.exterior import Exterior
from pide.continuum.operators import ContinuumOperator
from pide.discretise import discretise
from pide.errors import StepTooLarge
from pide.operators.base import Operator
from pide.spaces.grid import Grid

__all__ = ["LearnableDiffusionStep", "NonlocalDiffusionStep"]


class NonlocalDiffusionStep(nn.Module):
    """X + h L X, downhill for every semidefinite operator: |X + h L X| <= |X| in the grid's norm, channel by channel.

    Parameters
    ----------
    operator : Operator
        Discrete operator A that claims a sign, `FractionalLaplacian(s=0.5).on(grid)` for example.
    step : float, unit time
        h, at most 2 / lambda with lambda = operator.spectral_bound().

    Notes
    -----
    The layer calls `operator.apply`, the code that the solvers and the checks call; it has no weights and no second
    implementation. Nodes outside the domain must hold zeros, as everywhere; this is not checked in the forward pass.
    With `load` (inhomogeneous exterior data b) the step is X + h (L X + b) and the bound holds for differences of
    two inputs. Cost: one apply per channel.

    Raises
    ------
    StepTooLarge
        If h exceeds the certified bound; the largest step is in the message.
    ValueError
        If the operator claims no sign, or the last axes of an input are not the grid.
    """

    def __init__(self, operator: Operator, step: float) -> None:
        super().__init__()
        _check_step(operator, step)
        self.operator = operator
        self.step = step

    def forward(self, x: Tensor) -> Tensor:
        """X + h L X; x : tensor, shape (B, C, *grid.shape), float32 or float64."""
        return _advance(self.operator, self.step, x)

    def extra_repr(self) -> str:
        return f"{self.operator!r}, step={self.step:g}"


class LearnableDiffusionStep(nn.Module):
    """X + h L_theta X with one learnable parameter, theta = lower + (upper - lower) sigmoid(raw).

    Parameters
    ----------
    family : callable
        theta (0-d tensor) -> continuum operator: `lambda s: pide.FractionalLaplacian(s=s)` or
        `lambda w: pide.NonlocalDiffusion(pide.kernels.Gaussian(width=w))`.
    grid : Grid
    initial, lower, upper : float
        lower < initial < upper; theta never leaves (lower, upper), whatever the optimiser does to `raw`.
    step : float, unit time
        h; must satisfy the certified bound at both ends of the range.
    exterior : Exterior or None
    scheme : str
        Both as in `pide.discretise.discretise`, which is asked for an operator to be stepped in time, as `solve` does.

    Notes
    -----
    The operator is discretised anew in every forward pass, with gradients through its weights, and its bound is
    checked each time: a family whose bound is larger inside the range than at its ends is caught there. theta is kept
    in float64; the features may be float32. Cost: one set of weights and one apply per channel.

    Raises
    ------
    StepTooLarge
        If h exceeds the certified bound at either end of the range, or at the current theta.
    ValueError
        If lower < initial < upper does not hold.
    """

    def __init__(
        self,
        family: Callable[[Tensor], ContinuumOperator],
        grid: Grid,
        *,
        initial: float,
        lower: float,
        upper: float,
        step: float,
        exterior: Exterior | None = None,
        scheme: str = "auto",
    ) -> None:
        super().__init__()
        if not lower < initial < upper:
            raise ValueError(
                f"LearnableDiffusionStep(initial={initial:g}, lower={lower:g}, upper={upper:g}): "
                "the initial value must lie strictly between the ends. Write lower < initial < upper."
            )
        self.family, self.grid, self.exterior, self.scheme = family, grid, exterior, scheme
        self.lower, self.upper, self.step = lower, upper, step
        for end in (lower, upper):
            _check_step(self._discretise(torch.tensor(end, dtype=torch.float64)), step)
        fraction = (initial - lower) / (upper - lower)
        self.raw = nn.Parameter(torch.tensor(math.log(fraction / (1 - fraction)), dtype=torch.float64))

    @property
    def parameter(self) -> Tensor:
        """theta, a 0-d float64 tensor that carries gradients to `raw`."""
        return self.lower + (self.upper - self.lower) * torch.sigmoid(self.raw.double())

    def forward(self, x: Tensor) -> Tensor:
        """X + h L_theta X; x : tensor, shape (B, C, *grid.shape), float32 or float64."""
        operator = self._discretise(self.parameter)
        _check_step(operator, self.step)
        return _advance(operator, self.step, x)

    def extra_repr(self) -> str:
        return f"parameter={float(self.parameter.detach()):g} in ({self.lower:g}, {self.upper:g}), step={self.step:g}"

    def _discretise(self, theta: Tensor) -> Operator:
        return discretise(self.family(theta), self.grid, exterior=self.exterior, scheme=self.scheme, evolution=True)


def _check_step(operator: Operator, step: float) -> None:
    if operator.definiteness == 0:
        raise ValueError(
            f"{type(operator).__name__} claims no sign, so no step of X + h L X is known to be stable. "
            "Use an operator with the claim negative_semidefinite or positive_semidefinite."
        )
    largest = 2.0 / operator.spectral_bound()
    if not 0.0 < step <= largest:
        raise StepTooLarge(
            f"step={step:g}: |X + h L X| <= |X| is certified for 0 < h <= 2/lambda_max = {largest:g}. "
            f"Write step={0.99 * largest:.3g} or smaller.",
            largest,
        )


def _advance(operator: Operator, step: float, x: Tensor) -> Tensor:
    shape = operator.space.shape
    if tuple(x.shape[-len(shape) :]) != shape:
        raise ValueError(
            f"features of shape {tuple(x.shape)}: the last axes must be the grid's {shape}. "
            "Make the grid from the feature map: domain.grid(*x.shape[2:])."
        )
    y: Tensor = operator.apply(x)
    if operator.load is not None:
        y = y + torch.as_tensor(operator.load, dtype=x.dtype, device=x.device)
    return x - operator.definiteness * step * y
