"""A book made by hand: no database, no entries, no model. All names and numbers are invented."""

from __future__ import annotations

import random

from book import Book

from catalog.heads import empty_head, head_scores
from catalog.responses import (
    ClaimResult,
    Counts,
    Emergence,
    EmergencePoint,
    HeadDetail,
    HeadRank,
    HeadTypeDetail,
    ModelDetail,
    PaperDetail,
    PaperUse,
    RecipePoint,
    RecipeResult,
    RelatedType,
    SurveyDetail,
    SurveyedTag,
    SurveyedType,
    TypeResult,
)
from catalog.schema.base import Method, Stage, Strength
from catalog.schema.claim import Checked
from catalog.schema.controls import VaryHeads, VaryRole, VaryTokens
from catalog.schema.evidence import (
    Confirmation,
    Evidence,
    EvidenceModel,
    GateResult,
    Run,
    Sample,
    Scores,
)
from catalog.schema.example import Example, Looking
from catalog.schema.head_type import Action, Automation, Caveat
from catalog.schema.housekeeping import Change, Redirect
from catalog.schema.measures import AblationEffect, Attention, OVCopying
from catalog.schema.model import Hub
from catalog.schema.prompts import RandomTokens, RepeatedRandomTokens, Tokens, TokenSource
from catalog.schema.recipe import Criterion, Gate, Identify, Recipe

READ = Checked(state="read", where="section 3")

RECIPES = (
    Recipe(
        id="prefix-matching",
        source="example2020first",
        prompts=RepeatedRandomTokens(builder="repeated-random-tokens", periods=(19, 23)),
        measure=Attention(kind="attention", query="repeat", key="after-previous-copy"),
        control=VaryRole(vary="role", query="unrepeated", key="same-offset"),
        criterion=Criterion(min_score=0.3, min_margin=0.2, max_q=0.01),
        thresholds="Fixed on planted heads.",
        gate=Gate(max_unknown=0.1),
    ),
    Recipe(
        id="copying",
        source="example2020first",
        prompts=Tokens(tokens=TokenSource(sample=500)),
        measure=OVCopying(kind="ov-copying", top=5),
        control=VaryTokens(vary="tokens", shuffle="target"),
        criterion=Criterion(min_score=0.5, min_margin=0.4),
        thresholds="Fixed on planted heads.",
    ),
)

DESCRIBED = Recipe(
    id="needed",
    status="described",
    missing="The measure ablation-effect, and <text>.",
    source="example2020first",
    prompts=RandomTokens(builder="random-tokens"),
    measure=AblationEffect(kind="ablation-effect", replace="zero", metric="loss", at="all"),
    control=VaryHeads(vary="heads"),
    criterion=Criterion(min_score=0.5, min_margin=0.4),
    thresholds="To be set on planted heads.",
)


