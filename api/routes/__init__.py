"""Routes, one module a subject. Each only hands parameters to ``catalog.queries``."""
