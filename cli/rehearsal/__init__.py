"""Tests of scenario packages, run on the real core: simulated are the offices, the applicant, and the clock."""
