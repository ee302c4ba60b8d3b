"""Tasks that people give about documents, written by us: what a teacher's first tasks are shown.

Self-Instruct begins with 175 tasks of all kinds.  These are of one kind, what is asked of whoever
has the documents at hand, in the forms in which it is asked; the things they speak of are invented
and occur in no corpus of ours.
"""

from __future__ import annotations

SEED_TASKS = (
    "List the steps for replacing the filter of the Orvane 12 pump, in order.",
    "Summarise the changes in Tellmark 2.4 in one sentence.",
    "Explain to a new colleague why the Bexley archive is closed on Mondays.",
    "Name every port that the Corran gateway needs and what it is for.",
    "Write a short warning for operators about restarting the Hallam cluster by hand.",
    "Compare the warranty of the Lisk S with that of the Lisk M.",
    "Which conditions must be met before a Marrow licence is transferred?",
    "State the deadline for registering for the Dunmore trial and who may register.",
    "Describe in two sentences what the Petrel index measures.",
    "Give the three most important limits of the free Quill plan.",
    "Tell a customer how to return a faulty Sorrel lamp.",
    "What has to be done after the Vinter certificate has expired?",
    "List what was removed in Ostrava 7.0.",
    "Explain what the error code KX-31 of the Bramble printer means and what to do about it.",
    "Say who decides on exceptions from the Alder travel policy.",
    "Write the entry for the Fenwick outage of 3 May for a status page, in two sentences.",
    "Which patients were left out of the Harrow study, and why?",
    "Turn the rules for parking at the Linden site into a list.",
    "What does a technician need to take along to install a Garnet sensor?",
    "Give a definition of residual drift as the Ivel manual uses it.",
    "Why was the Kestrel release postponed?",
    "Describe how the Norden fund pays its members, for a reader without training in finance.",
    "State the dose of Tervalin for adults and when to take less.",
    "What did the committee find about the bridge at Rowan Street?",
)
