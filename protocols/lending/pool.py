"""What a world may ask of any lending protocol: its crowd as arrays, its rules as calls.

Each protocol has its own package beside this file, with the contract's rules as pure
integer functions and a pool that connects them to a crowd: it takes one account
out of the arrays, runs the rule, writes the account back and lets the ledger move
what the rule says.

Protocols liquidate in two manners. Where a liquidator *calls*, it repays debt and
receives collateral in the same transaction (`LendingPool.liquidate`). Where it
*kicks*, the protocol takes the account over (`kick`), may pay the kicker, and may
sell what it has taken (`sales`, `buy`, `bid`), with upkeep that anyone may do (`chores`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...market.ledger import Ledger
from ..health import HealthScreen, Opportunities
from ..positions import Positions
from ..revert import Revert

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


ESTIMATE = 1e-5
"""By how much of what is repaid the gain from a call may be off in `LendingPool.estimate`."""


class Called(NamedTuple):
    """What one liquidation call did.

    Attributes
    ----------
    debt_repaid : int
        Taken off the debt of the account, or of all that the call met; base units of the debt asset.
    collateral_to_liquidator : int
        Base units of the collateral asset.
    health_factor : int
        Before the call; wad.
    protocol_fee : int
        Collateral that they lost to the protocol; base units. Negative for what it sold of its own.
    debt_fee : int
        Paid by the liquidator on top, the protocol's; base units of the debt asset. Negative where
        the protocol took debt over.
    debt_received : int
        Base units of the debt asset that the account held itself, and that the liquidator got beside
        the collateral.
    """

    debt_repaid: int
    collateral_to_liquidator: int
    health_factor: int
    protocol_fee: int = 0
    debt_fee: int = 0
    debt_received: int = 0

    @property
    def paid(self) -> int:
        """What the call cost the liquidator, base units of the debt asset; negative for a gain."""
        return self.debt_repaid + self.debt_fee - self.debt_received


class Quotes(NamedTuple):
    """What one call on each of several accounts would do now; arrays over the accounts.

    Attributes
    ----------
    repay_usd : float64 ndarray
        Most that the call may repay; 0 where it would be refused.
    bonus : float64 ndarray
        What it gains as a fraction of that; may be negative.
    least_usd : float64 ndarray
        Less is refused.
    """

    repay_usd: Floats
    bonus: Floats
    least_usd: Floats


class Bond(NamedTuple):
    """What a kicker has staked, to be paid back, with more or less, once a sale has ended.

    Attributes
    ----------
    number : int
        Of the sale; the chore ``bond`` of its kicker pays it back, see `LendingPool.bonds_of`.
    asset, units : int
        Base units of an asset.
    """

    number: int
    asset: int
    units: int


class Kicked(NamedTuple):
    """What taking over one account did. Amounts are (asset, base units).

    Attributes
    ----------
    debt : tuple
        What the account no longer owes.
    collateral : tuple
        What the account no longer has.
    reward : tuple
        What the kicker received; the ledger has moved it.
    health_factor : int
        Before the kick; wad.
    credit : tuple
        What the protocol owes the account for collateral beyond its debt; it is in the positions.
    set_aside : tuple
        What the owner had set aside for such a case, beside the collateral; the kicker's now.
    bond : Bond, optional
        What the kicker has staked, where kicks need a stake; the ledger has moved it.
    """

    debt: tuple[tuple[int, int], ...]
    collateral: tuple[tuple[int, int], ...]
    reward: tuple[tuple[int, int], ...]
    health_factor: int
    credit: tuple[tuple[int, int], ...] = ()
    set_aside: tuple[tuple[int, int], ...] = ()
    bond: Bond | None = None


class Sale(NamedTuple):
    """Collateral that a protocol offers now.

    Attributes
    ----------
    number : int
        Names the sale within its protocol.
    kind : str
        ``price``: anyone may buy at the price of the moment (a falling one or a fixed
        discount); ``bids``: the highest bid wins when the auction ends.
    account : int
        Row of the account the collateral came from, -1 for nobody's in particular.
    collateral, debt : int
        Asset sold and asset paid with.
    units : int
        Base units of collateral for sale.
    price : float
        Per whole token now, in whole tokens of `debt`; for ``bids`` the standing bid per token.
    most : int
        Base units of `debt` that all buyers together may still pay.
    least : int
        For ``price``: least base units of `debt` that one purchase must pay; less is refused.
    least_bid : int
        For ``bids``: least base units of `debt` that raise the standing bid; then 0 once the
        whole debt is bid and bids compete by taking fewer `units` (see `most_units`).
    most_units : int
        For ``bids`` in that second phase: most base units of collateral that a new bid may ask for.
    bidder : int
        For ``bids``: ledger account of the standing bid, -1 for none.
    ends_s : float
        For ``bids``: when the standing bid wins, infinite for no end yet.
    sealed : tuple of int
        For ``bids``: ledger accounts that have made a bid which nobody sees before the end; they may
        make no other.
    divisible : bool
        For ``bids``: whether a bid may be for a part of the units.
    """

    number: int
    kind: str
    account: int
    collateral: int
    debt: int
    units: int
    price: float
    most: int
    least_bid: int = 0
    most_units: int = 0
    bidder: int = -1
    ends_s: float = float("inf")
    least: int = 0
    sealed: tuple[int, ...] = ()
    divisible: bool = False


class Chore(NamedTuple):
    """Upkeep that anyone may do now: restart a stale auction, hand out a won one.

    Attributes
    ----------
    number : int
        Of the sale, or whatever names the chore within its protocol and kind.
    kind : str
        For example ``redo`` or ``deal``.
    reward_usd : float
        What the protocol pays for it.
    beneficiary : int
        Ledger account that gains from it beside the reward, -1 for none.
    gain_usd : float
        What that account gains.
    hope_usd : float
        What everybody may hope for in what can be bought after it, beside the reward.
    """

    number: int
    kind: str
    reward_usd: float
    beneficiary: int = -1
    gain_usd: float = 0.0
    hope_usd: float = 0.0


class Bought(NamedTuple):
    """What a purchase, or a finished auction, moved; base units.

    Attributes
    ----------
    buyer : int
        Ledger account that received the collateral.
    paid : int
        Of the debt asset.
    units : int
        Of the collateral.
    returned : int
        Collateral given back to the account it came from.
    refunded : int
        Of what was paid, beyond what that account owed: its own again. Negative for debt that was not
        raised and is owed by the account again.
    """

    buyer: int
    paid: int
    units: int
    returned: int = 0
    refunded: int = 0


class LendingPool(ABC):
    """One lending protocol with its crowd.

    Rows of `positions` are the borrowers in order and, last, one row that is nobody's
    vault: the lenders as one account where there are lenders, empty elsewhere. Columns
    are ledger assets.

    A world writes the borrowers' underlying base units into `positions`, calls `open`
    once, and from then on changes positions through the methods only. Every method
    that moves value checks first: after a `Revert` nothing has changed, unless its
    text says otherwise, in which case the world calls what `checkpoint` returned.

    Parameters
    ----------
    ledger : Ledger
        Where the pool opens an account of its own.
    name : str
        In tables.
    n_borrowers : int
    start_s : int
        Unix time of the world's second 0.

    Attributes
    ----------
    name, ledger, start_s
        As given.
    account : int
        Ledger account that holds what belongs to the pool.
    positions : Positions
        Scaled base units, see `weights`.
    lenders : int
        The last row.
    thresholds : float64 ndarray, shape (n_assets,)
        Weight of each collateral in health; 0 where an asset is no collateral.
    bonus : float64 ndarray, shape (n_assets,)
        What a caller gains per unit repaid by collateral, protocol's fee deducted, as a
        fraction; for pools that are kicked, what buyers of the collateral may hope for.
    close_factor, full_below : float
        Largest share of a debt one call may repay; all of it at or below this health.
    small_usd : float
        Value of the debt, or of the collateral, below which all of the debt may be repaid too.
    whole_position : bool
        Whether `close_factor` is a share of all that an account owes, of whatever debt it is repaid.
    caution : float
        Fraction by which the exact rule may find an account poorer than `weights` do, as of the
        last call of `weights`.
    utilisation : float
        Borrowed share of what lenders supply at the start; 1 where there are no lenders.
    kicked : bool
        Whether accounts are taken over (`kick`) rather than called (`liquidate`).
    kick_pays : bool
        Whether a kick itself pays what `kick_rewards_usd` says; if not, the reward is in what is sold later.
    stake_share : float
        What a kicker has to stake, over the debt of the account; see `stake`.
    quoted : bool
        Whether the terms of a call are the account's own (`quote`) and `bonus` only bounds what it gains.
    batched : bool
        Whether a call on an account serves all that are worse off, so that none is too small for its gas.
    paced : bool
        Whether an account may rest between two liquidations (`resting`).
    soft : bool
        Whether accounts at the trigger are first converted bit by bit: `resting` says which may not be
        liquidated, and `pairs` what a call on each of the others names. Such pools are `quoted`.
    sealed_bids : bool
        Whether bids for a lot stand side by side until they are opened; if not, a higher one replaces
        the one before.
    """

    kicked = False
    quoted = False
    batched = False
    paced = False
    soft = False
    sealed_bids = False
    kick_pays = True
    stake_share = 0.0
    caution = 0.0
    full_below = 0.0
    small_usd = 0.0
    whole_position = False
    utilisation = 1.0

    thresholds: Floats
    bonus: Floats
    close_factor: float

    def __init__(self, ledger: Ledger, name: str, n_borrowers: int, start_s: int) -> None:
        self.name, self.ledger, self.start_s = name, ledger, start_s
        self.account = ledger.open_account(f"protocol/{name}")
        self.positions = Positions(n_borrowers + 1, len(ledger.assets))
        self.lenders = n_borrowers

    @property
    def penalty(self) -> Floats:
        """What a liquidated borrower loses per unit of debt, by collateral, as a fraction."""
        return self.bonus

    @property
    def penalty_at_trigger(self) -> Floats:
        """The same for an account just at the trigger, where the penalty grows as health falls."""
        return self.penalty

    @abstractmethod
    def open(self) -> None:
        """Start from what `positions` holds in underlying base units, and fund the pool's account."""

    def endow(self, collateral: Integers, debt: Integers) -> None:
        """Put the initial positions in place and open.

        Parameters
        ----------
        collateral, debt : int64 ndarray, shape (n_borrowers, n_assets)
            Underlying base units.
        """
        self.positions.collateral[: self.lenders] = collateral
        self.positions.debt[: self.lenders] = debt
        self.open()

    @abstractmethod
    def set_prices(self, answers: Sequence[int]) -> None:
        """Take in what the oracle says, USD with 8 decimals per whole token, by asset."""

    @abstractmethod
    def weights(self, now_s: int) -> tuple[Floats, Floats, Floats]:
        """Return what one unit in `positions` counts for at the oracle's prices, USD.

        Returns
        -------
        collateral, debt, seized : float64 ndarray, shape (n_assets,)
            Collateral times threshold, debt, and collateral without the threshold.
        """

    @abstractmethod
    def health_factor(self, row: int, now_s: int) -> int:
        """Exact health of an account, wad; below one it may be liquidated."""

    @abstractmethod
    def debt_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account owes of an asset now, base units."""

    def payoff(self, row: int, asset: int, now_s: int) -> int:
        """Return the most that a call on an account may cost, base units of what it owes: debt and fees."""
        return self.debt_units(row, asset, now_s)

    @abstractmethod
    def collateral_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account has put up of an asset now, base units."""

    @abstractmethod
    def repay(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> int:
        """Repay debt of an account from a ledger account; return base units repaid. May raise `Revert`."""

    @abstractmethod
    def supply(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> None:
        """Add collateral to an account from a ledger account. May raise `Revert`."""

    @abstractmethod
    def withdraw(self, row: int, asset: int, amount: int, target: int, now_s: int) -> int:
        """Withdraw collateral to a ledger account; return base units withdrawn. May raise `Revert`."""

    @abstractmethod
    def checkpoint(self, row: int, assets: Sequence[int]) -> Callable[[], None]:
        """Remember an account (-1 for none), some assets' state and all sales; the result restores them."""

    @abstractmethod
    def residual_touched(self) -> Integers:
        """Disagreement per asset over what changed since the last call, base units; see `residual`."""

    @abstractmethod
    def residual(self) -> Integers:
        """Disagreement between positions, the rules' own totals and the ledger, per asset, base units."""

    @abstractmethod
    def claims(self, now_s: int) -> dict[str, Floats]:
        """Return what groups own in the protocol less what they owe it, by group; base units of every asset.

        ``borrowers`` always, ``lenders`` or others (depositors, bidders) where there are any. The
        rest of the pool's ledger account is the protocol's own.
        """

    def held_for(self, account: int) -> tuple[tuple[int, int], ...]:
        """Return what a ledger account has in the pool's custody, a bid or a deposit: (asset, base units)."""
        return ()

    def restricted(self, now_s: int) -> int:
        """Return how many parts of the protocol are under emergency rules now (recovery mode, shutdown)."""
        return 0

    def lent_usd(self, now_s: int) -> Floats:
        """Return what lenders and depositors may claim, by asset, USD."""
        _, _, seized = self.weights(now_s)
        return np.asarray(self.positions.collateral[self.lenders] * seized)

    def deficit(self) -> Integers:
        """Return bad debt that the protocol has written off or covers itself so far, by asset, base units."""
        return np.zeros(self.positions.n_assets, np.int64)

    # where liquidators call

    def liquidate(
        self, row: int, collateral: int, debt: int, cover: int, liquidator: int, now_s: int
    ) -> Called:
        """Run one liquidation call for a ledger account that repays at most `cover` base units.

        Raises
        ------
        Revert
            With the contract's reason, or if the liquidator cannot pay; nothing has changed then.
        """
        raise Revert(f"{self.name} has no liquidation calls; accounts are kicked")

    def quote(self, rows: Integers, collaterals: Integers, debts: Integers, now_s: int) -> Quotes:
        """Return exact terms of a call on each account for a pair of assets, where the pool is `quoted`."""
        raise NotImplementedError(f"{self.name} has the same terms for every account")

    def estimate(self, rows: Integers, collaterals: Integers, debts: Integers, now_s: int) -> Quotes | None:
        """Return what `quote` would, to within `ESTIMATE` of what is repaid; None if that is no quicker.

        NaN for an account of which only the rule can say whether it may be liquidated; the others may be.
        """
        return None

    def resting(self, rows: Integers, now_s: int) -> NDArray[np.bool_]:
        """Return which accounts may not be liquidated yet, where the pool is `paced` or `soft`."""
        return np.zeros(len(rows), np.bool_)

    def pairs(self, rows: Integers) -> tuple[Integers, Integers]:
        """Return the collateral and the debt that a call on each account names, where the pool is `soft`."""
        raise NotImplementedError(f"{self.name} lets a caller choose")

    # where liquidators kick

    def kick(self, row: int, kicker: int, now_s: int) -> Kicked:
        """Take an account over for a ledger account.

        Raises
        ------
        Revert
            With the contract's reason; nothing has changed then.
        """
        raise Revert(f"{self.name} has no kicks; accounts are liquidated by a call")

    def kick_rewards_usd(self, rows: Integers, collateral_usd: Floats, debt_usd: Floats) -> Floats:
        """Return what a kicker may hope for from each account, USD, given what it holds and owes."""
        return np.zeros(len(rows))

    def stake(self, row: int, now_s: int) -> tuple[int, int]:
        """Return what a kicker has to stake for an account, where kicks need it: asset and base units."""
        raise NotImplementedError(f"kicks of {self.name} need no stake")

    def bonds_of(self, kicker: int) -> tuple[int, ...]:
        """Return the ended sales whose bonds the chore ``bond`` pays back to a ledger account, its number."""
        return ()

    def best_calls(self, screen: HealthScreen, accounts: Integers, collateral_usd: Floats) -> Opportunities:
        """Return the best call on each account by a screen at weights of this pool.

        Parameters
        ----------
        screen : HealthScreen
        accounts : int64 ndarray
            Rows of the screen.
        collateral_usd : float64 ndarray, shape (n_assets,)
            USD per base unit of collateral, without the liquidation threshold.
        """
        return screen.opportunities(
            accounts, collateral_usd, self.bonus, self.close_factor, self.full_below,
            small_usd=self.small_usd, whole_position=self.whole_position,
        )  # fmt: skip

    def sales(self, now_s: int) -> Sequence[Sale]:
        """Return what is for sale now, the same way every time it is asked."""
        return ()

    def sales_worth(
        self, now_s: int, best_usd: Sequence[float], prices_usd: Sequence[float]
    ) -> Sequence[Sale]:
        """Return what `sales` does; what costs more than it could be sold for may be left out.

        Parameters
        ----------
        now_s : int
        best_usd, prices_usd : sequence of float
            By asset: highest price at which it could be sold, and the oracle's price, USD per whole token.
        """
        return self.sales(now_s)

    def chores(self, now_s: int) -> Sequence[Chore]:
        """Return upkeep that anyone may do now."""
        return ()

    def buy(self, number: int, pay: int, worst_price: float, buyer: int, now_s: int) -> Bought:
        """Buy from a sale of kind ``price`` with at most `pay` base units, at no more than `worst_price`.

        Raises
        ------
        Revert
            With the contract's reason, or if the buyer cannot pay; nothing has changed then.
        """
        raise Revert(f"{self.name} sells nothing")

    def bid(self, number: int, pay: int, units: int, bidder: int, now_s: int) -> None:
        """Bid `pay` base units for `units` of collateral in a sale of kind ``bids``.

        Raises
        ------
        Revert
            With the contract's reason, or if the bidder cannot pay; nothing has changed then.
        """
        raise Revert(f"{self.name} holds no auctions by bids")

    def work(self, kind: str, number: int, worker: int, now_s: int) -> Bought | None:
        """Do a chore for a ledger account; return what it sold, if that is what it did.

        Raises
        ------
        Revert
            With the contract's reason; nothing has changed then.
        """
        raise Revert(f"{self.name} knows no chore {kind!r}")
