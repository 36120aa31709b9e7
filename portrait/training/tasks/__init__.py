"""One BERT, adapted to tasks: texts in, labels out."""
