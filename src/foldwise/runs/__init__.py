"""Run folders: a config goes in, a folder with everything comes out, and can resume."""
