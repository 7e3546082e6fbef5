"""A run folder appears whole or not at all, and says whether it is still what was run."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.experiments.runs import (
    SUMMARY_KEYS,
    RunFolderError,
    RunResult,
    check_target,
    summarise,
    verify,
)
from liquidarium.experiments.runs.tables import content_hash, read_tables, write_tables
from liquidarium.experiments.scenarios import load_scenario


def small_tables() -> dict[str, pd.DataFrame]:
    liquidations = pd.DataFrame(
        {
            "id": [0, 1, 2],
            "liquidator": ["a", "b", "a"],
            "repaid_usd": [100.0, 50.0, 10.0],
            "seized_usd": [105.0, 55.0, 11.0],
            "gas_usd": [1.0, 2.0, 4.0],
            "profit_usd": [3.0, 2.0, -1.0],
        }
    )
    bids = pd.DataFrame({"block": [1, 1, 2], "executed": [True, False, False], "gas_usd": [1.0, 0.5, 0.25]})
    blocks = pd.DataFrame({"block": np.arange(4, dtype=np.int32), "t_s": np.arange(4) * 12.0})
    sales = pd.DataFrame({"returned_usd": [1.0], "profit_usd": [0.5], "gas_usd": [0.25]})
    return {
        "blocks": blocks,
        "liquidations": liquidations,
        "sales": sales,
        "bids": bids,
        "trades": pd.DataFrame({"asset": []}),
    }


def small_result() -> RunResult:
    tables = small_tables()
    summary = summarise(
        tables,
        scenario="quickstart",
        seed=3,
        borrowers=5,
        left_out=0,
        unsafe_at_start=0,
        restricted_at_start=0,
        unsafe_settings="",
        market_events=9,
        conservation_error_usd=0.0,
        bad_debt_usd=7.0,
        other_gas_usd=0.75,
        upkeep_pay_usd=0.125,
        unsold_usd=0.0,
        content_hash=content_hash(tables),
        wall_s=0.5,
    )
    return RunResult(load_scenario("quickstart"), 3, tables, summary, {"blocks": 0.4})


def test_summary_signs():
    summary = small_result().summary
    assert list(summary) == list(SUMMARY_KEYS)
    assert summary["borrower_loss_usd"] == 171 - 1 - 160
    assert summary["liquidator_profit_usd"] == 4 + 0.5 + 0.125 - 0.75
    assert summary["gas_usd"] == 7 + 0.25 + 0.75
    assert (summary["liquidations"], summary["blocks"], summary["bad_debt_usd"]) == (3, 4, 7.0)


def test_docs_table_of_the_summary_is_that_of_the_code():
    page = Path(__file__).parents[2] / "docs" / "summary.md"
    rows = [line for line in page.read_text().splitlines() if line.startswith("| `")]
    assert rows == [f"| `{key}` | {unit} | {meaning} |" for key, (unit, meaning) in SUMMARY_KEYS.items()]


def test_saved_run_loads_as_it_was(tmp_path):
    result = small_result()
    folder = result.save(tmp_path / "deep" / "run")
    assert sorted(path.name for path in folder.parent.iterdir()) == ["run"]
    loaded = RunResult.load(folder)
    assert loaded.scenario == result.scenario
    assert (loaded.seed, loaded.summary, loaded.timings) == (3, result.summary, {"blocks": 0.4})
    assert loaded.content_hash == result.content_hash == verify(folder)
    pd.testing.assert_frame_equal(loaded.liquidations, result.liquidations, check_dtype=False)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert set(manifest["versions"]) >= {"python", "numpy", "numba", "mesa", "pandas", "liquidarium"}
    assert manifest["content_hash"] == result.summary["content_hash"]


def test_changed_table_is_found_out(tmp_path):
    folder = small_result().save(tmp_path / "run")
    table = pd.read_parquet(folder / "liquidations.parquet")
    table.loc[0, "repaid_usd"] += 1e-9
    table.to_parquet(folder / "liquidations.parquet", index=False)
    with pytest.raises(RunFolderError, match="have changed"):
        verify(folder)


def test_earlier_run_is_replaced_only_when_asked(tmp_path):
    result = small_result()
    folder = result.save(tmp_path / "run")
    before = (folder / "manifest.json").stat().st_ino
    with pytest.raises(RunFolderError, match="exists"):
        result.save(folder)
    assert (folder / "manifest.json").stat().st_ino == before
    (folder / "old").touch()
    result.save(folder, overwrite=True)
    assert not (folder / "old").exists()
    assert os.listdir(tmp_path) == ["run"]


def test_folder_that_is_no_run_is_never_replaced(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").touch()
    (tmp_path / "file").touch()
    for name in ("thesis", "file", "file/run"):
        with pytest.raises(RunFolderError):
            small_result().save(tmp_path / name, overwrite=True)
    assert (tmp_path / "thesis" / "chapter.tex").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_interrupted_save_leaves_nothing(tmp_path, error):
    def stop(folder: Path) -> None:
        assert (folder / "manifest.json").exists()
        raise error

    with pytest.raises((KeyboardInterrupt, RunFolderError)):
        small_result().save(tmp_path / "run", also=stop)
    assert os.listdir(tmp_path) == []


def test_interrupted_replacement_keeps_the_earlier_run(tmp_path):
    folder = small_result().save(tmp_path / "run")

    def stop(folder: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small_result().save(folder, overwrite=True, also=stop)
    assert verify(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unwritable for root")
def test_folder_without_permission_is_refused_before_the_run(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(RunFolderError, match="no permission"):
        check_target(tmp_path / "run")


def test_folder_without_run_says_so(tmp_path):
    with pytest.raises(RunFolderError, match=r"holds no run: there is no manifest\.json"):
        RunResult.load(tmp_path)
    (tmp_path / "manifest.json").write_text('{"format": 99}')
    with pytest.raises(RunFolderError, match="format 99"):
        RunResult.load(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(RunFolderError, match="cannot be read"):
        RunResult.load(tmp_path)


def test_tables_are_attributes_and_others_are_named():
    result = small_result()
    assert result.blocks is result.tables["blocks"]
    with pytest.raises(AttributeError, match="its tables are blocks, liquidations, sales, bids, trades"):
        result.quotes  # noqa: B018
    assert pickle.loads(pickle.dumps(result)).content_hash == result.content_hash


TABLES = st.integers(0, 5).flatmap(
    lambda n: st.fixed_dictionaries(
        {
            "block": st.lists(st.integers(-(2**31), 2**31 - 1), min_size=n, max_size=n).map(
                lambda x: np.array(x, np.int32)
            ),
            "price": st.lists(st.floats(), min_size=n, max_size=n).map(lambda x: np.array(x, float)),
            "asset": st.lists(st.one_of(st.none(), st.text("aé∞", max_size=3)), min_size=n, max_size=n).map(
                lambda x: pd.Series(x, dtype=object)
            ),
            "done": st.lists(st.booleans(), min_size=n, max_size=n).map(lambda x: np.array(x, bool)),
        }
    ).map(pd.DataFrame)
)


@settings(deadline=None, max_examples=50)
@given(TABLES)
def test_hash_is_that_of_the_values_however_they_are_kept(tmp_path_factory, table):
    folder = tmp_path_factory.mktemp("tables")
    write_tables({"t": table}, folder)
    assert content_hash(read_tables(["t"], folder)) == content_hash({"t": table})
    assert content_hash({"t": table.set_axis(range(5, 5 + len(table)))}) == content_hash({"t": table})
    assert content_hash({"t": table.astype({"asset": "category"})}) == content_hash({"t": table})


def test_hash_sees_every_change():
    base = pd.DataFrame({"n": np.arange(3), "s": ["a", "b", "a"]})
    changed = [
        base.assign(n=base.n + 1),
        base.assign(n=base.n.astype(np.int32)),
        base.assign(s=["a", "b", "b"]),
        base.assign(s=["a", "ba", ""]),
        base.rename(columns={"n": "m"}),
        base[["s", "n"]],
        base.iloc[:2],
        base.iloc[::-1],
    ]
    hashes = {content_hash({"t": table}) for table in [base, *changed]} | {content_hash({"u": base})}
    assert len(hashes) == len(changed) + 2
    zeros = {content_hash({"t": pd.DataFrame({"n": np.zeros(3, kind)})}) for kind in (np.int64, np.float64)}
    assert len(zeros) == 2  # equal bytes, another type
    with pytest.raises(TypeError, match="table t, column when"):
        content_hash({"t": pd.DataFrame({"when": pd.to_datetime(["2021-05-19"])})})
