"""Training data from the index: passages with provenance in, examples with a data card out."""
