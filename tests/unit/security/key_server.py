"""A handler that keeps API keys as a server does, and cuts them to what their maker holds."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from esrag.testing_elasticsearch import Reply, Request

NOW = 1_800_000_000_000
DAY = 86_400_000


@dataclass
class KeyServer:
    """``lacking`` are privileges that the maker, and so each new key, does not hold."""

    lacking: frozenset[str] = frozenset()
    by_key: bool = False
    enforces_filters: bool = True
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    lose_creation: bool = False
    shards: int = 1

    @property
    def live(self) -> list[str]:
        """The ids of the keys that are not invalidated."""
        return [name for name, key in self.keys.items() if not key["invalidated"]]

    def __call__(self, request: Request) -> Reply:
        """Answer the calls that keys.py makes."""
        match request.method, request.path:
            case "GET", "_security/_authenticate":
                kind = "api_key" if self.by_key else "realm"
                body = {"username": "sam", "roles": ["maker"], "authentication_type": kind}
                return Reply(200, body)
            case (("PUT" | "POST"), "_security/api_key"):
                return self._create(request.body)
            case "GET", "_security/api_key":
                return Reply(200, {"api_keys": list(self.keys.values())})
            case "DELETE", "_security/api_key":
                return self._invalidate(request.body["ids"])
            case "PUT", path if path.startswith("_security/api_key/"):
                key = self.keys[path.rpartition("/")[2]]
                key |= {name: request.body[name] for name in request.body if name in key}
                return Reply(200, {"updated": True})
            case "POST", "_security/user/_has_privileges":
                return self._privileges(request.body)
            case _, path if path.endswith(("_search", "_refresh")):
                return self._use()
        return Reply.error(400, "illegal_argument_exception", request.path)

    def _create(self, body: dict[str, Any]) -> Reply:
        key_id = f"key{len(self.keys)}"
        self.keys[key_id] = {
            "id": key_id,
            "name": body["name"],
            "username": "sam",
            "creation": NOW,
            "expiration": NOW + 90 * DAY,
            "invalidated": False,
            "metadata": body["metadata"],
            "role_descriptors": body["role_descriptors"],
        }
        if self.lose_creation:
            return Reply.error(503, "unavailable", "the answer was lost")
        encoded = base64.b64encode(f"{key_id}:secret".encode()).decode()
        made = {"id": key_id, "name": body["name"], "expiration": NOW + 90 * DAY}
        return Reply(200, {**made, "api_key": "secret", "encoded": encoded})

    def _invalidate(self, ids: list[str]) -> Reply:
        for key_id in ids:
            self.keys[key_id]["invalidated"] = True
        return Reply(200, {"invalidated_api_keys": ids})

    def _privileges(self, body: dict[str, Any]) -> Reply:
        def held(names: list[str]) -> dict[str, bool]:
            return {name: name not in self.lacking for name in names}

        index: dict[str, dict[str, bool]] = {}
        for entry in body["index"]:
            for name in entry["names"]:
                index.setdefault(name, {}).update(held(entry["privileges"]))
        return Reply(200, {"cluster": held(body["cluster"]), "index": index})

    def _use(self) -> Reply:
        if self.shards and not self.enforces_filters:
            reason = "current license is non-compliant for [field and document level security]"
            return Reply.error(403, "security_exception", reason)
        return Reply(200, {"hits": {"hits": []}, "_shards": {"total": self.shards}})
