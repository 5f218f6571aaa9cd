"""The REST API: FastAPI routes over ``catalog.queries``. Read-only, without torch or verify."""
