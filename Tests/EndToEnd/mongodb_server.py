"""nx-27017 with the arguments given, made to store dates as dates.

Its quick way of updating, by statements of SQLite, stores a date that `$set` names as a text of its own form. Its exact way,
which it has for changes that SQLite cannot express, stores a date, as MongoDB does.
"""

from neosqlite.collection.query_helper._sql_updates import SqlUpdatesMixin
from nx_27017.nx_27017 import main

if __name__ == "__main__":
    SqlUpdatesMixin._can_use_sql_updates = lambda *_: False
    main()