def evidence(
    *,
    model: str = "example--small",
    head_type: str = "looker",
    recipe: str = "prefix-matching",
    layers: int = 4,
    heads: int = 8,
    passing: tuple[str, ...] = ("2.3", "3.7"),
    unclear: tuple[str, ...] = ("1.0",),
    measure: str = "attention",
    criterion: Criterion | None = None,
    applicable: bool = True,
    seed: int = 0,
) -> Evidence:
    """A record with scores drawn at random: high for ``passing``, middling for ``unclear``."""
    draw = random.Random(seed)
    mean: list[tuple[float | None, ...]] = []
    for layer in range(layers):
        row: list[float | None] = []
        for index in range(heads):
            head = f"{layer}.{index}"
            low, high = (0.0, 0.2)
            if head in passing:
                low, high = (0.7, 0.98)
            elif head in unclear:
                low, high = (0.28, 0.32)
            sign = -1 if measure == "direct-logit-attribution" and draw.random() < 0.3 else 1
            row.append(sign * draw.uniform(low, high))
        mean.append(tuple(row))
    if layers > 3:
        mean[0] = (None, *mean[0][1:])

    def shifted(by: float) -> tuple[tuple[float | None, ...], ...]:
        return tuple(tuple(None if v is None else v + by for v in row) for row in mean)

    status = tuple(
        tuple(
            "passes"
            if f"{layer}.{index}" in passing
            else "unclear"
            if f"{layer}.{index}" in unclear
            else "fails"
            for index in range(heads)
        )
        for layer in range(layers)
    )
    return Evidence(
        head_type=head_type,
        recipe=recipe,
        model=EvidenceModel(
            id=model,
            revision="v1",
            architecture="GPT2LMHeadModel",
            layers=layers,
            heads=heads,
            kv_heads=heads,
            weights_sha256="0" * 64,
            config_sha256="1" * 64,
            tokenizer_sha256="2" * 64,
        ),
        run=Run(
            recipe_sha256="3" * 64,
            prompts_sha256="4" * 64,
            seed=0,
            confirmation_seed=1,
            dtype="float32",
            device="cpu",
            versions={"torch": "0"},
        ),
        measure=measure,
        unit="share",
        criterion=criterion or RECIPES[0].criterion,
        gates=(GateResult(name="max_unknown", value=0.0, needed=0.1, passed=applicable),),
        sample=Sample(unit="prompt", units=64, clusters=4) if applicable else None,
        scores=Scores(
            mean=tuple(mean),
            low=shifted(-0.05),
            high=shifted(0.05),
            se=tuple(tuple(0.02 for _ in row) for row in mean),
            control=tuple(tuple(0.01 for _ in row) for row in mean),
            margin=shifted(-0.01),
            margin_low=shifted(-0.06),
            margin_high=shifted(0.04),
            q=tuple(tuple(0.0002 if s == "passes" else 0.6 for s in row) for row in status),
            status=status,
        )
        if applicable
        else None,
        confirmations=tuple(
            Confirmation(head=head, score=0.8, margin=0.7, confirmed=True) for head in passing
        )
        if applicable
        else (),
        found=passing if applicable else (),
        unclear=unclear if applicable else (),
        verdict="found" if applicable else "not-applicable",
        reason="Two heads pass." if applicable else "The tokenizer does not know the tokens.",
    )


def recipe_result(record: Evidence) -> RecipeResult:
    """The line of a record in a type's result."""
    scored = record.scores is not None
    return RecipeResult(
        recipe=record.recipe,
        evidence=record.id,
        measure=record.measure,
        unit=record.unit,
        strength=Strength.PATTERN,
        verdict=record.verdict,
        reason=record.reason,
        found=record.found,
        best_head=record.found[0] if record.found else None,
        score=0.912 if scored else None,
        low=0.862 if scored else None,
        high=0.962 if scored else None,
        control=0.01 if scored else None,
        margin=0.902 if scored else None,
        q=0.0002 if scored else None,
    )


def type_result(records: tuple[Evidence, ...], name: str = "Looker") -> TypeResult:
    """What the records say together; they are of one model and one type."""
    first = records[0]
    return TypeResult(
        head_type=first.head_type,
        head_type_name=name,
        model=first.model.id,
        model_name=first.model.id.replace("--", " "),
        revision=first.model.revision,
        verdict=first.verdict,
        reason="Both recipes find 2 heads." if first.found else first.reason,
        found=first.found,
        unclear=first.unclear,
        strength=(Strength.PATTERN, Strength.WEIGHTS) if first.found else (),
        recipes=tuple(recipe_result(record) for record in records),
    )


def claim(number: int = 1, **changes: object) -> ClaimResult:
    """A claim; not run unless ``changes`` say so."""
    values: dict[str, object] = {
        "id": f"looker/{number}",
        "head_type": "looker",
        "head_type_name": "Looker",
        "model": "example--small",
        "model_name": "example small",
        "heads": ("2.3", "3.6"),
        "count": None,
        "none": False,
        "list": "exhaustive",
        "paper": "example2020first",
        "place": "section 3, figure 2",
        "methods": (Method.ATTENTION,),
        "method": "By eye.",
        "threshold": None,
        "training_step": None,
        "checked": READ,
        "note": None,
        "verdict": "not-run",
        "explanation": "No evidence for this model.",
        "command": "headbook verify looker --model example/small",
    }
    return ClaimResult.model_validate(values | changes)


