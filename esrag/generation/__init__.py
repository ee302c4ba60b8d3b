"""The generator: chat over HTTP with TGI, or with what speaks its messages API."""
