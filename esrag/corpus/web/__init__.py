"""Pages of the web, as far as the user allowed: nothing else is ever connected to.

    URL --addresses--> WebAddress --guard--> IP address --client--> a file in the spool
                           robots, sitemaps: which pages a site offers

Every request of ``esrag ingest`` to a web server is made here, redirects included.
"""
