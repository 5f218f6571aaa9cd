"""Answers against what ``tests/small_entries.py`` says, worked out by hand."""

from __future__ import annotations

import pytest
from sqlmodel import Session

from catalog import queries
from catalog.loading import Catalog
from catalog.revisions import revision_order
from catalog.schema.base import Stage
from tests.small_entries import GPT2, OLDER, PINNED, TINY


def test_head_types_come_by_stage_group_and_name(session: Session) -> None:
    assert [entry.id for entry in queries.head_types(session)] == [
        "induction",
        "backup",
        "name-mover",
    ]


def test_head_types_by_stage(session: Session) -> None:
    found = queries.head_types(session, stage="expression-preparation")
    assert [entry.id for entry in found] == ["backup", "name-mover"]


def test_head_types_found_in_a_model(session: Session) -> None:
    assert [entry.id for entry in queries.head_types(session, found_in="tiny")] == ["induction"]
    assert queries.head_types(session, found_in="gpt2") == []
    with pytest.raises(queries.NotFound, match="did you mean"):
        queries.head_types(session, found_in="tinny")


def test_head_type_says_where_it_was_found_and_on_what_evidence(session: Session) -> None:
    entry = queries.head_type(session, "induction")
    assert entry.found_in == (TINY,)
    assert entry.strength == ("pattern", "weights")
    assert [(result.revision, result.verdict) for result in entry.results] == [
        (PINNED, "found"),
        (OLDER, "not-found"),
    ]
    assert entry.results[0].found == ("1.2",)  # 1.3 and 0.1 pass one recipe each
    assert entry.runnable
    assert [recipe.id for recipe in entry.recipes] == ["prefix-matching", "copying"]
    assert entry.identify is not None
    assert entry.identify.all_of == ("prefix-matching", "copying")
    assert entry.related[0].name == "Name mover head"


def test_type_without_recipes_is_not_runnable(session: Session) -> None:
    entry = queries.head_type(session, "name-mover")
    assert not entry.runnable
    assert (entry.found_in, entry.strength, entry.results) == ((), (), ())
    assert entry.papers[0].authors == "Wang et al."
    assert entry.papers[0].address == "https://arxiv.org/abs/2211.00593"


def test_stages_are_all_there(session: Session) -> None:
    stages = queries.stages(session)
    assert [stage.id for stage in stages] == list(Stage)
    assert [stage.head_types for stage in stages] == [0, 1, 0, 2]
    assert stages[3].groups[0].head_types == ("backup", "name-mover")


def test_papers_and_their_uses(session: Session) -> None:
    assert [paper.id for paper in queries.papers(session)] == ["olsson2022induction", "wang2022ioi"]
    olsson = queries.paper(session, "olsson2022induction")
    assert olsson.head_types == ("induction", "name-mover")
    assert [(use.type, use.relation) for use in olsson.uses] == [
        ("induction", "introduces"),
        ("name-mover", "cited"),
    ]
    assert olsson.uses[1].note == "Source of a caveat."
    assert [claim.id for claim in olsson.claim_results] == ["induction/1"]
    assert "title = {{In-context Learning \\& Induction Heads}}" in olsson.bibtex


def test_model_by_every_name(session: Session) -> None:
    for name in (GPT2, "gpt2", "GPT2-small", "openai-community/gpt2", "OpenAI-community--GPT2"):
        assert queries.model(session, name).id == GPT2


def test_model_says_what_was_found(session: Session) -> None:
    tiny = queries.model(session, "tiny")
    assert (tiny.verified, tiny.found, tiny.claims) == (True, ("induction",), 1)
    gpt2 = queries.model(session, "gpt2")
    assert (gpt2.verified, gpt2.found, gpt2.claims) == (False, (), 1)
    assert [model.id for model in queries.models(session)] == [GPT2, TINY]


def test_claimed_head(session: Session) -> None:
    head = queries.head(session, "gpt2", "9.9")
    assert [claim.id for claim in head.claim_results] == ["name-mover/1"]
    assert head.claim_results[0].verdict == "not-run"
    assert (head.types, head.scores, head.group_mates) == ((), (), ())


def test_head_of_which_nothing_is_known(session: Session) -> None:
    head = queries.head(session, "gpt2", "0.11")
    assert (head.layer, head.index) == (0, 11)
    assert (head.types, head.claim_results, head.scores) == ((), (), ())


def test_scored_head_with_its_group_mate(session: Session) -> None:
    head = queries.head(session, "tiny", "1.2")
    assert head.group_mates == ("1.3",)  # 4 heads on 2 key-value heads: 0 and 1, 2 and 3
    assert head.types == ("induction",)
    assert [(score.recipe, score.revision, score.score, score.rank) for score in head.scores] == [
        ("copying", PINNED, 0.9, 2),  # 0.95 is higher
        ("prefix-matching", PINNED, 0.9, 1),
        ("copying", OLDER, 0.9, 2),
        ("prefix-matching", OLDER, 0.0, 1),  # all eight are equal
    ]
    assert {score.of for score in head.scores} == {8}
    assert [claim.id for claim in head.claim_results] == ["induction/1"]


