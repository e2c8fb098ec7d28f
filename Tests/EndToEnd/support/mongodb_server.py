"""nx-27017 with the arguments given (--data-dir among them), made to store dates as dates, and to be one of several.

Its quick way of updating, by statements of SQLite, stores a date that `$set` names as a text of its own form. Its exact
way, which it has for changes that SQLite cannot express, stores a date, as MongoDB does.

Left to itself it has one file for its process id, and one log, on the whole machine, and so refuses to start beside
another.
"""

import sys
from pathlib import Path

from neosqlite.collection.query_helper._sql_updates import SqlUpdatesMixin
from nx_27017.nx_27017 import main

if __name__ == "__main__":
    folder = Path(sys.argv[sys.argv.index("--data-dir") + 1])
    folder.mkdir(parents=True, exist_ok=True)
    sys.argv += ["--pid-file", str(folder / "server.pid"), "--log-file", str(folder / "server.log")]
    SqlUpdatesMixin._can_use_sql_updates = lambda *_: False
    main()
