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


class PreActBasic(nn.Module):
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
        super().__init__()
        check_dimension("PreActBasic", dimension)
        conv, norm = CONVOLUTIONS[dimension], NORMS[dimension]
        before = (norm(channels, eps=eps, momentum=momentum), nn.ReLU()) if activate else ()
        self.branch = nn.Sequential(
            *before,
            conv(channels, out, 3, stride=stride, padding=1, bias=bias),
            norm(out, eps=eps, momentum=momentum),
            nn.ReLU(),
            conv(out, out, 3, padding=1, bias=bias),
        )
        self.shortcut = _shortcut(channels, out, stride, bias, dimension)

    def forward(self, x: Tensor) -> Tensor:
        """x : tensor, shape (B, C, *positions); returns (B, D, *positions / s)."""
        y: Tensor = self.shortcut(x) + self.branch(x)
        return y


class PreActBottleneck(nn.Module):
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
        super().__init__()
        check_dimension("PreActBottleneck", dimension)
        conv, norm = CONVOLUTIONS[dimension], NORMS[dimension]
        before = (norm(channels, eps=eps, momentum=momentum), nn.ReLU()) if activate else ()
        self.branch = nn.Sequential(
            *before,
            conv(channels, middle, 1, stride=stride, bias=bias),
            norm(middle, eps=eps, momentum=momentum),
            nn.ReLU(),
            conv(middle, middle, 3, padding=1, bias=bias),
            norm(middle, eps=eps, momentum=momentum),
            nn.ReLU(),
            conv(middle, out, 1, bias=bias),
        )
        self.shortcut = _shortcut(channels, out, stride, bias, dimension)

    def forward(self, x: Tensor) -> Tensor:
        """x : tensor, shape (B, C, *positions); returns (B, D, *positions / s)."""
        y: Tensor = self.shortcut(x) + self.branch(x)
        return y


def _shortcut(channels: int, out: int, stride: int, bias: bool, dimension: int) -> nn.Module:
    if channels == out and stride == 1:
        return nn.Identity()
    shortcut: nn.Module = CONVOLUTIONS[dimension](channels, out, 1, stride=stride, bias=bias)
    return shortcut