def head_type(**changes: object) -> HeadTypeDetail:
    """A head type with recipes, claims and results."""
    values: dict[str, object] = {
        "id": "looker",
        "name": "Looker",
        "aliases": ("looking head",),
        "stage": Stage.IN_CONTEXT_IDENTIFICATION,
        "group": "In-context learning",
        "placed_by": "survey",
        "summary": "Looks for the token after the previous copy of this one.",
        "runnable": True,
        "claims": 1,
        "found_in": (),
        "strength": (),
        "definition": "A *head* that looks, see [the paper](https://example.org/paper).",
        "action": Action(query="A token.", key="Its copy.", value="The next.", output="A logit."),
        "depth": "Middle layers.",
        "papers": (
            PaperUse(
                id="example2020first",
                title="Heads that look",
                authors="First et al.",
                year=2020,
                address="https://example.org/paper",
                role="introduces",
                note=None,
            ),
        ),
        "claim_results": (claim(),),
        "caveats": (Caveat(text="May be **positional**.", source="example2020first"),),
        "related": (),
        "automation": Automation(level="core", reason="Random tokens are enough."),
        "identify": Identify.model_validate({"all-of": ("prefix-matching", "copying")}),
        "recipes": RECIPES,
        "results": (),
    }
    return HeadTypeDetail.model_validate(values | changes)


def paper(**changes: object) -> PaperDetail:
    """A paper."""
    values: dict[str, object] = {
        "id": "example2020first",
        "title": "Heads that look",
        "authors": "First et al.",
        "year": 2020,
        "address": "https://example.org/paper",
        "venue": "Journal of Examples",
        "arxiv": None,
        "head_types": ("looker",),
        "claims": 1,
        "all_authors": ("Ada First", "Bo Second"),
        "authors_complete": True,
        "doi": None,
        "url": "https://example.org/paper",
        "code": None,
        "checked": READ,
        "bibtex": "@misc{example2020first,\n  title = {Heads that look},\n  year = {2020}\n}\n",
        "uses": (RelatedType(type="looker", name="Looker", relation="introduces", note=""),),
        "claim_results": (claim(),),
    }
    return PaperDetail.model_validate(values | changes)


def model(**changes: object) -> ModelDetail:
    """A model."""
    values: dict[str, object] = {
        "id": "example--small",
        "name": "example small",
        "aliases": ("small",),
        "architecture": "GPT2LMHeadModel",
        "layers": 4,
        "heads": 8,
        "kv_heads": 8,
        "shipped": False,
        "claims": 1,
        "verified": False,
        "found": (),
        "source": Hub(kind="hub", hub_id="example/small"),
        "width": 256,
        "context": 1024,
        "vocabulary": 50257,
        "positions": "learned",
        "parameters": 1000000,
        "licence": "MIT",
        "loadable": True,
        "checked": READ,
        "note": None,
        "results": (),
        "claim_results": (claim(),),
    }
    return ModelDetail.model_validate(values | changes)


def counts(**changes: object) -> Counts:
    """Counts of a small book."""
    values: dict[str, object] = {
        "dataset": "0123456789ab",
        "head_types": 1,
        "by_stage": {},
        "papers": 1,
        "models": 1,
        "models_verified": 0,
        "claims": 1,
        "claims_by_checked": {"read": 1},
        "claims_by_verdict": {"not-run": 1},
        "recipes": 2,
        "recipes_by_status": {"runnable": 2},
        "evidence": 0,
        "results_by_verdict": {},
    }
    return Counts.model_validate(values | changes)


