"""Public fake of a cluster: a real client whose requests end in a handler instead of a socket.

    ElasticsearchFake     records every request, asks its handler for the answer, can fail on cue
    ClusterInMemory       a handler that keeps templates, pipelines, models and indices in memory
    fake_bundle           a model bundle without a model

The client is the real one, so that paths, bodies and errors are the wire's.  What the memory does
not cover is answered as a server answers an unknown path.
"""

from __future__ import annotations

import base64
import copy
import fnmatch
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from esrag.testing_models import fake_bundle, vector_of
from esrag.testing_wire import ElasticsearchFake, Handler, Reply, Request

__all__ = [
    "ClusterInMemory",
    "ElasticsearchFake",
    "Handler",
    "Reply",
    "Request",
    "fake_bundle",
    "vector_of",
]


def _non_compliant(feature: str) -> Reply:
    """How a server refuses what its licence does not cover."""
    reason = f"current license is non-compliant for [{feature}]"
    return Reply.error(403, "security_exception", reason)


@dataclass
class ClusterInMemory:
    """Keeps what setup puts; answers as Elasticsearch does where setup looks."""

    version: str = "9.5.3"
    licence: str = "trial"
    machine_learning: bool = True
    rrf: bool = True
    inference: bool = True
    ml_limits: Mapping[str, str] | None = None
    lacking: frozenset[str] = frozenset()
    uuid: str = "memory-uuid"
    embed: Callable[[str], list[float]] = vector_of
    store: dict[str, dict[str, Any]] = field(default_factory=dict)
    indices: dict[str, dict[str, Any]] = field(default_factory=dict)
    deployments: dict[str, dict[str, Any]] = field(default_factory=dict)
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    silent_urls: frozenset[str] = frozenset()
    ml_memory: int = 8 * 2**30
    ml_processors: int = 4
    _sequence: int = 0
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request) -> Reply:
        """Answer a request from memory."""
        for method, pattern, answer in self._routes():
            found = re.fullmatch(pattern, request.path)
            if found and request.method in method:
                return answer(request, *found.groups())
        uri = f"no handler found for uri [/{request.path}] and method [{request.method}]"
        return Reply(400, {"error": uri})

    def _routes(self) -> list[tuple[str, str, Callable[..., Reply]]]:
        return [
            ("GET", "", self._info),
            ("GET", "_license", self._license),
            ("GET", "_xpack", self._xpack),
            ("POST", "_inference/([^/]+)/([^/]+)", self._ask_endpoint),
            ("POST", r"esrag-none-\*/_search", self._search_nothing),
            ("POST", "(esrag-meta)/_search", self._list_documents),
            ("GET", "([^/]+)/_field_caps", self._field_caps),
            ("POST", "_security/user/_has_privileges", self._privileges),
            (
                "GET PUT DELETE",
                "(_component_template|_index_template|_ingest/pipeline|_scripts)/([^/]+)",
                self._body,
            ),
            ("GET", "_ingest/pipeline", self._list_pipelines),
            ("POST", "_ingest/pipeline/([^/]+)/_simulate", self._simulate),
            ("POST", "_render/template(?:/[^/]+)?", self._render),
            ("POST", "(esrag-meta)/_search", self._list_documents),
            ("POST", "([^/]+)/_search(?:/template)?", self._search),
            ("GET", "_ml/info", self._ml_info),
            ("GET", "_ml/memory/_stats", self._ml_memory),
            ("GET", "_inference(?:/_all)?", self._list_endpoints),
            ("GET DELETE", "_inference/([^/]+)", self._endpoint),
            ("PUT", "_inference/([^/]+)/([^/]+)", self._put_endpoint),
            ("GET", "_ml/trained_models/([^/]+)/_stats", self._stats),
            ("GET PUT DELETE", "_ml/trained_models/([^/]+)", self._model),
            ("PUT", "_ml/trained_models/([^/]+)/vocabulary", self._vocabulary),
            ("PUT", r"_ml/trained_models/([^/]+)/definition/(\d+)", self._part),
            (
                "POST",
                "_ml/trained_models/([^/]+)/deployment/_(start|stop|update)",
                self._deployment,
            ),
            ("POST", "_ml/trained_models/([^/]+)/_infer", self._infer),
            ("POST", "_aliases", self._aliases),
            ("GET PUT DELETE", "([^_/][^/]*)/_(doc|create)/(.+)", self._document),
            ("GET PUT", "([^_/][^/]*)/_(mapping|settings)", self._index_part),
            ("GET POST", "([^_/][^/]*)/_count", self._count),
            ("GET", "([^_/][^/]*)/_alias", self._generations),
            ("GET PUT DELETE", "([^_/][^/]*)", self._index),
        ]

    def _info(self, _request: Request) -> Reply:
        version = {"number": self.version, "build_flavor": "default"}
        return Reply(
            200,
            {
                "cluster_name": "memory",
                "cluster_uuid": self.uuid,
                "version": version,
                "tagline": "You Know",
            },
        )

    def _license(self, _request: Request) -> Reply:
        return Reply(200, {"license": {"status": "active", "type": self.licence}})

    def _ask_endpoint(self, _request: Request, task: str, name: str) -> Reply:
        if not self.inference:
            return _non_compliant("inference")
        reason = f"Incompatible task_type, the requested type [{task}] is not that of [{name}]"
        return Reply.error(400, "status_exception", reason)

    def _search_nothing(self, request: Request) -> Reply:
        if "rrf" in request.body["retriever"] and not self.rrf:
            return _non_compliant("Reciprocal Rank Fusion (RRF)")
        return Reply(200, {"_shards": {"total": 0, "failed": 0}, "hits": {"hits": []}})

    def _field_caps(self, request: Request, alias: str) -> Reply:
        found = self._behind(alias)
        fields: dict[str, Any] = {}
        for index in found:
            properties = self.indices[index]["mappings"].get("properties", {})
            for name in request.query.get("fields", "").split(","):
                field_type = properties.get(name, {"type": "unmapped"})
                meta = {key: [value] for key, value in field_type.get("meta", {}).items()}
                fields.setdefault(name, {})[field_type["type"]] = {"meta": meta} if meta else {}
        return Reply(200, {"indices": found, "fields": fields})

    def _xpack(self, _request: Request) -> Reply:
        ml = {"available": self.machine_learning, "enabled": True}
        return Reply(200, {"features": {"ml": ml}})

    def _privileges(self, request: Request) -> Reply:
        def held(names: list[str]) -> dict[str, bool]:
            return {name: name not in self.lacking for name in names}

        index: dict[str, dict[str, bool]] = {}
        for entry in request.body.get("index", []):
            for name in entry["names"]:
                index.setdefault(name, {}).update(held(entry["privileges"]))
        cluster = held(request.body.get("cluster", []))
        everything = [*cluster.values(), *(v for each in index.values() for v in each.values())]
        answer = {"cluster": cluster, "index": index, "has_all_requested": all(everything)}
        return Reply(200, answer)

    def _body(self, request: Request, api: str, name: str) -> Reply:
        kept = self.store.setdefault(api, {})
        if "*" in name and api == "_component_template":
            found = [
                {"name": each, "component_template": body}
                for each, body in kept.items()
                if fnmatch.fnmatch(each, name)
            ]
            return Reply(200, {"component_templates": found})
        if request.method == "DELETE" and (refusal := self._used(api, name)):
            return Reply.error(400, "illegal_argument_exception", refusal)
        if request.method == "PUT":
            kept[name] = copy.deepcopy(request.body)
            return Reply(200, {"acknowledged": True})
        if request.method == "DELETE" and name in kept:
            del kept[name]
            return Reply(200, {"acknowledged": True})
        if name not in kept:
            return Reply(404, {} if api != "_scripts" else {"_id": name, "found": False})
        body = {**kept[name], "created_date_millis": 1} if api != "_scripts" else kept[name]
        if api == "_component_template":
            return Reply(200, {"component_templates": [{"name": name, "component_template": body}]})
        if api == "_index_template":
            return Reply(200, {"index_templates": [{"name": name, "index_template": body}]})
        if api == "_scripts":
            return Reply(200, {"_id": name, "found": True, **body})
        return Reply(200, {name: body})

    def _used(self, api: str, name: str) -> str:
        """Why the server would not delete this; "" when it would."""
        if api == "_ingest/pipeline":
            users = [
                index
                for index, kept in self.indices.items()
                if kept["settings"].get("index", {}).get("default_pipeline") == name
            ]
            words = f"it is the default pipeline for {len(users)} index(es) including {users[:1]}"
            return f"pipeline [{name}] cannot be deleted because {words}" if users else ""
        if api == "_component_template":
            templates = self.store.get("_index_template", {})
            users = [each for each, body in templates.items() if name in body["composed_of"]]
            words = f"as they are still in use by index templates {users}"
            return f"component templates [{name}] cannot be removed {words}" if users else ""
        return ""

    def _list_pipelines(self, _request: Request) -> Reply:
        return Reply(200, self.store.get("_ingest/pipeline", {}))

    def _simulate(self, request: Request, name: str) -> Reply:
        if name not in self.store.get("_ingest/pipeline", {}):
            return Reply.error(404, "resource_not_found_exception", f"pipeline [{name}] is missing")
        source = request.body["docs"][0]["_source"]
        embedded = {**source, "embedding": self.embed(source["text"])}
        if '"output_field": "expansion"' in json.dumps(self.store["_ingest/pipeline"][name]):
            embedded["expansion"] = dict.fromkeys(source["text"].split(), 1.0)
        return Reply(200, {"docs": [{"doc": {"_source": embedded}}]})

    def _render(self, request: Request) -> Reply:
        return Reply(200, {"template_output": {"size": request.body["params"].get("size")}})

    def _search(self, _request: Request, index: str) -> Reply:
        if not self._behind(index):
            return Reply.error(404, "index_not_found_exception", f"no such index [{index}]")
        return Reply(200, {"_shards": {"total": 1, "failed": 0}, "hits": {"hits": []}})

    def _model(self, request: Request, model_id: str) -> Reply:
        models = self.store.setdefault("models", {})
        if request.method == "PUT":
            if model_id in models:
                reason = f"Trained machine learning model [{model_id}] already exists"
                return Reply.error(400, "resource_already_exists_exception", reason)
            models[model_id] = {"config": request.body, "parts": {}, "vocabulary": None}
            return Reply(200, {"model_id": model_id, **request.body})
        if request.method == "DELETE":
            return self._delete_model(request, model_id)
        wanted = [name for name in models if fnmatch.fnmatch(name, model_id)]
        if not wanted and "*" not in model_id:
            return self._no_model(model_id)
        return Reply(200, {"trained_model_configs": [self._config(name) for name in wanted]})

    def _delete_model(self, request: Request, model_id: str) -> Reply:
        if model_id not in self.store["models"]:
            return self._no_model(model_id)
        running = [n for n, kept in self.deployments.items() if kept["model_id"] == model_id]
        pipelines = self.store.get("_ingest/pipeline", {})
        users = [n for n, body in pipelines.items() if f'"{model_id}"' in json.dumps(body)]
        if request.query.get("force") != "true":
            if users:
                reason = f"Cannot delete model [{model_id}] as it is still referenced by {users}"
                return Reply.error(409, "status_exception", reason)
            if running:
                reason = f"Cannot delete model [{model_id}] as it is still used by {running}"
                return Reply.error(409, "status_exception", reason)
        for name in running:
            del self.deployments[name]
        del self.store["models"][model_id]
        return Reply(200, {"acknowledged": True})

    def _config(self, model_id: str) -> dict[str, Any]:
        model = self.store["models"][model_id]
        stored = sum(len(part["bytes"]) for part in model["parts"].values())
        wanted = next((part["length"] for part in model["parts"].values()), None)
        return {"model_id": model_id, "fully_defined": stored == wanted, **model["config"]}

    def _no_model(self, model_id: str) -> Reply:
        reason = f"Could not find trained model [{model_id}]"
        return Reply.error(404, "resource_not_found_exception", reason)

    def _vocabulary(self, request: Request, model_id: str) -> Reply:
        model = self.store["models"][model_id]
        if model["vocabulary"] is not None:
            reason = f"Trained machine learning model [{model_id}] vocabulary already exists"
            return Reply.error(400, "resource_already_exists_exception", reason)
        model["vocabulary"] = request.body
        return Reply(200, {"acknowledged": True})

    def _part(self, request: Request, model_id: str, part: str) -> Reply:
        if model_id not in self.store.get("models", {}):
            return self._no_model(model_id)
        self.store["models"][model_id]["parts"][int(part)] = {
            "bytes": base64.b64decode(request.body["definition"]),
            "length": request.body["total_definition_length"],
        }
        return Reply(200, {"acknowledged": True})

    def _deployment(self, request: Request, name: str, verb: str) -> Reply:
        options = {**(request.body or {}), **request.query}
        if verb == "stop":
            self.deployments.pop(name, None)
            return Reply(200, {"stopped": True})
        if verb == "start":
            deployment_id = options.get("deployment_id", name)
            if deployment_id in self.deployments:
                reason = (
                    "Could not start model deployment because an existing deployment with the "
                    f"same id [{deployment_id}] exist"
                )
                return Reply.error(400, "status_exception", reason)
            self.deployments[deployment_id] = {"model_id": name, "state": "started", **options}
            return Reply(200, {"assignment": {}})
        kept = self.deployments[name]
        adaptive = options.pop("adaptive_allocations", None)
        if adaptive is not None:
            kept["adaptive_allocations"] = {**kept.get("adaptive_allocations", {}), **adaptive}
        kept |= options
        return Reply(200, {"assignment": {}})

    def _stats(self, _request: Request, name: str) -> Reply:
        known = name in self.store.get("models", {}) or name in self.deployments
        if not known and "*" not in name:
            return self._no_model(name)
        deployed = {kept["model_id"] for kept in self.deployments.values()}
        entries: list[dict[str, Any]] = [
            {"model_id": model_id, "model_size_stats": self._size(model_id)}
            for model_id in self.store.get("models", {})
            if model_id not in deployed
        ]
        for deployment_id, kept in self.deployments.items():
            adaptive = kept.get("adaptive_allocations")
            least = (adaptive or {}).get("min_number_of_allocations", 1)
            wanted = int(kept.get("number_of_allocations", least))
            stats = {
                "deployment_id": deployment_id,
                "model_id": kept["model_id"],
                "state": kept["state"],
                "reason": kept.get("reason", ""),
                "number_of_allocations": wanted,
                "adaptive_allocations": adaptive,
                "threads_per_allocation": int(kept.get("threads_per_allocation", 1)),
                "queue_capacity": int(kept.get("queue_capacity", 10000)),
                "allocation_status": {
                    "allocation_count": wanted if kept["state"] == "started" else 0,
                    "target_allocation_count": wanted,
                },
            }
            size = self._size(kept["model_id"])
            entries.append(
                {
                    "model_id": kept["model_id"],
                    "model_size_stats": size,
                    "deployment_stats": stats,
                }
            )
        return Reply(200, {"count": len(entries), "trained_model_stats": entries})

    def _size(self, model_id: str) -> dict[str, int]:
        parts = self.store.get("models", {}).get(model_id, {}).get("parts", {})
        return {"model_size_bytes": sum(part["length"] for part in list(parts.values())[:1])}

    def _ml_info(self, _request: Request) -> Reply:
        limits = {
            "max_single_ml_node_processors": self.ml_processors,
            "total_ml_processors": self.ml_processors,
            "effective_max_model_memory_limit": f"{self.ml_memory // 2**20}mb",
        }
        return Reply(200, {"limits": limits if self.ml_limits is None else dict(self.ml_limits)})

    def _ml_memory(self, _request: Request) -> Reply:
        ml = {"max_in_bytes": self.ml_memory, "native_inference_in_bytes": 0}
        memory = {"adjusted_total_in_bytes": 4 * self.ml_memory, "ml": ml}
        return Reply(200, {"nodes": {"a": {"name": "ml-1", "mem": memory}}})

    def _list_endpoints(self, _request: Request) -> Reply:
        return Reply(200, {"endpoints": list(self.endpoints.values())})

    def _endpoint(self, request: Request, name: str) -> Reply:
        if name not in self.endpoints:
            reason = f"Inference endpoint not found [{name}]"
            return Reply.error(404, "resource_not_found_exception", reason)
        if request.method == "GET":
            return Reply(200, {"endpoints": [self.endpoints[name]]})
        del self.endpoints[name]
        return Reply(200, {"acknowledged": True, "pipelines": []})

    def _put_endpoint(self, request: Request, task_type: str, name: str) -> Reply:
        settings = dict(request.body["service_settings"])
        if name in self.endpoints:
            reason = f"Inference endpoint [{name}] already exists"
            return Reply.error(400, "resource_already_exists_exception", reason)
        if settings.get("url") in self.silent_urls:
            reason = (
                "Could not complete inference endpoint creation as validation call to service "
                "threw an exception."
            )
            return Reply.error(400, "status_exception", reason)
        settings.pop("api_key", None)
        if "deployment_id" in settings:
            if settings["deployment_id"] not in self.deployments:
                reason = f"Cannot find deployment [{settings['deployment_id']}]"
                return Reply.error(404, "status_exception", reason)
            settings |= {"num_threads": 1, "similarity": "cosine"}
        kept = {"inference_id": name, "task_type": task_type, "service": request.body["service"]}
        self.endpoints[name] = {**kept, "service_settings": settings}
        return Reply(200, self.endpoints[name])

    def _infer(self, request: Request, _name: str) -> Reply:
        vectors = [self.embed(doc["text_field"]) for doc in request.body["docs"]]
        return Reply(200, {"inference_results": [{"predicted_value": v} for v in vectors]})

    def _behind(self, name: str) -> list[str]:
        return [
            index
            for index, kept in sorted(self.indices.items())
            if index == name or name in kept["aliases"] or fnmatch.fnmatch(index, name)
        ]

    def _index(self, request: Request, name: str) -> Reply:
        if request.method == "GET":
            parts = ("aliases", "settings", "mappings")
            found = {
                index: {part: self.indices[index][part] for part in parts}
                for index in self._behind(name)
            }
            missing = Reply.error(404, "index_not_found_exception", f"no such index [{name}]")
            return Reply(200, found) if found else missing
        if request.method == "DELETE":
            if name not in self.indices:
                return Reply.error(404, "index_not_found_exception", f"no such index [{name}]")
            del self.indices[name]
            return Reply(200, {"acknowledged": True})
        if name in self.indices:
            reason = f"index [{name}] already exists"
            return Reply.error(400, "resource_already_exists_exception", reason)
        body = request.body or {}
        settings: dict[str, Any] = copy.deepcopy(body.get("settings", {}))
        mappings: dict[str, Any] = copy.deepcopy(body.get("mappings", {}))
        for template in self.store.get("_index_template", {}).values():
            if any(fnmatch.fnmatch(name, pattern) for pattern in template["index_patterns"]):
                for part in template["composed_of"]:
                    composed = self.store["_component_template"][part]["template"]
                    index = settings.setdefault("index", {})
                    index |= composed.get("settings", {}).get("index", {})
                    mappings |= composed.get("mappings", {})
        self.indices[name] = {
            "aliases": body.get("aliases", {}),
            "settings": json.loads(json.dumps(settings), parse_int=str),
            "mappings": copy.deepcopy(mappings),
        }
        return Reply(200, {"acknowledged": True, "index": name})

    def _index_part(self, request: Request, name: str, part: str) -> Reply:
        key = "mappings" if part == "mapping" else "settings"
        if request.method == "GET":
            return Reply(
                200, {index: {key: self.indices[index][key]} for index in self._behind(name)}
            )
        for index in self._behind(name):
            kept = self.indices[index]
            if part == "mapping":
                properties = kept[key].get("properties", {}) | request.body["properties"]
                kept[key] |= {**request.body, "properties": properties}
            else:
                for setting, value in request.body.items():
                    short = setting.removeprefix("index.")
                    if value is None:
                        kept[key]["index"].pop(short, None)
                    else:
                        kept[key]["index"][short] = value
        return Reply(200, {"acknowledged": True})

    def _generations(self, _request: Request, pattern: str) -> Reply:
        return Reply(
            200,
            {name: {"aliases": self.indices[name]["aliases"]} for name in self._behind(pattern)},
        )

    def _document(self, request: Request, index: str, api: str, doc_id: str) -> Reply:
        if index not in self.indices:
            if request.method != "PUT":
                return Reply.error(404, "index_not_found_exception", f"no such index [{index}]")
            self.indices[index] = {"aliases": {}, "settings": {"index": {}}, "mappings": {}}
        with self._writing:
            documents = self.indices[index].setdefault("documents", {})
            found = documents.get(doc_id)
            if request.method == "GET":
                kept = {"_id": doc_id, "found": found is not None, **(found or {})}
                return Reply(200 if found else 404, kept)
            expected = request.query.get("if_seq_no")
            if (api == "create" and found) or (
                expected is not None and (not found or str(found["_seq_no"]) != expected)
            ):
                reason = f"[{doc_id}]: version conflict"
                return Reply.error(409, "version_conflict_engine_exception", reason)
            if request.method == "DELETE":
                documents.pop(doc_id, None)
                status, result = (200, "deleted") if found else (404, "not_found")
                return Reply(status, {"_id": doc_id, "result": result})
            self._sequence += 1
            documents[doc_id] = {
                "_source": request.body,
                "_seq_no": self._sequence,
                "_primary_term": 1,
            }
            return Reply(201, {"_id": doc_id, "_seq_no": self._sequence, "_primary_term": 1})

    def _list_documents(self, request: Request, index: str) -> Reply:
        """Understands one term query, as notes are listed by."""
        if not self._behind(index):
            return Reply.error(404, "index_not_found_exception", f"no such index [{index}]")
        ((field_name, value),) = request.body["query"]["term"].items()
        hits = [
            {"_id": doc_id, **kept}
            for name in self._behind(index)
            for doc_id, kept in self.indices[name].get("documents", {}).items()
            if kept["_source"].get(field_name) == value
        ]
        return Reply(200, {"_shards": {"total": 1, "failed": 0}, "hits": {"hits": hits}})

    def _count(self, _request: Request, name: str) -> Reply:
        kept = (self.indices[index].get("documents", {}) for index in self._behind(name))
        return Reply(200, {"count": sum(map(len, kept))})

    def _aliases(self, request: Request) -> Reply:
        for action in request.body["actions"]:
            for verb, facts in action.items():
                aliases = self.indices[facts["index"]]["aliases"]
                if verb == "remove":
                    aliases.pop(facts["alias"], None)
                else:
                    aliases[facts["alias"]] = {"is_write_index": facts.get("is_write_index")}
        return Reply(200, {"acknowledged": True})
