"""MuonAdamW: what it orthogonalises, what it equals, and what it learns."""

from copy import deepcopy

import torch
from torch import nn

from prosa.models.family import Recipe
from prosa.training.optimizer import MuonAdamW, build, orthogonalise

MUON = Recipe(muon=True, weight_decay=0.1)


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        self.hidden = nn.Linear(8, 12)
        self.output = nn.Linear(12, 20)

    def get_output_embeddings(self):
        return self.output

    def forward(self, ids):
        return self.output(torch.tanh(self.hidden(self.embedding(ids))))


def test_orthogonalised_matrices_have_singular_values_near_one():
    torch.manual_seed(0)
    for shape in [(3, 16, 16), (2, 8, 32), (2, 32, 8)]:
        values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)))
        assert values.min() > 0.3
        assert values.max() < 1.3


def test_only_hidden_matrices_go_to_muon():
    model = Small()
    optimizer = build(model, MUON, learning_rate=0.01, bfloat16=False)
    muon = [p for g in optimizer.param_groups if g["muon"] for p in g["params"]]
    assert [p is model.hidden.weight for p in muon] == [True]
    plain = [p for g in optimizer.param_groups if not g["muon"] for p in g["params"]]
    assert len(plain) == len(list(model.parameters())) - 1
    assert all(g["weight_decay"] == 0 for g in optimizer.param_groups if not g["muon"])


def test_an_input_table_has_its_own_rate():
    model, recipe = Small(), Recipe(muon=True, embedding_rate=10.0)
    optimizer = build(model, recipe, learning_rate=0.01, bfloat16=False)
    rates = {id(p): g["lr"] for g in optimizer.param_groups for p in g["params"]}
    assert rates.pop(id(model.embedding.weight)) == 0.1
    assert set(rates.values()) == {0.01}


def test_lying_and_standing_matrices_take_the_steps_they_take_alone():
    torch.manual_seed(0)
    shapes = [(6, 4), (4, 6), (4, 4), (6, 4)]
    weights, gradients = ([torch.randn(shape) for shape in shapes] for _ in range(2))
    together = [nn.Parameter(weight.clone()) for weight in weights]
    alone = [nn.Parameter(weight.clone()) for weight in weights]
    for parameters in (together, *([p] for p in alone)):
        for parameter in parameters:
            index = next(i for i, w in enumerate(weights) if torch.equal(w, parameter))
            parameter.grad = gradients[index].clone()
        MuonAdamW([{"params": parameters, "muon": True}], lr=0.1).step()
    for one, other, weight in zip(together, alone, weights, strict=True):
        torch.testing.assert_close(one, other)
        assert not torch.equal(one, weight)


def test_without_muon_it_is_adamw():
    torch.manual_seed(0)
    ours, theirs = Small(), Small()
    theirs.load_state_dict(ours.state_dict())
    mine = build(ours, Recipe(), learning_rate=0.01, bfloat16=False)
    reference = torch.optim.AdamW(theirs.parameters(), lr=0.01, betas=(0.9, 0.99), weight_decay=0.0)
    ids = torch.randint(0, 20, (64,))
    for _ in range(5):
        for model, optimizer in ((ours, mine), (theirs, reference)):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(ids), ids).backward()
            optimizer.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_state_goes_through_a_state_dict():
    torch.manual_seed(0)
    ids = torch.randint(0, 20, (64,))

    def step(model, optimizer):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(ids), ids).backward()
        optimizer.step()

    model = Small()
    optimizer = build(model, MUON, learning_rate=0.01, bfloat16=False)
    step(model, optimizer)
    copy = Small()
    copy.load_state_dict(model.state_dict())
    again = build(copy, MUON, learning_rate=0.01, bfloat16=False)
    saved = deepcopy(optimizer.state_dict())
    known = ("params", "lr", "betas", "weight_decay", "muon")  # what earlier versions saved
    saved["param_groups"] = [{k: g[k] for k in known} for g in saved["param_groups"]]
    again.load_state_dict(saved)
    step(model, optimizer)
    step(copy, again)
    for one, other in zip(model.parameters(), copy.parameters(), strict=True):
        assert torch.equal(one, other)


def test_it_learns():
    torch.manual_seed(0)
    model = Small()
    optimizer = build(model, MUON, learning_rate=0.02, bfloat16=False)
    ids = torch.randint(0, 20, (256,))
    losses = []
    for _ in range(60):
        loss = nn.functional.cross_entropy(model(ids), ids)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.3 * losses[0]


def test_a_parameter_without_a_gradient_stays():
    parameter = nn.Parameter(torch.ones(2, 2))
    MuonAdamW([{"params": [parameter], "muon": True}], lr=1.0).step()
    assert torch.equal(parameter, torch.ones(2, 2))