def heads_of(
    entry: ModelDetail, records: tuple[Evidence, ...], claims: tuple[ClaimResult, ...] = ()
) -> tuple[HeadDetail, ...]:
    """What is known of each head of a model with records."""
    scores = [dict(head_scores(record, "Looker")) for record in records]
    made = []
    for layer in range(entry.layers):
        for index in range(entry.heads):
            head = f"{layer}.{index}"
            naming = tuple(claim for claim in claims if head in (claim.heads or ()))
            known = empty_head(entry, layer, index).model_copy(
                update={
                    "scores": tuple(by_head[head] for by_head in scores if head in by_head),
                    "claim_results": naming,
                    "types": tuple(r.head_type for r in entry.results if head in r.found),
                }
            )
            made.append(known)
    return tuple(made)


TOKENS = ("<bos>", " one", " <b>two</b>", " &three", " one", " <b>two</b>")


def example(record: Evidence, **changes: object) -> Example:
    """Six tokens; the head looks where it should from the two that the recipe scores."""
    rows = ((1.0,), (0.7, 0.3), (0.6, 0.2, 0.2), (0.5, 0.2, 0.2, 0.1))
    rows += ((0.05, 0.01, 0.9, 0.02, 0.02), (0.1, 0.02, 0.03, 0.8, 0.03, 0.02))
    values: dict[str, object] = {
        "head_type": record.head_type,
        "recipe": record.recipe,
        "model": record.model,
        "run": record.run,
        "head": record.found[0],
        "prompt": 3,
        "cut": True,
        "tokens": TOKENS,
        "looking": (Looking(query=4, keys=(2,)), Looking(query=5, keys=(3,))),
        "attention": rows,
    }
    return Example.model_validate(values | changes)


def emergence() -> Emergence:
    """A type over four checkpoints: one head rises after step 100, another stays low."""
    points = []
    for step, rising in ((0, 0.02), (10, 0.05), (100, 0.4), (1000, 0.9)):
        low = tuple(tuple(0.01 for _ in range(8)) for _ in range(4))
        mean = (*low[:2], (0.01, 0.02, 0.03, rising, 0.01, 0.01, 0.01, 0.01), low[3])
        found = ("2.3",) if rising > 0.5 else ()
        recipe = RecipePoint(
            recipe="prefix-matching",
            unit="share",
            verdict="found" if found else "not-found",
            found=found,
            best_head="2.3",
            score=rising,
            low=rising - 0.01,
            high=rising + 0.01,
            control=0.02,
            mean=mean,
        )
        points.append(
            EmergencePoint(
                revision=f"v1-step{step:06}",
                step=step,
                tokens=step * 100,
                loss=2.0,
                accuracies={},
                verdict=recipe.verdict,
                found=found,
                recipes=(recipe,),
            )
        )
    return Emergence(
        head_type="looker",
        head_type_name="Looker",
        model="example--small",
        model_name="example small",
        revision="v1",
        points=tuple(points),
        emerged_at=1000,
    )


CHANGES = (
    Change(
        date="2026-02-01",
        summary="A second head type, see [its paper](https://example.org/a?b&c).",
        subjects=("head-types/follower", "models/example--gone"),
        kind="added",
    ),
    Change(date="2026-01-01", summary="The first.", subjects=("head-types/looker",), kind="added"),
)
REDIRECTS = (
    Redirect(old="head-types/watcher", new="head-types/looker", reason="A better name."),
    Redirect(old="papers/gone2019", reason="Retracted.", kind="withdrawn"),
)


