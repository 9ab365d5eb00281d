"""What the services say to each other: every event is consumed, and what was said once is understood for ever.

`python -m tests.contracts.record NAME` records a journey's events as they travel; see `recorded/README.md`.
"""
