"""Which measures order networks as their generalization gaps do: rank statistics over tables of trained networks. No torch."""

from boundcheck.ranking.networks import Networks
from boundcheck.ranking.statistics import Ranking, Settings, rank

__all__ = ["Networks", "Ranking", "Settings", "rank"]
