"""Result tables as bytes: a hash of what they hold and a copy on disk.

The hash depends on names, types and values alone: not on the index, on how
strings are stored or on when the run took place.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd


class _Hash(Protocol):
    def update(self, data: bytes | memoryview[int], /) -> None: ...


def content_hash(tables: Mapping[str, pd.DataFrame]) -> str:
    """Hash the values of all tables.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Columns of booleans, numbers or text.

    Returns
    -------
    str
        32 hexadecimal digits, BLAKE2b of table names, column names, types,
        little-endian values and UTF-8 text.

    Raises
    ------
    TypeError
        If a column holds anything else.

    Examples
    --------
    >>> table = pd.DataFrame({"block": [1, 2], "asset": ["ETH", "BTC"]})
    >>> content_hash({"trades": table}) == content_hash({"trades": table.astype({"asset": "category"})})
    True
    """
    digest = blake2b(digest_size=16)
    for name in sorted(tables):
        table = tables[name]
        digest.update(f"table {name} {len(table)} {table.shape[1]}\n".encode())
        for column in table.columns:
            digest.update(f"column {column} ".encode())
            try:
                _hash_column(digest, table[column])
            except TypeError as error:
                raise TypeError(f"table {name}, column {column}: {error}") from None
    return digest.hexdigest()


def _hash_column(digest: _Hash, column: pd.Series) -> None:
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        values = column.to_numpy()
        if dtype.kind == "f" and np.isnan(values).any():
            values = np.where(
                np.isnan(values), np.array(np.nan, dtype), values
            )  # one bit pattern for all NaN
        digest.update(f"{dtype.kind}{dtype.itemsize}\n".encode())
        little = np.ascontiguousarray(values, dtype.newbyteorder("<"))
        digest.update(little.view(np.uint8).data)
        return
    codes, words = pd.factorize(column, use_na_sentinel=True)
    if not all(isinstance(word, str) for word in words):
        raise TypeError(f"holds {dtype}, a result table holds booleans, numbers or text")
    digest.update(b"text\n")
    for word in words:
        encoded = word.encode()
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    digest.update(np.ascontiguousarray(codes, "<i4").view(np.uint8).data)


def write_tables(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write each table to ``folder/NAME.parquet``."""
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False, compression="zstd")


def read_tables(names: list[str], folder: Path) -> dict[str, pd.DataFrame]:
    """Read the tables that `write_tables` wrote."""
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in names}
