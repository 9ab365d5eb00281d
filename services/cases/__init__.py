"""The cases service: runs each case as an orchestrated saga over the offices' own systems."""
