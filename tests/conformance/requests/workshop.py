"""Makes what vectors need to be there, once, when the first of them asks for it.

Each thing is a method; it returns the names that the vectors may use.  Everything bears the tag of
the run and is removed with it.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from outside_service import OutsideService

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijk"]
INPUT = {"field_names": ["text_field"]}
DOCUMENTS = [
    {"title": "harbour", "text": "a quiet harbour", "kind": "place", "size": 1},
    {"title": "sea", "text": "the quiet sea", "kind": "place", "size": 2},
    {"title": "dogs", "text": "dogs run to the sea", "kind": "animal", "size": 3},
    {"title": "cats", "text": "cats sleep", "kind": "animal", "size": 4},
]
VECTORS = [[1.0, 0.0, 0.0], [0.8, 0.6, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
CONFIGS: dict[str, dict[str, Any]] = {
    "embedder": {"text_embedding": {"embedding_size": 8}},
    "similarity": {"text_similarity": {}},
    "expander": {"text_expansion": {}},
    "classifier": {"text_classification": {"classification_labels": ["foo", "bar"]}},
    "zero_shot": {
        "zero_shot_classification": {
            "classification_labels": ["contradiction", "neutral", "entailment"]
        }
    },
    "filler": {"fill_mask": {"num_top_classes": 2}},
    "ner": {"ner": {"classification_labels": ["O", "B_PER", "I_PER", "B_LOC", "I_LOC"]}},
    "answerer": {"question_answering": {}},
    "passer": {"pass_through": {}},
}

STANDS_ON = {
    "endpoint": "embedder",
    "pipeline": "embedder",
    "shelf": "embedder",
    "reranker": "similarity",
    "sparse": "expander",
}


class Workshop:
    """What is there so far, and how to make the rest."""

    def __init__(
        self,
        server: httpx.Client,
        others: Callable[[tuple[str, str] | None], httpx.Client],
        tag: str,
        folder: Path,
    ) -> None:
        self._server = server
        self._others = others
        self._folder = folder
        self._made: dict[str, Mapping[str, str]] = {}
        self._callers: dict[str, httpx.Client] = {}
        self._outside: list[OutsideService] = []
        self.tag = tag

    def names(self, need: str) -> Mapping[str, str]:
        """Make the thing if it is not there yet; the names that come with it."""
        if need not in self._made:  # ``prepare`` never makes one thing twice at the same time
            if need in CONFIGS:
                self._made[need] = {need: self._deployed(need)}
            else:
                make: Callable[[], Mapping[str, str]] = getattr(self, f"make_{need}")
                self._made[need] = make()
        return self._made[need]

    def prepare(self, needs: Collection[str]) -> None:
        """Start the deployments that these things stand on, a few at a time: each takes a while."""
        wanted = {STANDS_ON.get(need, need) for need in needs} & {*CONFIGS, "strict"}
        if wanted:
            self._module("text_embedding")
            with ThreadPoolExecutor(max_workers=3) as executor:
                for _ in executor.map(self.names, sorted(wanted)):
                    pass

    def caller(self, who: Mapping[str, Any] | str | None) -> httpx.Client:
        """Somebody with all rights, with these privileges and no others, or nobody."""
        if who is None:
            return self._server
        key = json.dumps(who, sort_keys=True)
        if key not in self._callers:
            login = None if who == "nobody" else self._user(who)
            self._callers[key] = self._others(login)
        return self._callers[key]

    def _user(self, privileges: Mapping[str, Any] | str) -> tuple[str, str]:
        name, password = f"{self.tag}-user-{len(self._callers)}", "a-long-password"
        self.must("PUT", f"/_security/role/{name}", privileges)
        self.must("PUT", f"/_security/user/{name}", {"password": password, "roles": [name]})
        return name, password

    def must(self, method: str, path: str, body: Any = None) -> Any:
        """A request that has to succeed."""
        answer = self._server.request(method, path, json=body)
        if not answer.is_success:
            raise RuntimeError(f"{method} {path}: {answer.text}")
        return answer.json()

    def close(self) -> None:
        """End the servers and connections that were started here."""
        for client in self._callers.values():
            client.close()
        for service in self._outside:
            service.shutdown()
            service.server_close()

    # --- trained models ---

    def make_bare(self) -> Mapping[str, str]:
        """$bare: a configuration without definition."""
        return {"bare": self._configured("bare", CONFIGS["embedder"])}

    def make_half(self) -> Mapping[str, str]:
        """$half: the first of two parts of a definition, and the vocabulary."""
        model_id = self._configured("half", CONFIGS["embedder"])
        self._definition(model_id, "text_embedding", parts=2, stored=1)
        self.must("PUT", f"/_ml/trained_models/{model_id}/vocabulary", {"vocabulary": WORDS})
        return {"half": model_id}

    def make_wordless(self) -> Mapping[str, str]:
        """$wordless: a whole definition, no vocabulary."""
        model_id = self._configured("wordless", CONFIGS["embedder"])
        self._definition(model_id, "text_embedding")
        return {"wordless": model_id}

    def make_stored(self) -> Mapping[str, str]:
        """$stored: a whole model that is not deployed, tagged $stored_tag."""
        model_id = self._uploaded("stored", "text_embedding", CONFIGS["embedder"])
        return {"stored": model_id, "stored_tag": f"{self.tag}-stored-tag"}

    def make_definition(self) -> Mapping[str, str]:
        """$definition and $definition_length: a definition in one part, ready to be sent."""
        content = self._module("text_embedding")
        return {
            "definition": base64.b64encode(content).decode(),
            "definition_length": str(len(content)),
        }

    def make_strict(self) -> Mapping[str, str]:
        """$strict: deployed, takes 5 tokens and refuses more."""
        tokenization = {"bert": {"max_sequence_length": 5, "truncate": "none"}}
        config = {"text_embedding": {"embedding_size": 8, "tokenization": tokenization}}
        model_id = self._uploaded("strict", "text_embedding", config)
        return {"strict": self._started(model_id)}

    # --- inference endpoints ---

    def make_endpoint(self) -> Mapping[str, str]:
        """$endpoint: text_embedding by the deployment $embedder."""
        return {"endpoint": self._endpoint("text_embedding", "embedder")} | self.names("embedder")

    def make_reranker(self) -> Mapping[str, str]:
        """$reranker: rerank by the deployment $similarity."""
        return {"reranker": self._endpoint("rerank", "similarity")} | self.names("similarity")

    def make_sparse(self) -> Mapping[str, str]:
        """$sparse: sparse_embedding by the deployment $expander."""
        return {"sparse": self._endpoint("sparse_embedding", "expander")} | self.names("expander")

    def make_outside(self) -> Mapping[str, str]:
        """$outside: address of a server that answers as Hugging Face and OpenAI do."""
        service = OutsideService()
        self._outside.append(service)
        threading.Thread(target=service.serve_forever, daemon=True).start()
        return {"outside": service.url}

    def make_chat(self) -> Mapping[str, str]:
        """$chat and $completion: endpoints of hugging_face at $outside."""
        outside = self.names("outside")
        settings = {"api_key": "secret", "url": f"{outside['outside']}/v1/chat/completions"}
        names = {"chat": f"{self.tag}-chat", "completion": f"{self.tag}-completion"}
        for task, name in (("chat_completion", names["chat"]), ("completion", names["completion"])):
            body = {"service": "hugging_face", "service_settings": settings}
            self.must("PUT", f"/_inference/{task}/{name}", body)
        return names | outside

    # --- documents, pipelines, templates ---

    def make_library(self) -> Mapping[str, str]:
        """$library: an index of four documents with text, keyword, number, vector, features."""
        name = f"{self.tag}-library"
        properties = {
            "title": {"type": "keyword"},
            "text": {"type": "text"},
            "kind": {"type": "keyword"},
            "size": {"type": "integer"},
            "vector": {
                "type": "dense_vector",
                "dims": 3,
                "similarity": "cosine",
                "index_options": {"type": "hnsw"},
            },
            "words": {"type": "sparse_vector"},
        }
        settings = {"number_of_shards": 1, "number_of_replicas": 0}
        self.must("PUT", f"/{name}", {"settings": settings, "mappings": {"properties": properties}})
        for number, (document, vector) in enumerate(zip(DOCUMENTS, VECTORS, strict=True), 1):
            words = dict.fromkeys(str(document["text"]).split(), 1.0)
            body = document | {"vector": vector, "words": words}
            self.must("PUT", f"/{name}/_doc/{number}", body)
        self.must("POST", f"/{name}/_refresh")
        return {"library": name}

    def make_shelf(self) -> Mapping[str, str]:
        """$shelf: an index of three documents whose vectors $embedder made, by $pipeline."""
        name = f"{self.tag}-shelf"
        pipeline = self.names("pipeline")
        vector = {"type": "dense_vector", "dims": 8, "similarity": "l2_norm"}
        body = {
            "settings": {"number_of_shards": 1, "number_of_replicas": 0},
            "mappings": {"properties": {"text": {"type": "text"}, "vector": vector}},
        }
        self.must("PUT", f"/{name}", body)
        for number, text in enumerate(("a b", "c d", "e f g"), 1):
            path = f"/{name}/_doc/{number}?pipeline={pipeline['pipeline']}"
            self.must("PUT", path, {"text": text})
        self.must("POST", f"/{name}/_refresh")
        return {"shelf": name} | pipeline

    def make_pipeline(self) -> Mapping[str, str]:
        """$pipeline: embeds the field text into the field vector."""
        name = f"{self.tag}-pipeline"
        embedder = self.names("embedder")
        inference = {
            "model_id": embedder["embedder"],
            "input_output": {"input_field": "text", "output_field": "vector"},
        }
        self.must("PUT", f"/_ingest/pipeline/{name}", {"processors": [{"inference": inference}]})
        return {"pipeline": name} | embedder

    def make_template(self) -> Mapping[str, str]:
        """$template: a stored search template over the text, with words and size."""
        name = f"{self.tag}-template"
        source = '{"query":{"match":{"text":"{{words}}"}},"size":{{size}}{{^size}}10{{/size}}}'
        self.must("PUT", f"/_scripts/{name}", {"script": {"lang": "mustache", "source": source}})
        return {"template": name}

    # --- how ---

    def _deployed(self, name: str) -> str:
        task = next(iter(CONFIGS[name]))
        return self._started(self._uploaded(name, task, CONFIGS[name]))

    def _started(self, model_id: str) -> str:
        self.must("POST", f"/_ml/trained_models/{model_id}/deployment/_start?timeout=120s")
        return model_id

    def _uploaded(self, name: str, task: str, config: dict[str, Any]) -> str:
        model_id = self._configured(name, config)
        self._definition(model_id, task)
        self.must("PUT", f"/_ml/trained_models/{model_id}/vocabulary", {"vocabulary": WORDS})
        return model_id

    def _configured(self, name: str, config: dict[str, Any]) -> str:
        model_id = f"{self.tag}-{name.replace('_', '-')}"
        body: dict[str, Any] = {"model_type": "pytorch", "input": INPUT, "inference_config": config}
        if name == "embedder":
            body["prefix_strings"] = {"search": "a ", "ingest": "b "}
        if name == "stored":
            body["tags"] = [f"{self.tag}-stored-tag"]
        self.must("PUT", f"/_ml/trained_models/{model_id}", body)
        return model_id

    def _definition(self, model_id: str, task: str, parts: int = 1, stored: int = 1) -> None:
        content = self._module(task)
        size = len(content) // parts + (parts > 1)
        for part in range(stored):
            piece = content[part * size : (part + 1) * size]
            body = {
                "definition": base64.b64encode(piece).decode(),
                "total_definition_length": len(content),
                "total_parts": parts,
            }
            self.must("PUT", f"/_ml/trained_models/{model_id}/definition/{part}", body)

    def _module(self, task: str) -> bytes:
        file = self._folder / f"{task}.pt"
        if not file.is_file():
            script = Path(__file__).with_name("tiny_tasks.py")
            command = [sys.executable, "-W", "ignore", str(script), str(self._folder)]
            subprocess.run(command, check=True)
        return file.read_bytes()

    def _endpoint(self, task: str, model: str) -> str:
        name = f"{self.tag}-{task.replace('_', '-')}"
        deployment = self.names(model)[model]
        settings = {"deployment_id": deployment, "model_id": deployment, "num_threads": 1}
        body = {"service": "elasticsearch", "service_settings": settings}
        self.must("PUT", f"/_inference/{task}/{name}", body)
        return name
