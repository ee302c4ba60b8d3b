"""A comparison with a cluster and a generator made by hand: no sockets, no processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from esrag.answering import Answerer
from esrag.answering.assembly import Assembly, choices_from
from esrag.evaluation.asking import Limits
from esrag.evaluation.comparison import Comparing, Gathered, Wanted, chosen_baseline
from esrag.evaluation.concluding import conclude
from esrag.evaluation.records import EvaluationRun, Reply, System
from esrag.evaluation.run_folder import RunFolder
from esrag.evaluation.systems import built_in_systems
from esrag.generation.budget import Limits as ServerLimits
from esrag.generation.cancelling import Cancellation
from esrag.names import Names
from esrag.questions import Evidence, KnownQuestion
from esrag.retrieval import Retriever
from esrag.settings import Settings, load_settings
from esrag.testing import ScriptedGenerator, WordEmbedder
from esrag.testing_elasticsearch import ElasticsearchFake, Request
from esrag.testing_elasticsearch import Reply as Answered
from esrag.types import Message

TEXTS = {
    "marlow": "The Marlow gateway uses port 7443. It was opened on 3 May 2026.",
    "tarn": "The Tarn relay weighs 14 kg. It hangs on two hooks.",
}
QUESTIONS = (
    KnownQuestion(
        "q1",
        "Which port does the Marlow gateway use?",
        "fact",
        "test",
        "7443",
        (("7443",),),
        (Evidence("marlow", "uses port 7443"),),
    ),
    KnownQuestion(
        "q2",
        "How much does the Tarn relay weigh?",
        "fact",
        "test",
        "14 kg",
        (("14 kg",),),
        (Evidence("tarn", "weighs 14 kg"),),
    ),
    KnownQuestion("q3", "Who painted the Tarn relay?", "unanswerable", "test", "", (), ()),
)


class Cluster:
    """Finds all chunks for every search; ``writes`` is how often its index was written.

    Asked which documents it holds, it denies those that it is ``without``.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.writes = 1
        self.without: tuple[str, ...] = ()
        self.gone = False
        self.fail: Callable[[], None] = lambda: None

    def __call__(self, request: Request) -> Answered:
        """An answer to what a comparison asks."""
        self.asked.append(request.path)
        self.fail()
        if self.gone:
            reason = {"type": "index_not_found_exception", "reason": "no such index"}
            return Answered(404, {"error": {**reason, "root_cause": [reason]}, "status": 404})
        if request.path.endswith("_field_caps"):
            return Answered(200, {"indices": ["esrag-docs-x-000001"], "fields": {}})
        body = request.body if isinstance(request.body, dict) else {}
        if "documents" in body.get("aggs", {}):
            named = body["query"]["terms"]["document_id"]
            held = [{"key": each} for each in named if each in TEXTS and each not in self.without]
            return _searched([], aggregations={"documents": {"buckets": held}})
        if "aggs" in body:
            numbers = {"max": float(self.writes), "sum": float(self.writes)}
            bucket = {"key": "esrag-docs-x-000001", "doc_count": 2, "numbers": numbers}
            return _searched([], aggregations={"indices": {"buckets": [bucket]}})
        wanted = body.get("params", {}).get("document_id")
        names = [name for name in TEXTS if not wanted or name in wanted]
        return _searched([_chunk(name) for name in names])


def _chunk(name: str) -> dict[str, Any]:
    source = {"document_id": name, "text": TEXTS[name], "title": name, "position": 0, "start": 0}
    return {
        "_index": "esrag-docs-x-000001",
        "_id": f"{name}-0",
        "_score": 1.0,
        "_source": {**source, "end": len(TEXTS[name])},
    }


def _searched(hits: list[dict[str, Any]], **more: Any) -> Answered:
    found = {"hits": {"hits": hits}, "timed_out": False, "_shards": {"failed": 0}}
    return Answered(200, {**found, **more})


