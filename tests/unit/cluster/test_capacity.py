"""Memory for machine learning: the server's estimate, and a refusal that names the setting."""

import pytest

from esrag.cluster.capacity import (
    MIB,
    Capacity,
    MlNode,
    Need,
    estimate,
    read_capacity,
    require_capacity,
)
from esrag.errors import UnavailableError, UnsupportedError
from esrag.testing_elasticsearch import ElasticsearchFake, Reply, Request

GIB = 1024 * MIB


def one_node(most: int = 2 * GIB, taken: int = 0, *, can_grow: bool = False) -> Capacity:
    """A cluster with one ML node of 8 GiB and 4 processors."""
    node = MlNode("n1", machine=8 * GIB, most=most, taken=taken)
    return Capacity((node,), processors=4, node_processors=4, can_grow=can_grow)


def need(allocations: int = 1, **other: int) -> Need:
    """A model of 100 MiB that takes 300 MiB a deployment and 200 MiB an allocation."""
    facts = {"model_bytes": 100, "per_deployment": 300, "per_allocation": 200}
    sizes = {name: size * MIB for name, size in facts.items()}
    return Need("m", **sizes, allocations=allocations, threads=other.pop("threads", 1), **other)


@pytest.mark.parametrize(
    ("sizes", "allocations", "mib"),
    [
        ((100, 0, 0), 1, 440),
        ((100, 0, 0), 5, 440),
        ((100, 300, 200), 1, 600),
        ((100, 300, 200), 4, 1200),
        ((100, 1, 1), 1, 440),
        ((100, 300, 200), 0, 0),
    ],
)
def test_the_estimate_is_the_servers(
    sizes: tuple[int, int, int], allocations: int, mib: int
) -> None:
    """Loading takes 240 MiB and twice the definition; what the model says counts if it is more."""
    assert estimate(*(size * MIB for size in sizes), allocations) == mib * MIB


def test_what_fits_passes_in_silence() -> None:
    """No note, no error."""
    assert require_capacity(one_node(), [need(2)]) == ()


def test_what_does_not_fit_names_the_setting_and_the_number_that_fits() -> None:
    """2048 MiB less 30 of overhead hold 8 allocations of 200 MiB beside 400 MiB."""
    with pytest.raises(UnavailableError) as caught:
        require_capacity(one_node(), [need(9)])
    assert "needs 2200 MiB" in caught.value.message
    assert "2018 MiB left of 2048 MiB" in caught.value.message
    assert "model.allocations to 8" in caught.value.hint
    assert "xpack.ml.max_machine_memory_percent" in caught.value.hint


def test_what_runs_already_needs_no_more() -> None:
    """A node that is full of this very deployment has room for it."""
    assert require_capacity(one_node(taken=2000 * MIB), [need(2, running=2)]) == ()
    with pytest.raises(UnavailableError, match="needs 200 MiB"):
        require_capacity(one_node(taken=2000 * MIB), [need(3, running=2)])


def test_two_deployments_share_the_nodes() -> None:
    """Each fits alone, both do not."""
    big = one_node(most=1000 * MIB)
    assert require_capacity(big, [need()]) == ()
    with pytest.raises(UnavailableError):
        require_capacity(big, [need(), need()])


def test_a_cluster_that_can_grow_is_not_refused() -> None:
    """Autoscaling may bring the node that lacks; it is said."""
    notes = require_capacity(one_node(most=500 * MIB, can_grow=True), [need()])
    assert "may add one" in notes[0]


def test_threads_that_no_node_has_are_refused() -> None:
    """Such an allocation could never start."""
    with pytest.raises(UnsupportedError, match="4 processors"):
        require_capacity(one_node(), [need(threads=8)])


def test_more_threads_than_processors_are_only_told() -> None:
    """They wait or are slow."""
    assert "8 threads" in require_capacity(one_node(), [need(4, threads=2)])[0]


def test_no_ml_node_names_the_role() -> None:
    """Nothing to compare with."""
    with pytest.raises(UnavailableError) as caught:
        require_capacity(Capacity((), 0, 0, can_grow=False), [need()])
    assert "node.roles" in caught.value.hint


def test_what_may_not_be_read_is_not_known() -> None:
    """A 403 or a missing API refuses nothing."""
    fake = ElasticsearchFake(lambda request: Reply.error(403, "security_exception", "no"))
    assert read_capacity(fake.client()) is None
    assert "not known" in require_capacity(None, [need(999)])[0]


def answers(request: Request) -> Reply:
    """A cluster of one ML node and one data node, as the server writes it."""
    if request.path == "_ml/info":
        limits = {
            "max_single_ml_node_processors": 8,
            "total_ml_processors": 8,
            "total_ml_memory": "2gb",
            "effective_max_model_memory_limit": "2018mb",
        }
        return Reply(200, {"limits": limits})
    ml = {"max_in_bytes": 2 * GIB, "native_code_overhead_in_bytes": 30 * MIB}
    ml["native_inference_in_bytes"] = 440 * MIB
    busy = {"name": "ml-1", "mem": {"adjusted_total_in_bytes": 6 * GIB, "ml": ml}}
    data = {"name": "data-1", "mem": {"total_in_bytes": 6 * GIB, "ml": {"max_in_bytes": 0}}}
    return Reply(200, {"nodes": {"a": data, "b": busy}})


def test_the_capacity_is_read_from_two_answers() -> None:
    """Nodes without memory for machine learning do not count."""
    found = read_capacity(ElasticsearchFake(answers).client())
    assert found is not None
    assert found.nodes == (MlNode("ml-1", 6 * GIB, 2 * GIB, 470 * MIB),)
    assert (found.processors, found.can_grow) == (8, False)
