"""Makes ``openapi.json`` from the published specification: ``python openapi_excerpt.py FILE…``.

The files are ``output/openapi/*.json`` of elastic/elasticsearch-specification, newest first: an
operation is taken from the first file that has it.  Kept are the schemas of the successful
answers of the operations below, without any prose; what is asked about elsewhere (queries,
aggregations, mappings, analysis) is cut off and takes any value.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("openapi.json")
COMMENT = (
    "Excerpt of the OpenAPI documents of https://github.com/elastic/elasticsearch-specification, "
    "Copyright Elasticsearch B.V., Apache License 2.0; made by openapi_excerpt.py."
)
OPERATIONS = """
GET /  GET /_license  GET /_xpack  GET /_ml/info
GET /_ml/trained_models  GET|PUT|DELETE /_ml/trained_models/{model_id}
GET /_ml/trained_models/_stats  GET /_ml/trained_models/{model_id}/_stats
POST /_ml/trained_models/{model_id}/_infer
PUT /_ml/trained_models/{model_id}/definition/{part}  PUT /_ml/trained_models/{model_id}/vocabulary
PUT|DELETE /_ml/trained_models/{model_id}/model_aliases/{model_alias}
POST /_ml/trained_models/{model_id}/deployment/_start
POST /_ml/trained_models/{model_id}/deployment/_stop
POST /_ml/trained_models/{model_id}/deployment/_update
POST /_ml/trained_models/{model_id}/deployment/cache/_clear
GET /_cat/ml/trained_models  GET /_cat/ml/trained_models/{model_id}
GET /_inference  GET /_inference/{task_type}/_all
GET|PUT|POST|DELETE /_inference/{inference_id}
GET|PUT|POST|DELETE /_inference/{task_type}/{inference_id}
PUT /_inference/{inference_id}/_update  PUT /_inference/{task_type}/{inference_id}/_update
POST /_inference/text_embedding/{inference_id}  POST /_inference/sparse_embedding/{inference_id}
POST /_inference/rerank/{inference_id}  POST /_inference/completion/{inference_id}
GET /_ingest/pipeline  GET|PUT|DELETE /_ingest/pipeline/{id}  GET /_ingest/processor/grok
POST /_ingest/pipeline/_simulate  POST /_ingest/pipeline/{id}/_simulate
GET|PUT|DELETE /_scripts/{id}  PUT /_scripts/{id}/{context}
POST /_render/template  POST /_render/template/{id}
POST /_search  POST /{index}/_search  POST /_search/template  POST /{index}/_search/template
POST /_msearch  POST /{index}/_msearch  POST /_msearch/template  POST /{index}/_msearch/template
POST /_reindex  POST /{index}/_update_by_query  POST /{index}/_delete_by_query
POST /_bulk  POST /{index}/_bulk  PUT|GET /{index}/_doc/{id}  PUT|DELETE /{index}
POST /_security/user/_has_privileges
"""
CUT_OFF = (
    "_global.search._types.Profile",
    "_global.search._types.SearchRequestBody",
    "_global.search._types.Suggest",
    "_types.aggregations.",
    "_types.analysis.",
    "_types.mapping.",
    "_types.query_dsl.",
    "indices._types.",
)
PROSE = frozenset(("description", "example", "examples", "externalDocs", "discriminator"))


def operations() -> list[tuple[str, str]]:
    """Method and path of each operation that is kept."""
    words = OPERATIONS.split()
    pairs = zip(words[::2], words[1::2], strict=True)
    return [(method, path) for methods, path in pairs for method in methods.split("|")]


def without_prose(schema: Any) -> Any:
    """Only what decides whether a value fits; names in the form that newer files use."""
    if isinstance(schema, list):
        return [without_prose(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            kept[key] = {name: without_prose(one) for name, one in value.items()}
        elif key == "$ref":
            kept[key] = value.rpartition("/")[2].replace(":", ".")
        elif key not in PROSE and not key.startswith("x-") and key not in ("title", "default"):
            kept[key] = without_prose(value)
    return kept


class Excerpt:
    """What is kept so far."""

    def __init__(self) -> None:
        self.responses: dict[str, Any] = {}
        self.schemas: dict[str, Any] = {}

    def take(self, specification: dict[str, Any], method: str, path: str) -> bool:
        """Keep the answer of an operation if the file has it."""
        operation = specification["paths"].get(path, {}).get(method.lower())
        if operation is None:
            return False
        answer = operation["responses"]["200"]
        if "$ref" in answer:
            answer = specification["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        schema = without_prose(answer["content"]["application/json"]["schema"])
        self.responses[f"{method} {path}"] = schema
        named = {
            name.replace(":", "."): one
            for name, one in specification["components"]["schemas"].items()
        }
        self._follow(named, schema)
        return True

    def _follow(self, named: dict[str, Any], schema: Any) -> None:
        if isinstance(schema, list):
            for one in schema:
                self._follow(named, one)
        elif isinstance(schema, dict):
            name = schema.get("$ref")
            if isinstance(name, str) and name not in self.schemas:
                cut_off = name.startswith(CUT_OFF)
                self.schemas[name] = {} if cut_off else without_prose(named[name])
                self._follow(named, self.schemas[name])
            for one in schema.values():
                self._follow(named, one)


def main() -> None:
    """Write the excerpt."""
    files = [json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:]]
    excerpt = Excerpt()
    for method, path in operations():
        if not any(excerpt.take(file, method, path) for file in files):
            sys.exit(f"no file has {method} {path}")
    lines = [f'{{\n"$comment": {json.dumps(COMMENT)}']
    for section, content in (("responses", excerpt.responses), ("schemas", excerpt.schemas)):
        entries = [
            f"{json.dumps(name)}: {json.dumps(schema, separators=(',', ':'))}"
            for name, schema in sorted(content.items())
        ]
        lines.append(f'"{section}": {{\n' + ",\n".join(entries) + "\n}")
    TARGET.write_text(",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
