"""The survey's types and tags: what disagrees is told, what is covered is counted."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog import queries
from catalog.commands.main import app
from catalog.database import build_in_memory
from catalog.loading import load, read
from catalog.schema.survey import SurveyTag
from catalog.survey_coverage import folded, how
from tests.catalog.entries_tree import edit, put

SURVEY = "survey.yaml"
TEXT = """\
paper: olsson2022induction
checked: {state: read, where: Figure 7}
types:
  - name: Previous Head
    stage: in-context-identification
    group: Local structure
    type: previous-token
  - {name: Mixed Head, stage: expression-preparation, group: Information Aggregation}
list_url: https://github.com/IAAR-Shanghai/Awesome-Attention-Heads
list_checked: {state: unchecked}
tags:
  - {tag: Previous-Token Heads, type: previous-token}
  - {tag: Shift Head, type: previous-token}
  - {tag: Successor Head, type: successor}
  - {tag: Next Head, type: successor, why: The list writes it so once.}
  - {tag: Bias Head, why: A neuron in the paper that is tagged so.}
  - {tag: Mixed Head}
"""


@pytest.fixture
def surveyed(entries: Path) -> Path:
    put(entries, SURVEY, TEXT)
    return entries


def lines(entries: Path) -> list[str]:
    return [str(problem) for problem in read(entries).problems]


def test_agreement_is_no_problem(surveyed: Path) -> None:
    assert lines(surveyed) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "    type: previous-token\n",
            "    type: previous-tokens\n",
            "types[0].type: unknown head type 'previous-tokens'; did you mean 'previous-token'?",
        ),
        (
            "stage: in-context-identification",
            "stage: latent-reasoning",
            "types[0].stage: 'previous-token' stands in stage 'in-context-identification'; the"
            " survey places 'Previous Head' in 'latent-reasoning'",
        ),
        (
            "group: Local structure",
            "group: Overall Structure",
            "types[0].group: 'previous-token' stands in group 'Local structure'; the survey places"
            " 'Previous Head' in 'Overall Structure'",
        ),
        (
            "{tag: Shift Head,",
            "{tag: Offset Head,",
            "tags[1].type: 'Offset Head' is neither the name of 'previous-token' nor an alias of"
            " it; add the alias there, or say under 'why' how the two are the same",
        ),
        (
            "type: successor}",
            "type: successors}",
            "tags[2].type: unknown head type 'successors'; did you mean 'successor'?",
        ),
        (
            "paper: olsson2022induction",
            "paper: zheng2024survey",
            "paper: unknown paper 'zheng2024survey'; there is no"
            " entries/papers/zheng2024survey.yaml",
        ),
        ("{tag: Shift Head,", "{tag: Successor Head,", "the tag 'Successor Head' is given twice"),
        ("name: Mixed Head", "name: Previous Head", "the type 'Previous Head' is given twice"),
    ],
)
def test_disagreement(surveyed: Path, old: str, new: str, message: str) -> None:
    edit(surveyed, SURVEY, old, new)
    (line,) = lines(surveyed)
    assert line.endswith(message)


def test_who_placed_an_entry(surveyed: Path) -> None:
    edit(surveyed, "head-types/previous-token.yaml", "placed_by: survey", "placed_by: headbook")
    edit(surveyed, "head-types/successor.yaml", "placed_by: headbook", "placed_by: survey")
    assert [line.split(" ", 1)[1] for line in lines(surveyed)] == [
        "placed_by: the survey has this type (survey.yaml); write `placed_by: survey`",
        "placed_by: the survey has no such type (survey.yaml); write `placed_by: headbook`",
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("S-Inhibition Head", "s-inhibition"),
        ("Associative Memories", "Associative memory"),
        ("Correct Letter Head (MCQA)", "correct-letter-head"),
        ("Function Vector Heads", "Function vector head"),
        ("Head", "head"),
    ],
)
def test_names_that_mean_the_same(first: str, second: str) -> None:
    assert folded(first) == folded(second)


@pytest.mark.parametrize(
    ("first", "second"), [("Local Head", "Local-context Head"), ("Mover Head", "Name Mover Head")]
)
def test_names_that_do_not(first: str, second: str) -> None:
    assert folded(first) != folded(second)


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        (SurveyTag(tag="Previous-token heads", type="previous-token"), "entry"),
        (SurveyTag(tag="Shift Head", type="previous-token"), "alias"),
        (SurveyTag(tag="Next Head", type="successor", why="So once."), "reason"),
        (SurveyTag(tag="Bias Head", why="A neuron."), "reason"),
        (SurveyTag(tag="Bias Head"), "missing"),
        (SurveyTag(tag="Bias Head", type="previous-token"), "missing"),
    ],
)
def test_how_a_tag_is_covered(entries: Path, tag: SurveyTag, found: str) -> None:
    assert how(tag, load(entries).head_types) == found


def test_stats_count_what_is_covered_and_name_what_is_not(surveyed: Path) -> None:
    run = CliRunner().invoke(app, ["stats", "--entries", str(surveyed), "--format", "json"])
    numbers = json.loads(run.stdout)
    assert numbers["survey_types"] == {"covered": 1, "total": 2, "missing": ["Mixed Head"]}
    assert numbers["survey_tags"] == {"covered": 5, "total": 6, "missing": ["Mixed Head"]}
    assert numbers["survey_tags_by_mapping"] == {"entry": 2, "alias": 1, "reason": 2}
    run = CliRunner().invoke(app, ["stats", "--entries", str(surveyed)])
    said = " ".join(run.stdout.split())
    assert "survey types 1/2 missing: Mixed Head" in said
    assert "tags of its list 5/6 2 by name, 1 by alias, 2 for a stated reason" in said


def test_the_database_tells_what_stands_for_each_name(surveyed: Path) -> None:
    with build_in_memory(load(surveyed)) as session:
        survey = queries.survey(session)
    assert survey is not None
    assert [(placed.name, placed.type, placed.covered) for placed in survey.types] == [
        ("Previous Head", "previous-token", True),
        ("Mixed Head", None, False),
    ]
    assert [(tag.tag, tag.mapping) for tag in survey.tags] == [
        ("Previous-Token Heads", "entry"),
        ("Shift Head", "alias"),
        ("Successor Head", "entry"),
        ("Next Head", "reason"),
        ("Bias Head", "reason"),
        ("Mixed Head", "missing"),
    ]
    assert survey.tags[3].why == "The list writes it so once."


def test_entries_without_the_survey_are_whole(entries: Path) -> None:
    with build_in_memory(load(entries)) as session:
        assert queries.survey(session) is None
    run = CliRunner().invoke(app, ["stats", "--entries", str(entries)])
    assert run.exit_code == 0
    assert "survey" not in run.stdout


def test_the_survey_as_its_figure_places_it() -> None:
    """The counts are those of Figure 7 (40 types); section 4.4.1 adds one in its text."""
    survey = load().survey
    assert survey is not None
    figure = Counter(
        (placed.stage.value, placed.group) for placed in survey.types if placed.in_figure
    )
    assert figure == {
        ("knowledge-recalling", "General Tasks"): 2,
        ("knowledge-recalling", "Specific Tasks"): 3,
        ("in-context-identification", "Overall Structure"): 6,
        ("in-context-identification", "Syntactic Information"): 7,
        ("in-context-identification", "Semantic Information"): 6,
        ("latent-reasoning", "In-context Learning"): 3,
        ("latent-reasoning", "Effective Reasoning"): 4,
        ("latent-reasoning", "Task-Specific Reasoning"): 4,
        ("expression-preparation", "Information Aggregation"): 1,
        ("expression-preparation", "Signal Amplification"): 2,
        ("expression-preparation", "Instruction Alignment"): 2,
    }
    assert [placed.name for placed in survey.types if not placed.in_figure] == ["In-context Head"]
    assert len(survey.tags) == 77


def test_every_type_and_tag_of_the_survey_is_covered() -> None:
    run = CliRunner().invoke(app, ["stats", "--format", "json"])
    numbers = json.loads(run.stdout)
    assert numbers["survey_types"] == {"covered": 41, "total": 41, "missing": []}
    assert numbers["survey_tags"] == {"covered": 77, "total": 77, "missing": []}
