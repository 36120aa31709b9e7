"""The demo: real servers, real shopping events and a real BERT on one machine."""
