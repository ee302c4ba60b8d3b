"""Writes ``docs/doctor.md``: what the doctor looks at, and every code with meaning and remedy."""

from __future__ import annotations

from esrag.doctor.codes import CATALOGUE, GROUPS, Code

_INTRODUCTION = """\
# Doctor

`esrag doctor` examines cluster, models, generator and this machine.
Of each thing that is wrong it says where it is and what to do next.
It only reads: it embeds texts, renders templates and calls endpoints.
It never writes to the cluster.

```console
$ esrag doctor
$ esrag doctor --only connection --only credentials
$ esrag doctor --set handbook --role ingest
$ esrag doctor --json
```

Somebody set a write block and removed the alias:

```text
$ esrag doctor --only cluster --only objects --only documents
Cluster
  ok      our indices: 3 green
  error   index esrag-docs-default-000001: it has index.blocks.write
          → PUT /esrag-docs-default-000001/_settings {"index.blocks.write":null}
          [index-blocked]
  …
Objects
  ok      objects: 14 are there and as they were put
  error   alias esrag-docs-default: esrag-docs-default-000001 is there, and
          nothing leads to it
          → esrag setup
          [alias-missing]
  …
Not looked at
  note    a question: because of alias-missing (alias esrag-docs-default)

2 errors, 1 note. Begin with index-blocked: index esrag-docs-default-000001.
```

- **Causes come before effects.**
  The groups below are examined in their order, so begin with the first error.
- **One broken thing does not hide the others.**
  What cannot be looked at because of it is listed at the end, with the reason.
- **`--role`** names the roles whose privileges the credentials are to have: `setup` by default.
  All that are missing are listed at once.
- Credentials that may not look at something get a note about it, not an error.
- `esrag status` is the short view: what is there, without trying it.

## Exit codes

0 when there is no error; warnings and notes do not count.
Otherwise the code of the first error, which is the cause of later ones:

| code | when |
|---|---|
| 2 | a setting or a file on this machine cannot be used |
| 4 | a server cannot be reached, is blocked, or does not answer as it should |
| 5 | credentials or a privilege |
| 6 | a version, a licence, the machine or a package does not fit |
| 7 | something is missing in the cluster, is somebody else's, or does not belong together |

## JSON

`exit_code`, `counts` by severity, and `findings`.
Each finding has `code`, `severity`, `group`, `where`, `what` and `next`.
Severities are `ok`, `note`, `warning` and `error`.
Codes are stable; words are not.

## Codes

"""


def doctor_page(note: str) -> str:
    """The whole page."""
    groups = {"general": "in any group", **GROUPS}
    parts = [note, _INTRODUCTION.rstrip() + "\n"]
    for group, looks_at in groups.items():
        codes = [code for code in CATALOGUE.values() if code.group == group]
        rows = ["| code | severity | meaning | what to do |", "|---|---|---|---|"]
        rows += [_row(code) for code in codes]
        title = f"### {group.capitalize()}\n\n{looks_at[0].upper()}{looks_at[1:]}.\n"
        parts.append(title + "\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _row(code: Code) -> str:
    severity = f"error, {code.exit_code}" if code.exit_code else code.severity
    return f"| `{code.name}` | {severity} | {code.meaning} | {code.remedy} |"
