"""esrag: answers with sources from the documents in your own Elasticsearch cluster."""

__version__ = "0.1.0"
