"""Archives that must not be loaded."""

from __future__ import annotations

import io
import zipfile

import pytest

from esrag.local.mlnode.archive import UnsafeArchive, check_archive


def archive(**members: str) -> bytes:
    """A zip archive; keyword ``a__b`` is the member ``a/b``, with what TorchScript needs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("m/constants.pkl", b"")
        for name, content in members.items():
            file.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


def test_ordinary_code_passes() -> None:
    """A forward method that calls torch."""
    check_archive(archive(**{"m/code/model.py": "def forward(self, x):\n  return torch.add(x, 1)"}))


def test_torchs_own_quantised_modules_pass() -> None:
    """They restore packed weights with a state hook."""
    name = "m/code/__torch__/torch/ao/nn/quantized/modules/linear.py"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("m/constants.pkl", b"")
        file.writestr(name, "class A(Module):\n  def __setstate__(self, state):\n    pass")
    check_archive(buffer.getvalue())


@pytest.mark.parametrize(
    "code",
    [
        "  x = torch.from_file('/etc/passwd', True, 10)",
        "  x = ops.aten.from_file('/etc/passwd', True, 10)",
        "  torch.save(x, '/tmp/sentinel')",
        "class A(Module):\n  def __setstate__(self, state):\n    pass",
    ],
)
def test_code_that_reaches_for_files_or_hooks_is_refused(code: str) -> None:
    """With the member's name in the reason."""
    with pytest.raises(UnsafeArchive, match=r"code/model\.py"):
        check_archive(archive(**{"m/code/model.py": code}))


@pytest.mark.parametrize(
    "definition", [b"", b"not a zip", b"PK\x03\x04" + b"\0" * 100, archive()[:-5]]
)
def test_other_bytes_are_refused(definition: bytes) -> None:
    """Empty, text, a broken archive."""
    with pytest.raises(UnsafeArchive, match="not a TorchScript archive"):
        check_archive(definition)


def test_a_zip_archive_of_something_else_is_refused() -> None:
    """A document of an office program, say."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("word/document.xml", "<x/>")
    with pytest.raises(UnsafeArchive, match="but not TorchScript"):
        check_archive(buffer.getvalue())


def test_an_archive_that_inflates_without_end_is_refused() -> None:
    """A hundred megabytes in a hundred kilobytes."""
    with pytest.raises(UnsafeArchive, match="would inflate"):
        check_archive(archive(**{"m/code/debug.bin": "\0" * (100 << 20)}))
