"""The catalogue as files: Excel, CSV and YAML, read with every fault named, and written."""
