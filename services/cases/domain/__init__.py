"""The functional core of the cases service: a bundle's saga as plain values and pure functions."""
