"""The command line: arguments become a StudyConfig, and nothing else happens here."""
