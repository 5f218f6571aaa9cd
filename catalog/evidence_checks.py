"""Checks of evidence, checkpoints and examples against the entries that they are about."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from catalog.contents import Contents, EntryFile
from catalog.problems import Problem
from catalog.references import all_names, unknown
from catalog.schema import Checkpoint, Evidence
from catalog.schema.evidence import EvidenceModel


def check_evidence(contents: Contents) -> Iterator[Problem]:
    """Records name types, recipes and models that there are, and have their sizes."""
    yield from _evidence(contents)
    yield from _checkpoints(contents)
    yield from _examples(contents)


def _evidence(contents: Contents) -> Iterator[Problem]:
    models, types = all_names(contents.models), all_names(contents.head_types)
    for file in contents.evidence.values():
        record = file.value
        if record is None:
            continue
        yield from _model_run(contents, file, record.model, models)
        if record.head_type not in types:
            yield unknown(file, ("head_type",), record.head_type, "head type", "head-types", types)
        type_file = contents.head_types.get(record.head_type)
        if type_file is not None and type_file.value is not None:
            recipes = [recipe.id for recipe in type_file.value.recipes]
            if record.recipe not in recipes:
                yield file.problem(
                    ("recipe",),
                    f"{record.head_type} has no recipe '{record.recipe}'"
                    f" (recipes: {', '.join(recipes) or 'none'})",
                )
        yield from _grids_and_heads(file, record)


def _examples(contents: Contents) -> Iterator[Problem]:
    for file in contents.examples.values():
        example = file.value
        if example is None:
            continue
        source = f"{example.model.id}/{example.model.revision}/{example.head_type}.{example.recipe}"
        if source not in contents.evidence:
            yield file.problem(
                ("recipe",), f"there is no evidence {source}, which the example belongs to"
            )


def _checkpoints(contents: Contents) -> Iterator[Problem]:
    models, types = all_names(contents.models), all_names(contents.head_types)
    for file in contents.checkpoints.values():
        record = file.value
        if record is None:
            continue
        yield from _model_run(contents, file, record.model, models)
        for i, result in enumerate(record.results):
            if result.head_type not in types:
                path = ("results", i, "head_type")
                yield unknown(file, path, result.head_type, "head type", "head-types", types)


def _model_run(
    contents: Contents,
    file: EntryFile[Evidence] | EntryFile[Checkpoint],
    ran: EvidenceModel,
    known: Collection[str],
) -> Iterator[Problem]:
    """The model that was run is one of those ``known``, and of the size that its entry says."""
    if ran.id not in known:
        yield unknown(file, ("model", "id"), ran.id, "model", "models", known)
        return
    model_file = contents.models.get(ran.id)
    model = model_file.value if model_file is not None else None
    if model is not None:
        for name in ("layers", "heads", "kv_heads"):
            here, there = getattr(ran, name), getattr(model, name)
            if here != there:
                yield file.problem(
                    ("model", name), f"{here} {name} were run, but {model.id} has {there}"
                )


def _grids_and_heads(file: EntryFile[Evidence], record: Evidence) -> Iterator[Problem]:
    """What a record says of single heads fits the size of the model that it says was run."""
    ran = record.model
    if record.scores is not None:
        for name in ("se", "margin_low", "margin_high", "q"):
            grid = getattr(record.scores, name)
            if grid is not None and [len(row) for row in grid] != [ran.heads] * ran.layers:
                yield file.problem(
                    ("scores", name), f"is not {ran.layers} layers x {ran.heads} heads"
                )
    named = [(("found", i), head) for i, head in enumerate(record.found)]
    named += [(("unclear", i), head) for i, head in enumerate(record.unclear)]
    for path, head in named:
        layer, _, index = head.partition(".")
        if int(layer) >= ran.layers or int(index) >= ran.heads:
            yield file.problem(
                path, f"there is no head '{head}' in {ran.layers} layers of {ran.heads} heads"
            )
