"""What a folder of weights may hold, and manifests with the sha256 of each of its files."""
