"""Telling a database that is away, which is waited out, from a statement that fails, which counts as an attempt."""

import sqlite3

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# SQLSTATEs (PostgreSQL, appendix A), whole or by their class: connection exception, idle in a transaction for too long,
# insufficient resources, operator intervention, system error.
_AWAY_STATES = ("08", "25P03", "53", "57P", "58")
# Primary result codes of SQLite under which a later attempt finds the same statement sound.
_AWAY_SQLITE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
_PRIMARY_CODE = 0xFF


def database_is_away(error: BaseException) -> bool:
    """Whether the error says that the database cannot be worked with now, whatever was asked of it."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorcode", 0) & _PRIMARY_CODE in _AWAY_SQLITE
    state = getattr(error.orig, "sqlstate", None)
    if state is None:  # the client's own words: nobody answered; of a statement it may say that it cannot be sent
        return isinstance(error, OperationalError | InterfaceError) and error.statement is None
    return str(state).startswith(_AWAY_STATES)
