"""Operators of other libraries under the checks of pide.verification, with their own dot test beside.

    python benchmarks/other_operators.py            # what is installed; the rest is skipped with the reason
    python benchmarks/other_operators.py --write docs/verification_of_others.md

Needs any of: pylops, scikit-learn, py-pde, torch. Their versions are printed.
"""

from __future__ import annotations

import argparse
import importlib
import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import scipy.sparse
from scipy.sparse.linalg import LinearOperator

import pide
from pide.verification import CHECKS, Subject, as_subject, check, module_subject
from pide.verification.report import Report
from pide.verification.samples import Draws

CLAIMS = (
    "linear", "self_adjoint", "adjoint", "kills_constants", "conserves_mass", "negative_semidefinite",
    "positive_semidefinite", "translation_invariant", "deterministic", "keeps_input",
)  # fmt: skip
SHORT = {
    "linear": "lin", "self_adjoint": "A=A*", "adjoint": "adj", "kills_constants": "A1=0", "conserves_mass": "1A=0",
    "negative_semidefinite": "<=0", "positive_semidefinite": ">=0", "translation_invariant": "shift",
    "deterministic": "det", "keeps_input": "input",
}  # fmt: skip
SIGNS = {"holds": "yes", "FAILS": "**no**", "skipped": "n/a", "not checkable": "-", "UNDECIDED": "?"}
DRAWS = 300
TORUS = pide.Torus((16.0, 16.0)).grid(16)
SQUARE = pide.Box(((0.0, 16.0), (0.0, 16.0))).grid(16)


@dataclass(frozen=True)
class Result:
    """One operator: its report, and how often the library's dot test and ours fail in float64 and float32."""

    name: str
    report: Report
    own: str = ""
    ours: str = ""


def on_grid(operator: LinearOperator, grid: Any) -> Any:
    """A linear operator on vectors as one on the fields of a grid."""

    def acting(A: Any) -> Callable[[Any], Any]:
        return lambda v: np.asarray((A @ v.reshape(-1, grid.size).T).T).reshape(v.shape)

    return pide.as_operator(acting(operator), on=grid, adjoint=acting(operator.H))


def report_of(subject: Any) -> Report:
    return check(subject, claims=CLAIMS, budget=20.0)


def dottests(build: Callable[[str], Any]) -> str:
    """Failures of `pylops.utils.dottest` at its default tolerance, over DRAWS draws, in both precisions."""
    from pylops.utils import dottest

    counts = []
    for dtype in ("float64", "float32"):
        np.random.seed(0)  # the dot test draws from the global generator
        operator = build(dtype)
        passed = [bool(dottest(operator, raiseerror=False)) for _ in range(DRAWS)]
        counts.append(DRAWS - sum(passed))
    return f"fails {counts[0]} / {counts[1]} of {DRAWS}"


def our_dottests(build: Callable[[str], Any]) -> str:
    """Failures of the check "adjoint" over as many draws."""
    counts = []
    for dtype in ("float64", "float32"):
        subject = as_subject(on_grid(build(dtype), SQUARE))
        trials = CHECKS["adjoint"].measure(subject, Draws(0, DRAWS, dtype))
        counts.append(sum(trial.measured > trial.bound for trial in trials))
    return f"fails {counts[0]} / {counts[1]} of {DRAWS}"


def pylops_operators() -> list[Result]:
    import pylops

    kernel = np.outer(np.hanning(7)[1:-1], np.hanning(7)[1:-1])
    builds: dict[str, Callable[[str], Any]] = {
        "SecondDerivative(16 x 16, axis 0)": lambda t: pylops.SecondDerivative((16, 16), axis=0, dtype=t),
        "SecondDerivative(axis 0, edge=True)": lambda t: pylops.SecondDerivative((16, 16), axis=0, edge=True, dtype=t),
        "Laplacian(16 x 16)": lambda t: pylops.Laplacian((16, 16), dtype=t),
        "Laplacian(16 x 16, edge=True)": lambda t: pylops.Laplacian((16, 16), edge=True, dtype=t),
        "FirstDerivative(axis 0, centered)": lambda t: pylops.FirstDerivative((16, 16), axis=0, dtype=t),
        "Smoothing2D(5 x 5)": lambda t: pylops.Smoothing2D([5, 5], dims=(16, 16), dtype=t),
        "Convolve2D(5 x 5 Hann, centred)": lambda t: pylops.signalprocessing.Convolve2D(
            (16, 16), h=kernel.astype(t), offset=(2, 2), dtype=t
        ),
        "Convolve2D(5 x 5 Hann, offset 0)": lambda t: pylops.signalprocessing.Convolve2D(
            (16, 16), h=kernel.astype(t), offset=(0, 0), dtype=t
        ),
    }
    return [
        Result(f"pylops.{name}", report_of(on_grid(build("float64"), SQUARE)), dottests(build), our_dottests(build))
        for name, build in builds.items()
    ]


