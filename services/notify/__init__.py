"""Notify: messages to people's inboxes and signed webhooks to department systems."""
