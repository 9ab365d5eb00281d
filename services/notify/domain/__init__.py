"""What is true of messages, webhooks and the endpoints that they go to; no framework here."""
