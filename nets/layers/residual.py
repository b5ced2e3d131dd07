"""Residual blocks: x + F(x), with the normalisation before the convolutions (He et al. 2016b) or after (2016a).

Symbols: C, D channels in and out; s the stride; P the identity, or a 1 x 1 convolution where C != D or s != 1.
"""

from __future__ import annotations

from torch import Tensor, nn

from pide.nets.layers.convolutions import CONVOLUTIONS, NORMS, check_dimension

__all__ = ["BasicBlock", "PreActBasic", "PreActBottleneck"]


class BasicBlock(nn.Module):
    """relu(P x + BN(K2 relu(BN(K1 x)))) with kernels of 3 points a side.

    Parameters
    ----------
    channels, out : int
        C and D.
    stride : int
        s, of K1 and P.
    bias : bool
        Whether convolutions have one.
    eps, momentum : float
        Of the batch normalisations.
    dimension : {1, 2, 3}

    Notes
    -----
    P is a 1 x 1 convolution without normalisation where the shape changes, the identity elsewhere.
    """

    def __init__(
        self,
        channels: int,
        out: int,
        *,
        stride: int = 1,
        bias: bool = True,
        eps: float = 1e-3,
        momentum: float = 0.01,
        dimension: int = 2,
    ) -> None:
        super().__init__()
        check_dimension("BasicBlock", dimension)
        conv, norm = CONVOLUTIONS[dimension], NORMS[dimension]
        self.first = conv(channels, out, 3, stride=stride, padding=1, bias=bias)
        self.first_norm = norm(out, eps=eps, momentum=momentum)
        self.second = conv(out, out, 3, padding=1, bias=bias)
        self.second_norm = norm(out, eps=eps, momentum=momentum)
        self.shortcut = _shortcut(channels, out, stride, bias, dimension)

    def forward(self, x: Tensor) -> Tensor:
        """x : tensor, shape (B, C, *positions); returns (B, D, *positions / s)."""
        y = self.first_norm(self.first(x)).relu()
        z: Tensor = (self.shortcut(x) + self.second_norm(self.second(y))).relu()
        return z


class _PreActivated(nn.Module):
    """P x + K_m relu(BN(... K_1 relu(BN x))), the kernels given by their channels and points a side.

    The stride is that of K_1 and P.
    """

    def __init__(
        self,
        channels: int,
        kernels: tuple[tuple[int, int], ...],
        *,
        stride: int,
        bias: bool,
        activate: bool,
        eps: float,
        momentum: float,
        dimension: int,
    ) -> None:
        super().__init__()
        check_dimension(type(self).__name__, dimension)
        conv, norm = CONVOLUTIONS[dimension], NORMS[dimension]
        layers: list[nn.Module] = []
        width = channels
        for index, (out, side) in enumerate(kernels):
            if index or activate:
                layers += [norm(width, eps=eps, momentum=momentum), nn.ReLU()]
            layers.append(conv(width, out, side, stride=1 if index else stride, padding=side // 2, bias=bias))
            width = out
        self.branch = nn.Sequential(*layers)
        self.shortcut = _shortcut(channels, width, stride, bias, dimension)

    def forward(self, x: Tensor) -> Tensor:
        """x : tensor, shape (B, C, *positions); returns (B, D, *positions / s)."""
        y: Tensor = self.shortcut(x) + self.branch(x)
        return y


class PreActBasic(_PreActivated):
    """P x + K2 relu(BN(K1 relu(BN x))) with kernels of 3 points a side.

    Parameters
    ----------
    channels, out : int
        C and D.
    stride : int
        s, of K1 and P.
    bias : bool
    activate : bool
        Without it the leading relu(BN) is left out, for a block whose input was activated just before.
    eps, momentum : float
    dimension : {1, 2, 3}

    Notes
    -----
    P acts on x itself, before the normalisation.
    """

    def __init__(
        self,
        channels: int,
        out: int,
        *,
        stride: int = 1,
        bias: bool = False,
        activate: bool = True,
        eps: float = 1e-3,
        momentum: float = 0.01,
        dimension: int = 2,
    ) -> None:
        super().__init__(
            channels,
            ((out, 3), (out, 3)),
            stride=stride,
            bias=bias,
            activate=activate,
            eps=eps,
            momentum=momentum,
            dimension=dimension,
        )


class PreActBottleneck(_PreActivated):
    """P x + K3 relu(BN(K2 relu(BN(K1 relu(BN x))))) with kernels of 1, 3 and 1 points a side.

    Parameters
    ----------
    channels, middle, out : int
        C, the channels between K1 and K3, and D.
    stride : int
        s, of K1 and P.
    bias : bool
    activate : bool
        Without it the leading relu(BN) is left out, for a block whose input was activated just before.
    eps, momentum : float
    dimension : {1, 2, 3}

    Notes
    -----
    P acts on x itself, before the normalisation. The stride stands at the first 1 x 1 convolution.
    """

    def __init__(
        self,
        channels: int,
        middle: int,
        out: int,
        *,
        stride: int = 1,
        bias: bool = False,
        activate: bool = True,
        eps: float = 1e-3,
        momentum: float = 0.01,
        dimension: int = 2,
    ) -> None:
        super().__init__(
            channels,
            ((middle, 1), (middle, 3), (out, 1)),
            stride=stride,
            bias=bias,
            activate=activate,
            eps=eps,
            momentum=momentum,
            dimension=dimension,
        )


def _shortcut(channels: int, out: int, stride: int, bias: bool, dimension: int) -> nn.Module:
    if channels == out and stride == 1:
        return nn.Identity()
    shortcut: nn.Module = CONVOLUTIONS[dimension](channels, out, 1, stride=stride, bias=bias)
    return shortcut
