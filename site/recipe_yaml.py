"""A recipe as YAML, as an entry would hold it."""

from __future__ import annotations

import yaml

from catalog.schema.recipe import Recipe


class _Dumper(yaml.SafeDumper):
    """Indents lists as the entries do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)


def recipe_yaml(recipe: Recipe) -> str:
    """The recipe as an entry would hold it, defaults written out."""
    data = recipe.model_dump(mode="json", by_alias=True, exclude_none=True)
    if data.get("status") == "runnable":
        del data["status"]
    return yaml.dump(
        [data],
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=None,
        allow_unicode=True,
        width=96,
    )
