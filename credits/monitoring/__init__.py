"""运行监测: how a version runs once it is in force, for the staff of the areas where it applies."""