def scipy_operators() -> list[Result]:
    from scipy.sparse.csgraph import laplacian

    x = np.random.default_rng(0).random((64, 2))
    weights = np.exp(-((x[:, None] - x[None]) ** 2).sum(-1) / 0.05)
    np.fill_diagonal(weights, 0.0)
    directed = np.where(np.sort(weights, 1)[:, -6][:, None] <= weights, weights, 0.0)
    cases = {
        "csgraph.laplacian(W)": laplacian(weights),
        "csgraph.laplacian(W, normed=True)": laplacian(weights, normed=True),
        "csgraph.laplacian(sparse W)": laplacian(scipy.sparse.csr_array(weights)),
        "csgraph.laplacian(directed 5-NN)": laplacian(directed),
        "csgraph.laplacian(directed, use_out_degree)": laplacian(directed, use_out_degree=True),
        "csgraph.laplacian(directed, symmetrized)": laplacian(directed, symmetrized=True),
    }
    return [Result(f"scipy {name}", report_of(matrix)) for name, matrix in cases.items()]


def sklearn_operators() -> list[Result]:
    from sklearn.metrics.pairwise import laplacian_kernel, rbf_kernel, sigmoid_kernel
    from sklearn.neighbors import kneighbors_graph

    x = np.random.default_rng(0).random((64, 2))
    nearest = kneighbors_graph(x, 6, mode="connectivity")
    cases = {
        "rbf_kernel": rbf_kernel(x, gamma=10.0),
        "rbf_kernel - degrees": rbf_kernel(x, gamma=10.0) - np.diag(rbf_kernel(x, gamma=10.0).sum(1)),
        "laplacian_kernel": laplacian_kernel(x),
        "sigmoid_kernel": sigmoid_kernel(x),
        "kneighbors_graph - degrees": nearest - scipy.sparse.diags(np.asarray(nearest.sum(1)).ravel()),
    }
    return [Result(f"sklearn {name}", report_of(subject)) for name, subject in {**cases, **embeddings(x)}.items()]


def embeddings(x: Any) -> dict[str, Any]:
    """`spectral_embedding`: the matrix it hands to its eigensolver, and the projection on the modes it returns.

    The modes are E = D^-1/2 V with V orthonormal: P = E E^T D is self-adjoint and >= 0 in the inner product of the
    degrees, and kills constants because the first mode, which is constant, is dropped.
    """
    from sklearn.manifold import SpectralEmbedding, spectral_embedding
    from sklearn.metrics.pairwise import rbf_kernel

    weights = rbf_kernel(x, gamma=10.0)
    degrees = weights.sum(1) - np.diag(weights)

    def projection(solver: str) -> Subject:
        modes = spectral_embedding(weights, n_components=8, eigen_solver=solver, random_state=0)
        matrix = modes @ (modes.T * degrees[None, :])
        return Subject(solver, lambda v: v @ matrix.T.astype(v.dtype), degrees, adjoint=lambda v: v @ matrix.T)

    nearest = SpectralEmbedding(affinity="nearest_neighbors", n_neighbors=6, random_state=0).fit(x).affinity_matrix_
    return {
        "spectral_embedding, its matrix": handed_to_eigsh(weights, norm_laplacian=True),
        "spectral_embedding, its matrix, norm_laplacian=False": handed_to_eigsh(weights, norm_laplacian=False),
        "spectral_embedding, projection, arpack": projection("arpack"),
        "spectral_embedding, projection, lobpcg": projection("lobpcg"),
        "SpectralEmbedding(6-NN), its matrix": handed_to_eigsh(nearest, norm_laplacian=True),
    }


def handed_to_eigsh(weights: Any, **options: Any) -> Any:
    """The matrix whose eigenvectors `spectral_embedding` computes."""
    from scipy.sparse.linalg import eigsh
    from sklearn.manifold import spectral_embedding

    with mock.patch("sklearn.manifold._spectral_embedding.eigsh", wraps=eigsh) as spy:
        spectral_embedding(weights, n_components=4, eigen_solver="arpack", random_state=0, **options)
    return spy.call_args.args[0]


def py_pde_operators() -> list[Result]:
    import pde

    def apply_with(periodic: bool, condition: Any) -> Callable[[Any], Any]:
        grid = pde.CartesianGrid([[0, 16], [0, 16]], 16, periodic=periodic)

        def one(v: Any) -> Any:
            return pde.ScalarField(grid, v).laplace(bc=condition).data.astype(v.dtype)

        return lambda v: np.stack([one(field) for field in v.reshape(-1, 16, 16)]).reshape(v.shape)

    cases = {
        "laplace, periodic": (TORUS, apply_with(True, "periodic")),
        "laplace, derivative 0": (SQUARE, apply_with(False, {"derivative": 0})),
        "laplace, value 0": (SQUARE, apply_with(False, {"value": 0})),
        "laplace, value 1": (SQUARE, apply_with(False, {"value": 1})),
    }
    return [
        Result(f"py-pde {name}", report_of(pide.as_operator(f, on=grid, adjoint=f)))
        for name, (grid, f) in cases.items()
    ]