class Model(ScriptedGenerator):
    """Answers by the words of the question; says which model it is."""

    def __init__(self, model: str) -> None:
        super().__init__("")
        self.model = model
        self.place = cast("Any", type("Place", (), {"protocol": "messages", "inference_id": ""})())

    def stream(self, messages: Any, **more: Any) -> Any:
        """The answer for the last turn; many threads may ask."""
        self.prompts.append(tuple(messages))
        own = ScriptedGenerator(_said(messages, self.model))
        return own.stream(messages, **more)

    def limits(self) -> ServerLimits:
        """What the server says of itself."""
        return ServerLimits(1000, 2000, model_id="base-model")

    def call(self, method: str, path: str) -> tuple[int, Any]:
        """TGI's word on how much it takes."""
        return 200, {"max_concurrent_requests": 4}

    def health(self) -> int:
        """It is there."""
        return 200


def _said(messages: tuple[Message, ...], model: str) -> str:
    asked = messages[-1].content
    with_passages = "Passages:" in asked
    if "port" in asked.rpartition("Question:")[2]:
        return "The Marlow gateway uses port 7443 [1]." if with_passages else "It uses port 80."
    if "weigh" in asked.rpartition("Question:")[2]:
        return "The Tarn relay weighs 14 kg [2]." if with_passages else "I do not know."
    return "The passages do not answer this question." if with_passages else "Rembrandt did."


class Place:
    """What opens assemblies; notes what the model was asked."""

    def __init__(self) -> None:
        self.cluster = Cluster()
        self.client = ElasticsearchFake(self.cluster).client()
        self.models: list[Model] = []

    @contextmanager
    def open(self, settings: Settings) -> Iterator[Assembly]:
        """An assembly for a system's settings."""
        model = Model(settings.generator.model)
        self.models.append(model)

        class Made:
            generator = model

            def answerer(self, client: Any, *, generate: bool, choices: Any) -> Answerer:
                return Answerer(
                    retrieve=self.retriever(client).retrieve,
                    embed=WordEmbedder(),
                    generator=model if generate else None,
                    choices=choices_from(settings),
                )

            def retriever(self, client: Any) -> Retriever:
                return Retriever(client, Names("x"), "lexical")

        yield cast("Assembly", Made())

    def prompts(self) -> int:
        """How often models were asked so far."""
        return sum(len(model.prompts) for model in self.models)


class Quiet:
    """Hears of progress; may do something with each reply."""

    def __init__(self, on_reply: Callable[[Reply], None] = lambda _: None) -> None:
        self.kept: dict[str, int] = {}
        self.warned: list[str] = []
        self._on_reply = on_reply

    def begin(self, system: str, questions: int, kept: int) -> None:
        """Remember how many replies were there."""
        self.kept[system] = kept

    def replied(self, reply: Reply) -> None:
        """Hand it on."""
        self._on_reply(reply)

    def end(self, seconds: float) -> None:
        """Nothing."""

    def warn(self, words: str) -> None:
        """Remember."""
        self.warned.append(words)


def compared(
    path: Path,
    place: Place,
    *,
    systems: tuple[System, ...] = built_in_systems(),
    questions: tuple[KnownQuestion, ...] = QUESTIONS,
    progress: Quiet | None = None,
    cancel: Cancellation | None = None,
    patience: float = 30.0,
) -> tuple[Gathered, EvaluationRun]:
    """One comparison in a folder, gathered and concluded."""
    folder = RunFolder(path)
    settings = load_settings(data_dir=path.parent, index={"set": "x"})
    limits = Limits(parallel=2, patience=patience)
    wanted = Wanted("r", systems, chosen_baseline(systems, None), questions, limits=limits)
    with folder.held():
        comparing = Comparing(
            wanted,
            folder,
            settings,
            client=place.client,
            open_assembly=place.open,
            progress=progress or Quiet(),
        )
        gathered = comparing.gather(cancel or Cancellation())
        return gathered, conclude(folder)
