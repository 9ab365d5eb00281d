"""Drawings of scenarios: the order of their steps, as SVG and on a terminal."""
