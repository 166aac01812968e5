"""The two studies: a StudyConfig goes in, a Summary, predictions and a Model come out."""
