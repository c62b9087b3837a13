"""What a run leaves behind: a summary, and every report as a function of it."""
