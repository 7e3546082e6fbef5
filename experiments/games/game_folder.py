"""Measured games on disk: finished profiles while sampling goes on, and whole games as Parquet and manifest.

Files are written beside their place and renamed, so that a killed run leaves none in half.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..runs.result import versions
from ..runs.tables import content_hash
from .empirical_game import EmpiricalGame
from .outcomes import Outcomes
from .profiles import FloatArray, GameError, ProfileSpace, Role

FORMAT = 2
MANIFEST = "game.json"
SAMPLES = "samples.parquet"
OUTCOMES = "outcomes.parquet"
_PARTS = "profiles"


def save_game(game: EmpiricalGame, folder: str | Path, settings: Mapping[str, Any] | None = None) -> Path:
    """Write a measured game into a folder: ``samples.parquet`` and ``game.json``.

    Parameters
    ----------
    game : EmpiricalGame
    folder : str or Path
        Made if it is missing.
    settings : mapping, optional
        How the payoffs were made, as JSON can hold it.

    Raises
    ------
    GameError
        If it cannot be written.
    """
    target = Path(folder)
    tables = {"samples": _table(game)}
    if game.outcomes is not None:
        tables["outcomes"] = _outcome_table(game, game.outcomes)
    manifest = {
        "format": FORMAT,
        "roles": [
            {"name": role.name, "players": role.players, "strategies": list(role.strategies)}
            for role in game.space.roles
        ],
        "players": list(game.space.players),
        "settings": dict(settings or {}),
        "versions": versions(),
        "outcomes": list(game.outcomes.names) if game.outcomes is not None else [],
        "content_hash": content_hash(tables),
    }
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            replace(target / f"{name}.parquet", partial(table.to_parquet, index=False, compression="zstd"))
        text = json.dumps(manifest, indent=2, allow_nan=False) + "\n"
        replace(target / MANIFEST, lambda path: path.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise GameError(f"cannot write {target}: {error.strerror or error}") from None
    return target


def load_game(folder: str | Path) -> EmpiricalGame:
    """Read a measured game.

    Raises
    ------
    GameError
        If the folder holds none, or one that was changed.
    """
    where = Path(folder)
    manifest = _read_manifest(where)
    if manifest.get("format") != FORMAT:
        raise GameError(f"{where} has format {manifest.get('format')}; this version reads format {FORMAT}")
    try:
        space = ProfileSpace(
            [Role(r["name"], r["players"], tuple(r["strategies"])) for r in manifest["roles"]],
            manifest["players"],
        )
        names = tuple(manifest["outcomes"])
        for file in (SAMPLES, OUTCOMES) if names else (SAMPLES,):
            if not (where / file).exists():
                raise GameError(f"{where} holds no measured game: {file} is missing")
        table = pd.read_parquet(where / SAMPLES)
        tables = {"samples": table}
        if names:
            tables["outcomes"] = pd.read_parquet(where / OUTCOMES)
        if content_hash(tables) != manifest["content_hash"]:
            raise GameError(f"the samples in {where} have changed: their hash is not that of {MANIFEST}")
        counts = table.groupby("profile")["sample"].max().to_numpy(np.int64) + 1
        values = np.full((int(counts.max()), len(space.simulated), space.n_columns), np.nan)
        values[table["sample"], table["profile"], table["strategy"]] = table["payoff"]
        outcomes = None
        if names:
            told = tables["outcomes"]
            samples = np.full((int(counts.max()), len(space.simulated), len(names)), np.nan)
            samples[told["sample"], told["profile"]] = told[list(names)]
            outcomes = Outcomes(names, samples)
    except (KeyError, TypeError, IndexError, OSError) as error:
        raise GameError(f"{where} holds a game that cannot be read: {error}") from None
    return EmpiricalGame(space, values[:, space.profile, space.column], counts, outcomes)


class Journal:
    """Profiles that are finished, each in a file of its own, while a game is sampled.

    Parameters
    ----------
    folder : Path
        Of the game; made if it is missing.
    settings : mapping
        What payoffs depend on. A folder with other settings is refused.

    Raises
    ------
    GameError
        If the folder holds another game, or something else, or cannot be written.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self.settings = dict(settings)
        mark = folder / _PARTS / "settings.json"
        try:
            if folder.exists() and not folder.is_dir():
                raise GameError(f"{folder} is not a folder; name another one")
            if mark.exists():
                if json.loads(mark.read_text(encoding="utf-8")) != self.settings:
                    raise GameError(
                        f"{folder} holds samples of another game or other settings; name another folder"
                    )
                return
            if folder.exists() and any(entry.name != _PARTS for entry in folder.iterdir()):
                raise GameError(f"{folder} exists and holds no game; name another folder")
            mark.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(self.settings, indent=2) + "\n"
            replace(mark, lambda path: path.write_text(text, encoding="utf-8"))
        except ValueError as error:
            if isinstance(error, GameError):
                raise
            raise GameError(f"{mark} cannot be read: {error}") from None
        except OSError as error:
            raise GameError(f"cannot write {folder}: {error.strerror or error}") from None

    def keep(self, profile: int, first: int, values: FloatArray) -> None:
        """Write samples of a profile, shape (n, n_columns)."""
        table = pd.DataFrame(values, columns=[f"strategy_{c}" for c in range(values.shape[1])])
        replace(self._file(profile, first, len(values)), lambda path: table.to_parquet(path, index=False))

    def kept(self, profile: int, first: int, n: int) -> FloatArray | None:
        """Return samples that were written, or None."""
        path = self._file(profile, first, n)
        if not path.exists():
            return None
        try:
            return pd.read_parquet(path).to_numpy(np.float64)
        except (OSError, ValueError) as error:
            raise GameError(
                f"{path} cannot be read ({error}); remove it, and the profile is played again"
            ) from None

    def finish(self, game: EmpiricalGame) -> None:
        """Write the whole game beside the profiles."""
        save_game(game, self.folder, self.settings)

    def _file(self, profile: int, first: int, n: int) -> Path:
        return self.folder / _PARTS / f"{profile:06d}-{first}-{n}.parquet"


def _table(game: EmpiricalGame) -> pd.DataFrame:
    """One row for each payoff of each sample; payoffs that several entries share stand once."""
    space = game.space
    _, first = np.unique(space.profile * space.n_columns + space.column, return_index=True)
    rows, entries = np.nonzero(np.arange(len(game))[:, None] < game.taken[first])
    entries = first[entries]
    return pd.DataFrame(
        {
            "profile": space.profile[entries].astype(np.int64),
            "sample": rows.astype(np.int64),
            "strategy": space.column[entries].astype(np.int64),
            "payoff": game.samples[rows, entries],
        }
    )


def _outcome_table(game: EmpiricalGame, outcomes: Outcomes) -> pd.DataFrame:
    """One row for each sample of each profile."""
    assert game.counts is not None
    rows, profiles = np.nonzero(np.arange(len(game))[:, None] < game.counts)
    values = dict(zip(outcomes.names, outcomes.samples[rows, profiles].T, strict=True))
    return pd.DataFrame({"profile": profiles.astype(np.int64), "sample": rows.astype(np.int64), **values})


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: Any = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise GameError(f"{folder} holds no measured game: there is no {MANIFEST}") from None
    except (OSError, ValueError) as error:
        raise GameError(f"{folder / MANIFEST} cannot be read: {error}") from None
    if not isinstance(manifest, dict):
        raise GameError(f"{folder / MANIFEST} is not the manifest of a game")
    return manifest


def replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside its place and rename it."""
    unfinished = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        write(unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
