"""The HTTP API and the web page: everything between a socket and the answerer.

    socket ─► gate ─► routes ─► places ─► a thread of its own ─► Service ─► answerer, cluster
              who,    bodies    room,     events come back to the event loop
              limits            deadline

Questions are answered by the same code as on the command line; what is here knows HTTP, who calls,
and how much at once.  Nothing of a caller's answer is kept for another one.
"""
