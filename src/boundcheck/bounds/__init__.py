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
    "langford2005holdout": "Langford2005HoldOut",
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
    "long2020counting": "Long2020Counting",
    "massart2000finite": "Massart2000Finite",
    "bartlett2002linear": "Bartlett2002Linear",
    "mohri2018l1": "Mohri2018L1",
    "neyshabur2015norm": "Neyshabur2015Norm",
    "neyshabur2015moments": "Neyshabur2015Moments",
    "golowich2018size": "Golowich2018Size",
    "golowich2018chevet": "Golowich2018Chevet",
    "golowich2018l1": "Golowich2018L1",
    "golowich2018entries": "Golowich2018Entries",
    "galanti2023patches": "Galanti2023Patches",
    "neyshabur2019role": "Neyshabur2019Role",
    "neyshabur2019units": "Neyshabur2019Units",
    "gonon2024path": "Gonon2024Path",
    "gonon2024peeling": "Gonon2024Peeling",
    "bartlett2017spectral": "Bartlett2017Spectral",
    "bartlett2017covering": "Bartlett2017Covering",
    "neyshabur2018spectral": "Neyshabur2018Spectral",
    "neyshabur2018relative": "Neyshabur2018Relative",
    "maurer2004kl": "Maurer2004Kl",
    "maurer2004sqrt": "Maurer2004Sqrt",
    "mcallester1999averaging": "McAllester1999Averaging",
    "catoni2007grid": "Catoni2007Grid",
    "thiemann2017lambda": "Thiemann2017Lambda",
    "perezortiz2021quadratic": "Perezortiz2021Quadratic",
    "mhammedi2019bernstein": "Mhammedi2019Bernstein",
    "tolstikhin2013bernstein": "Tolstikhin2013Bernstein",
    "dziugaite2017variance": "Dziugaite2017Variance",
    "ambroladze2007split": "Ambroladze2007Split",
    "wu2024recursive": "Wu2024Recursive",
    "jiang2020magnitude": "Jiang2020Magnitude",
    "langford2003vote": "Langford2003Vote",
    "masegosa2020tandem": "Masegosa2020Tandem",
    "rivasplata2020disintegrated": "Rivasplata2020Disintegrated",
    "viallard2024disintegrated": "Viallard2024Disintegrated",
    "viallard2024original": "Viallard2024Original",
    "viallard2024renyi": "Viallard2024Renyi",
    "zhou2019compression": "Zhou2019Compression",
    "arora2018discrete": "Arora2018Discrete",
    "lotfi2022length": "Lotfi2022Length",
    "campi2023compression": "Campi2023Compression",
    "paccagnan2023pick": "Paccagnan2023Pick",
    "langford2005compression": "Langford2005Compression",
    "bousquet2002stability": "Bousquet2002Stability",
    "bousquet2002leaveout": "Bousquet2002LeaveOut",
    "bartlett2002kernel": "Bartlett2002Kernel",
    "mohri2018kernel": "Mohri2018Kernel",
}
"""Name of the theorem, which is the name of its file, to the class in it; in the order of a report."""


class Catalogue(Mapping[str, Theorem]):
    """All theorems by name, imported on first use."""

    def __getitem__(self, name: str) -> Theorem:
        """The theorem of that name.

        Raises:
            KeyError: There is none.
        """
        kind = _CLASSES[name]  # before the import, so that an unknown name is a KeyError
        theorem: Theorem = getattr(import_module(f"{__name__}.{name}"), kind)()
        return theorem

    def __iter__(self) -> Iterator[str]:
        return iter(_CLASSES)

    def __len__(self) -> int:
        return len(_CLASSES)


CATALOGUE = Catalogue()
"""Every theorem that boundcheck knows."""

__all__ = ["CATALOGUE", "Catalogue"]
