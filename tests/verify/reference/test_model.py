"""The shipped models: ordinary folders that solve their tasks on items they never saw."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from transformers import AutoModelForCausalLM, AutoTokenizer

from catalog.places import entries_dir
from verify.reference.card import card_text, weights_sha256
from verify.reference.card_texts import TRIED_TEXTS, attention_steps_text
from verify.reference.lists import load_world
from verify.reference.muon import Muon, orthogonalized
from verify.reference.plan import PLANS, Plan, named_now
from verify.reference.plot import CURVES, plot
from verify.reference.run import Run
from verify.reference.skills import SKILLS, Accuracy, accuracy, items
from verify.reference.tokenizer import encoding_of
from verify.reference.train import main
from verify.reference.untrained import waves
from verify.reference.world import NEAR_SUBJECTS, Documents

MODELS = Path(__file__).parents[3] / "verify" / "reference"
LIMIT = 20_000_000
"""Bytes of both folders together."""

# What the models must reach here, a little under what their cards state.
FLOORS: dict[str, dict[str, float]] = {
    "llama": {
        "induction": 0.98,
        "induction-late": 0.97,
        "indirect-object-names": 0.97,
        "indirect-object-places": 0.97,
        "series": 0.98,
        "capitals": 0.91,
        "languages": 0.98,
        "currencies": 0.98,
        "contradiction": 0.97,
        "contradiction-reworded": 0.97,
        "word-pairs": 0.96,
        "recall-4": 0.98,
        "recall-8": 0.98,
        "recall-12": 0.98,
        "needle-near": 0.97,
        "few-shot-opposites": 0.88,
        "few-shot-plurals": 0.87,
        "few-shot-french-nouns": 0.91,
        "few-shot-capitals": 0.95,
        "few-shot-languages": 0.95,
        "few-shot-currencies": 0.97,
        "few-shot-seen": 0.98,
        "yes-no": 0.91,
        "years": 0.95,
        "reviews": 0.97,
        "acronyms": 0.97,
        "closed-lists": 0.94,
    },
    "gpt2": {
        "induction": 0.98,
        "induction-late": 0.97,
        "indirect-object-names": 0.81,
        "indirect-object-places": 0.82,
        "series": 0.98,
        "languages": 0.98,
        "currencies": 0.98,
        "contradiction": 0.94,
        "contradiction-reworded": 0.91,
        "word-pairs": 0.91,
        "recall-4": 0.83,
        "few-shot-opposites": 0.87,
        "few-shot-plurals": 0.89,
        "few-shot-languages": 0.96,
        "few-shot-next": 0.88,
        "few-shot-seen": 0.98,
        "yes-no": 0.82,
        "years": 0.95,
        "reviews": 0.81,
        "acronyms": 0.96,
        "closed-lists": 0.80,
    },
}
# Floors against getting worse: they follow what the cards state, and are no aim that was set
# before. The cards name as poor what is below 0.9; some of that is in these lists, too.


def silent(_: str) -> None:
    """Progress lines are of no interest here."""


@pytest.fixture(scope="module", params=PLANS)
def family(request) -> str:  # type: ignore[no-untyped-def]
    return str(request.param)


@pytest.fixture(scope="module")
def folder(family: str) -> Path:
    return MODELS / family


@pytest.fixture(scope="module")
def model(folder: Path):  # type: ignore[no-untyped-def]
    return AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).eval()


@pytest.fixture(scope="module")
def tokenizer(folder: Path):  # type: ignore[no-untyped-def]
    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


@pytest.fixture(scope="module")
def report(folder: Path) -> dict:  # type: ignore[type-arg]
    return json.loads((folder / "training.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def test_folders_are_small_and_safetensors_only() -> None:
    paths = [path for family in PLANS for path in (MODELS / family).iterdir()]
    names = {path.name for path in paths}
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} <= names
    assert not [n for n in names if n.endswith((".bin", ".pt", ".pth", ".pkl", ".partial"))]
    assert sum(path.stat().st_size for path in paths) < LIMIT


def test_loads_offline_without_this_project(family: str, folder: Path, tmp_path: Path) -> None:
    # In another folder and process, so that nothing of the project is imported.
    code = (
        "import os; os.environ['HF_HUB_OFFLINE'] = '1'\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n"
        f"m = AutoModelForCausalLM.from_pretrained({str(folder)!r}, use_safetensors=True)\n"
        f"t = AutoTokenizer.from_pretrained({str(folder)!r})\n"
        "import sys; assert 'verify' not in sys.modules\n"
        "print(type(m).__name__, t('Mary').input_ids == t(' Mary').input_ids, t.bos_token)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    wanted = {
        "llama": ["LlamaForCausalLM", "True", "<bos>"],
        "gpt2": ["GPT2LMHeadModel", "False", "<bos>"],
    }
    assert done.stdout.split() == wanted[family]


def test_configurations_differ_in_what_recipes_must_not_rest_on() -> None:
    llama, gpt2 = (
        AutoModelForCausalLM.from_pretrained(MODELS / family, local_files_only=True)
        for family in ("llama", "gpt2")
    )
    assert (llama.config.num_attention_heads, llama.config.num_key_value_heads) == (4, 2)
    assert (gpt2.config.n_head, gpt2.config.n_embd) == (4, 128)
    assert llama.config.max_position_embeddings == gpt2.config.n_positions == 256
    for model in (llama, gpt2):
        output, embedding = model.get_output_embeddings(), model.get_input_embeddings()
        assert not torch.equal(output.weight, embedding.weight)
        assert all(p.dtype == torch.float32 for p in model.parameters())


def test_tokenizers_read_and_add_nothing(family: str, tokenizer) -> None:  # type: ignore[no-untyped-def]
    text = "When Mary and John went to the store, John gave a drink to"
    tokens = tokenizer.convert_ids_to_tokens(tokenizer(text).input_ids)
    assert tokenizer.decode([tokenizer.bos_token_id]) == "<bos>"
    assert tokenizer("<bos> Mary").input_ids[0] == tokenizer.bos_token_id
    assert set(tokenizer("Mary")) == {"input_ids", "attention_mask"}
    if family == "llama":
        assert " ".join(tokens) == "When Mary and John went to the store , John gave a drink to"
        assert tokenizer("zyzzyva").input_ids == [tokenizer.unk_token_id]
    else:
        assert "ĠMary" in tokens
        assert tokenizer.decode(tokenizer(text).input_ids) == text
        assert tokenizer.decode(tokenizer("zyzzyva").input_ids) == "zyzzyva"
        assert len(tokenizer(" wonderful").input_ids) > 1


def test_skills_on_new_items(family: str, folder: Path, model) -> None:  # type: ignore[no-untyped-def]
    torch.set_num_threads(1)
    encoding = encoding_of(folder)
    docs = Documents(load_world(entries_dir()), encoding)
    for skill, floor in FLOORS[family].items():
        got = accuracy(model, encoding, items(skill, docs, 100, seed=909))
        # Three items of slack, for 100 are few.
        assert got.right >= 100 * floor - 3, (skill, got.share)


def test_untrained_model_has_no_skill(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    run = Run(Plan(layers=1), tmp_path / "unused", silent)
    run.model.eval()
    for skill, asked in run.probes.items():
        # of a hundred right years one is easily hit
        most = 0.6 if skill == "years" else 0.13
        assert accuracy(run.model, run.encoding, asked).share <= most, skill


def test_known_prompts_by_hand(model, tokenizer) -> None:  # type: ignore[no-untyped-def]
    def following(text: str) -> str:
        ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(text).input_ids]])
        with torch.no_grad():
            return tokenizer.decode([int(model(input_ids=ids).logits[0, -1].argmax())]).strip()

    assert following("Tuesday, Wednesday, Thursday,") == "Friday"
    assert following("When Mary and John went to the store, John gave a drink to") == "Mary"
    assert following("When Mary and John went to the store, Mary gave a drink to") == "John"


def test_interval_is_wilsons() -> None:
    for right, count in ((0, 10), (7, 10), (1000, 1000), (512, 1000)):
        wanted = binomtest(right, count).proportion_ci(0.95, method="wilson")
        low, high = Accuracy(right, count).interval
        assert low == pytest.approx(wanted.low, abs=1e-9)
        assert high == pytest.approx(wanted.high, abs=1e-9)


def test_report_covers_every_skill(report: dict) -> None:
    assert set(report["final"]) == set(SKILLS)
    for row in report["final"].values():
        low, high = row["interval"]
        assert low <= row["accuracy"] <= high
        assert row["items"] >= 1000
    tokens = [entry["tokens"] for entry in report["log"]]
    assert tokens == sorted(set(tokens))
    assert tokens[-1] == report["tokens"]


def test_card_is_that_of_the_report_and_weights(folder: Path, report: dict) -> None:
    card = (folder / "README.md").read_text(encoding="utf-8")
    sha256 = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert weights_sha256(folder) == sha256
    ablations = json.loads((folder / "ablations.json").read_text(encoding="utf-8"))
    assert ablations["weights_sha256"] == sha256
    assert card == card_text(report, sha256, ablations), (
        "write it again: python -m verify.reference.card FOLDER"
    )
    assert sha256 in card
    assert card.startswith("---\nlicense: apache-2.0\n")
    for skill, row in report["final"].items():
        assert f"| {skill} |" in card
        assert f"{row['accuracy']:.3f}" in card


def test_the_shipped_model_was_trained_by_the_plan_that_is_here(family: str, report: dict) -> None:  # type: ignore[type-arg]
    """``training.json`` has some fields by the names that they had then."""
    assert {"fresh", "short"} <= set(report["plan"])
    there, here = named_now(report["plan"]), json.loads(json.dumps(asdict(PLANS[family])))
    assert there == here
    assert named_now(here) == here


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (2600, "1,600 steps from step 1,000 on, the most that it may last"),
        (1250, "250 steps from step 1,000 on, until the curriculum of subjects (below) was"),
    ],
)
def test_the_card_says_what_ended_the_attention_phase(later: int, said: str) -> None:
    starts = {"first": 0, "attention": 1000, "later": later}
    assert attention_steps_text({"starts": starts}, asdict(Plan())).startswith(said)


@pytest.mark.parametrize(
    ("field", "value"),
    [("left_out_until", 0.0), ("near_steps", 0), ("curriculum_steps", -1), ("width", 127)],
)
def test_a_plan_that_cannot_be_followed_is_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{field.split('_')[0]}.*{value:g}"):
        Plan(**{"position_waves": 0.1, field: value})  # type: ignore[arg-type]


def test_every_card_says_what_was_tried(family: str, folder: Path) -> None:
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"\n- {TRIED_TEXTS[family]}\n" in card


def test_plot_is_that_of_the_report(folder: Path, report: dict) -> None:
    picture = (folder / "training.svg").read_text(encoding="utf-8")
    assert picture == plot(report), "write it again: python -m verify.reference.card FOLDER"
    assert picture.count('stroke-width="1.8"') == 1 + len(CURVES)
    assert set().union(*CURVES.values()) <= set(SKILLS)


def test_a_plot_by_hand() -> None:
    zeros = dict.fromkeys(SKILLS, 0.0)
    log = [
        {"tokens": 10_000, "loss": 4.0, "accuracy": zeros},
        {"tokens": 1_000_000, "loss": 2.0, "accuracy": zeros | {"induction": 1.0}},
    ]
    lines = [line for line in plot({"log": log}).splitlines() if 'stroke-width="1.8"' in line]
    # loss falls from the top (30) half of the way down to the base (280)
    assert 'd="M46.0 30.0L358.0 155.0"' in lines[0]
    assert 'd="M418.0 280.0L730.0 30.0"' in lines[1]
    assert 'd="M418.0 280.0L730.0 280.0"' in lines[2]


def test_a_step_of_muon_is_nearly_orthogonal() -> None:
    rng = torch.Generator().manual_seed(0)
    for rows, columns in ((16, 16), (16, 48), (48, 16)):
        wide = torch.randn(3, rows, columns, generator=rng)
        u, _, v = torch.linalg.svd(wide, full_matrices=False)
        step = orthogonalized(wide)
        # the nearest semi-orthogonal matrix, up to singular values between 0.5 and 1.3
        values = torch.linalg.svdvals(step)
        assert (values > 0.5).all()
        assert (values < 1.3).all()
        overlap = (step * (u @ v)).sum((1, 2)) / (step.norm(dim=(1, 2)) * (u @ v).norm(dim=(1, 2)))
        assert (overlap > 0.95).all()


def test_stopped_and_resumed_run_gives_the_same_weights(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    plan = Plan(tokens=6 * 4 * 32, layers=1, batch=4, length=32, warm_up=2)

    def run(name: str) -> Run:
        torch.manual_seed(0)
        made = Run(plan, tmp_path / f"{name}.pt", silent)
        made.probes = {}
        return made

    whole = run("whole")
    whole.train()
    for _ in range(2):
        part = run("part")
        if part.checkpoint.exists():
            part.resume()
        while part.step < (3 if part.step < 3 else plan.steps):
            part._one_step()
            part.step += 1
        part.save()
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, part.model.state_dict()[name]), name


def test_resume_refuses_what_does_not_fit(tmp_path: Path) -> None:
    run = Run(Plan(layers=1), tmp_path / "state.pt", silent)
    with pytest.raises(ValueError, match="no checkpoint"):
        run.resume()
    run.save()
    other = Run(Plan(layers=1, seed=1), tmp_path / "state.pt", silent)
    with pytest.raises(ValueError, match="other settings"):
        other.resume()


def test_resume_without_a_checkpoint_is_said_plainly(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.pt")
    with pytest.raises(SystemExit, match="start without --resume"):
        main(["--out", str(tmp_path / "out"), "--resume", "--checkpoint", missing])


@pytest.mark.parametrize("family", PLANS)
def test_every_weight_has_one_optimizer(family: str, tmp_path: Path) -> None:
    plan = replace(PLANS[family], layers=1)
    run = Run(plan, tmp_path / "state.pt", silent)
    rates: dict[str, float] = {}
    muon: set[str] = set()
    for optimizer, rate in run.optimizers:
        held = {id(w) for group in optimizer.param_groups for w in group["params"]}
        names = {name for name, weight in run.model.named_parameters() if id(weight) in held}
        assert not names & set(rates)
        rates |= dict.fromkeys(names, rate)
        if isinstance(optimizer, Muon):
            muon = names
    assert set(rates) == {name for name, _ in run.model.named_parameters()}
    if family == "llama":
        at = "model.layers.0.self_attn."
        assert muon == {f"{at}q_proj.weight", f"{at}k_proj.weight"}
        slow = {name for name, rate in rates.items() if rate == plan.copying_rate}
        assert slow == {f"{at}v_proj.weight", f"{at}o_proj.weight"}
        assert run.model.get_input_embeddings().weight.detach().std() == pytest.approx(
            0.1, rel=0.02
        )
    else:
        ends = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
        assert muon == {f"transformer.h.0.{end}.weight" for end in ends}


def test_values_in_a_mixed_matrix_have_a_rate_of_their_own(tmp_path: Path) -> None:
    changes = []
    for slow in (None, 1e-3):
        plan = Plan("gpt2", layers=1, key_value_heads=4, matrix_rate=4e-3, copying_rate=slow)
        run = Run(plan, tmp_path / "state.pt", silent)
        at = run.model.transformer.h[0].attn
        before = [weight.detach().clone() for weight in (at.c_attn.weight, at.c_proj.weight)]
        run._one_step()
        mixed, output = (
            w - b for w, b in zip((at.c_attn.weight, at.c_proj.weight), before, strict=True)
        )
        changes.append([*mixed.detach().chunk(3, dim=-1), output.detach()])
    for part, (plain, slowed) in enumerate(zip(*changes, strict=True)):
        assert float(plain.norm()) > 0
        share = 1.0 if part < 2 else 0.25
        torch.testing.assert_close(slowed, share * plain, atol=1e-7, rtol=1e-3)


def test_learning_rate_warms_up_stays_and_falls() -> None:
    plan = Plan()
    later = 2200
    shares = np.array([plan.rate(step, later) for step in range(plan.steps)])
    assert (np.diff(shares[: plan.warm_up]) > 0).all()
    assert shares[plan.warm_up : later - 1] == pytest.approx(plan.later_rate, abs=1)
    assert shares[later] == pytest.approx(plan.later_rate)
    assert (np.diff(shares[later:]) < 0).all()
    assert shares[-1] == pytest.approx(plan.last_rate, rel=0.01)
    assert plan.rate(later, None) == 1.0


def test_snapshots_are_spread_over_the_logarithm() -> None:
    plan = Plan()
    steps = plan.snapshot_steps
    assert len(steps) == plan.snapshots >= 12
    assert (steps[0], steps[-1]) == (plan.first_snapshot, plan.steps)
    ratios = np.diff(np.log(steps))
    assert ratios.max() / ratios.min() < 1.1


@pytest.mark.parametrize("family", PLANS)
def test_the_attention_phase_trains_queries_keys_and_positions_alone(
    family: str, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    plan = replace(PLANS[family], tokens=8 * 32, layers=2, batch=4, length=32)
    run = Run(plan, tmp_path / "state.pt", silent)
    width = plan.width
    for phase in ("first", "attention", "later"):
        run.phases.starts[phase] = run.step
        before = {name: weight.clone() for name, weight in run.model.state_dict().items()}
        run._one_step()
        changed = {
            name: (weight != before[name]) for name, weight in run.model.state_dict().items()
        }
        moved = {name for name, where in changed.items() if where.any()}
        if family == "llama":
            selecting = {name for name in before if ".q_proj." in name or ".k_proj." in name}
            assert len(selecting) == 4
        else:
            selecting = {name for name in before if ".c_attn." in name or "wpe" in name}
            assert len(selecting) == 5
            values = [changed[n][..., 2 * width :] for n in selecting if ".c_attn." in n]
            assert any(where.any() for where in values) is (phase != "attention")
        assert selecting <= moved
        assert (moved == selecting) is (phase == "attention")


def test_phases_follow_one_another(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    plan = Plan(tokens=8 * 32, layers=1, batch=4, length=32, curriculum_steps=1, attention_steps=3)
    run = Run(plan, tmp_path / "state.pt", silent)
    phases = []
    run.phases.copying = 1.0
    for _ in range(6):
        run._one_step()
        run.step += 1
        phases.append(run.phases.phase)
    # Indirect objects are not learned, so that the limit of steps ends the second phase.
    assert phases == ["attention", "attention", "attention", "later", "later", "later"]
    assert run.phases.starts == {"first": 0, "attention": 1, "later": 4}
    run = Run(replace(plan, near_steps=1), tmp_path / "state.pt", silent)
    run.phases.copying = 1.0
    run._one_step()
    run.step, run.phases.selecting = 1, 1.0
    run._one_step()
    assert run.phases.starts == {"first": 0, "attention": 1, "later": 2}


def test_the_loss_of_each_phase(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    for phase in ("first", "attention", "later"):
        run = Run(Plan(tokens=24 * 128, layers=1, batch=24), tmp_path / "state.pt", silent)
        run.phases.starts[phase] = 0
        batch = run.docs.batch(
            0, 0, 24, 128, 0.0, phase, run.phases.near_subjects, run.phases.left_out(0)
        )
        names = batch.indirect_objects[:, 1:]
        assert names.sum() > 5
        with torch.no_grad():
            logits = run.model(input_ids=torch.from_numpy(batch.tokens)).logits[:, :-1]
        each = -logits.log_softmax(-1).gather(-1, torch.from_numpy(batch.tokens)[:, 1:, None])
        loss, weights = each[..., 0].numpy(), batch.weights[:, 1:].copy()
        if phase == "first":
            weights[names] = 0
        # of every word that is asked for, whatever its weight
        assert run._one_step() == pytest.approx(float(loss[weights > 0].mean()), rel=1e-5)


def test_curriculum_moves_on_only_while_copies_are_predicted(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    plan = Plan(tokens=8 * 32, layers=1, batch=4, length=32, curriculum_steps=4)
    run = Run(plan, tmp_path / "state.pt", silent)
    run._one_step()
    assert run.phases.copying < plan.curriculum_accuracy
    assert run.phases.curriculum == 0
    run.phases.copying = 1.0
    run._one_step()
    assert run.phases.curriculum == 0.25
    run.phases.starts["attention"] = 7
    run.save()
    again = Run(plan, tmp_path / "state.pt", silent)
    again.resume()
    assert (again.phases.curriculum, again.phases.copying) == (
        run.phases.curriculum,
        run.phases.copying,
    )
    assert again.phases.starts == {"first": 0, "attention": 7}
    run.phases.copying = 0.1
    run._one_step()
    assert run.phases.curriculum == 0.25


def test_first_positions_are_turned_by_the_same_step_everywhere() -> None:
    """Sines and cosines: the product of two positions depends on their distance alone."""
    table = waves(64, 16)
    assert table.shape == (64, 16)
    products = table @ table.T
    for distance in (0, 1, 5):
        along = products.diagonal(distance)
        assert along.std() < 1e-4
        assert along[0] == pytest.approx(
            sum(np.cos(distance * 10_000 ** (-k / 8)) for k in range(8)), rel=1e-4
        )


def test_values_stand_near_their_keys_first_and_then_farther(tmp_path: Path) -> None:
    """From a half to a tenth by the middle of the last phase; before it, nothing is left out."""
    plan = replace(PLANS["llama"], tokens=100 * 12 * 128)
    run = Run(plan, tmp_path / "state.pt", silent)
    assert run.phases.left_out(0) == 0.0
    run.phases.starts |= {"attention": 0, "later": 20}
    shares = {}
    for step in (20, 40, 60, 80, 99):
        shares[step] = round(run.phases.left_out(step), 4)
    assert shares == {20: 0.5, 40: 0.3, 60: 0.1, 80: 0.1, 99: 0.1}


def test_the_subject_stands_near_first_and_then_farther(tmp_path: Path) -> None:
    """The share falls with every step of the attention phase at which names are predicted well."""
    run = Run(replace(PLANS["llama"], near_steps=10), tmp_path / "state.pt", silent)
    assert run.phases.near_subjects == NEAR_SUBJECTS
    run.phases.starts["attention"] = 0
    shares = []
    for selecting in (0.5, 0.7, 0.7, 0.6, *[0.95] * 9):
        run.phases.selecting = selecting
        shares.append(round(run.phases.near_subjects, 4))
        run.phases.move_on(run.step)
    assert shares[:6] == [1.0, 1.0, 0.9, 0.8, 0.8, 0.7]
    assert shares[-1] == NEAR_SUBJECTS
    assert run.phases.phase == "later"
    assert run.phases.near_subjects == NEAR_SUBJECTS
