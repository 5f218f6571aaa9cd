"""Answers as bytes: JSON, YAML, CSV, BibTeX, JSON-LD and NumPy arrays."""
