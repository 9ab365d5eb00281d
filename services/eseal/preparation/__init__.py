"""Writing seals into files of strangers: `preparers.py` starts processes of their own, `process.py` runs in them."""
