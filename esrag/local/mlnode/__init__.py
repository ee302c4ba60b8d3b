"""The ML node process: keeps the models that were uploaded and executes them."""
