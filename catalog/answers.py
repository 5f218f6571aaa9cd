"""The answers of ``catalog.responses``, computed from a catalog: entries joined with evidence.

Everything that is derived is derived here, once; ``catalog.database`` only stores it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from catalog.counting import count_all
from catalog.emergence import emergences
from catalog.fingerprints import is_stale
from catalog.heads import empty_head, head_scores
from catalog.paper_answers import paper_detail, paper_use
from catalog.responses import (
    ClaimResult,
    Counts,
    Emergence,
    EvidenceDetail,
    HeadDetail,
    HeadScore,
    HeadTypeDetail,
    ModelDetail,
    PaperDetail,
    RelatedType,
    SurveyDetail,
    TypeResult,
)
from catalog.revisions import revision_order
from catalog.schema.base import Stage, Strength
from catalog.schema.evidence import Evidence
from catalog.schema.head_type import HeadType
from catalog.schema.model import Model, Shipped
from catalog.schema.paper import Paper
from catalog.survey_coverage import survey_detail
from catalog.verdicts import claim_result, type_result

if TYPE_CHECKING:
    from catalog.loading import Catalog

Records = Mapping[str, Evidence]
"""Evidence by recipe id, of one head type, one model and one revision."""


@dataclass(frozen=True)
class Answers:
    """All answers, in the order in which lists show them."""

    head_types: tuple[HeadTypeDetail, ...]
    papers: tuple[PaperDetail, ...]
    models: tuple[ModelDetail, ...]
    claims: tuple[ClaimResult, ...]
    evidence: tuple[EvidenceDetail, ...]
    results: tuple[TypeResult, ...]
    standing: frozenset[tuple[str, str, str]]
    """Head type, model and revision of the results that count."""
    heads: tuple[HeadDetail, ...]
    """Heads that a claim names or evidence scores."""
    emergences: tuple[Emergence, ...]
    """By model, then by head type."""
    counts: Counts
    survey: SurveyDetail | None
    """What the survey names; None where it is not written down."""


def compute(catalog: Catalog) -> Answers:
    """All answers for a checked catalog."""
    work = _Work(catalog)
    return Answers(
        head_types=tuple(work.head_type(entry) for entry in work.entries),
        papers=tuple(paper_detail(paper, work.entries, work.claims) for paper in work.papers),
        models=tuple(work.model(model) for model in work.models),
        claims=tuple(work.claims),
        evidence=tuple(_evidence(record, record.id in work.stale) for record in work.evidence),
        results=tuple(work.results),
        standing=frozenset((r.head_type, r.model, r.revision) for r in work.standing.values()),
        heads=tuple(work.heads()),
        emergences=tuple(emergences(work.entries, work.models, catalog.checkpoints.values())),
        counts=count_all(
            catalog, work.claims, work.standing.values(), len(work.stale), work.survey
        ),
        survey=work.survey,
    )


@dataclass
class _Work:
    """What the answers share, looked up once."""

    catalog: Catalog
    entries: list[HeadType] = field(init=False)
    papers: list[Paper] = field(init=False)
    models: list[Model] = field(init=False)
    evidence: list[Evidence] = field(init=False)
    results: list[TypeResult] = field(init=False, default_factory=list)
    standing: dict[tuple[str, str], TypeResult] = field(init=False, default_factory=dict)
    claims: list[ClaimResult] = field(init=False, default_factory=list)
    stale: set[str] = field(init=False)
    """Ids of the records whose recipe has changed since."""

    def __post_init__(self) -> None:
        stages = list(Stage)
        self.entries = sorted(
            self.catalog.head_types.values(),
            key=lambda entry: (
                stages.index(entry.stage),
                entry.group.casefold(),
                entry.name.casefold(),
                entry.id,
            ),
        )
        self.papers = sorted(self.catalog.papers.values(), key=lambda p: (p.year, p.id))
        self.models = sorted(self.catalog.models.values(), key=lambda m: (m.name.casefold(), m.id))
        type_place = {entry.id: place for place, entry in enumerate(self.entries)}
        model_place = {model.id: place for place, model in enumerate(self.models)}
        order = {model.id: revision_order(model) for model in self.models}
        self.evidence = sorted(
            self.catalog.evidence.values(),
            key=lambda record: (
                model_place[record.model.id],
                order[record.model.id](record.model.revision),
                type_place[record.head_type],
                record.recipe,
            ),
        )
        self.stale = {
            record.id
            for record in self.evidence
            if is_stale(
                record,
                self.catalog.head_types[record.head_type],
                self.catalog.vocabularies,
                self.catalog.texts,
            )
        }
        self._judge()

    def _stale_of(self, records: Records) -> set[str]:
        return {name for name, record in records.items() if record.id in self.stale}

    def _judge(self) -> None:
        """Fill ``results``, ``standing`` and ``claims``."""
        runs: dict[tuple[str, str], dict[str, dict[str, Evidence]]] = defaultdict(dict)
        for record in self.evidence:  # revisions come in their order
            by_revision = runs[record.head_type, record.model.id]
            by_revision.setdefault(record.model.revision, {})[record.recipe] = record
        counted: dict[tuple[str, str], Records] = {}
        for entry in self.entries:
            for model in self.models:
                place = (entry.id, model.id)
                for records in runs.get(place, {}).values():
                    result = type_result(entry, model, records, self._stale_of(records))
                    if result is not None:
                        self.results.append(result)
                        if place not in self.standing:
                            self.standing[place] = result
                            counted[place] = records
                if place not in counted and place in runs:
                    counted[place] = next(iter(runs[place].values()))
            for number, claim in enumerate(entry.claims, start=1):
                place = (entry.id, claim.model)
                self.claims.append(
                    claim_result(
                        claim,
                        number,
                        entry,
                        self.catalog.models[claim.model],
                        counted.get(place, {}),
                        self.standing.get(place),
                    )
                )

    def head_type(self, entry: HeadType) -> HeadTypeDetail:
        found = [
            result
            for (head_type, _), result in self.standing.items()
            if head_type == entry.id and result.verdict == "found"
        ]
        shown = {kind for result in found for kind in result.strength}
        claims = tuple(claim for claim in self.claims if claim.head_type == entry.id)
        return HeadTypeDetail(
            id=entry.id,
            name=entry.name,
            aliases=entry.aliases,
            stage=entry.stage,
            group=entry.group,
            placed_by=entry.placed_by,
            summary=entry.summary,
            year=self._year(entry),
            runnable=entry.runnable,
            claims=len(claims),
            found_in=tuple(result.model for result in found),
            strength=tuple(kind for kind in Strength if kind in shown),
            definition=entry.definition,
            action=entry.action,
            depth=entry.depth,
            papers=tuple(
                paper_use(self.catalog.papers[role.paper], role.role, role.note)
                for role in entry.papers
            ),
            claim_results=claims,
            no_claims=entry.no_claims,
            caveats=entry.caveats,
            related=tuple(
                RelatedType(
                    type=near.type,
                    name=self.catalog.head_types[near.type].name,
                    relation=near.relation,
                    note=near.note,
                )
                for near in entry.related
            ),
            automation=entry.automation,
            identify=entry.identify,
            recipes=entry.recipes,
            results=tuple(result for result in self.results if result.head_type == entry.id),
        )

    def _year(self, entry: HeadType) -> int:
        """When the type was first named, as far as the entry knows."""
        introducing = [role.paper for role in entry.papers if role.role == "introduces"]
        named = introducing or [role.paper for role in entry.papers]
        return min(self.catalog.papers[paper].year for paper in named)

    def model(self, model: Model) -> ModelDetail:
        claims = tuple(claim for claim in self.claims if claim.model == model.id)
        return ModelDetail(
            id=model.id,
            name=model.name,
            aliases=model.aliases,
            architecture=model.architecture,
            layers=model.layers,
            heads=model.heads,
            kv_heads=model.kv_heads,
            shipped=isinstance(model.source, Shipped),
            claims=len(claims),
            verified=any(record.model.id == model.id for record in self.evidence),
            found=tuple(
                head_type
                for (head_type, name), result in self.standing.items()
                if name == model.id and result.verdict == "found"
            ),
            source=model.source,
            width=model.width,
            context=model.context,
            vocabulary=model.vocabulary,
            positions=model.positions,
            parameters=model.parameters,
            licence=model.licence,
            loadable=model.loadable,
            checked=model.checked,
            note=model.note,
            results=tuple(result for result in self.results if result.model == model.id),
            claim_results=claims,
        )

    def heads(self) -> Iterable[HeadDetail]:
        """Every head that something is known of, model by model, layer by layer."""
        claims: dict[tuple[str, str], list[ClaimResult]] = defaultdict(list)
        for claim in self.claims:
            for head in claim.heads or ():
                claims[claim.model, head].append(claim)
        scores: dict[tuple[str, str], list[HeadScore]] = defaultdict(list)
        type_place = {entry.id: place for place, entry in enumerate(self.entries)}
        for record in sorted(self.evidence, key=lambda r: type_place[r.head_type]):
            name = self.catalog.head_types[record.head_type].name
            for score in head_scores(record, name):
                scores[record.model.id, score[0]].append(score[1])
        types: dict[tuple[str, str], list[str]] = defaultdict(list)
        for (head_type, model_id), result in self.standing.items():
            for head in result.found:
                types[model_id, head].append(head_type)
        for model in self.models:
            for layer in range(model.layers):
                for index in range(model.heads):
                    key = (model.id, f"{layer}.{index}")
                    if key in claims or key in scores:
                        yield empty_head(model, layer, index).model_copy(
                            update={
                                "types": tuple(types[key]),
                                "claim_results": tuple(claims[key]),
                                "scores": tuple(scores[key]),
                            }
                        )

    @cached_property
    def survey(self) -> SurveyDetail | None:
        """What the survey names."""
        catalog = self.catalog
        return survey_detail(catalog.survey, catalog.head_types) if catalog.survey else None


def _evidence(record: Evidence, stale: bool) -> EvidenceDetail:
    return EvidenceDetail(
        id=record.id,
        head_type=record.head_type,
        recipe=record.recipe,
        model=record.model.id,
        revision=record.model.revision,
        verdict=record.verdict,
        found=record.found,
        reason=record.reason,
        stale=stale,
        record=record,
    )
