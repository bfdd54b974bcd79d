"""The catalogue: one theorem, one file; this list is the only place that names them all.

The modules are imported when the catalogue is first asked for a theorem, so that listing names costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from boundcheck.theorem import Theorem

_CLASSES: Mapping[str, str] = {
    "langford2005testset": "Langford2005TestSet",
    "langford2005chernoff": "Langford2005Chernoff",
    "maurer2009testset": "Maurer2009TestSet",
    "hoeffding1963testset": "Hoeffding1963TestSet",
    "vapnik1998growth": "Vapnik1998Growth",
    "mohri2018growth": "Mohri2018Growth",
    "bartlett2019vcdim": "Bartlett2019VcDim",
    "cortes2019relative": "Cortes2019Relative",
    "serfling1974ghost": "Serfling1974Ghost",
    "blum2003hypergeometric": "Blum2003Hypergeometric",
    "blumer1987bits": "Blumer1987Bits",
    "blumer1987kl": "Blumer1987Kl",
    "mcallester1999occam": "McAllester1999Occam",
    "golowich2018size": "Golowich2018Size",
    "golowich2018chevet": "Golowich2018Chevet",
    "gonon2024peeling": "Gonon2024Peeling",
    "bartlett2017spectral": "Bartlett2017Spectral",
    "bartlett2017covering": "Bartlett2017Covering",
    "neyshabur2018spectral": "Neyshabur2018Spectral",
    "neyshabur2018relative": "Neyshabur2018Relative",
    "maurer2004kl": "Maurer2004Kl",
    "rivasplata2020disintegrated": "Rivasplata2020Disintegrated",
    "viallard2024disintegrated": "Viallard2024Disintegrated",
    "zhou2019compression": "Zhou2019Compression",
}
"""Name of the theorem, which is the name of its file, to the class in it; in the order of a report."""


class Catalogue(Mapping[str, Theorem]):
    """All theorems by name, imported on first use."""

    def __getitem__(self, name: str) -> Theorem:
        """The theorem of that name.

        Raises:
            KeyError: There is none.
        """
        theorem: Theorem = getattr(import_module(f"{__name__}.{name}"), _CLASSES[name])()
        return theorem

    def __iter__(self) -> Iterator[str]:
        return iter(_CLASSES)

    def __len__(self) -> int:
        return len(_CLASSES)


CATALOGUE = Catalogue()
"""Every theorem that boundcheck knows."""

__all__ = ["CATALOGUE", "Catalogue"]
