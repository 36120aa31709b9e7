"""BERT at work, in torch: texts become vectors."""
