"""All that speaks to Elasticsearch, one noun a file."""
