"""The streaming side: what keeps profiles, catalogue and models current."""
