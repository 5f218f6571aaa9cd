"""The shipped model: an ordinary folder that solves its tasks on items it never saw."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from transformers import AutoModelForCausalLM, AutoTokenizer

from catalog.places import entries_dir
from verify.reference.card import card_text, weights_sha256
from verify.reference.lists import load_world
from verify.reference.skills import SKILLS, Accuracy, accuracy, items
from verify.reference.tokenizer import WordEncoding, token_ids
from verify.reference.train import PLANS, Plan, Run, main
from verify.reference.world import Documents

MODEL = Path(__file__).parents[3] / "verify" / "reference" / "llama"
LIMIT = 15_000_000

# What the model must reach here, a little under what its card states.
FLOORS = {
    "induction": 0.95,
    "indirect-object-names": 0.97,
    "indirect-object-places": 0.97,
    "series": 0.90,
    "capitals": 0.90,
}
# The card names as poor what is not in this list (in-context contradictions, key-value recall,
# positions beyond the length of a training document).


def silent(_: str) -> None:
    """Progress lines are of no interest here."""


@pytest.fixture(scope="module")
def model():  # type: ignore[no-untyped-def]
    return AutoModelForCausalLM.from_pretrained(MODEL, local_files_only=True).eval()


@pytest.fixture(scope="module")
def tokenizer():  # type: ignore[no-untyped-def]
    return AutoTokenizer.from_pretrained(MODEL, local_files_only=True)


@pytest.fixture(scope="module")
def report() -> dict:
    return json.loads((MODEL / "training.json").read_text(encoding="utf-8"))


def test_folder_is_small_and_safetensors_only() -> None:
    names = {path.name for path in MODEL.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} <= names
    assert not [n for n in names if n.endswith((".bin", ".pt", ".pth", ".pkl", ".partial"))]
    assert sum(path.stat().st_size for path in MODEL.iterdir()) < LIMIT


def test_loads_offline_without_this_project(tmp_path: Path) -> None:
    # In another folder and process, so that nothing of the project is imported.
    code = (
        "import os; os.environ['HF_HUB_OFFLINE'] = '1'\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n"
        f"m = AutoModelForCausalLM.from_pretrained({str(MODEL)!r}, use_safetensors=True)\n"
        f"t = AutoTokenizer.from_pretrained({str(MODEL)!r})\n"
        "import sys; assert 'verify' not in sys.modules\n"
        "print(type(m).__name__, t('Mary').input_ids == t(' Mary').input_ids, t.bos_token)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.split() == ["LlamaForCausalLM", "True", "<bos>"]


def test_config_is_grouped_query_and_untied(model) -> None:  # type: ignore[no-untyped-def]
    config = model.config
    assert (config.num_attention_heads, config.num_key_value_heads) == (4, 2)
    assert config.hidden_size == 128
    assert config.max_position_embeddings == 256
    assert config.tie_word_embeddings is False
    assert not torch.equal(model.lm_head.weight, model.model.embed_tokens.weight)
    assert all(p.dtype == torch.float32 for p in model.parameters())


def test_tokenizer_is_the_world_and_adds_nothing(tokenizer) -> None:  # type: ignore[no-untyped-def]
    world = load_world(entries_dir())
    assert tokenizer.get_vocab() == token_ids(world.vocabulary)
    ids = tokenizer("When Mary and John went to the store, John gave a drink to").input_ids
    spaced = "When Mary and John went to the store , John gave a drink to"
    assert " ".join(tokenizer.convert_ids_to_tokens(ids)) == spaced
    assert tokenizer.bos_token_id == 0
    assert tokenizer.unk_token_id == 1
    assert tokenizer.pad_token_id == 2
    assert tokenizer("zyzzyva").input_ids == [1]
    assert tokenizer("<bos> Mary").input_ids[0] == 0
    assert set(tokenizer("Mary")) == {"input_ids", "attention_mask"}


def test_skills_on_new_items(model) -> None:  # type: ignore[no-untyped-def]
    torch.set_num_threads(1)
    world = load_world(entries_dir())
    encoding = WordEncoding(world.vocabulary)
    docs = Documents(world, encoding)
    for skill, floor in FLOORS.items():
        got = accuracy(model, encoding, items(skill, docs, 200, seed=909))
        # Three items of slack, for 200 are few.
        assert got.right >= 200 * floor - 3, (skill, got.share)


def test_untrained_model_has_no_skill() -> None:
    torch.set_num_threads(1)
    run = Run(Plan(layers=1), Path("unused"), silent)
    run.model.eval()
    for skill, asked in run.probes.items():
        assert accuracy(run.model, run.encoding, asked).share < 0.1, skill


def test_a_known_prompt_by_hand(model, tokenizer) -> None:  # type: ignore[no-untyped-def]
    def following(text: str) -> str:
        ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(text).input_ids]])
        with torch.no_grad():
            return tokenizer.decode([int(model(input_ids=ids).logits[0, -1].argmax())])

    assert following("Tuesday, Wednesday, Thursday,") == "Friday"
    assert following("The capital of France is") == "Paris"
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


def test_card_is_that_of_the_report_and_weights(report: dict) -> None:
    card = (MODEL / "README.md").read_text(encoding="utf-8")
    sha256 = hashlib.sha256((MODEL / "model.safetensors").read_bytes()).hexdigest()
    assert weights_sha256(MODEL) == sha256
    ablations = json.loads((MODEL / "ablations.json").read_text(encoding="utf-8"))
    assert ablations["weights_sha256"] == sha256
    assert card == card_text(report, sha256, ablations), (
        "write it again: verify.reference.card.write_card"
    )
    assert sha256 in card
    assert card.startswith("---\nlicense: apache-2.0\n")
    for skill, row in report["final"].items():
        assert f"| {skill} |" in card
        assert f"{row['accuracy']:.3f}" in card


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
def test_the_attention_phase_trains_queries_and_keys_alone(family: str, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    plan = replace(PLANS[family], tokens=8 * 32, layers=2, batch=4, length=32)
    run = Run(plan, tmp_path / "state.pt", silent)
    width = plan.width
    for phase in ("first", "attention", "later"):
        run.starts[phase] = run.step
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
            selecting = {name for name in before if ".c_attn." in name}
            assert len(selecting) == 4
            values = [changed[name][..., 2 * width :] for name in selecting]
            assert any(where.any() for where in values) is (phase != "attention")
        assert selecting <= moved
        assert (moved == selecting) is (phase == "attention")


def test_phases_follow_one_another(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    plan = Plan(tokens=8 * 32, layers=1, batch=4, length=32, curriculum_steps=1, attention_steps=3)
    run = Run(plan, tmp_path / "state.pt", silent)
    phases = []
    run.copying = 1.0
    for _ in range(6):
        run._one_step()
        run.step += 1
        phases.append(run.phase)
    # Indirect objects are not learned, so that the limit of steps ends the second phase.
    assert phases == ["attention", "attention", "attention", "later", "later", "later"]
    assert run.starts == {"first": 0, "attention": 1, "later": 4}
    run = Run(plan, tmp_path / "state.pt", silent)
    run.copying = 1.0
    run._one_step()
    run.step, run.selecting = 1, 1.0
    run._one_step()
    assert run.starts == {"first": 0, "attention": 1, "later": 2}


def test_the_loss_of_each_phase(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    for phase in ("first", "attention", "later"):
        run = Run(Plan(tokens=24 * 128, layers=1), tmp_path / "state.pt", silent)
        run.starts[phase] = 0
        batch = run.docs.batch(0, 0, 24, 128, 0.0, phase)
        asked = batch.indirect_objects[:, 1:]
        assert asked.sum() > 10
        with torch.no_grad():
            logits = run.model(input_ids=torch.from_numpy(batch.tokens)).logits[:, :-1]
        each = -logits.log_softmax(-1).gather(-1, torch.from_numpy(batch.tokens)[:, 1:, None])
        loss = each[..., 0].numpy()
        wanted = {
            "first": loss[~asked].mean(),
            "attention": loss[~asked].mean() + loss[asked].mean(),
            "later": loss.mean(),
        }
        assert run._one_step() == pytest.approx(float(wanted[phase]), rel=1e-6)


def test_curriculum_moves_on_only_while_copies_are_predicted(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    plan = Plan(tokens=8 * 32, layers=1, batch=4, length=32, curriculum_steps=4)
    run = Run(plan, tmp_path / "state.pt", silent)
    run._one_step()
    assert run.copying < plan.curriculum_accuracy
    assert run.ripe == 0
    run.copying = 1.0
    run._one_step()
    assert run.ripe == 0.25
    run.starts["attention"] = 7
    run.save()
    again = Run(plan, tmp_path / "state.pt", silent)
    again.resume()
    assert (again.ripe, again.copying) == (run.ripe, run.copying)
    assert again.starts == {"first": 0, "attention": 7}
    run.copying = 0.1
    run._one_step()
    assert run.ripe == 0.25
