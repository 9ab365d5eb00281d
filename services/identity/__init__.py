"""The identity service: who there is, who may call, and the tokens that prove it."""
