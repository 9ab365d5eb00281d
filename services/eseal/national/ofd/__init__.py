"""Documents in OFD (GB/T 33190-2016): written, sealed, judged."""
