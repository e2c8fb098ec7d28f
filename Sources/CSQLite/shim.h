#pragma once
#include <sqlite3.h>

/// sqlite3_db_config(), whose list of arguments Swift cannot pass, for the options that are on or off.
static inline int csqlite_configure(sqlite3 *_Nonnull connection, int option, int value) {
    return sqlite3_db_config(connection, option, value, (int *)0);
}
