"""Names of the columns that the trading kernels read and write."""

from __future__ import annotations

# params, float64 (n_books, N_PARAMS)
NEXT_REFERENCE = 0  # outside price of this block, USD per token; set by the caller every block
TICK_USD = 1
LOT = 2  # tokens in one lot
FLOW_ACCOUNT = 3  # ledger account of the background traders
MARKET_SHARE = 4
CANCEL_SHARE = 5  # of commands when RESTING_TARGET orders rest
RESTING_TARGET = 6
MEAN_QUANTITY_USD = 7
MEAN_OFFSET = 8  # fraction of the price
DEVIATION_KEPT = 9  # share of log(mid / reference) left after a block
VARIANCE_WEIGHT = 10  # weight of the newest return
BLOCK_TIME_S = 11
DEPTH_BAND = 12  # fraction of the mid within which depth is counted
HALTED = 13  # 1 while nothing trades, else 0; set by the caller
N_PARAMS = 14

# state, float64 (n_books, N_STATE)
REFERENCE = 0  # outside price of the last block, USD per token
FAIR = 1
MID = 2
BID = 3  # nan when none
ASK = 4
VARIANCE = 5  # of log mids, per second
BID_DEPTH_USD = 6
ASK_DEPTH_USD = 7
SWEPT_FAIR = 8  # fair price when orders left behind were last withdrawn
N_STATE = 9

# quotes, float64 (n_makers, n_books, N_QUOTE)
QUOTE_BELOW = 0  # distance of the first bid from the centre, as a fraction; infinite: no bids
QUOTE_SKEW = 1  # fraction of the price per USD of inventory
QUOTE_SIZE_USD = 2
QUOTE_LEVELS = 3  # 0: withdrawn
QUOTE_LEVEL_STEP = 4
QUOTE_LIMIT_USD = 5  # inventory beyond which one side is not quoted
QUOTE_TARGET = 6  # lots the maker wants to hold
QUOTE_ABOVE = 7  # distance of the first ask; infinite: no asks
N_QUOTE = 8

MAX_LEVELS = 4
"""Most price levels a side in a standing quote."""

REACH = 10.0
"""Background orders further from the fair price than this many mean offsets were left behind by it."""
