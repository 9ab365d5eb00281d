"""What runs a department's handlers: what is in hand, the threads, and the stream to the platform."""
