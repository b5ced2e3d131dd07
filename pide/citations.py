"""Which papers a result stands on: BibTeX of the methods that its record names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pide.result import Result

__all__ = ["cite"]

_SOFTWARE = """@software{pide,
  title   = {pide: nonlocal operators you can trust},
  author  = {{The pide developers}},
  version = {%s}
}"""

_ENTRIES = {
    "du2012": (
        "article",
        "Du, Qiang and Gunzburger, Max and Lehoucq, Richard B. and Zhou, Kun",
        "Analysis and approximation of nonlocal diffusion problems with volume constraints",
        "SIAM Review",
        54,
        "667--696",
        2012,
    ),
    "tiandu2013": (
        "article",
        "Tian, Xiaochuan and Du, Qiang",
        "Analysis and comparison of different approximations to nonlocal diffusion and linear peridynamic equations",
        "SIAM Journal on Numerical Analysis",
        51,
        "3458--3482",
        2013,
    ),
    "du2019": (
        "article",
        "Du, Qiang and Tao, Yunzhe and Tian, Xiaochuan and Yang, Jiang",
        "Asymptotically compatible discretization of multidimensional nonlocal diffusion models and approximation of "
        "nonlocal Green's functions",
        "IMA Journal of Numerical Analysis",
        39,
        "607--625",
        2019,
    ),
    "kwasnicki2017": (
        "article",
        "Kwa{\\'s}nicki, Mateusz",
        "Ten equivalent definitions of the fractional Laplace operator",
        "Fractional Calculus and Applied Analysis",
        20,
        "7--51",
        2017,
    ),
    "ciaurri2018": (
        "article",
        "Ciaurri, {\\'O}scar and Roncal, Luz and Stinga, Pablo Ra{\\'u}l and Torrea, Jos{\\'e} L. and "
        "Varona, Juan Luis",
        "Nonlocal discrete diffusion equations and the fractional discrete Laplacian, regularity and applications",
        "Advances in Mathematics",
        330,
        "688--738",
        2018,
    ),
    "servadei2014": (
        "article",
        "Servadei, Raffaella and Valdinoci, Enrico",
        "On the spectrum of two different fractional operators",
        "Proceedings of the Royal Society of Edinburgh, Section A",
        144,
        "831--855",
        2014,
    ),
    "sabzikar2015": (
        "article",
        "Sabzikar, Farzad and Meerschaert, Mark M. and Chen, Jinghua",
        "Tempered fractional calculus",
        "Journal of Computational Physics",
        293,
        "14--28",
        2015,
    ),
    "gilboa2009": (
        "article",
        "Gilboa, Guy and Osher, Stanley",
        "Nonlocal operators with applications to image processing",
        "Multiscale Modeling and Simulation",
        7,
        "1005--1028",
        2009,
    ),
    "hochbrucklubich1997": (
        "article",
        "Hochbruck, Marlis and Lubich, Christian",
        "On {K}rylov subspace approximations to the matrix exponential operator",
        "SIAM Journal on Numerical Analysis",
        34,
        "1911--1925",
        1997,
    ),
    "moret2004": (
        "article",
        "Moret, Igor and Novati, Paolo",
        "{RD}-rational approximations of the matrix exponential",
        "BIT Numerical Mathematics",
        44,
        "595--615",
        2004,
    ),
    "eshofhochbruck2006": (
        "article",
        "van den Eshof, Jasper and Hochbruck, Marlis",
        "Preconditioning {L}anczos approximations to the matrix exponential",
        "SIAM Journal on Scientific Computing",
        27,
        "1438--1457",
        2006,
    ),
    "talezer1989": (
        "article",
        "Tal-Ezer, Hillel",
        "Polynomial approximation of functions of matrices and applications",
        "Journal of Scientific Computing",
        4,
        "25--60",
        1989,
    ),
    "cox2002": (
        "article",
        "Cox, Steven M. and Matthews, Paul C.",
        "Exponential time differencing for stiff systems",
        "Journal of Computational Physics",
        176,
        "430--455",
        2002,
    ),
    "crank1947": (
        "article",
        "Crank, John and Nicolson, Phyllis",
        "A practical method for numerical evaluation of solutions of partial differential equations of the "
        "heat-conduction type",
        "Proceedings of the Cambridge Philosophical Society",
        43,
        "50--67",
        1947,
    ),
    "hairer2003": (
        "article",
        "Hairer, Ernst and Lubich, Christian and Wanner, Gerhard",
        "Geometric numerical integration illustrated by the {S}t{\\\"o}rmer-{V}erlet method",
        "Acta Numerica",
        12,
        "399--450",
        2003,
    ),
    "grossmiller1984": (
        "article",
        "Gross, Donald and Miller, Douglas R.",
        "The randomization technique as a modeling tool and solution procedure for transient {M}arkov processes",
        "Operations Research",
        32,
        "343--361",
        1984,
    ),
}

# A phrase in the description of the run -> the papers behind it.
_PHRASES = {
    "scheme: compatible": ("tiandu2013", "du2019"),
    "scheme: lattice power": ("ciaurri2018",),
    "FractionalLaplacian": ("kwasnicki2017",),
    "SpectralFractionalLaplacian": ("servadei2014",),
    "Tempered(": ("sabzikar2015",),
    "TwoPoint(": ("gilboa2009",),
    "NonlocalDiffusion": ("du2012",),
    "ShiftInvertLanczos": ("moret2004", "eshofhochbruck2006"),
    " Lanczos": ("hochbrucklubich1997",),
    "Chebyshev": ("talezer1989",),
    "ETD(": ("cox2002",),
    "CrankNicolson": ("crank1947",),
    "StormerVerlet": ("hairer2003",),
    "Uniformisation": ("grossmiller1984",),
}


def cite(result: Result) -> str:
    """BibTeX of this software and of the methods that the run used: kernels, scheme, exterior, stepper.

    Examples
    --------
    >>> import pide
    >>> line = pide.Torus((1.0,))
    >>> heat = pide.Heat(pide.Laplacian(), line, initial=lambda x: x)
    >>> print(cite(pide.solve(heat, on=line.grid(8), until=0.1)).splitlines()[0])
    @software{pide,
    """
    text = " ".join(
        [
            f" {result.record.stepper}",
            repr(result.problem.operator),
            repr(result.problem.exterior),
            *result.operator.notes,
        ]
    )
    keys = [key for phrase, papers in _PHRASES.items() if _says(text, phrase) for key in papers]
    version = result.record.versions.get("pide", "")
    return "\n\n".join([_SOFTWARE % version, *_bibtex(dict.fromkeys(keys))])


def _says(text: str, phrase: str) -> bool:
    """Whether a phrase stands in a text, not as the end of a longer word."""
    return re.search(("" if phrase[0] == " " else r"\b") + re.escape(phrase), text) is not None


def _bibtex(keys: dict[str, None]) -> Iterator[str]:
    for key in keys:
        kind, author, title, journal, volume, pages, year = _ENTRIES[key]
        yield (
            f"@{kind}{{{key},\n  author  = {{{author}}},\n  title   = {{{title}}},\n  journal = {{{journal}}},\n"
            f"  volume  = {{{volume}}},\n  pages   = {{{pages}}},\n  year    = {{{year}}}\n}}"
        )
