"""From the name of a model to a folder that can be loaded; conversion happens here, once."""
