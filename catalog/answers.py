"""The answers of ``catalog.responses``, computed from a catalog: entries joined with evidence.

Everything that is derived is derived here, once; ``catalog.database`` only stores it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args

from catalog.citations import bibtex, short_authors
from catalog.emergence import emergences
from catalog.fingerprints import is_stale
from catalog.heads import empty_head, head_scores
from catalog.responses import (
    ClaimResult,
    ClaimVerdict,
    Counts,
    Coverage,
    Emergence,
    EvidenceDetail,
    HeadDetail,
    HeadScore,
    HeadTypeDetail,
    ModelDetail,
    PaperDetail,
    PaperUse,
    RelatedType,
    SurveyDetail,
    TypeResult,
)
from catalog.schema.base import Stage, Strength
from catalog.schema.evidence import Evidence, Verdict
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
        papers=tuple(work.paper(paper) for paper in work.papers),
        models=tuple(work.model(model) for model in work.models),
        claims=tuple(work.claims),
        evidence=tuple(_evidence(record, record.id in work.stale) for record in work.evidence),
        results=tuple(work.results),
        standing=frozenset((r.head_type, r.model, r.revision) for r in work.standing.values()),
        heads=tuple(work.heads()),
        emergences=tuple(emergences(work.entries, work.models, catalog.checkpoints.values())),
        counts=work.counts(),
        survey=work.survey,
    )


def revision_order(model: Model) -> _RevisionOrder:
    """Sort key for revisions: the pinned one, then versions from new to old, then the others."""
    return _RevisionOrder(model.revision)


@dataclass(frozen=True)
class _RevisionOrder:
    pinned: str | None

    def __call__(self, revision: str) -> tuple[int, int, str]:
        if revision == self.pinned:
            return (0, 0, revision)
        version = re.fullmatch(r"v([0-9]+)", revision)
        return (1, -int(version[1]), revision) if version else (2, 0, revision)


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
            papers=tuple(self._use(role.paper, role.role, role.note) for role in entry.papers),
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

    def _use(self, key: str, role: str, note: str | None) -> PaperUse:
        paper = self.catalog.papers[key]
        return PaperUse.model_validate(
            {
                "id": paper.id,
                "title": paper.title,
                "authors": short_authors(paper),
                "year": paper.year,
                "address": paper.address,
                "role": role,
                "note": note,
            }
        )

    def paper(self, paper: Paper) -> PaperDetail:
        claims = tuple(claim for claim in self.claims if claim.paper == paper.id)
        return PaperDetail(
            id=paper.id,
            title=paper.title,
            authors=short_authors(paper),
            year=paper.year,
            address=paper.address,
            venue=paper.venue,
            arxiv=paper.arxiv,
            head_types=tuple(e.id for e in self.entries if paper.id in e.cited_papers()),
            claims=len(claims),
            all_authors=paper.authors,
            authors_complete=paper.authors_complete,
            doi=paper.doi,
            url=str(paper.url) if paper.url else None,
            code=str(paper.code) if paper.code else None,
            checked=paper.checked,
            bibtex=bibtex(paper),
            uses=tuple(use for entry in self.entries for use in _uses(entry, paper.id)),
            claim_results=claims,
        )

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

    def counts(self) -> Counts:
        recipes = [recipe for entry in self.entries for recipe in entry.recipes]
        without = [entry.no_claims for entry in self.entries if entry.no_claims is not None]
        return Counts(
            dataset=self.catalog.version,
            head_types=len(self.entries),
            by_stage=_count((entry.stage for entry in self.entries), list(Stage)),
            papers=len(self.papers),
            models=len(self.models),
            models_verified=len({record.model.id for record in self.evidence}),
            claims=len(self.claims),
            claims_by_checked=_count(
                (claim.checked.state for claim in self.claims), ("read", "secondary", "unchecked")
            ),
            claims_by_verdict=_count(
                (claim.verdict for claim in self.claims), get_args(ClaimVerdict)
            ),
            head_types_without_claims=len(without),
            no_claims_by_checked=_count(
                (why.checked.state for why in without), ("read", "secondary", "unchecked")
            ),
            recipes=len(recipes),
            recipes_by_status=_count(
                (recipe.status for recipe in recipes), ("runnable", "described")
            ),
            evidence=len(self.evidence),
            evidence_stale=len(self.stale),
            results_by_verdict=_count(
                (result.verdict for result in self.standing.values()), get_args(Verdict)
            ),
            **self._survey_counts(),
        )

    @cached_property
    def survey(self) -> SurveyDetail | None:
        """What the survey names."""
        catalog = self.catalog
        return survey_detail(catalog.survey, catalog.head_types) if catalog.survey else None

    def _survey_counts(self) -> dict[str, Any]:
        """What of the survey is covered; nothing where it is not written down."""
        if self.survey is None:
            return {}
        tags = self.survey.tags
        return {
            "survey_types": _coverage([(it.name, it.covered) for it in self.survey.types]),
            "survey_tags": _coverage([(tag.tag, tag.mapping != "missing") for tag in tags]),
            "survey_tags_by_mapping": _count(
                (tag.mapping for tag in tags), ("entry", "alias", "reason")
            ),
        }


def _coverage(found: Sequence[tuple[str, bool]]) -> Coverage:
    missing = tuple(name for name, there in found if not there)
    return Coverage(covered=len(found) - len(missing), total=len(found), missing=missing)


def _count(found: Iterable[str], names: Iterable[str]) -> dict[str, int]:
    """How often each name is found; every name is there, also with 0."""
    counter = Counter(str(name) for name in found)
    return {str(name): counter[str(name)] for name in names}


def _uses(entry: HeadType, paper: str) -> Iterable[RelatedType]:
    """What a paper does for an entry: its roles, or else the places that cite it."""
    roles = [role for role in entry.papers if role.paper == paper]
    for role in roles:
        yield RelatedType(type=entry.id, name=entry.name, relation=role.role, note=role.note or "")
    if roles or paper not in entry.cited_papers():
        return
    claims = sum(claim.paper == paper for claim in entry.claims)
    recipes = [recipe.id for recipe in entry.recipes if recipe.source == paper]
    parts = [f"{claims} claim{'s' if claims > 1 else ''}"] if claims else []
    parts += [f"recipe {name}" for name in recipes]
    if any(caveat.source == paper for caveat in entry.caveats):
        parts.append("a caveat")
    yield RelatedType(
        type=entry.id, name=entry.name, relation="cited", note=f"Source of {', '.join(parts)}."
    )


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