def survey() -> SurveyDetail:
    """Two types, of which one has no entry, and a tag for each way to map."""
    read = Checked(state="read", where="Figure 7")
    group = "Overall Structure"
    stage = Stage.IN_CONTEXT_IDENTIFICATION
    return SurveyDetail(
        paper="example2020first",
        checked=read,
        list_url="https://example.org/list",
        list_checked=read,
        types=(
            SurveyedType(
                name="Looking Head",
                stage=stage,
                group=group,
                in_figure=True,
                type="looker",
                covered=True,
            ),
            SurveyedType(
                name="Lost Head <b>",
                stage=Stage.LATENT_REASONING,
                group="Else",
                in_figure=False,
                type=None,
                covered=False,
            ),
        ),
        tags=(
            SurveyedTag(tag="Looker Head", type="looker", mapping="entry", why=None),
            SurveyedTag(tag="Watching Head", type="looker", mapping="alias", why=None),
            SurveyedTag(tag="Odd Head", type=None, mapping="reason", why="It is *no* head."),
            SurveyedTag(tag="New Head", type=None, mapping="missing", why=None),
        ),
    )


def plain_book() -> Book:
    """One head type, paper and model; nothing was run."""
    return Book(
        counts=counts(),
        head_types=(head_type(),),
        papers=(paper(),),
        models=(model(),),
        evidence={},
    )


def full_book() -> Book:
    """Three models: one with findings, one where a gate failed, one of 40 x 64 heads."""
    small = (
        evidence(),
        evidence(recipe="copying", measure="ov-copying", criterion=RECIPES[1].criterion, seed=1),
    )
    gated = (evidence(model="example--gated", applicable=False),)
    wide = (
        evidence(
            model="example--wide",
            layers=40,
            heads=64,
            measure="direct-logit-attribution",
            passing=("12.33", "30.63"),
        ),
    )
    results = tuple(type_result(records) for records in (small, gated, wide))
    run = claim(
        verdict="partly-reproduced",
        explanation="One of the two published heads is found.",
        recipe="prefix-matching",
        evidence=small[0].id,
        recall=0.5,
        auroc=0.93,
        auroc_low=0.71,
        ranks=(
            HeadRank(head="2.3", rank=1, score=0.9, status="passes"),
            HeadRank(head="3.6", rank=20, score=0.1, status="fails"),
        ),
        additional=("3.7",),
    )
    follower = evidence(head_type="follower", passing=("2.3", "0.1"))
    other = head_type(
        id="follower",
        name="Follower",
        aliases=(),
        results=(type_result((follower,), "Follower"),),
        claim_results=(),
        found_in=("example--small",),
        strength=(Strength.PATTERN,),
        related=(RelatedType(type="looker", name="Looker", relation="feeds", note="Often."),),
        recipes=(*RECIPES, DESCRIBED),
    )
    looker = head_type(
        results=results,
        claim_results=(run, claim(2, heads=None, list=None, count=3, training_step=1000)),
        found_in=("example--small", "example--wide"),
        strength=(Strength.PATTERN, Strength.WEIGHTS),
    )
    models = tuple(
        model(
            id=name,
            name=name.replace("--", " "),
            aliases=(),
            layers=layers,
            heads=heads,
            kv_heads=heads,
            verified=True,
            source=Hub(kind="hub", hub_id=name.replace("--", "/")),
            found=("looker",) if result.found else (),
            results=(result, *((other.results[0],) if name == "example--small" else ())),
            claim_results=looker.claim_results if name == "example--small" else (),
        )
        for name, layers, heads, result in (
            ("example--small", 4, 8, results[0]),
            ("example--gated", 4, 8, results[1]),
            ("example--wide", 40, 64, results[2]),
        )
    )
    return Book(
        counts=counts(head_types=2, models=3, models_verified=3, claims=2),
        head_types=(looker, other),
        papers=(paper(claim_results=looker.claim_results),),
        models=models,
        evidence={record.id: record for record in (*small, *gated, *wide, follower)},
        changes=CHANGES,
        heads={
            models[0].id: heads_of(models[0], (*small, follower), models[0].claim_results),
            models[2].id: heads_of(models[2], wide),
        },
        examples=(example(small[0]),),
        emergences=(emergence(),),
        redirects=REDIRECTS,
        survey=survey(),
    )
