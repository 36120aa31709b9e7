"""Experiments on people whose truth is known: false alarms, power, and off-policy intervals."""
