"""What teaching a model costs: measured records, and estimates from them for other machines."""
