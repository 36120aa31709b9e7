"""The questions, one idea per file: each is put to the service and to the baselines alike."""
