"""What a folder of weights may hold, and what it held when it was made.

A folder of weights comes from somewhere: loading it must neither run what was put into it nor
fetch what it names.  Whatever loads weights calls ``check_model_folder`` or
``check_adapter_folder`` first; whatever writes them ends with ``write_manifest``.

Knows files and formats, neither torch nor where a folder came from.
"""

from esrag.model_files.adapter_folders import AdapterFacts, check_adapter_folder
from esrag.model_files.lora_tensors import LoraShape
from esrag.model_files.manifests import (
    MANIFEST,
    Manifest,
    check_manifest,
    file_sha256,
    read_manifest,
    weights_fingerprint,
    write_manifest,
)
from esrag.model_files.model_folders import check_model_folder, copy_text_side

__all__ = [
    "MANIFEST",
    "AdapterFacts",
    "LoraShape",
    "Manifest",
    "check_adapter_folder",
    "check_manifest",
    "check_model_folder",
    "copy_text_side",
    "file_sha256",
    "read_manifest",
    "weights_fingerprint",
    "write_manifest",
]
