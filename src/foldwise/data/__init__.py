"""Tables of samples and compositions: read, checked, registered."""
