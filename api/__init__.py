"""The REST API over the catalog. Imports catalog only, never torch."""
