"""What a new value of a factor touches: the records computed with the old one, for the staff of the area."""
