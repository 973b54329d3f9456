"""The command line's commands that have a module of their own; `fapiao.cli` puts them together."""
