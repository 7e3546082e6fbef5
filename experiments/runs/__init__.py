"""Running a scenario and keeping what it leaves behind."""
