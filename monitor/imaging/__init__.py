"""The processes in which pictures are worked on."""
