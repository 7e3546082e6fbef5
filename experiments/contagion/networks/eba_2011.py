"""Balance sheets of 90 European banks at the end of 2010, as a network to try measures on.

Published by the European Banking Authority with its stress test of 2011. It gives what each bank is
owed by *institutions*, not by whom, nor what it owes them. So an assumption about interbank debts is
needed, and is stated by the caller:

* ``equal``: each bank owes institutions as much as it is owed;
* ``assets``: interbank debts are in proportion to total assets.

Both close the system: what institutions outside the ninety owe and are owed is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal, get_args

import numpy as np
import pandas as pd

from ..claims import Floats
from ..errors import ContagionError
from .maximum_entropy import checked_margins

Assumption = Literal["equal", "assets"]


@dataclass(frozen=True, eq=False)
class Banks:
    """Balance sheets, million EUR.

    Attributes
    ----------
    table : DataFrame
        Columns ``bank`` (EBA code), ``risk_weighted_assets``, ``core_tier_1``, ``total_assets`` and
        ``interbank_assets``. Two banks reported no total assets.
    """

    table: pd.DataFrame

    @property
    def equity(self) -> Floats:
        """Core tier 1 capital."""
        return self.table.core_tier_1.to_numpy(np.float64)

    def margins(self, assumption: Assumption = "equal") -> tuple[Floats, Floats]:
        """Return what each bank owes and is owed within the network.

        Parameters
        ----------
        assumption : str
            ``equal`` or ``assets``; a bank without total assets owes as much as it is owed.

        Returns
        -------
        owed, held : float64 ndarray, shape (90,)
        """
        if assumption not in get_args(Assumption):
            allowed = ", ".join(map(repr, get_args(Assumption)))
            raise ContagionError(f"assumption = {assumption!r}; allowed: {allowed}")
        held = self.table.interbank_assets.to_numpy(np.float64)
        if assumption == "equal":
            return checked_margins(held, held)
        size = self.table.total_assets.to_numpy(np.float64)
        known = size > 0.0
        owed = held.copy()
        owed[known] = held[known].sum() * size[known] / size[known].sum()
        return checked_margins(owed, held)


@lru_cache(maxsize=1)
def load_eba_2011() -> Banks:
    """Read the packaged balance sheets; origin and licence are in ``DATA_LICENSES.md``."""
    source = files("liquidarium.experiments").joinpath("data", "contagion", "eba_2011.csv.gz")
    with source.open("rb") as stream:
        return Banks(pd.read_csv(stream, compression="gzip"))