def test_head_outside_of_the_model_is_told_the_size(session: Session) -> None:
    for head in ("12.0", "0.12", "9999.9999"):
        with pytest.raises(queries.NotFound, match=r"12 layers of 12 heads, 0\.0 to 11\.11"):
            queries.head(session, "gpt2", head)


@pytest.mark.parametrize(
    "head", ["9", "9.", ".9", "9.09", "-1.0", "9.9.9", "٩.٩", "9.9\n", "1e1.0"]
)
def test_what_is_no_head(session: Session, head: str) -> None:
    with pytest.raises(ValueError, match=r"layer\.head"):
        queries.head(session, "gpt2", head)


def test_claims_by_every_filter(session: Session) -> None:
    def ids(**filters: object) -> list[str]:
        return [claim.id for claim in queries.claims(session, **filters)]  # type: ignore[arg-type]

    assert ids() == ["induction/1", "name-mover/1"]
    assert ids(model="gpt2") == ["name-mover/1"]
    assert ids(paper="olsson2022induction") == ["induction/1"]
    assert ids(head_type="name-mover") == ["name-mover/1"]
    assert ids(verdict="not-run") == ["name-mover/1"]
    assert ids(model="gpt2", paper="olsson2022induction") == []
    for unknown in ({"model": "gpt9000"}, {"paper": "nobody1999"}, {"head_type": "nothing"}):
        with pytest.raises(queries.NotFound):
            ids(**unknown)


def test_evidence_pinned_revision_first(session: Session) -> None:
    assert [item.id for item in queries.evidence_list(session)] == [
        f"{TINY}/{PINNED}/induction.copying",
        f"{TINY}/{PINNED}/induction.prefix-matching",
        f"{TINY}/{OLDER}/induction.copying",
        f"{TINY}/{OLDER}/induction.prefix-matching",
    ]
    assert queries.evidence_list(session, head_type="name-mover") == []
    assert len(queries.evidence_list(session, model="tiny", head_type="induction")) == 4
    assert len(queries.evidence_list(session, verdict="not-found")) == 1


def test_evidence_in_full_is_the_record(session: Session, catalog: Catalog) -> None:
    name = f"{TINY}/{PINNED}/induction.copying"
    assert queries.evidence(session, name).record == catalog.evidence[name]


def test_details_carry_the_entries_unchanged(session: Session, catalog: Catalog) -> None:
    for entry in catalog.head_types.values():
        detail = queries.head_type(session, entry.id)
        assert detail.recipes == entry.recipes
        assert detail.identify == entry.identify
        assert detail.action == entry.action
        assert detail.caveats == entry.caveats


def test_changes_newest_first(session: Session) -> None:
    assert [change.date for change in queries.changes(session)] == ["2026-02-03", "2026-01-02"]


def test_counts(session: Session, catalog: Catalog) -> None:
    counts = queries.counts(session)
    assert counts.dataset == catalog.version
    assert (counts.head_types, counts.papers, counts.models, counts.claims) == (3, 2, 2, 2)
    assert (counts.models_verified, counts.recipes, counts.evidence) == (1, 2, 4)
    assert counts.by_stage == {
        "knowledge-recalling": 0,
        "in-context-identification": 1,
        "latent-reasoning": 0,
        "expression-preparation": 2,
    }
    assert counts.claims_by_checked == {"read": 2, "secondary": 0, "unchecked": 0}
    assert counts.head_types_without_claims == 1
    assert counts.no_claims_by_checked == {"read": 0, "secondary": 1, "unchecked": 0}
    assert counts.claims_by_verdict["not-run"] == 1
    assert sum(counts.claims_by_verdict.values()) == 2
    assert counts.recipes_by_status == {"runnable": 2, "described": 0}
    assert counts.results_by_verdict == {
        "found": 1,  # the older revision does not count
        "not-found": 0,
        "inconclusive": 0,
        "not-applicable": 0,
    }


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("inductoin", "induction"),
        ("Induction", "induction"),
        ("Pattern completion heads", "induction"),
        ("zzzz", None),
        ("", None),
        ("\0", None),
        ("x" * 100_000, None),
    ],
)
def test_unknown_names_are_told_what_was_meant(
    session: Session, name: str, suggestion: str | None
) -> None:
    with pytest.raises(queries.NotFound) as caught:
        queries.head_type(session, name)
    assert caught.value.suggestion == suggestion
    assert len(str(caught.value)) < 300


def test_moved_and_withdrawn(session: Session) -> None:
    with pytest.raises(queries.Moved, match="is now 'induction': Named as the papers do") as moved:
        queries.head_type(session, "pattern-copier")
    assert (moved.value.folder, moved.value.new) == ("head-types", "induction")
    with pytest.raises(queries.Withdrawn, match="Nobody could repeat it") as withdrawn:
        queries.head_type(session, "oracle")
    assert withdrawn.value.new == "head-types/backup"
    with pytest.raises(queries.Moved):
        queries.head(session, "gpt-two", "9.9")


def test_revisions_pinned_then_new_to_old(catalog: Catalog) -> None:
    order = revision_order(catalog.models[TINY])
    names = ["v2", "0123", PINNED, "v10", "beef", "v9"]
    assert sorted(names, key=order) == [PINNED, "v10", "v9", "v2", "0123", "beef"]
