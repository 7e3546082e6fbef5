"""A whole batch of commands in one compiled call.

A batch is an int64 matrix, one command a row, with the columns named below. Rows
may name their orders by small ids of the caller's choice, kept in a table from
client id to order id; a client id is free again once its order is gone.
"""

from __future__ import annotations

from numba import njit

from .book_kernels import cancel, is_live, reduce, refuse, replace, submit
from .layout import BAD_COMMAND, DUPLICATE_ID, FILLED, NO_ROOM, SLOT_MASK, STATUS

# Columns of a command.
KIND = 0  # one of the kinds below
COMMAND_SIDE = 1  # BUY or SELL; not read for cancel, reduce and replace
COMMAND_PRICE = 2  # ticks; 0 for a market order or a stop without a limit
COMMAND_LOTS = 3  # reduce: lots to take off
COMMAND_OWNER = 4
COMMAND_FLAGS = 5
EXTRA = 6  # peak of an iceberg; trigger if the flags have STOP
COMMAND_ID = 7  # client id (-1: none) or, to name an order, its order id
COMMAND_COLUMNS = 8

# Columns of the results.
RESULT_ORDER, RESULT_FILLED, RESULT_STATUS = range(3)
RESULT_COLUMNS = 3

ADD, CANCEL, REDUCE, REPLACE = range(4)


@njit(cache=True, _nrt=False)
def order_named(client_orders, name):
    """Order id behind a client id or an order id; 0 when the client id is free."""
    if name < 0 or name > SLOT_MASK:
        return name
    return client_orders[name] if name < client_orders.shape[0] else 0


@njit(cache=True, _nrt=False)
def run_commands(commands, start, results, client_orders, book, balances, volumes, trades):
    """Run commands from row `start`; return the row to go on from.

    Parameters
    ----------
    commands : int64 ndarray, shape (n, COMMAND_COLUMNS)
    start : int
    results : int64 ndarray, shape (n, RESULT_COLUMNS)
        Order id (cancel and reduce: lots taken out), lots filled, `Status`; a
        matrix without rows asks for none.
    client_orders : int64 ndarray, shape (client ids,)
        Order id last given to each client id.
    book, balances, volumes, trades
        As in `book_kernels`.

    Returns
    -------
    int
        ``n`` when all is done; less when the command in that row found no room
        in the log, the slots or the id table, and changed nothing.
    """
    n = commands.shape[0]
    wanted = results.shape[0] > 0
    for i in range(start, n):
        kind, name = commands[i, KIND], commands[i, COMMAND_ID]
        lots, price, flags = commands[i, COMMAND_LOTS], commands[i, COMMAND_PRICE], commands[i, COMMAND_FLAGS]
        if kind == ADD:
            if name >= client_orders.shape[0]:
                book[STATUS] = NO_ROOM
                return i
            if name >= 0 and is_live(book, client_orders[name]):
                outcome = refuse(book, DUPLICATE_ID)
            else:
                side, owner, extra = commands[i, COMMAND_SIDE], commands[i, COMMAND_OWNER], commands[i, EXTRA]
                outcome = submit(book, balances, volumes, trades, owner, side, price, lots, flags, extra)
                if outcome != 0 and name >= 0:
                    client_orders[name] = outcome
        elif kind == CANCEL:
            outcome = cancel(book, balances, volumes, order_named(client_orders, name))
        elif kind == REDUCE:
            outcome = reduce(book, balances, volumes, order_named(client_orders, name), lots)
        elif kind == REPLACE:
            order_id = order_named(client_orders, name)
            outcome = replace(book, balances, volumes, trades, order_id, price, lots, flags)
        else:
            outcome = refuse(book, BAD_COMMAND)
        if book[STATUS] == NO_ROOM:
            return i
        if wanted:
            results[i, RESULT_ORDER] = outcome
            results[i, RESULT_FILLED] = book[FILLED]
            results[i, RESULT_STATUS] = book[STATUS]
    return n
