"""A verdict on each type, its heads and the evidence, from one run; as a table and a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from catalog.drawing.head_mosaic import leading, mosaic, type_looks
from catalog.drawing.pictures import Picture, score_picture
from catalog.responses import TypeResult
from catalog.schema.evidence import Evidence, EvidenceModel, Grid
from catalog.schema.head_type import HeadType
from catalog.suggestions import did_you_mean
from catalog.verdicts import type_result
from verify.loading import LoadedModel
from verify.planning import unmeasured
from verify.recording import evidence_model

if TYPE_CHECKING:
    import pandas

Key = tuple[str, str]
"""Ids of head type and recipe."""


@dataclass(frozen=True)
class HeadRow:
    """One head in one recipe: a row of the table. Numbers are in the unit of the measure."""

    head_type: str
    recipe: str
    measure: str
    unit: str
    layer: int
    head: int
    score: float | None
    low: float | None
    high: float | None
    control: float | None
    margin: float | None
    margin_low: float | None
    margin_high: float | None
    q: float | None
    """Corrected over the heads of this recipe (Benjamini and Hochberg), and over no other."""
    status: str
    """``passes``, ``fails`` or ``unclear``, on the first seed."""
    found: bool
    """Whether it passes and was confirmed on the second seed."""


@dataclass(frozen=True)
class Results(Mapping[str, TypeResult]):
    """The results of one run, a mapping from the id of a head type to its verdict."""

    model: EvidenceModel
    name: str
    types: tuple[TypeResult, ...]
    """Types that have a verdict, in the order asked for."""
    evidence: Mapping[Key, Evidence]
    """Records by head type and recipe."""
    entries: tuple[HeadType, ...]
    """The head types that were asked for."""
    failed: Mapping[Key, str] = field(default_factory=dict)
    """Recipes that could not be computed, and why; the next run tries them again."""

    @classmethod
    def of(
        cls,
        loaded: LoadedModel,
        entries: Sequence[HeadType],
        evidence: Mapping[Key, Evidence],
        failed: Mapping[Key, str] | None = None,
    ) -> Results:
        """Join the records of a run as the entries say, in their order, whichever ran first."""
        places = {
            (entry.id, recipe.id): (place, number)
            for place, entry in enumerate(entries)
            for number, recipe in enumerate(entry.recipes)
        }
        ordered = dict(sorted(evidence.items(), key=lambda item: places[item[0]]))
        types = []
        for entry in entries:
            mine = {recipe: r for (name, recipe), r in ordered.items() if name == entry.id}
            result = type_result(entry, loaded.described(), mine)
            if result is not None:
                types.append(result)
        return cls(
            evidence_model(loaded),
            loaded.name,
            tuple(types),
            ordered,
            tuple(entries),
            dict(sorted((failed or {}).items(), key=lambda item: places[item[0]])),
        )

    def __getitem__(self, head_type: str) -> TypeResult:
        for result in self.types:
            if result.head_type == head_type:
                return result
        if head_type in self.unmeasured:
            raise KeyError(f"no verdict on '{head_type}': {self.unmeasured[head_type]}")
        near = did_you_mean(head_type, [result.head_type for result in self.types])
        hint = f"; did you mean '{near}'?" if near else ""
        raise KeyError(f"'{head_type}' was not asked for{hint}")

    def __iter__(self) -> Iterator[str]:
        return iter(result.head_type for result in self.types)

    def __len__(self) -> int:
        return len(self.types)

    @property
    def unmeasured(self) -> Mapping[str, str]:
        """Types that got no verdict, and why."""
        return unmeasured(self.entries, self.evidence.keys(), self.failed)

    @property
    def tested(self) -> Mapping[Key, int]:
        """By recipe, over how many heads its q are corrected; recipes without q are left out."""
        counts = {
            key: sum(q is not None for row in record.scores.q for q in row)
            for key, record in self.evidence.items()
            if record.scores is not None and record.scores.q is not None
        }
        return {key: count for key, count in counts.items() if count}

    @property
    def heads(self) -> dict[str, list[str]]:
        """Heads that were found, ``layer.head``, with the types that they were found to be."""
        found: dict[str, list[str]] = {}
        for result in self.types:
            for head in result.found:
                found.setdefault(head, []).append(result.head_type)
        return dict(sorted(found.items(), key=lambda item: tuple(map(int, item[0].split(".")))))

    def rows(self) -> Iterator[HeadRow]:
        """A row for each head and recipe that could be scored, layer by layer."""
        for record in self.evidence.values():
            yield from _rows(record)

    def to_frame(self) -> pandas.DataFrame:
        """:meth:`rows` as a data frame.

        Raises:
            ImportError: if pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError(
                "a data frame needs pandas: pip install 'headbook[notebook]'"
                " (results.rows() needs nothing)"
            ) from error
        return pandas.DataFrame(
            [asdict(row) for row in self.rows()], columns=list(HeadRow.__dataclass_fields__)
        )

    def plot(self, head_type: str | None = None, recipe: str | None = None) -> Picture:
        """A picture, layers x heads: which head is of which type, or the scores of one recipe.

        Args:
            head_type: the type whose scores are wanted; None for the mosaic of all.
            recipe: of the type's recipes; the first that was applicable if None.

        Raises:
            KeyError: if there is no such record.
            ValueError: if the recipe was not applicable, with the reason.
        """
        if head_type is None:
            return self._mosaic()
        mine = {name: r for (of, name), r in self.evidence.items() if of == head_type}
        if not mine or (recipe is not None and recipe not in mine):
            raise KeyError(
                f"there is no evidence on {head_type}" + (f".{recipe}" if recipe else "")
            )
        scored = [record for record in mine.values() if record.scores is not None]
        record = mine[recipe] if recipe else (scored or list(mine.values()))[0]
        if record.scores is None:
            raise ValueError(f"{head_type}.{record.recipe} was not applicable: {record.reason}")
        return score_picture(record)

    def _mosaic(self) -> Picture:
        names = {entry.id: entry.name for entry in self.entries}
        looks = type_looks(leading(self.heads, [result.head_type for result in self.types]))
        return mosaic(self.name, self.model.layers, self.model.heads, self.heads, names, looks)

    def __repr__(self) -> str:
        lines = [f"{self.model.id} ({self.model.revision})"]
        for result in self.types:
            heads = f": {', '.join(result.found)}" if result.found else ""
            lines.append(f"  {result.head_type}: {result.verdict}{heads}")
        if self.unmeasured:
            lines.append(f"  no verdict on {len(self.unmeasured)} types (see .unmeasured)")
        if self.failed:
            several = "s" * (len(self.failed) > 1)
            lines.append(f"  {len(self.failed)} recipe{several} not computed (see .failed)")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The mosaic and a line for each type, as a notebook shows it."""
        from verify.report import summary_html

        return summary_html(self)


def _rows(record: Evidence) -> Iterator[HeadRow]:
    scores = record.scores
    if scores is None:
        return

    def at(grid: Grid | None, layer: int, head: int) -> Any:
        return None if grid is None else grid[layer][head]

    for layer in range(record.model.layers):
        for head in range(record.model.heads):
            yield HeadRow(
                head_type=record.head_type,
                recipe=record.recipe,
                measure=record.measure,
                unit=record.unit,
                layer=layer,
                head=head,
                score=at(scores.mean, layer, head),
                low=at(scores.low, layer, head),
                high=at(scores.high, layer, head),
                control=at(scores.control, layer, head),
                margin=at(scores.margin, layer, head),
                margin_low=at(scores.margin_low, layer, head),
                margin_high=at(scores.margin_high, layer, head),
                q=at(scores.q, layer, head),
                status=scores.status[layer][head],
                found=f"{layer}.{head}" in record.found,
            )
