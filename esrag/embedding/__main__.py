"""The embedding child: lines of JSON with texts in, lines of JSON with vectors out.

    argument  {"folder": the bundle, "threads": n}
    out       {"event": "ready", "dims": 384}  or  {"event": "error", "message": …, "hint": …}
    in        {"id": 1, "texts": ["…", "…"]}
    out       {"id": 1, "vectors": "<base64 of little-endian float32>"}  or  {"id": 1, "error": …}

It ends when its standard input ends.  It needs no network and reads two files of the bundle.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from esrag.bundle import DEFINITION, TOKENIZER, ModelBundle, load_bundle
from esrag.errors import EsragError, UnsupportedError

MOST_TOKENS = 8_192  # of one forward pass, padding included: bounds its memory
MOST_TEXTS = 64
# Which arguments the traced module takes; those of the other kinds follow from its own signature.
_PAD_TOKENS = ("[PAD]", "<pad>")

Send = Callable[[Mapping[str, object]], None]


def main() -> int:
    """Load the model named in argv[1], then answer until standard input ends."""
    send = _own_standard_output()
    try:
        order = json.loads(sys.argv[1])
        model = Model(load_bundle(Path(order["folder"])), threads=int(order["threads"]))
    except EsragError as error:
        send({"event": "error", "message": error.message, "hint": error.hint})
        return 1
    send({"event": "ready", "dims": model.dims})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            vectors = model.embed(request["texts"])
        except (RuntimeError, ValueError, MemoryError) as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            send({"id": request["id"], "error": reason[-1][:500]})
            continue
        send({"id": request["id"], "vectors": base64.b64encode(vectors).decode("ascii")})
    return 0


def _own_standard_output() -> Send:
    """Keep the real standard output for the protocol and give libraries standard error."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(message: Mapping[str, object]) -> None:
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    return send


class Model:
    """A traced model with its tokenizer."""

    def __init__(self, bundle: ModelBundle, *, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        # Specialising the graph for each new shape costs more than it gives when shapes vary.
        torch._C._jit_set_profiling_executor(False)
        torch._C._jit_set_profiling_mode(False)
        self.dims = bundle.dims
        self._torch = torch
        self._tokenizer, self._pad_id = _tokenizer(bundle)
        definition = _checked(bundle, DEFINITION)
        try:
            self._module: Any = torch.jit.load(  # type: ignore[no-untyped-call]
                io.BytesIO(definition), map_location="cpu"
            ).eval()
        except RuntimeError as error:
            raise UnsupportedError(
                f"torch {torch.__version__} cannot load {bundle.definition}: "
                f"{str(error).strip().splitlines()[0]}",
                hint="Build the bundle with this torch: esrag model build --force",
            ) from error
        self._accepted = len(self._module.forward.schema.arguments) - 1

    def embed(self, texts: Sequence[str]) -> bytes:
        """The vectors as float32, one after the other in the order of the texts."""
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        encoded = [encoding.ids for encoding in self._tokenizer.encode_batch(clean)]
        vectors = self._torch.zeros((len(texts), self.dims), dtype=self._torch.float32)
        for group in groups_by_length([len(ids) for ids in encoded]):
            vectors[group] = self._forward([encoded[number] for number in group])
        return bytes(vectors.numpy().astype("<f4").tobytes())

    def _forward(self, sequences: Sequence[Sequence[int]]) -> Any:
        torch = self._torch
        longest = max(len(ids) for ids in sequences)
        ids = torch.full((len(sequences), longest), self._pad_id, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)] = torch.tensor(sequence, dtype=torch.long)
            mask[row, : len(sequence)] = 1
        inputs = [ids, mask, torch.zeros_like(ids), torch.arange(longest, dtype=torch.long)]
        with torch.inference_mode():
            output = self._module(*inputs[: self._accepted])
        values = output[0] if isinstance(output, tuple | list) else output
        if values.shape != (len(sequences), self.dims):
            raise ValueError(f"the model gave the shape {list(values.shape)}")
        return values.to(torch.float32)


def groups_by_length(lengths: Sequence[int]) -> Iterator[list[int]]:
    """The numbers of texts that go through the model together: alike in length, few enough."""
    group: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        # sorted by falling length, so the first of a group is what the others are padded to
        padded = lengths[group[0]] if group else lengths[number]
        full = len(group) >= MOST_TEXTS or padded * (len(group) + 1) > MOST_TOKENS
        if group and (full or lengths[number] * 4 < padded * 3):
            yield group
            group = []
        group.append(number)
    if group:
        yield group


def _tokenizer(bundle: ModelBundle) -> tuple[Any, int]:
    """The bundle's tokenizer, which cuts as the cluster cuts, and the id that fills up."""
    from tokenizers import Tokenizer

    content = json.loads(_checked(bundle, TOKENIZER))
    for token in content.get("added_tokens", ()):
        # The cluster knows the mask when it stands in a text, and no other special token.
        token["special"] = not _is_mask(token["content"])
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.encode_special_tokens = True
    tokenizer.no_padding()
    tokenizer.enable_truncation(bundle.max_sequence_length)
    ids = [tokenizer.token_to_id(token) for token in _PAD_TOKENS]
    return tokenizer, next((found for found in ids if found is not None), 0)


def _is_mask(token: str) -> bool:
    return token.strip("[]<>").lower() == "mask"


def _checked(bundle: ModelBundle, name: str) -> bytes:
    """A file of the bundle; raises UnsupportedError when it is not what the manifest says."""
    content = (bundle.folder / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != bundle.sha256[name]:
        raise UnsupportedError(
            f"{bundle.folder / name} changed since the bundle was made",
            hint="Make it again with: esrag model build --force",
        )
    return content


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # the command that asked is gone
        sys.exit(main())
