"""Examines a set-up and says what is wrong, where, and what to do next.

    settings, clients ──► case ──► checks, in order from cause to effect ──► findings
    codes                 every finding there is: severity, meaning, remedy
    findings              the record of one finding, and the report
    examination           runs the checks; a failed one does not hide the others
    one module a group    connection, credentials, licence, cluster, … : the checks themselves

Only reads.  It may embed a text and call an endpoint; it never writes to the cluster.
"""
