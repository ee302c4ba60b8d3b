"""Examples in, adapter or model out: fine-tuning and continued pre-training, in run folders."""
