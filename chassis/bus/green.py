"""Makes a worker process green. Imported before anything else in it: what was imported earlier would keep blocking."""

import os
import warnings

# psycopg's own wait, written in C, would block the hub; this one waits on a selector, which eventlet replaces.
os.environ["PSYCOPG_WAIT_FUNC"] = "wait_selector"

with warnings.catch_warnings():
    # eventlet announces the end of its maintenance at import; nameko needs it, and nothing outside workers uses it.
    warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
    import eventlet

eventlet.monkey_patch()