def torch_operators() -> list[Result]:
    import torch

    torch.manual_seed(0)

    def layer(**options: Any) -> Any:
        return torch.nn.Conv2d(1, 1, 3, padding=1, **options)

    symmetric = layer(bias=False, padding_mode="circular")
    with torch.no_grad():
        symmetric.weight.copy_((symmetric.weight + symmetric.weight.flip(-1, -2)) / 2)
    cases = {
        "Conv2d(3, bias)": (SQUARE, layer()),
        "Conv2d(3)": (SQUARE, layer(bias=False)),
        "Conv2d(3, circular)": (TORUS, layer(bias=False, padding_mode="circular")),
        "Conv2d(3, circular, even)": (TORUS, symmetric),
        "Conv2d(3, reflect)": (SQUARE, layer(bias=False, padding_mode="reflect")),
        "AvgPool2d(3, 1, 1)": (SQUARE, torch.nn.AvgPool2d(3, 1, 1)),
        "ReLU": (SQUARE, torch.nn.ReLU()),
    }
    return [Result(f"torch {name}", report_of(module_subject(m, grid))) for name, (grid, m) in cases.items()]


LIBRARIES = {
    "pylops": ("pylops", pylops_operators),
    "scipy": ("scipy", scipy_operators),
    "scikit-learn": ("sklearn", sklearn_operators),
    "py-pde": ("pde", py_pde_operators),
    "torch": ("torch", torch_operators),
}


def measured() -> tuple[list[Result], list[str]]:
    """(results of what is installed, one line for each library with its version or why it was skipped)."""
    results, lines = [], []
    for name, (module, operators) in LIBRARIES.items():
        try:
            found = importlib.import_module(module)
        except ImportError as error:
            lines.append(f"{name}: skipped, {error}")
            continue
        lines.append(f"{name} {found.__version__}")
        results += operators()
    return results, lines


def table(results: list[Result]) -> str:
    """Markdown: an operator a row, a claim a column."""
    head = "| operator | " + " | ".join(SHORT.values()) + " | own dot test, float64 / float32 | `adjoint` |"
    rows = [head, "|" + "---|" * (len(SHORT) + 3)]
    for result in results:
        cells = [SIGNS.get(result.report[claim].verdict, result.report[claim].verdict) for claim in CLAIMS]
        rows.append(f"| {result.name} | " + " | ".join(cells) + f" | {result.own} | {result.ours} |")
    return "\n".join(rows)


def words(results: list[Result]) -> str:
    """What a row says of each failure, numbers included."""
    lines = []
    for result in results:
        for claim in CLAIMS:
            row = result.report[claim]
            if row.verdict == "FAILS":
                numbers = "" if row.measured is None else f"{row.measured:.2g} against {row.bound:.2g}"
                lines.append(f"* {result.name}, `{claim}`: {'; '.join(part for part in (numbers, row.words) if part)}")
    return "\n".join(lines)


HEADER = """# Checks of other libraries' operators

Made by `python benchmarks/other_operators.py --write docs/verification_of_others.md`: `check(operator, claims=[...])`
with 20 draws a check, seed 0, in float64, on 16 x 16 nodes or 64 points. None of these operators claims anything
here, so a "no" is an answer and not by itself a defect: an operator with zero padding does not kill constants, a
kernel matrix is no generator, a layer with a bias is affine. A failed `adj` of a linear operator, `det` or `input`
would be a defect. n/a: the statement does not apply. "own dot test" counts failures of `pylops.utils.dottest` at its
defaults over 300 draws; it divides by the inner product itself, so nearly orthogonal draws fail correct operators.
The last column counts failures of the check `adjoint` over as many draws. A "yes" is evidence on samples, not a
proof; signs include the extreme eigenvector.

Columns: lin linear, A=A\\* self-adjoint, adj the supplied adjoint (automatic differentiation for torch), A1=0 kills
constants, 1A=0 conserves the sum, <=0 and >=0 sign of the form, shift commutes with translations of the torus, det
two applies agree bit for bit, input the argument is not changed. `spectral_embedding` appears twice: as the matrix
that it hands to its eigensolver, and as the projection P = E E^T D on the eight modes E that it returns, in the inner
product of the degrees D, where P must be self-adjoint, >= 0, and kill constants, which the first, dropped mode is.
"""


def page(results: list[Result], lines: list[str]) -> str:
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, pide {pide.__version__}"
    made = f"{datetime.now(UTC):%Y-%m-%d}, {versions}"
    failures = f"## What fails, in numbers\n\nMeasured against the bound of the worst draw.\n\n{words(results)}"
    return f"{HEADER}\n{table(results)}\n\n{made}; {'; '.join(lines)}.\n\n{failures}\n"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--write", type=Path, metavar="FILE", help="write the page as Markdown")
    chosen = options.parse_args()
    results, lines = measured()
    print("\n".join([table(results), "", *lines, "", words(results)]))
    if chosen.write is not None:
        chosen.write.write_text(page(results, lines), encoding="utf-8")


if __name__ == "__main__":
    main()
