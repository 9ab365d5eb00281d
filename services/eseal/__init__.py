"""The eseal service: seals of organs, documents sealed with them, and whether a document is genuine."""
