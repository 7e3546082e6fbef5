"""Where compiled kernels are kept: in the environment, but outside the installed package.

Numba would keep them beside the sources. `pip uninstall` leaves such files behind, and the empty
package around them then hides a later editable install.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"


def keep_kernels_outside() -> None:
    """Name Numba a folder for compiled code, unless the user has.

    It is in the Python environment, or in the user's cache folder if the environment cannot
    be written; if neither can, Numba's own choice stands.
    """
    if os.environ.get(VARIABLE):
        return
    for folder in (
        Path(sys.prefix) / "var" / "liquidarium-kernels",
        Path("~/.cache/liquidarium-kernels").expanduser(),
    ):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            os.environ[VARIABLE] = str(folder)  # workers inherit it
            numba = sys.modules.get("numba")
            if numba is not None:  # it has read the environment already
                numba.config.CACHE_DIR = str(folder)
            return
