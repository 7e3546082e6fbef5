"""A user's own agent or strategy is a class in a module of theirs, named in the scenario."""

from __future__ import annotations

import sys

import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import load_scenario
from liquidarium.experiments.scenarios.base import ScenarioError
from liquidarium.experiments.scenarios.loading import validate

CRASH = ("clock.start=2021-05-19T13:00:00Z", "clock.duration_s=600")

MODULE = '''
from dataclasses import dataclass

from liquidarium.agents.base import DecidingAgent, Liquidate, Sell, Together
from liquidarium.agents.makers import MarketMaker


class Hoarder(DecidingAgent):
    """Liquidates whatever is listed, keeps the collateral, and sells some in every block."""

    role = "hoarder"

    def due(self, view_version, block):
        return True

    def decide(self, view):
        cash = self.world.cash_usd(self.account)
        calls = [
            Liquidate(o, min(o.repay_usd, 0.2 * cash), 3 * view.gas_urgent_gwei, False, "hold", 0.05)
            for o in view.opportunities[:2]
        ]
        return [*calls, Sell(0, 5_000.0, 0.05), Sell(1, 5_000.0, 0.05)]


class Borrowing(DecidingAgent):
    """Liquidates with flash loans and has no strategy at all."""

    role = "liquidator"

    def decide(self, view):
        return [
            Liquidate(o, min(o.repay_usd, 100_000.0), 3 * view.gas_urgent_gwei, True, "pool", 0.05)
            for o in view.opportunities[:2]
        ]


@dataclass(frozen=True)
class Eager:
    """A strategy for the packaged liquidator: bids a fixed multiple of the urgent price."""

    multiple: float = 2.0

    def decide(self, view, own):
        price = self.multiple * view.gas_urgent_gwei
        return [
            Liquidate(o, min(o.repay_usd, own.cash_usd), price, False, "book", 0.05)
            for o in view.opportunities[:1]
        ]


class Bundler(DecidingAgent):
    """Liquidates two accounts together or none."""

    role = "bundler"

    def decide(self, view):
        calls = tuple(
            Liquidate(o, min(o.repay_usd, 20_000.0), 3 * view.gas_urgent_gwei, False, "book", 0.05)
            for o in view.opportunities[:2]
        )
        return [Together(calls)] if len(calls) == 2 else []


class Bookless(DecidingAgent):
    def due(self, view_version, block):
        return True

    def decide(self, view):
        return [Sell(2, 100.0, 0.05)]


class Confused(DecidingAgent):
    def due(self, view_version, block):
        return True

    def decide(self, view):
        return ["buy low, sell high"]


class OwnMaker(MarketMaker):
    """A maker of one's own; it quotes like the packaged one."""


def not_a_class():
    pass
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Name of a module outside the package that holds a user's classes."""
    (tmp_path / "my_bots.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("my_bots", None)  # of the pages of the documentation
    yield "my_bots"
    sys.modules.pop("my_bots", None)


def crash_with(*agents, keep=("makers",)):
    data = load_scenario("quickstart", CRASH).model_dump(exclude_none=True)
    kept = [agent for agent in data["agents"] if agent["name"] in keep]
    return validate(data | {"agents": [*kept, *agents]})


def test_users_own_agent_liquidates_and_sells(module):
    agent = {"kind": f"{module}:Hoarder", "name": "hoarder", "capital_usd": 3e6}
    result = run(crash_with(agent), 1)
    mine = result.liquidations[result.liquidations.liquidator == "hoarder"]
    assert len(mine) == len(result.liquidations) > 0
    assert (mine.gas_usd > 0).all()
    trades = result.tables["trades"]
    assert ((trades.taker == "hoarder") & (trades.side == -1)).sum() > 0
    assert result.summary["conservation_error_usd"] == 0.0
    assert "hoarder" in set(result.tables["welfare"].group)


def test_users_own_agent_may_borrow_within_the_transaction(module):
    agent = {"kind": f"{module}:Borrowing", "name": "borrowing", "capital_usd": 50_000.0}
    result = run(crash_with(agent), 1)
    assert len(result.liquidations) > 0
    assert result.liquidations.repaid_usd.max() > 50_000.0
    assert result.summary["conservation_error_usd"] == 0.0


def test_users_own_strategy_drives_the_packaged_bot(module):
    def bids(multiple):
        agent = {
            "kind": "liquidator",
            "strategy": f"{module}:Eager",
            "name": "eager",
            "capital_usd": 3e6,
            "parameters": {"multiple": multiple},
        }
        table = run(crash_with(agent), 1).tables["bids"]
        return table[table.kind == "liquidation"].price_gwei

    two, three = bids(2.0), bids(3.0)
    assert len(two) > 0
    assert three.iloc[0] == pytest.approx(1.5 * two.iloc[0])


def test_users_own_maker_quotes_in_the_books(module):
    own = {"kind": f"{module}:OwnMaker", "name": "own", "capital_usd": 1e7, "strategy": "avellaneda-stoikov"}
    model = LiquidationMarket(crash_with(own, keep=()), 1)
    model.run()
    trades = model.recorder.tables(model.outside.times_s, model.ledger.name)["trades"]
    assert (trades.maker == "own").sum() > 0
    assert model.conservation.error_usd(model.oracle_prices) == 0.0


def test_users_own_agent_may_bundle_its_calls(module):
    """Both calls of a bundle are in one block, next to each other."""
    agent = {"kind": f"{module}:Bundler", "name": "bundler", "capital_usd": 3e6}
    result = run(crash_with(agent), 1)
    done = result.liquidations
    assert len(done) > 0
    assert (done.groupby("block").size() % 2 == 0).all()
    assert (done.gas_usd > 0).all()
    assert result.summary["conservation_error_usd"] == 0.0


def test_selling_what_has_no_book_names_the_agent_and_the_asset(module):
    model = LiquidationMarket(crash_with({"kind": f"{module}:Bookless", "name": "bookless"}), 1)
    with pytest.raises(ValueError, match="bookless wants to sell USDC, which has no book"):
        model.step()


def test_users_run_repeats_itself(module):
    agent = {"kind": f"{module}:Hoarder", "name": "hoarder", "capital_usd": 3e6}
    hashes = {run(crash_with(agent), 1).summary["content_hash"] for _ in range(2)}
    assert len(hashes) == 1


def test_answer_that_is_no_intent_names_the_agent(module):
    model = LiquidationMarket(crash_with({"kind": f"{module}:Confused", "name": "confused"}), 1)
    with pytest.raises(TypeError, match="confused asked for 'buy low, sell high', which is no intent"):
        model.run()


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("my_bots:Hoader", "has no 'Hoader', did you mean 'Hoarder'"),
        ("my_bots:not_a_class", "must be a class derived from"),
        ("my_bots:Eager", "must be a class derived from"),
        ("no_such_module:Bot", "there is no module 'no_such_module'"),
    ],
)
def test_a_class_that_cannot_serve_is_refused_before_the_first_block(module, kind, says):
    with pytest.raises(ScenarioError, match=says):
        LiquidationMarket(crash_with({"kind": kind, "name": "mine", "capital_usd": 1.0}), 1)
