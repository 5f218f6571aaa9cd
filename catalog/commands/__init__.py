"""The ``headbook`` command: ``main`` and one module a subcommand."""
