"""What the `wireswarm` command does, a module for each subcommand that is more than a call."""
