"""Having files judged: `judges.py` starts processes of their own, `process.py` is what runs in them."""
