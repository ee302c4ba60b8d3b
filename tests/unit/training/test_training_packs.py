"""Packed rows do not see each other: loss and gradients are those of the rows by themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from esrag.training.attention import Rows
from esrag.training.finetuning import Plan
from esrag.training.held_out import held_out_loss
from esrag.training.loading import Trainee, load_trainee
from esrag.training.losses import AnswerLoss, pack_of
from esrag.training.packing import Row
from esrag.training.recipe import Recipe

CPU = torch.device("cpu")


def _gradients(trainee: Trainee, packs: list[list[Row]]) -> tuple[float, torch.Tensor]:
    """Loss and gradients of some packs, added up."""
    measure = AnswerLoss(trainee.model, virtual=trainee.virtual)
    trainee.model.zero_grad()
    total = 0.0
    for rows in packs:
        pack = pack_of(rows, CPU)
        with Rows.of(pack.lengths):
            loss = measure(pack)
            loss.backward()
        total += loss.item()
    found = [each.grad.flatten() for each in trainee.trained().values() if each.grad is not None]
    return total, torch.cat(found)


def _stirred(trainee: Trainee) -> Trainee:
    """Its adapter no longer begins at zero, so that every gradient says something."""
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in trainee.trained().values():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return trainee


@pytest.fixture
def rows(planned: Callable[..., Plan]) -> list[Row]:
    """Rows of different lengths."""
    return planned().train.rows[:2] + planned().train.rows[9:13]


@pytest.mark.parametrize("method", ["lora", "full"])
def test_packed_is_unpacked(rows: list[Row], tiny_base: Path, method: str) -> None:
    """Loss and gradients of one pack are those of its rows, with the model's own attention."""
    recipe = Recipe(method=method, dtype="float32")  # type: ignore[arg-type]
    together = _stirred(load_trainee(tiny_base, recipe, device=CPU))
    assert together.packs
    alone_recipe = Recipe(method=method, dtype="float32", packing=False)  # type: ignore[arg-type]
    alone = _stirred(load_trainee(tiny_base, alone_recipe, device=CPU))
    assert alone.model.config._attn_implementation == "sdpa"
    loss, gradients = _gradients(together, [rows])
    wanted, wanted_gradients = _gradients(alone, [[row] for row in rows])
    assert loss == pytest.approx(wanted, rel=1e-5)
    scale = wanted_gradients.abs().max()
    assert scale > 1e-3
    assert torch.allclose(gradients, wanted_gradients, atol=2e-5 * float(scale))


def test_a_row_does_not_see_its_neighbour(rows: list[Row], tiny_base: Path) -> None:
    """Another first row changes no loss of the second one, to the bit."""
    trainee = load_trainee(tiny_base, Recipe(dtype="float32"), device=CPU)
    measure = AnswerLoss(trainee.model)

    def second(first: Row) -> torch.Tensor:
        pack = pack_of([first, rows[1]], CPU)
        with torch.inference_mode(), Rows.of(pack.lengths):
            return measure.each(pack)[first.answer_tokens :]

    changed = Row("other", "knowledge", tuple(7 for _ in rows[0].tokens), rows[0].answer_start)
    assert torch.equal(second(rows[0]), second(changed))


def test_loss_is_taken_of_answers_alone(rows: list[Row], tiny_base: Path) -> None:
    """It is the cross-entropy of the answer's tokens under the whole model's logits."""
    trainee = load_trainee(tiny_base, Recipe(dtype="float32"), device=CPU)
    row = rows[4]
    pack = pack_of([row], CPU)
    with torch.inference_mode(), Rows.of(pack.lengths):
        each = AnswerLoss(trainee.model).each(pack)
        logits = trainee.model(input_ids=pack.ids, use_cache=False).logits[0]
    wanted = torch.nn.functional.cross_entropy(
        logits[row.answer_start - 1 : -1],
        torch.tensor(row.tokens[row.answer_start :]),
        reduction="none",
    )
    assert len(each) == row.answer_tokens
    assert torch.allclose(each, wanted, atol=1e-5)


def test_a_learnt_prompt_trains_row_by_row(rows: list[Row], tiny_base: Path) -> None:
    """With virtual positions in front the right logits are taken, and only they have gradients."""
    recipe = Recipe(method="prompt", dtype="float32", virtual_tokens=5)
    trainee = load_trainee(tiny_base, recipe, device=CPU)
    assert not trainee.packs
    loss, gradients = _gradients(trainee, [[rows[0]]])
    assert gradients.numel() == 5 * 64
    pack = pack_of([rows[0]], CPU)
    labels = torch.full_like(pack.ids, -100)
    labels[0, rows[0].answer_start :] = pack.targets
    with torch.inference_mode():
        mean = trainee.model(input_ids=pack.ids, labels=labels).loss
    assert loss == pytest.approx(float(mean) * rows[0].answer_tokens, rel=1e-4)


def test_a_sliding_window_is_kept_within_each_row() -> None:
    """A row longer than the window sees no further back than the window is wide."""
    from esrag.training.attention import packed_attention

    torch.manual_seed(1)
    query, key, value = (torch.randn(1, 2, 10, 4) for _ in range(3))
    module = torch.nn.Identity()
    with Rows.of((4, 6)):
        found, _ = packed_attention(module, query, key, value, None, sliding_window=3)
    place = torch.arange(6)
    behind = place[:, None] - place[None, :]
    wanted = torch.nn.functional.scaled_dot_product_attention(
        query[:, :, 4:],
        key[:, :, 4:],
        value[:, :, 4:],
        attn_mask=(behind >= 0) & (behind < 3),
    )
    assert torch.allclose(found[:, 4:], wanted.transpose(1, 2), atol=1e-6)


def test_gradients_pass_through_a_base_in_four_bits(rows: list[Row], tiny_base: Path) -> None:
    """Also after an evaluation they are those of LoRA on the weights that four bits stand for."""
    bits = pytest.importorskip("bitsandbytes")
    four = load_trainee(tiny_base, Recipe(method="qlora", dtype="float32"), device=CPU)
    plain = load_trainee(tiny_base, Recipe(dtype="float32"), device=CPU)
    frozen = dict(plain.model.named_modules())
    with torch.no_grad():
        for name, module in four.model.named_modules():
            if isinstance(module, bits.nn.Linear4bit):
                weight = bits.functional.dequantize_4bit(module.weight, module.weight.quant_state)
                frozen[name].weight.copy_(weight)
    _stirred(four), _stirred(plain)
    held_out_loss(four, rows, capacity=1024)
    loss, gradients = _gradients(four, [rows])
    wanted, wanted_gradients = _gradients(plain, [rows])
    assert loss == pytest.approx(wanted, rel=1e-4)
    assert torch.allclose(
        gradients, wanted_gradients, atol=1e-3 * float(wanted_gradients.abs().max())
    )
