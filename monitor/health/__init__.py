"""Whether all is well, from the rows alone; and who notices where it is not."""
